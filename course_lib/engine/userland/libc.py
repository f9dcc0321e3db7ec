"""Names and addresses as a container's C library turns them into each other.

A literal address, then ``/etc/hosts``, then the servers of ``/etc/resolv.conf`` with its search
list and ``ndots``, of which musl (Alpine: ``name_from_dns_search``) and glibc (all others:
``res_nsearch``) think differently.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import re
from dataclasses import dataclass
from typing import Literal

from course_lib.engine.interfaces import DnsAnswer, FileSystem, Process

Family = Literal["any", "inet", "inet6"]

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)\Z")

# What the programs of the lessons ask of /etc/services; the file wins where it is there.
_SERVICES = {
    "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "http": 80, "https": 443,
    "redis": 6379, "http-alt": 8080,
}  # fmt: skip


class ResolveError(Exception):
    """A name could not be turned into an address.

    :param temporary: no server answered (``EAI_AGAIN``); else there is no such name
        (``EAI_NONAME``).
    """

    def __init__(self, name: str, *, temporary: bool = False) -> None:
        super().__init__(name)
        self.name = name
        self.temporary = temporary


@dataclass(frozen=True, slots=True)
class ResolvConf:
    """What ``/etc/resolv.conf`` says; the defaults are those of ``resolv.conf(5)``."""

    servers: tuple[str, ...] = ("127.0.0.1",)
    search: tuple[str, ...] = ()
    ndots: int = 1


def _lines(fs: FileSystem, path: str) -> list[list[str]]:
    try:
        text = fs.read_bytes(path).decode(errors="replace")
    except OSError:
        return []
    stripped = (line.partition("#")[0].split() for line in text.splitlines())
    return [words for words in stripped if words]


def resolv_conf(fs: FileSystem) -> ResolvConf:
    """Read the container's ``/etc/resolv.conf``."""
    servers: list[str] = []
    search: tuple[str, ...] = ()
    ndots = 1
    for keyword, *words in _lines(fs, "/etc/resolv.conf"):
        if keyword == "nameserver" and words:
            servers.append(words[0])
        elif keyword in {"search", "domain"}:
            search = tuple(words)
        elif keyword == "options":
            for word in words:
                value = word.removeprefix("ndots:")
                if value != word and value.isdigit():
                    ndots = min(int(value), 15)
    return ResolvConf(tuple(servers[:3]) or ("127.0.0.1",), search, ndots)


def hosts(fs: FileSystem) -> list[tuple[str, tuple[str, ...]]]:
    """The lines of ``/etc/hosts``: (address, names), the canonical name first."""
    return [(words[0], tuple(words[1:])) for words in _lines(fs, "/etc/hosts") if len(words) > 1]


def parse_address(text: str) -> str | None:
    """``text`` as a canonical literal address, or None if it is a name.

    IPv4 also in the short and the hexadecimal spellings of ``inet_aton`` (``127.1``).
    """
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        pass
    parts = text.split(".")
    if not 1 <= len(parts) <= 4 or not all(parts):
        return None
    numbers = []
    for part in parts:
        try:
            base = 16 if part[:2].lower() == "0x" else 8 if part[0] == "0" else 10
            numbers.append(int(part, base))
        except ValueError:
            return None
    *head, last = numbers
    if any(n > 255 or n < 0 for n in head) or not 0 <= last < 256 ** (4 - len(head)):
        return None
    value = last
    for position, number in enumerate(head):
        value |= number << (8 * (3 - position))
    return str(ipaddress.IPv4Address(value))


def is_ipv6(address: str) -> bool:
    """Whether a literal address is an IPv6 one."""
    return ":" in address


def _wanted(address: str, family: Family) -> bool:
    return family == "any" or is_ipv6(address) == (family == "inet6")


async def _ask(proc: Process, conf: ResolvConf, name: str, rtype: str) -> DnsAnswer:
    """The answer of the first server that knows, else ``SERVFAIL`` if one said so.

    :raises ResolveError: nobody answered.
    """
    failed: DnsAnswer | None = None
    for server in conf.servers:
        try:
            answer = await proc.net.query(name, rtype, server)
        except (TimeoutError, OSError):
            continue
        if answer.rcode in {"NOERROR", "NXDOMAIN"}:
            return answer
        failed = answer
    if failed is None:
        raise ResolveError(name, temporary=True)
    return failed


