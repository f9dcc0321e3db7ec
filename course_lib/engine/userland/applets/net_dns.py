"""BusyBox's ``nslookup``."""

from __future__ import annotations

import errno
import ipaddress

from course_lib.engine.interfaces import DnsAnswer, DnsRecord, Process
from course_lib.engine.userland import libc
from course_lib.engine.userland.applets import net_options as opt

NSLOOKUP_USAGE = """
[-type=QUERY_TYPE] [-debug] HOST [DNS_SERVER]

Query DNS about HOST

QUERY_TYPE: soa,ns,a,aaaa,cname,mx,txt,ptr,srv,any"""

TYPES = ("SOA", "NS", "A", "AAAA", "CNAME", "MX", "TXT", "PTR", "SRV", "ANY")


def pointer_name(host: str) -> str | None:
    """``2.0.18.172.in-addr.arpa`` for an address, None for a name."""
    try:
        return ipaddress.ip_address(host).reverse_pointer
    except ValueError:
        return None


async def nslookup(proc: Process) -> int:
    """BusyBox's big ``nslookup`` (``networking/nslookup.c``)."""
    types: list[str] = []
    debug = False
    port = 53
    words: list[str] = []
    for word in proc.argv[1:]:
        name, _, value = word.lstrip("-").partition("=")
        if not word.startswith("-") or len(word) < 2:
            words.append(word)
        elif name and ("timeout".startswith(name) or name in {"port", "retry"}):
            if not value.isdigit():
                await proc.err(f"nslookup: invalid number '{value}'\n")
                return 1
            port = int(value) if name == "port" else port
        elif name and ("type".startswith(name) or "querytype".startswith(name)):
            if value.upper() not in TYPES:
                await proc.err(f'nslookup: invalid query type "{value}"\n')
                return 1
            types.append(value.upper())
        elif name and "debug".startswith(name):
            debug = True
        else:
            return await opt.refuse(
                proc, "nslookup", opt.UsageError(f"invalid option -- '{word[1]}'"), NSLOOKUP_USAGE
            )
    if not 1 <= len(words) <= 2:
        return await opt.refuse(proc, "nslookup", opt.UsageError(), NSLOOKUP_USAGE)
    host = words[0]
    server = libc.resolv_conf(proc.fs).servers[0]
    shown = server
    if len(words) == 2:
        shown = words[1]
        name, colon, number = shown.rpartition(":")
        if colon and ":" not in name and number.isdigit():
            port = int(number)
        else:
            name = shown
        try:
            server = (await libc.getaddrinfo(proc, name))[0]
        except libc.ResolveError:
            await proc.err(f"nslookup: bad address '{words[1]}'\n")
            return 1
    pointer = pointer_name(host)
    if not types:
        questions = [(pointer, "PTR")] if pointer else [(host, "A"), (host, "AAAA")]
    else:
        questions = [(host, rtype) for rtype in types]  # an address is not turned round then
    answers: list[tuple[str, DnsAnswer]] = []
    for name, rtype in questions:
        try:
            if port != 53:  # nobody has a name server there
                break
            answers.append((name, await proc.net.query(name.removesuffix("."), rtype, server)))
        except TimeoutError:
            break
        except OSError as error:
            if (
                error.errno == errno.ECONNREFUSED and len(questions) == 1
            ):  # it learns of the refusal when it waits for the answer
                await proc.err(f"nslookup: read: {libc.strerror(error)}\n" * 2)
            else:
                await proc.err(f"nslookup: write to '{server}': {libc.strerror(error)}\n")
            break
    if len(answers) < len(questions):
        await proc.out(";; connection timed out; no servers could be reached\n\n")
        return 1
    where = f"[{server}]:{port}" if libc.is_ipv6(server) else f"{server}:{port}"
    await proc.out(f"Server:\t\t{shown}\nAddress:\t{where}\n\n")
    failed = 0
    for index, (name, answer) in enumerate(answers):
        if debug:
            await proc.out(f"Query #{index} completed in 0ms:\n")
        if answer.rcode != "NOERROR":
            failed += 1
            await proc.out(f"** server can't find {name}: {answer.rcode}\n")
        else:
            await proc.out("Non-authoritative answer:\n")
            for record in answer.records:
                await proc.out(_nslookup_line(record))
        await proc.out("\n")
    return 1 if failed == len(answers) else 0


def _nslookup_line(record: DnsRecord) -> str:
    name = record.name.removesuffix(".")
    if record.type in {"A", "AAAA"}:
        return f"Name:\t{name}\nAddress: {record.value}\n"
    if record.type == "PTR":
        return f"{name}\tname = {record.value.removesuffix('.')}\n"
    if record.type == "CNAME":
        return f"{name}\tcanonical name = {record.value.removesuffix('.')}\n"
    if record.type == "SRV":
        return f"{name}\tservice = {record.value}\n"
    return f'{name}\ttext = "{record.value}"\n'
