"""ip, ifconfig, route, arp, netstat, hostname."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.userland.net_world import Node, World


@pytest.fixture
async def box(tmp_path: Path) -> Node:
    return Node(World(), tmp_path / "box")


LO = (
    "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN qlen 1000\n"
    "    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n"
)
LO_ADDRESS = "    inet 127.0.0.1/8 scope host lo\n       valid_lft forever preferred_lft forever\n"
ETH0 = (
    "18: eth0@if19: <BROADCAST,MULTICAST,UP,LOWER_UP,M-DOWN> mtu 1500 qdisc noqueue state UP \n"
    "    link/ether 02:42:ac:12:00:03 brd ff:ff:ff:ff:ff:ff\n"
)
ETH0_ADDRESS = (
    "    inet 172.18.0.3/16 brd 172.18.255.255 scope global eth0\n"
    "       valid_lft forever preferred_lft forever\n"
)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ip a", LO + LO_ADDRESS + ETH0 + ETH0_ADDRESS),
        ("ip addr show dev eth0", ETH0 + ETH0_ADDRESS),
        ("ip address show lo", LO + LO_ADDRESS),
        ("ip l", LO + ETH0),
        ("ip link show eth0", ETH0),
        ("ip -o link show lo", LO.replace("\n    link", "\\    link")),
        ("ip -6 a", ""),
        (
            "ip -o -4 addr show eth0",
            "18: eth0    inet 172.18.0.3/16 brd 172.18.255.255 scope global eth0\\       "
            "valid_lft forever preferred_lft forever\n",
        ),
        (
            "ip -br l",
            "lo               UNKNOWN        00:00:00:00:00:00 <LOOPBACK,UP,LOWER_UP> \n"
            "eth0@if19        UP             02:42:ac:12:00:03 "
            "<BROADCAST,MULTICAST,UP,LOWER_UP> \n",
        ),
        (
            "ip -br a",
            "lo               UNKNOWN        127.0.0.1/8 \n"
            "eth0@if19        UP             172.18.0.3/16 \n",
        ),
        (
            "ip r",
            "default via 172.18.0.1 dev eth0 \n"
            "172.18.0.0/16 dev eth0 scope link  src 172.18.0.3 \n",
        ),
        ("ip -4 route show default", "default via 172.18.0.1 dev eth0 \n"),
        ("ip route get 8.8.8.8", "8.8.8.8 via 172.18.0.1 dev eth0  src 172.18.0.3 \n"),
        ("ip route get 172.18.0.9", "172.18.0.9 dev eth0  src 172.18.0.3 \n"),
        (
            "ip neigh",
            "172.18.0.2 dev eth0 lladdr 02:42:ac:12:00:02 ref 1 used 0/0/0 probes 1 REACHABLE\n",
        ),
        ("hostname", "box\n"),
        ("hostname -i", "172.18.0.3\n"),
        ("hostname -f", "box\n"),
        ("hostname -s", "box\n"),
        ("hostname -d", ""),
        ("arp -n", "? (172.18.0.2) at 02:42:ac:12:00:02 [ether]  on eth0\n"),
    ],
)
async def test_shown(box: Node, words: str, expected: str) -> None:
    assert await box.run(*words.split()) == (0, expected, "")


async def test_ifconfig(box: Node) -> None:
    code, out, _ = await box.run("ifconfig")
    assert code == 0
    assert out == (
        "eth0      Link encap:Ethernet  HWaddr 02:42:AC:12:00:03  \n"
        "          inet addr:172.18.0.3  Bcast:172.18.255.255  Mask:255.255.0.0\n"
        "          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1\n"
        "          RX packets:73 errors:0 dropped:0 overruns:0 frame:0\n"
        "          TX packets:5 errors:0 dropped:0 overruns:0 carrier:0\n"
        "          collisions:0 txqueuelen:0 \n"
        "          RX bytes:8281 (8.0 KiB)  TX bytes:629 (629.0 B)\n\n"
        "lo        Link encap:Local Loopback  \n"
        "          inet addr:127.0.0.1  Mask:255.0.0.0\n"
        "          UP LOOPBACK RUNNING  MTU:65536  Metric:1\n"
        "          RX packets:0 errors:0 dropped:0 overruns:0 frame:0\n"
        "          TX packets:0 errors:0 dropped:0 overruns:0 carrier:0\n"
        "          collisions:0 txqueuelen:1000 \n"
        "          RX bytes:0 (0.0 B)  TX bytes:0 (0.0 B)\n\n"
    )
    _, only, _ = await box.run("ifconfig", "lo")
    assert out.endswith(only)


async def test_routes(box: Node) -> None:
    _, out, _ = await box.run("route", "-n")
    assert out == (
        "Kernel IP routing table\n"
        "Destination     Gateway         Genmask         Flags Metric Ref    Use Iface\n"
        "0.0.0.0         172.18.0.1      0.0.0.0         UG    0      0        0 eth0\n"
        "172.18.0.0      0.0.0.0         255.255.0.0     U     0      0        0 eth0\n"
    )
    _, out, _ = await box.run("route")
    assert out.splitlines()[2:] == [
        "default         172.18.0.1      0.0.0.0         UG    0      0        0 eth0",
        "172.18.0.0      *               255.255.0.0     U     0      0        0 eth0",
    ]
    _, out, _ = await box.run("netstat", "-rn")
    assert out.splitlines()[2] == (
        "0.0.0.0         172.18.0.1      0.0.0.0         UG        0 0          0 eth0"
    )


async def test_netstat(box: Node) -> None:
    listening = await box.start("nc", "-l", "-p", "7000")
    shown = await box.start("netstat", "-tlnp", first=False)
    code, out, _ = await shown.finish()
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "Active Internet connections (only servers)"
    assert lines[2] == (
        "tcp        0      0 0.0.0.0:7000            0.0.0.0:*               LISTEN      1/nc"
    )
    listening.process.kill(9)
    await listening.finish()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("ip link show foo", 2, "ip: can't find device 'foo'\n"),
        ("ip addr add 1.2.3.4/24 dev eth0", 2, "ip: RTNETLINK answers: Operation not permitted\n"),
        ("ip link set eth0 down", 2, "ip: SIOCSIFFLAGS: Operation not permitted\n"),
        (
            "ifconfig foo",
            1,
            "ifconfig: foo: error fetching interface information: Device not found\n",
        ),
        ("ifconfig eth0 down", 1, "ifconfig: SIOCSIFFLAGS: Operation not permitted\n"),
        ("route add default gw 1.2.3.4", 1, "route: SIOCADDRT: Operation not permitted\n"),
        ("arp -d 1.2.3.4", 1, "arp: SIOCSARP: Operation not permitted\n"),
        ("hostname other", 1, "hostname: sethostname: Operation not permitted\n"),
    ],
)
async def test_refused(box: Node, words: str, code: int, message: str) -> None:
    assert await box.run(*words.split()) == (code, "", message)


@pytest.mark.parametrize(
    "words", ["ip", "ip foo", "ip -z a", "route -q", "netstat -q", "hostname -x", "arp -q"]
)
async def test_usage(box: Node, words: str) -> None:
    code, out, err = await box.run(*words.split())
    assert (code, out) == (1, "")
    assert f"Usage: {words.split(maxsplit=1)[0]} " in err


async def test_iproute2_shows_more(box: Node) -> None:
    await box.run("apk", "add", "-q", "iproute2")
    _, out, _ = await box.run("ip", "a", "show", "eth0")
    assert out.startswith(
        "18: eth0@if19: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP "
        "group default \n    link/ether 02:42:ac:12:00:03 brd ff:ff:ff:ff:ff:ff link-netnsid 0\n"
    )
    _, out, _ = await box.run("ip", "r")
    assert "172.18.0.0/16 dev eth0 proto kernel scope link src 172.18.0.3 \n" in out
    await box.run("apk", "del", "iproute2")
    _, out, _ = await box.run("ip", "l", "show", "eth0")
    assert out == ETH0