def _candidates(conf: ResolvConf, host: str, *, musl: bool) -> list[str]:
    """What to ask for, one after the other, until there is an answer."""
    plain = host.removesuffix(".")
    if host.endswith("."):
        return [plain]
    listed = [f"{plain}.{domain.strip('.')}" for domain in conf.search]
    if plain.count(".") < conf.ndots:
        return [*listed, plain]
    return [plain] if musl else [plain, *listed]


def is_musl(fs: FileSystem) -> bool:
    """Whether the container's C library is musl (Alpine's), else it is glibc."""
    return bool(_lines(fs, "/etc/alpine-release"))


async def getaddrinfo(proc: Process, host: str, family: Family = "any") -> list[str]:
    """All addresses of ``host``, those of IPv4 first, in the order the resolver gave them.

    :raises ResolveError: there is no such name, or nobody answered.
    """
    literal = parse_address(host)
    if literal is not None:
        if not _wanted(literal, family):
            raise ResolveError(host)
        return [literal]
    plain = host.removesuffix(".")
    if not plain or len(plain) > 253 or not all(map(_LABEL.match, plain.split("."))):
        raise ResolveError(host)
    lowered = plain.lower()
    known = [
        address
        for address, names in hosts(proc.fs)
        if any(name.lower() == lowered for name in names) and parse_address(address)
    ]
    if known:
        found = [address for address in known if _wanted(address, family)]
        if found:
            return sorted(found, key=is_ipv6)
        raise ResolveError(host)
    conf = resolv_conf(proc.fs)
    musl = is_musl(proc.fs)
    rtypes = {"any": ("A", "AAAA"), "inet": ("A",), "inet6": ("AAAA",)}[family]
    temporary = False
    for candidate in _candidates(conf, host, musl=musl):
        answers = [await _ask(proc, conf, candidate, rtype) for rtype in rtypes]
        found = [r.value for a, t in zip(answers, rtypes, strict=True)
                 for r in a.records if r.type == t]  # fmt: skip
        if found:
            return found
        codes = {answer.rcode for answer in answers}
        failed = not codes <= {"NOERROR", "NXDOMAIN"}
        if candidate == plain:
            temporary = failed
        if musl and (failed or "NOERROR" in codes):
            raise ResolveError(host, temporary=failed)
    raise ResolveError(host, temporary=temporary)


async def getnameinfo(proc: Process, address: str) -> str | None:
    """The name of an address: ``/etc/hosts``, then a PTR query; None where it has none."""
    for line_address, names in hosts(proc.fs):
        if parse_address(line_address) == address:
            return names[0]
    try:
        pointer = ipaddress.ip_address(address).reverse_pointer
        answer = await _ask(proc, resolv_conf(proc.fs), pointer, "PTR")
    except (ValueError, ResolveError):
        return None
    return next((r.value.removesuffix(".") for r in answer.records if r.type == "PTR"), None)


def port_number(proc: Process, text: str) -> int | None:
    """A port given by number or by its name in ``/etc/services``."""
    if text.isdigit():
        return int(text) if int(text) < 65536 else None
    for words in _lines(proc.fs, "/etc/services"):
        if len(words) > 1 and text in (words[0], *words[2:]):
            number = words[1].partition("/")[0]
            return int(number) if number.isdigit() else None
    return _SERVICES.get(text)


def service_name(proc: Process, port: int) -> str | None:
    """The name of a TCP port, as ``getservbyport`` knows it."""
    for words in _lines(proc.fs, "/etc/services"):
        if len(words) > 1 and words[1] == f"{port}/tcp":
            return words[0]
    return next((name for name, number in _SERVICES.items() if number == port), None)


_MUSL_WORDS = {
    errno.EADDRINUSE: "Address in use",
    errno.EADDRNOTAVAIL: "Address not available",
    errno.ECONNRESET: "Connection reset by peer",
    errno.EHOSTUNREACH: "Host is unreachable",
    errno.ENETUNREACH: "Network unreachable",
    errno.ETIMEDOUT: "Operation timed out",
}


def strerror(error: OSError) -> str:
    """The message of an error number as musl words it."""
    code = error.errno or 0
    return _MUSL_WORDS.get(code) or os.strerror(code)


def hstrerror(proc: Process, error: ResolveError) -> str:
    """Why ``gethostbyname`` found nothing, in the words of the container's library."""
    if is_musl(proc.fs):
        return "Try again" if error.temporary else "Host not found"
    return "Host name lookup failure" if error.temporary else "Unknown host"
