"""``ifconfig``, ``route``, ``arp`` and ``netstat`` of BusyBox."""

from __future__ import annotations

import ipaddress

from course_lib.engine.interfaces import Interface, Process, Route, SocketEntry
from course_lib.engine.userland import libc
from course_lib.engine.userland.applets import net_options as opt

_PROGRAM_WIDTH = 19


def _scaled(size: int) -> str:
    """Bytes as ``8281 (8.0 KiB)``."""
    whole, fraction, unit = size, 0, ""
    for name in ("Ki", "Mi", "Gi", "Ti"):
        if whole < 1024:
            break
        whole, fraction, unit = whole // 1024, whole % 1024 * 10 // 1024, name
    return f"{size} ({whole}.{fraction} {unit}B)"


def _netmask(prefix: int) -> str:
    return str(ipaddress.ip_network(f"0.0.0.0/{prefix}").netmask)


def _ifconfig_block(interface: Interface) -> str:
    loopback = interface.kind == "loopback"
    head = "Link encap:Local Loopback  " if loopback else (
        f"Link encap:Ethernet  HWaddr {interface.mac.upper()}  "
    )  # fmt: skip
    lines = [head]
    for address in interface.addresses:
        if libc.is_ipv6(address.address):
            scope = {"host": "Host", "link": "Link", "global": "Global"}[address.scope]
            lines.append(f"inet6 addr: {address.address}/{address.prefix} Scope:{scope}")
        else:
            broadcast = f"  Bcast:{address.broadcast}" if address.broadcast else ""
            mask = _netmask(address.prefix)
            lines.append(f"inet addr:{address.address}{broadcast}  Mask:{mask}")
    flags = "LOOPBACK RUNNING" if loopback else "BROADCAST RUNNING MULTICAST"
    if not interface.up:
        flags = flags.replace("RUNNING ", "")
    queue = 1000 if interface.kind in {"loopback", "ether"} else 0
    lines += [
        f"UP {flags}  MTU:{interface.mtu}  Metric:1",
        f"RX packets:{interface.rx_packets} errors:0 dropped:0 overruns:0 frame:0",
        f"TX packets:{interface.tx_packets} errors:0 dropped:0 overruns:0 carrier:0",
        f"collisions:0 txqueuelen:{queue} ",
        f"RX bytes:{_scaled(interface.rx_bytes)}  TX bytes:{_scaled(interface.tx_bytes)}",
    ]
    first, *rest = lines
    return f"{interface.name:<9} {first}\n" + "".join(f"{'':10}{line}\n" for line in rest) + "\n"


_SETTINGS = {
    "up": "SIOCSIFFLAGS", "down": "SIOCSIFFLAGS", "promisc": "SIOCSIFFLAGS",
    "mtu": "SIOCSIFMTU", "netmask": "SIOCSIFNETMASK", "broadcast": "SIOCSIFBRDADDR",
    "hw": "SIOCSIFHWADDR",
}  # fmt: skip


async def ifconfig(proc: Process) -> int:
    """Show interfaces; changing them needs a capability that containers lack."""
    words = proc.argv[1:]
    if any(w.startswith("-") and w != "-a" for w in words):
        bad = next(w for w in words if w.startswith("-") and w != "-a")
        return await opt.refuse(
            proc, "ifconfig", opt.UsageError(f"invalid option -- '{bad[1:2]}'"),
            "[-a] [interface [address] [options]]\n\nConfigure a network interface",
        )  # fmt: skip
    names = [w for w in words if w != "-a"]
    interfaces = sorted(proc.net.interfaces(), key=lambda i: i.name)
    if not names:
        await proc.out("".join(_ifconfig_block(i) for i in interfaces))
        return 0
    found = next((i for i in interfaces if i.name == names[0]), None)
    if found is None:
        await proc.err(
            f"ifconfig: {names[0]}: error fetching interface information: Device not found\n"
        )
        return 1
    if len(names) > 1:
        asked = _SETTINGS.get(names[1], "SIOCSIFADDR")
        await proc.err(f"ifconfig: {asked}: Operation not permitted\n")
        return 1
    await proc.out(_ifconfig_block(found))
    return 0


async def _route_row(proc: Process, route: Route, numeric: bool) -> tuple[str, str, str, str]:
    network = ipaddress.ip_network(route.destination, strict=False)
    destination = str(network.network_address)
    mask = str(network.netmask)
    gateway = route.gateway or ("0.0.0.0" if numeric else "*")
    if not numeric:
        if network.prefixlen == 0:
            destination = "default"
        if route.gateway:
            gateway = await libc.getnameinfo(proc, route.gateway) or route.gateway
    flags = "U" + ("G" if route.gateway else "") + ("H" if network.prefixlen == 32 else "")
    return destination[:15], gateway[:15], mask, flags


ROUTE_USAGE = """
[{add|del|delete}]

Show or edit kernel routing tables

	-n	Don't resolve names
	-e	Display other/more information
	-A inet{6}	Select address family"""


async def route(proc: Process) -> int:
    """Show the routing table."""
    try:
        changes = proc.argv[1:2] and proc.argv[1] in {"add", "del", "delete"}
        options = opt.parse(proc.argv[1:], "neA:", {}, permute=not changes)
    except opt.UsageError as error:
        return await opt.refuse(proc, "route", error, ROUTE_USAGE)
    family = options.get("A", "inet")
    if options.words or family not in {"inet", "inet6"}:
        if options.words[:1] not in (["add"], ["del"], ["delete"]):
            return await opt.refuse(proc, "route", opt.UsageError(), ROUTE_USAGE)
        asked = "SIOCADDRT" if options.words[0] == "add" else "SIOCDELRT"
        await proc.err(f"route: {asked}: Operation not permitted\n")
        return 1
    if family == "inet6":
        await _show_routes6(proc)
    else:
        await _show_routes(proc, numeric="n" in options, windows="e" in options)
    return 0


