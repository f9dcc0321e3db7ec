"""``getent`` as musl's package brings it (Alpine), and as glibc's does (CentOS, Debian)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from course_lib.engine.interfaces import Process
from course_lib.engine.userland import libc
from course_lib.engine.userland.libc import Family

_AHOSTS: dict[str, Family] = {"ahosts": "any", "ahostsv4": "inet", "ahostsv6": "inet6"}
_TRY = "Try `getent --help' or `getent --usage' for more information.\n"


async def getent_musl(proc: Process) -> int:
    """``getent hosts|ahosts|passwd|group`` of Alpine's musl-utils."""
    if len(proc.argv) < 2:
        await proc.err("Usage: getent database [key ...]\n")
        return 1
    known = await _look_up(proc, _row_of_musl, musl=True)
    if known is None:
        await proc.err(f"Unknown database: {proc.argv[1]}\n")
    return 1 if known is None else known


async def getent_glibc(proc: Process) -> int:
    """``getent hosts|ahosts|ahostsv4|ahostsv6|passwd|group`` of glibc."""
    if len(proc.argv) < 2:
        await proc.err("getent: wrong number of arguments\n")
        await proc.out(_TRY)
        return 1
    known = await _look_up(proc, _row_of_glibc, musl=False)
    if known is None:
        await proc.err(f"Unknown database: {proc.argv[1]}\n")
        await proc.out(_TRY)
    return 1 if known is None else known


def _row_of_musl(address: str, names: Sequence[str]) -> str:
    return f"{address:<17} {'  '.join(names)}\n"


def _row_of_glibc(address: str, names: Sequence[str]) -> str:
    return f"{address:<15} {' '.join(names)}\n"


async def _look_up(
    proc: Process, row: Callable[[str, Sequence[str]], str], *, musl: bool
) -> int | None:
    """The exit code; None for a database that there is not."""
    database, *keys = proc.argv[1:]
    if database in {"passwd", "group"}:
        return await _accounts(proc, database, keys)
    if database != "hosts" and database not in _AHOSTS:
        return None
    if not keys:
        for address, names in libc.hosts(proc.fs):
            # Asked for IPv4, glibc takes IPv6's loopback address for the one of IPv4.
            shown = address if musl else _ipv4_of(address)
            if musl or not libc.is_ipv6(shown):
                await proc.out(f"{shown:<15} {' '.join(names)}\n")
    status = 0
    for key in keys:
        if database == "hosts":
            found = await _host(proc, key)
            text = "".join(row(address, names) for address, names in found)
        else:
            text = await _addresses(proc, key, _AHOSTS[database], musl=musl)
        await proc.out(text)
        status = status if text else 2
    return status


async def _host(proc: Process, key: str) -> list[tuple[str, Sequence[str]]]:
    """Addresses with names: those of IPv6 where there are any, else those of IPv4."""
    literal = libc.parse_address(key)
    if literal is not None:
        name = await libc.getnameinfo(proc, literal)
        return [] if name is None else [(literal, (name,))]
    families: tuple[Family, ...] = ("inet6", "inet")
    for family in families:
        try:
            found = await libc.getaddrinfo(proc, key, family)
        except libc.ResolveError:
            continue
        known = libc.hosts(proc.fs)
        return [
            (one, next((n for a, n in known if a == one and key in n), (key,))) for one in found
        ]
    return []


async def _addresses(proc: Process, key: str, family: Family, *, musl: bool) -> str:
    """A line for each address and kind of socket; the name stands in the first of all."""
    found = await (_musl_addresses if musl else _glibc_addresses)(proc, key, family)
    rows = [f"{one:<15} {kind:<6} " for one in found for kind in ("STREAM", "DGRAM", "RAW")]
    name = key
    if not musl:  # the first one of its line
        name = next((names[0] for _, names in libc.hosts(proc.fs) if key in names), key)
    return "\n".join([rows[0] + name, *rows[1:]]) + "\n" if rows else ""


async def _musl_addresses(proc: Process, key: str, family: Family) -> list[str]:
    try:
        return await libc.getaddrinfo(proc, key, family)
    except libc.ResolveError:
        return []


async def _glibc_addresses(proc: Process, key: str, family: Family) -> list[str]:
    """glibc's ``getaddrinfo`` with ``AI_ADDRCONFIG`` and ``AI_V4MAPPED``.

    Without an interface that has an IPv6 address (``lo`` does not count) there is IPv4 alone.
    Addresses of IPv6 come first, and where only IPv4 is known, IPv6 gets that.
    """
    addresses = (one for interface in proc.net.interfaces() for one in interface.addresses)
    with_ipv6 = any(libc.is_ipv6(one.address) and one.scope != "host" for one in addresses)
    found = await _by_family(proc, key, "inet6") if with_ipv6 and family != "inet" else []
    if family == "any":
        found += await _by_family(proc, key, "inet")
    elif family == "inet":
        found = await _by_family(proc, key, "inet")
    elif with_ipv6 and not found:
        found = [f"::ffff:{one}" for one in await _by_family(proc, key, "inet")]
    return found


async def _by_family(proc: Process, key: str, family: Family) -> list[str]:
    """Addresses of one family; in ``/etc/hosts``, ``::1`` is ``127.0.0.1`` for IPv4, too."""
    if family == "inet" and libc.parse_address(key) is None:
        lines = [
            _ipv4_of(address)
            for address, names in libc.hosts(proc.fs)
            if key in names and not libc.is_ipv6(_ipv4_of(address))
        ]
        if lines:
            return lines
    return await _musl_addresses(proc, key, family)


def _ipv4_of(address: str) -> str:
    return "127.0.0.1" if address == "::1" else address


async def _accounts(proc: Process, database: str, keys: Sequence[str]) -> int:
    try:
        text = proc.fs.read_bytes(f"/etc/{database}").decode(errors="surrogateescape")
    except OSError:
        text = ""
    rows = [line for line in text.splitlines() if line]
    for row in rows if not keys else ():
        await proc.out(f"{row}\n")
    status = 0
    for key in keys:
        found = [r for r in rows if key in (r.split(":")[0], (r.split(":") + [""] * 3)[2])]
        status = status if found else 2
        await proc.out("".join(f"{row}\n" for row in found[:1]))
    return status
