"""What ``ip`` shows: interfaces, addresses, routes, neighbours."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from course_lib.engine.interfaces import Interface, InterfaceAddress, Process, Route
from course_lib.engine.userland import libc

_BROADCAST = "ff:ff:ff:ff:ff:ff"


class Refused(Exception):
    """Ends the program with a message and exit code 1 or 2."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class Style:
    """How to show things.

    :param full: iproute2's extra words.
    """

    full: bool = False
    family: str = "any"
    oneline: bool = False
    brief: bool = False
    statistics: bool = False

    @property
    def gap(self) -> str:
        """Between the lines of one entry."""
        return "\\" if self.oneline else "\n"


def _flags(interface: Interface, style: Style) -> str:
    carrier = interface.up
    flags = [] if carrier or interface.kind != "bridge" else ["NO-CARRIER"]
    flags += ["LOOPBACK"] if interface.kind == "loopback" else ["BROADCAST", "MULTICAST"]
    if interface.up or interface.kind == "bridge":
        flags.append("UP")
    if carrier:
        flags.append("LOWER_UP")
    if interface.peer_index is not None and not style.full:
        flags.append("M-DOWN")
    return f"<{','.join(flags)}>"


def _state(interface: Interface) -> str:
    if interface.kind == "loopback":
        return "UNKNOWN"
    return "UP" if interface.up else "DOWN"


def _label(interface: Interface) -> str:
    peer = f"@if{interface.peer_index}" if interface.peer_index is not None else ""
    return interface.name + peer


def _link_lines(interface: Interface, style: Style) -> list[str]:
    qdisc = "fq_codel" if interface.kind == "ether" else "noqueue"
    master = f"master {interface.master} " if interface.master else ""
    qlen = 1000 if interface.kind in {"loopback", "ether"} else 0
    head = (
        f"{interface.index}: {_label(interface)}: {_flags(interface, style)} mtu {interface.mtu} "
    )
    if style.family != "inet6":  # then the kernel tells less
        head += f"qdisc {qdisc} {master}"
    head += f"state {_state(interface)} "
    if style.full and style.family != "inet6":
        head += f"group default {f'qlen {qlen}' if qlen else ''}".rstrip(" ") + (
            "" if qlen else " "
        )
    elif qlen:
        head += f"qlen {qlen}"
    kind = "loopback" if interface.kind == "loopback" else "ether"
    broadcast = "00:00:00:00:00:00" if kind == "loopback" else _BROADCAST
    second = f"    link/{kind} {interface.mac} brd {broadcast}"
    if style.full and interface.peer_index is not None:
        second += " link-netnsid 0"
    return [head, second]


def _statistics(interface: Interface) -> list[str]:
    rows = []
    for word, size, packets in (
        ("RX", interface.rx_bytes, interface.rx_packets),
        ("TX", interface.tx_bytes, interface.tx_packets),
    ):
        last = "mcast" if word == "RX" else "collsns"
        middle = "missed" if word == "RX" else "carrier"
        rows.append(f"    {word}:  bytes packets errors dropped {middle:>7} {last:>7}           ")
        rows.append(f"    {size:10} {packets:7} {0:6} {0:7} {0:7} {0:7} ")
    return rows


def _address_lines(
    interface: Interface, address: InterfaceAddress, style: Style
) -> tuple[str, str]:
    if libc.is_ipv6(address.address):
        word = "nodad " if style.full else "flags 02 "
        first = f"inet6 {address.address}/{address.prefix} scope {address.scope} "
        first += word if address.nodad else ""
    else:
        broadcast = f"brd {address.broadcast} " if address.broadcast else ""
        first = f"inet {address.address}/{address.prefix} {broadcast}scope {address.scope} "
        first += interface.name
    return first, "       valid_lft forever preferred_lft forever"


def _shown(interface: Interface, style: Style) -> list[InterfaceAddress]:
    return [
        a
        for a in interface.addresses
        if style.family == "any" or libc.is_ipv6(a.address) == (style.family == "inet6")
    ]


def address(proc: Process, words: list[str], style: Style) -> str:
    """``ip address``: interfaces with their addresses."""
    lines: list[str] = []
    for interface in _selected(proc, words, missing=1):
        addresses = _shown(interface, style)
        if style.brief:
            rows = " ".join(f"{a.address}/{a.prefix}" for a in addresses)
            lines.append(f"{_label(interface):<16} {_state(interface):<14} {rows} ".rstrip() + " ")
            continue
        if style.oneline:
            for address in addresses:
                first, second = _address_lines(interface, address, style)
                lines.append(f"{interface.index}: {interface.name}    {first}\\{second}")
            continue
        if style.family != "any" and not addresses:
            continue
        head, link = _link_lines(interface, style)
        lines.append(head)
        if style.family == "any":
            lines.append(link)
        for address in addresses:
            first, second = _address_lines(interface, address, style)
            lines += [f"    {first}", second]
        if style.statistics:
            lines += _statistics(interface)
    return "".join(f"{line}\n" for line in lines)