async def _show_routes(proc: Process, *, numeric: bool, windows: bool) -> None:
    """The routing table; with sizes of segments and windows instead of metrics and counts."""
    columns = "  MSS Window  irtt" if windows else "Metric Ref    Use"
    await proc.out(
        "Kernel IP routing table\n"
        f"Destination     Gateway         Genmask         Flags {columns} Iface\n"
    )
    for entry in proc.net.routes():
        if ":" not in entry.destination:
            target, gateway, mask, flags = await _route_row(proc, entry, numeric)
            numbers = f"{0:5} {0:<5} {0:6}" if windows else f"{entry.metric:<6} {0:<2} {0:7}"
            await proc.out(
                f"{target:<16}{gateway:<16}{mask:<16}{flags:<6}{numbers} {entry.interface}\n"
            )


async def _show_routes6(proc: Process) -> None:
    await proc.out(
        f"Kernel IPv6 routing table\n{'Destination':<44}{'Next Hop':<40}"
        "Flags Metric Ref    Use Iface\n"
    )
    for entry in proc.net.routes():
        if ":" in entry.destination:
            flags = "UG" if entry.gateway else "U"
            await proc.out(
                f"{entry.destination:<43} {entry.gateway or '::':<39} {flags:<5} "
                f"{entry.metric:<6} {0:<2} {0:7} {entry.interface:<8}\n"
            )


async def arp(proc: Process) -> int:
    """Show the ARP table."""
    try:
        options = opt.parse(proc.argv[1:], "avni:H:t:d:s:", {})
    except opt.UsageError as error:
        return await opt.refuse(
            proc, "arp", error,
            "[-vn]\t[-H HWTYPE] [-i IF] -a [HOSTNAME]\n\nManipulate ARP cache",
        )  # fmt: skip
    if "d" in options or "s" in options:
        await proc.err("arp: SIOCSARP: Operation not permitted\n")
        return 1
    for neighbour in proc.net.neighbours():
        if options.get("i", neighbour.interface) != neighbour.interface:
            continue
        name = None if "n" in options else await libc.getnameinfo(proc, neighbour.address)
        await proc.out(
            f"{name or '?'} ({neighbour.address}) at {neighbour.mac} [ether]  on "
            f"{neighbour.interface}\n"
        )
    return 0


NETSTAT_USAGE = """
[-ral] [-tuwx] [-enWp]

Display networking information

	-r	Routing table
	-a	All sockets
	-l	Listening sockets
		Else: connected sockets
	-t	TCP sockets
	-u	UDP sockets
	-w	Raw sockets
	-x	Unix sockets
		Else: all socket types
	-e	Other/more information
	-n	Don't resolve names
	-W	Wide display
	-p	Show PID/program name for sockets"""


async def netstat(proc: Process) -> int:
    """Show sockets, or with -r the routing table."""
    try:
        options = opt.parse(proc.argv[1:], "laentuwxrWp", {})
    except opt.UsageError as error:
        return await opt.refuse(proc, "netstat", error, NETSTAT_USAGE)
    numeric = "n" in options
    if "r" in options:
        await _show_routes(proc, numeric=numeric, windows="e" not in options)
        return 0
    which = (
        "(servers and established)" if "a" in options
        else "(only servers)" if "l" in options else "(w/o servers)"
    )  # fmt: skip
    program_head = "PID/Program name    " if "p" in options else ""
    every = not any(kind in options for kind in "tuwx")
    if every or any(kind in options for kind in "tuw"):
        await proc.out(
            f"Active Internet connections {which}\n"
            "Proto Recv-Q Send-Q Local Address           Foreign Address         State       "
            f"{program_head}\n"
        )
        for open_socket in sorted(proc.net.sockets(), key=lambda s: s.protocol):
            if every or ("t" if open_socket.protocol == "tcp" else "u") in options:
                await proc.out(await _socket_row(proc, open_socket, options))
    if every or "x" in options:
        await proc.out(
            f"Active UNIX domain sockets {which}\n"
            f"Proto RefCnt Flags       Type       State         I-Node {program_head}Path\n"
        )
    return 0


async def _socket_row(proc: Process, entry: SocketEntry, options: opt.Options) -> str:
    listening = entry.state == "LISTEN" or (entry.protocol == "udp" and entry.remote is None)
    if "a" not in options and listening != ("l" in options):
        return ""
    local = await _end(proc, entry.local, options)
    if entry.remote is not None:
        remote = await _end(proc, entry.remote, options)
    else:
        remote = ":::*" if libc.is_ipv6(entry.local[0]) else "0.0.0.0:*"
    program = ""
    if "p" in options:
        program = "-"
        for info in proc.machine.processes():
            if entry.owner and info.pid == entry.owner:
                name = info.argv[0].split(" ")[0].rpartition("/")[2] if info.argv else "?"
                title = " ".join([name, *info.argv[0].split(" ")[1:]]) if info.argv else "?"
                program = f"{info.pid}/{title}"[:_PROGRAM_WIDTH]
    return f"{entry.protocol}   {0:6} {0:6} {local:<23} {remote:<23} {entry.state:<11} {program}\n"


async def _end(proc: Process, address: tuple[str, int], options: opt.Options) -> str:
    host, port = address
    if "n" in options:
        return f"{host}:{port}"
    name = None
    if host not in {"0.0.0.0", "::"}:
        name = await libc.getnameinfo(proc, host)
    width = 23 if "W" not in options else 60
    service = libc.service_name(proc, port) or str(port)
    return f"{(name or host)[: width - len(service) - 1]}:{service}"
