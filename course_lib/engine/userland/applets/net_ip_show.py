"""What ``ip`` shows: interfaces, addresses, neighbours."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from course_lib.engine.interfaces import Interface, InterfaceAddress, Process
from course_lib.engine.userland import libc

SCOPES = frozenset({"global", "site", "link", "host", "nowhere"})
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


def _after(words: list[str], name: str) -> str:
    """The word after ``name``, empty where that is not there."""
    if name not in words:
        return ""
    if words[-1] == name:
        raise Refused('ip: command line is not complete, try "help"')
    return words[words.index(name) + 1]


class _Asked:
    """Which addresses ``ip address show`` is to show: ``scope``, ``to PREFIX``, ``label``."""

    def __init__(self, words: list[str], style: Style) -> None:
        self.scope = _after(words, "scope")
        if self.scope not in {"", "all", *SCOPES}:
            raise Refused(f"ip: invalid argument '{self.scope}' to 'scope'")
        self.label = _after(words, "label")
        self.network = None
        if prefix := _after(words, "to"):
            try:
                self.network = ipaddress.ip_network(prefix, strict=False)
            except ValueError:
                text = f'an inet prefix is expected rather than "{prefix}"'
                raise Refused(f"ip: {text}") from None
            style.family = "inet6" if self.network.version == 6 else "inet"

    def of(self, interface: Interface, style: Style) -> list[InterfaceAddress]:
        """Those of an interface."""
        return [
            a
            for a in interface.addresses
            if style.family == "any" or libc.is_ipv6(a.address) == (style.family == "inet6")
            if self.scope in {"", "all", a.scope.split()[0]}
            if self.label in {"", interface.name}
            if self.network is None or ipaddress.ip_address(a.address) in self.network
        ]


def address(proc: Process, words: list[str], style: Style) -> str:
    """``ip address``: interfaces with their addresses."""
    lines: list[str] = []
    asked = _Asked(words, style)
    for interface in _selected(proc, words, missing=1):
        addresses = asked.of(interface, style)
        if style.brief:
            rows = " ".join(f"{a.address}/{a.prefix}" for a in addresses)
            lines.append(f"{_label(interface):<16} {_state(interface):<14} {rows} ".rstrip() + " ")
            continue
        if style.oneline:
            for address in addresses:
                first, second = _address_lines(interface, address, style)
                lines.append(f"{interface.index}: {interface.name}    {first}\\{second}")
            continue
        if (style.family != "any" or asked.label) and not addresses:
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
