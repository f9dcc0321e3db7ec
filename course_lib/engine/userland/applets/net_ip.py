"""``ip``: BusyBox's and that of iproute2, which shows a little more."""

from __future__ import annotations

from course_lib.engine.interfaces import Process
from course_lib.engine.userland.applets import net_ip_show as show
from course_lib.engine.userland.applets import net_options as opt
from course_lib.engine.userland.applets.net_ip_route import route
from course_lib.engine.userland.applets.net_ip_show import Refused, Style

USAGE = """
[OPTIONS] address|route|link|tunnel|neigh|rule [ARGS]

OPTIONS := -f[amily] inet|inet6|link | -o[neline] | -br[ief]

ip addr add|del IFADDR dev IFACE | show|flush [dev IFACE] [to PREFIX]
ip route list|flush|add|del|change|append|replace|test ROUTE
ip link set IFACE [up|down] [arp on|off] [multicast on|off]
	[promisc on|off] [mtu NUM] [name NAME] [qlen NUM] [address MAC]
	[master IFACE | nomaster] [netns PID]
ip tunnel add|change|del|show [NAME]
	[mode ipip|gre|sit] [remote ADDR] [local ADDR] [ttl TTL]
ip neigh show|flush [to PREFIX] [dev DEV] [nud STATE]
ip rule [list] | add|del SELECTOR ACTION"""

_OBJECTS = ("address", "route", "link", "tunnel", "neigh", "neighbor", "neighbour", "rule")
_CHANGES = ("add", "del", "delete", "set", "flush", "change", "append", "replace")


_SHOW = {
    "address": show.address, "link": show.link, "route": route, "rule": show.rule,
    "neigh": show.neighbour, "neighbor": show.neighbour, "neighbour": show.neighbour,
}  # fmt: skip


def _options(words: list[str], style: Style) -> list[str]:
    """Take the leading options off; the rest is object and command."""
    while words and words[0].startswith("-"):
        word = words.pop(0).lstrip("-")
        if word in {"4", "6", "0"}:
            style.family = {"4": "inet", "6": "inet6", "0": "link"}[word]
        elif word and "family".startswith(word) and words:
            style.family = words.pop(0)
        elif word and "oneline".startswith(word):
            style.oneline = True
        elif len(word) > 1 and "brief".startswith(word):
            style.brief = True
        elif word and ("statistics".startswith(word) or word == "stats") and style.full:
            style.statistics = True
        elif word in {"c", "color", "d", "details", "n", "N"} and style.full:
            continue
        else:
            raise opt.UsageError
    return words


_SETTINGS = {
    "up": "SIOCSIFFLAGS", "down": "SIOCSIFFLAGS", "mtu": "SIOCSIFMTU", "name": "SIOCSIFNAME",
    "address": "SIOCSIFHWADDR", "qlen": "SIOCSIFTXQLEN",
}  # fmt: skip


def _change_refused(proc: Process, kind: str, words: list[str]) -> Refused | None:
    """Why a change is not made, in a container without ``NET_ADMIN``; None for one that is none."""
    devices = {interface.name for interface in proc.net.interfaces()}
    known = words[words.index("dev") + 1 :][:1] if "dev" in words else words[1:2]
    missing = bool(known) and known[0] not in devices
    if words[0] == "flush":
        return Refused("can't send flush request: Operation not permitted")
    if missing and kind == "address":
        return Refused(f"can't find device '{known[0]}'")
    if kind == "link" and words[0] == "set":
        if missing:
            return Refused("SIOCGIFFLAGS: No such device", 2)
        if "up" in words:  # all of them are
            return None
        asked = next((_SETTINGS[word] for word in words if word in _SETTINGS), "RTNETLINK answers")
        return Refused(f"{asked}: Operation not permitted", 2)
    return Refused("RTNETLINK answers: Operation not permitted", 2)


async def _ip(proc: Process, style: Style) -> int:
    try:
        words = _options(list(proc.argv[1:]), style)
        if not words:
            raise opt.UsageError
        matching = [name for name in _OBJECTS if name.startswith(words[0])]
        if not matching:
            raise opt.UsageError
    except opt.UsageError as error:
        return await opt.refuse(proc, "ip", error, USAGE)
    rest = words[1:]
    if rest and any(rest[0] == change for change in _CHANGES):
        refusal = _change_refused(proc, matching[0], rest)
        if refusal is None:
            return 0
        await proc.err(f"ip: {refusal}\n")
        return refusal.code
    try:
        if matching[0] == "tunnel":
            return 0
        text = _SHOW[matching[0]](proc, rest, style)
    except Refused as refusal:
        await proc.err(f"{refusal}\n")
        return refusal.code
    await proc.out(text)
    return 0


async def ip(proc: Process) -> int:
    """BusyBox's ``ip``, with ``-brief`` besides."""
    return await _ip(proc, Style())


async def ip_iproute2(proc: Process) -> int:
    """iproute2's ``ip``."""
    return await _ip(proc, Style(full=True))
