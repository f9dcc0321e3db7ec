"""``/proc/net``: the container's network stack in the kernel's notation."""

from __future__ import annotations

import ipaddress

from course_lib.engine.interfaces import Sandbox, SocketEntry

_STATES = {
    "ESTABLISHED": 1, "SYN_SENT": 2, "SYN_RECV": 3, "FIN_WAIT1": 4, "FIN_WAIT2": 5,
    "TIME_WAIT": 6, "CLOSE": 7, "CLOSE_WAIT": 8, "LAST_ACK": 9, "LISTEN": 10, "CLOSING": 11,
}  # fmt: skip


def read(net: Sandbox, name: str) -> str:
    """Text of ``/proc/net/NAME``: arp, dev, if_inet6, route, tcp, tcp6, udp or udp6."""
    if name == "dev":
        return _dev(net)
    if name == "if_inet6":
        return _inet6(net)
    if name == "route":
        return _route(net)
    if name == "arp":
        return _arp(net)
    version = 6 if name.endswith("6") else 4
    return _sockets(net, name[:3], version)


def _dev(net: Sandbox) -> str:
    text = (
        "Inter-|   Receive                                                |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs "
        "drop fifo colls carrier compressed\n"
    )
    for nic in net.interfaces():
        text += (
            f"{nic.name:>6}:{nic.rx_bytes:>8}{nic.rx_packets:>8}    0    0    0     0          0"
            f"         0 {nic.tx_bytes:>8}{nic.tx_packets:>8}    0    0    0     0       0"
            "          0\n"
        )
    return text


def _hex_address(address: str) -> str:
    """An address as the kernel prints it: words in host (little-endian) order."""
    packed = ipaddress.ip_address(address).packed
    words = [packed[n : n + 4][::-1] for n in range(0, len(packed), 4)]
    return b"".join(words).hex().upper()


def _inet6(net: Sandbox) -> str:
    """Address, index, prefix length, scope and flags, all hexadecimal, and the interface."""
    scopes = {"host": 0x10, "link": 0x20, "global": 0}
    text = ""
    for nic in net.interfaces():
        for address in nic.addresses:
            if ":" in address.address:
                packed = ipaddress.ip_address(address.address).packed.hex()
                flags = 0x80 | (0x02 if address.nodad else 0)  # permanent, "nodad"
                text += (
                    f"{packed} {nic.index:02x} {address.prefix:02x} {scopes[address.scope]:02x} "
                    f"{flags:02x} {nic.name:>8}\n"
                )
    return text


def _route(net: Sandbox) -> str:
    head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"
    text = f"{head:<127}\n"
    for route in net.routes():
        target = ipaddress.ip_network(route.destination)
        if target.version != 4:
            continue
        flags = 1 | (2 if route.gateway else 0)
        line = (
            f"{route.interface}\t{_hex_address(str(target.network_address))}\t"
            f"{_hex_address(route.gateway or '0.0.0.0')}\t{flags:04X}\t0\t0\t{route.metric}\t"
            f"{_hex_address(str(target.netmask))}\t0\t0\t0"
        )
        text += f"{line:<127}\n"  # the kernel fills lines up
    return text


def _arp(net: Sandbox) -> str:
    text = "IP address       HW type     Flags       HW address            Mask     Device\n"
    for entry in net.neighbours():
        text += (
            f"{entry.address:<16} 0x1         0x2         {entry.mac}     *        "
            f"{entry.interface}\n"
        )
    return text


def _sockets(net: Sandbox, protocol: str, version: int) -> str:
    head = (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid"
        "  timeout inode"
    )
    width = 149 if protocol == "tcp" and version == 4 else 0  # the kernel fills these lines up
    text = f"{head:<{width}}\n"
    number = 0
    for entry in net.sockets():
        if entry.protocol != protocol or (":" in entry.local[0]) != (version == 6):
            continue
        text += f"{_socket(number, entry, version):<{width}}\n"
        number += 1
    return text


def _socket(number: int, entry: SocketEntry, version: int) -> str:
    remote = entry.remote or ("::" if version == 6 else "0.0.0.0", 0)
    ends = " ".join(
        f"{_hex_address(address)}:{port:04X}" for address, port in (entry.local, remote)
    )
    state = _STATES.get(entry.state, 7)
    return (
        f"{number:>4}: {ends} {state:02X} 00000000:00000000 00:00000000 00000000     0"
        f"        0 {number + 1} 1"
    )
