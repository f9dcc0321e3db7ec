"""``ip route``: the tables of routes, what of them is asked for, and one way (``get``)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from course_lib.engine.interfaces import Process, Route
from course_lib.engine.userland import libc
from course_lib.engine.userland.applets.net_ip_show import SCOPES, Refused, Style

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_TABLES = {"default": 253, "main": 254, "local": 255}
_CACHE = -1  # gone from Linux since 3.6; asked for it, BusyBox shows all of IPv4
_PROTOCOLS = {"none", "redirect", "kernel", "boot", "static", "gated", "ra", "mrt", "zebra", "bird"}
_INCOMPLETE = 'ip: command line is not complete, try "help"'
_LISTS = ("list", "show")
_OTHERS = (
    "a", "add", "append", "change", "chg", "delete", "get", "prepend", "replace", "test", "flush",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Row:
    """A route as a table has it.

    :param kind: ``local``, ``broadcast``, ``multicast``; empty for ``unicast``.
    """

    route: Route
    network: _Network
    kind: str = ""
    scope: str = "global"
    table: int = _TABLES["main"]


@dataclass(slots=True)
class _Filter:
    """What is to be shown.

    :ivar table: a number, 0 for all of them (and ``_CACHE``).
    :ivar within: networks in that one (``to root``); :ivar around: networks around that one
        (``to match``).
    :ivar kernel: those that the kernel has made, or the others; None for both.
    """

    table: int = _TABLES["main"]
    device: str = ""
    scope: str = ""
    kernel: bool | None = None
    within: _Network | None = None
    around: _Network | None = None

    def takes(self, row: _Row) -> bool:
        return (
            self.table in {0, _CACHE, row.table}
            and self.device in {"", row.route.interface}
            and self.scope in {"", row.scope}
            and self.kernel in {None, not row.route.gateway}
            and (self.within is None or _contains(self.within, row.network))
            and (self.around is None or _contains(row.network, self.around))
        )


def _contains(outer: _Network, inner: _Network) -> bool:
    if isinstance(outer, ipaddress.IPv4Network):
        return isinstance(inner, ipaddress.IPv4Network) and inner.subnet_of(outer)
    return isinstance(inner, ipaddress.IPv6Network) and inner.subnet_of(outer)


def _main(proc: Process) -> Iterator[_Row]:
    for route in proc.net.routes():
        network = ipaddress.ip_network(route.destination, strict=False)
        linked = network.version == 4 and not route.gateway
        yield _Row(route, network, scope="link" if linked else "global")


def _local(proc: Process) -> Iterator[_Row]:
    """What the kernel notes of each address: it is here, and so are its broadcasts."""

    def row(kind: str, destination: str, device: str, scope: str, source: str | None) -> _Row:
        metric = 256 if kind == "multicast" else 0
        route = Route(destination, None, device, source, metric)
        return _Row(route, ipaddress.ip_network(destination), kind, scope, _TABLES["local"])

    rows = []
    for interface in proc.net.interfaces():
        own = [a for a in interface.addresses if interface.up]
        for address in own:
            text = address.address
            if libc.is_ipv6(text):
                rows.append(row("local", f"{text}/128", interface.name, "global", None))
                continue
            network = ipaddress.IPv4Network(f"{text}/{address.prefix}", strict=False)
            if interface.kind == "loopback":
                rows.append(row("local", str(network), interface.name, "host", text))
            rows.append(row("local", f"{text}/32", interface.name, "host", text))
            last = f"{network.broadcast_address}/32"
            if network.prefixlen < 31:
                rows.append(row("broadcast", last, interface.name, "link", text))
        if interface.kind != "loopback" and any(libc.is_ipv6(a.address) for a in own):
            rows.append(row("multicast", "ff00::/8", interface.name, "global", None))
    return iter(sorted(rows, key=lambda r: (r.network.version, r.network)))


def _line(row: _Row, asked: _Filter, style: Style) -> str:
    route, network = row.route, row.network
    target = str(network.network_address) if network.prefixlen == network.max_prefixlen else None
    words = [row.kind, "default" if network.prefixlen == 0 else target or str(network)]
    if route.gateway:
        words.append(f"via {route.gateway}")
    words.append(f"dev {route.interface}")
    if row.table != _TABLES["main"] and not asked.table:
        name = next(name for name, number in _TABLES.items() if number == row.table)
        words.append(f"table {name}")
    source = f"src {route.source}" if route.source else ""
    if network.version == 6:
        metric = f"metric {route.metric}"
        if style.full:
            words += ["" if route.gateway else "proto kernel", metric, "pref medium"]
        else:
            words.append(f" {metric}")
    elif style.full:
        words += ["" if route.gateway else f"proto kernel scope {row.scope}", source]
    else:
        if row.scope != "global" and not asked.scope:
            words.append(f"scope {row.scope}")
        words.append(f" {source}" if source else "")
    if route.metric and network.version == 4:
        words.append(f"metric {route.metric}")
    return " ".join(word for word in words if word) + " "


def _number(word: str) -> int | None:
    return int(word) if word.isdigit() else None


def _wrong(word: str, what: str, style: Style, value: str) -> Refused:
    """BusyBox's words for a bad value, and iproute2's."""
    if style.full:
        return Refused(f'Error: argument "{word}" is wrong: {value}\n', 255)
    return Refused(f"ip: invalid argument '{word}' to '{what}'")


def _prefix(word: str, style: Style) -> _Network | None:
    """A network; None for ``default`` where it says nothing (BusyBox, of no family)."""
    if word in {"default", "any", "all"}:
        if style.family == "any" and not style.full:
            return None
        return ipaddress.ip_network("::/0" if style.family == "inet6" else "0.0.0.0/0")
    try:
        return ipaddress.ip_network(word, strict=False)
    except ValueError:
        kind = "inet prefix" if style.full else f"{'' if style.family == 'any' else style.family}"
        text = f'{kind or "an inet"} prefix is expected rather than "{word}"'
        raise Refused(f"Error: {text}." if style.full else f"ip: {text}", 1) from None


def _filter(proc: Process, words: list[str], style: Style) -> _Filter:
    asked = _Filter()
    rest = iter(words)

    def following() -> str:
        found = next(rest, None)
        if found is None:
            raise Refused("Command line is not complete. Try option \"help\""
                          if style.full else _INCOMPLETE, 255 if style.full else 1)  # fmt: skip
        return found

    for word in rest:
        if word in {"dev", "oif"}:
            asked.device = following()
            if all(i.name != asked.device for i in proc.net.interfaces()):
                text = f'Cannot find device "{asked.device}"'
                raise Refused(text if style.full else f"ip: can't find device '{asked.device}'")
        elif word == "table":
            name = following()
            number = {"all": 0, "cache": _CACHE, **_TABLES}.get(name, _number(name))
            if number is None:
                raise _wrong(name, "table", style, "table id value is invalid")
            asked.table = number
        elif word == "scope":
            name = following()
            if name not in {"all", *SCOPES}:
                raise _wrong(name, "scope", style, 'invalid "scope" value')
            asked.scope = "" if name == "all" else name
        elif "protocol".startswith(word) and len(word) > 1:
            name = following()
            if name not in _PROTOCOLS and name != "all" and _number(name) is None:
                raise _wrong(name, "protocol", style, 'invalid "protocol"')
            if style.full and name != "all":  # BusyBox reads the word and does nothing with it
                asked.kernel = name in {"kernel", "2"}
        elif word in {"via", "iif", "from", "src", "type"}:
            raise Refused(f"ip: routes by {word!r} are not told apart by the embedded engine")
        else:
            target = following() if word == "to" else word
            how = target if target in {"root", "match", "exact"} else "exact"
            network = _prefix(following() if target == how else target, style)
            asked.within = network if how != "match" else asked.within
            asked.around = network if how != "root" else asked.around
    return asked


def route(proc: Process, words: list[str], style: Style) -> str:
    """``ip route`` with ``list`` and ``get``.

    :raises Refused: with the message of BusyBox or iproute2.
    """
    command, *rest = words or ["list"]
    if command not in _OTHERS and not any(name.startswith(command) for name in (*_LISTS, "get")):
        if not style.full:
            raise Refused(f"ip: invalid argument '{command}' to 'ip'")
        if command not in {"ls", "lst"}:
            raise Refused(f'Command "{command}" is unknown, try "ip route help".', 255)
    if "get".startswith(command):
        return _get(proc, rest, style)
    asked = _filter(proc, rest, style)
    rows = [*_main(proc), *_local(proc)]
    versions = {"inet": (4,), "inet6": (6,)}.get(style.family, (4,) if asked.table else (4, 6))
    return "".join(
        f"{_line(row, asked, style)}\n"
        for version in versions
        for row in rows
        if row.network.version == version and asked.takes(row)
    )


def _get(proc: Process, words: list[str], style: Style) -> str:
    """``ip route get ADDRESS``."""
    if not words or libc.parse_address(words[0]) is None:
        raise Refused("ip: need at least destination address")
    address = words[0]
    for interface in proc.net.interfaces():
        if any(a.address == address for a in interface.addresses):
            return f"local {address} dev lo  src {address} \n"
    fitting = [row for row in _main(proc) if ipaddress.ip_address(address) in row.network]
    if not fitting:
        raise Refused("ip: RTNETLINK answers: Network unreachable", 2)
    route = max(fitting, key=lambda row: row.network.prefixlen).route
    via = f"via {route.gateway} " if route.gateway else ""
    source = route.source or next(
        (a.address for i in proc.net.interfaces() if i.name == route.interface
         for a in i.addresses if libc.is_ipv6(a.address) == libc.is_ipv6(address)), "",
    )  # fmt: skip
    return f"{address} {via}dev {route.interface}  src {source} \n"