def link(proc: Process, words: list[str], style: Style) -> str:
    """``ip link``: interfaces alone."""
    lines = []
    for interface in _selected(proc, words):
        if style.brief:
            flags = _flags(interface, Style(full=True))
            lines.append(
                f"{_label(interface):<16} {_state(interface):<14} {interface.mac} {flags} "
            )
            continue
        lines.append(style.gap.join(_link_lines(interface, style)))
        if style.statistics:
            lines += _statistics(interface)
    return "".join(f"{line}\n" for line in lines)


def _selected(proc: Process, words: list[str], *, missing: int = 2) -> list[Interface]:
    """The interfaces that ``[show] [dev] NAME [up]`` means.

    :param missing: exit code where there is none of that name.
    """
    rest = [w for w in words if w not in {"dev", "show", "list", "lst", "ls", "sh", "s", "l", "up"}]
    interfaces = list(proc.net.interfaces())
    skip = False
    names = []
    for word in rest:
        if skip:
            skip = False
        elif word in {"to", "scope", "label", "type", "master"}:
            skip = True
        else:
            names.append(word)
    for name in names:
        found = [i for i in interfaces if i.name == name.partition("@")[0]]
        if not found:
            raise Refused(f"ip: can't find device '{name}'", missing)
        interfaces = found
    return [i for i in interfaces if i.up] if "up" in words else interfaces


def _route_line(route: Route, style: Style) -> str:
    default = route.destination in {"0.0.0.0/0", "::/0", "default"}
    words = ["default" if default else route.destination.removesuffix("/32")]
    if route.gateway:
        words.append(f"via {route.gateway}")
    words.append(f"dev {route.interface}")
    source = f"src {route.source}" if route.source else ""
    if ":" in route.destination:
        metric = f"metric {route.metric}"
        if style.full:
            words += ["" if route.gateway else "proto kernel", metric, "pref medium"]
        else:
            words.append(f" {metric}")
    elif style.full:
        if not route.gateway:
            words.append("proto kernel scope link")
        words.append(source)
    else:
        if not route.gateway:
            words.append("scope link ")
        if source:
            words.append(source if not route.gateway else f" {source}")
    if route.metric and ":" not in route.destination:
        words.append(f"metric {route.metric}")
    return " ".join(word for word in words if word) + " "


def _find_route(proc: Process, address: str) -> Route | None:
    ip = ipaddress.ip_address(address)
    fitting = [
        (ipaddress.ip_network(route.destination, strict=False).prefixlen, route)
        for route in proc.net.routes()
        if ip in ipaddress.ip_network(route.destination, strict=False)
    ]
    return max(fitting, key=lambda pair: pair[0])[1] if fitting else None


def route(proc: Process, words: list[str], style: Style) -> str:
    """``ip route``, and ``ip route get ADDRESS``."""
    if words and "get".startswith(words[0]) and len(words[0]) > 1:
        if len(words) < 2 or libc.parse_address(words[1]) is None:
            raise Refused("ip: need at least destination address")
        address = words[1]
        for interface in proc.net.interfaces():
            if any(a.address == address for a in interface.addresses):
                return f"local {address} dev lo  src {address} \n"
        route = _find_route(proc, address)
        if route is None:
            raise Refused("ip: RTNETLINK answers: Network unreachable", 2)
        via = f"via {route.gateway} " if route.gateway else ""
        source = route.source or next(
            (a.address for i in proc.net.interfaces() if i.name == route.interface
             for a in i.addresses if libc.is_ipv6(a.address) == libc.is_ipv6(address)), "",
        )  # fmt: skip
        return f"{address} {via}dev {route.interface}  src {source} \n"
    inet6 = style.family == "inet6"
    lines = []
    for route in proc.net.routes():
        if (":" in route.destination) != inet6:
            continue
        if "default" in words and route.destination not in {"0.0.0.0/0", "::/0", "default"}:
            continue
        if "dev" in words and route.interface != words[words.index("dev") + 1 :][:1][0]:
            continue
        lines.append(_route_line(route, style))
    return "".join(f"{line}\n" for line in lines)


def neighbour(proc: Process, words: list[str], style: Style) -> str:
    """``ip neigh``: the ARP table."""
    device = words[words.index("dev") + 1] if "dev" in words[:-1] else None
    extra = "" if style.full else "ref 1 used 0/0/0 probes 1 "
    return "".join(
        f"{n.address} dev {n.interface} lladdr {n.mac} {extra}REACHABLE\n"
        for n in proc.net.neighbours()
        if style.family == "any" or libc.is_ipv6(n.address) == (style.family == "inet6")
        if device in {None, n.interface}
    )


def rule(proc: Process, words: list[str], style: Style) -> str:
    """``ip rule``: which tables there are."""
    return (
        "0:\tfrom all lookup local \n32766:\tfrom all lookup main \n"
        "32767:\tfrom all lookup default \n"
    )
