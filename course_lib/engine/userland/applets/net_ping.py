"""``ping`` in the two forms the images have: BusyBox's and that of iputils."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

from course_lib.engine.interfaces import EchoReply, Process
from course_lib.engine.userland import libc
from course_lib.engine.userland.applets import net_options as opt
from course_lib.engine.userland.waiting import cancel

USAGE = """
[OPTIONS] HOST

Send ICMP ECHO_REQUESTs to HOST

	-4,-6		Force IP or IPv6 name resolution
	-c CNT		Send only CNT pings
	-s SIZE		Send SIZE data bytes in packets (default 56)
	-i SECS		Interval
	-A		Ping as soon as reply is received
	-t TTL		Set TTL
	-I IFACE/IP	Source interface or IP address
	-W SEC		Seconds to wait for the first response (default 10)
			(after all -c CNT packets are sent)
	-w SEC		Seconds until ping exits (default:infinite)
			(can exit earlier with -c CNT)
	-q		Quiet, only display output at start/finish
	-p HEXBYTE	Payload pattern"""

LINGER = 10.0
"""Seconds that BusyBox waits for the last answer."""


@dataclass(slots=True)
class Echoes:
    """Sends echo requests at an interval and tells of each answer as it comes.

    :param count: requests to send, None for no end.
    :param linger: seconds to wait for answers after the last request.
    :param deadline: seconds after which all ends, None for never.
    :param answered: called with sequence number and answer.
    :param failed: called with sequence number and error, for an address that refuses.
    """

    proc: Process
    address: str
    count: int | None
    interval: float
    linger: float
    deadline: float | None
    ttl: int
    size: int
    answered: Callable[[int, EchoReply], None]
    failed: Callable[[int, OSError], None]
    sent: int = 0
    rtts: list[float] = field(default_factory=list)
    elapsed: float = 0.0
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    _waiting: set[asyncio.Task[None]] = field(default_factory=set)

    def stop(self, _signum: int = 0) -> None:
        """End now; what came so far is kept (SIGINT)."""
        self._over.set()

    async def _one(self, sequence: int) -> None:
        try:
            reply = await self.proc.net.echo(self.address, ttl=self.ttl, size=self.size)
        except OSError as error:
            self.failed(sequence, error)
            return
        if reply.source != self.address:
            return  # a router says that the packet's time to live ran out: no answer
        self.rtts.append(reply.rtt)
        self.answered(sequence, reply)
        if self.count is not None and len(self.rtts) >= self.count:
            self._over.set()

    async def _send(self) -> None:
        while self.count is None or self.sent < self.count:
            sequence = self.sent
            self.sent += 1
            task = self.proc.thread(lambda sequence=sequence: self._one(sequence))  # type: ignore[misc]
            self._waiting.add(task)
            task.add_done_callback(self._waiting.discard)
            if self.count is not None and self.sent >= self.count:
                break
            await self.proc.sleep(self.interval)
        await self.proc.sleep(self.linger)
        self._over.set()

    async def _expire(self, seconds: float) -> None:
        await self.proc.sleep(seconds)
        self._over.set()

    async def run(self) -> None:
        """Send, wait and count until there is nothing more to wait for."""
        began = self.proc.machine.clock.monotonic()
        helpers = [self.proc.thread(self._send)]
        if self.deadline is not None:
            limit = self.deadline
            helpers.append(self.proc.thread(lambda: self._expire(limit)))
        try:
            await self._over.wait()
        finally:
            await cancel(*helpers, *self._waiting)
            self.elapsed = self.proc.machine.clock.monotonic() - began


class _Lines:
    """Output of synchronous callbacks, written in order by the program itself."""

    def __init__(self, proc: Process) -> None:
        self._proc = proc
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()

    def put(self, line: str | None) -> None:
        """Write this next; None means that nothing more comes."""
        self._queue.put_nowait(line)

    async def pump(self) -> None:
        """Write what comes until nothing more does."""
        while (line := await self._queue.get()) is not None:
            await self._proc.out(line)


async def _run(echoes: Echoes, lines: _Lines) -> None:
    proc = echoes.proc
    proc.on_signal(signal.SIGINT, echoes.stop)
    pump = proc.thread(lines.pump)
    pump.add_done_callback(lambda _task: echoes.stop())  # nobody reads: stop sending
    try:
        await echoes.run()
        lines.put(None)
        await pump
    finally:
        await cancel(pump)
        proc.on_signal(signal.SIGINT, None)


async def _source(proc: Process, name: str, wanted: str) -> str | None:
    """Why ``-I wanted`` cannot be used; None where it can."""
    interfaces = proc.net.interfaces()
    if any(i.name == wanted for i in interfaces):
        return None
    if any(a.address == wanted for i in interfaces for a in i.addresses):
        return None
    if libc.parse_address(wanted):
        return f"{name}: bind: Address not available"
    return f"{name}: bad address '{wanted}'"


_LARGEST = 65507
"""Bytes after the headers that a packet of IPv4 holds."""


async def ping6(proc: Process) -> int:
    """BusyBox's ``ping6``."""
    proc.argv.insert(1, "-6")
    return await ping(proc)


async def ping(proc: Process) -> int:
    """BusyBox's ``ping`` (``networking/ping.c``)."""
    try:
        options = opt.parse(proc.argv[1:], "46c:s:i:At:I:W:w:qp:v", {})
        if len(options.words) != 1:
            raise opt.UsageError
    except opt.UsageError as error:
        return await opt.refuse(proc, "ping", error, USAGE)
    try:
        count = opt.number("ping", options["c"]) if "c" in options else 0
        size = opt.number("ping", options.get("s", "56"), 0, 65535)
        interval = opt.seconds("ping", options.get("i", "1"))
        ttl = opt.number("ping", options.get("t", "64"), 0, 255) or 64
        linger = float(opt.number("ping", options.get("W", str(int(LINGER)))))
        deadline = opt.number("ping", options["w"]) if "w" in options else 0
    except ValueError as error:
        await proc.err(f"{error}\n")
        return 1
    if "I" in options:
        trouble = await _source(proc, "ping", options["I"])
        if trouble:
            await proc.err(f"{trouble}\n")
            return 1
    host = options.words[0]
    family: libc.Family = "inet" if "4" in options else "inet6" if "6" in options else "any"
    try:
        address = (await libc.getaddrinfo(proc, host, family))[0]
    except libc.ResolveError:
        await proc.err(f"ping: bad address '{host}'\n")
        return 1
    await proc.out(f"PING {host} ({address}): {size} data bytes\n")
    lines = _Lines(proc)
    quiet = "q" in options

    def answered(sequence: int, reply: EchoReply) -> None:
        if not quiet:
            took = f" time={reply.rtt * 1000:.3f} ms" if size >= 4 else ""
            lines.put(
                f"{size + 8} bytes from {reply.source}: seq={sequence} ttl={reply.ttl}{took}\n"
            )

    unreachable: list[OSError] = []

    def failed(_sequence: int, error: OSError) -> None:
        # BusyBox stays silent about a host that cannot be reached and dies of a failing send.
        if error.errno in {errno.ENETUNREACH, errno.EPERM, errno.EACCES}:
            unreachable.append(error)
            echoes.stop()

    if size > _LARGEST and ":" not in address:
        await proc.err("ping: sendto: Message too long\n")
        return 1
    echoes = Echoes(
        proc, address, count or None, 0.0 if "A" in options else interval, linger,
        deadline or None, ttl, size, answered, failed,
    )  # fmt: skip
    await _run(echoes, lines)
    if unreachable:
        await proc.err(f"ping: sendto: {libc.strerror(unreachable[0])}\n")
        return 1
    received = len(echoes.rtts)
    loss = (echoes.sent - received) * 100 // echoes.sent if echoes.sent else 0
    await proc.out(
        f"\n--- {host} ping statistics ---\n{echoes.sent} packets transmitted, {received} packets "
        f"received, {loss}% packet loss\n"
    )
    if received and size >= 4:
        low, high = min(echoes.rtts) * 1000, max(echoes.rtts) * 1000
        mean = sum(echoes.rtts) / received * 1000
        await proc.out(f"round-trip min/avg/max = {low:.3f}/{mean:.3f}/{high:.3f} ms\n")
    return 0 if received else 1


IPUTILS_USAGE = """
Usage
  ping [options] <destination>

Options:
  <destination>      dns name or ip address
  -c <count>         stop after <count> replies
  -i <interval>      seconds between sending each packet
  -I <interface>     either interface name or address
  -n                 no dns name resolution
  -q                 quiet output
  -s <size>          use <size> as number of data bytes to be sent
  -t <ttl>           define time to live
  -V                 print version and exit
  -w <deadline>      reply wait <deadline> in seconds
  -W <timeout>       time to wait for response
"""


async def ping_iputils(proc: Process) -> int:
    """``ping`` of iputils, which images made from Debian or CentOS packages have."""
    try:
        options = opt.parse(proc.argv[1:], "46c:s:i:I:nqt:w:W:VvbAf", {})
    except opt.UsageError as error:
        await proc.err(f"ping: {error}\n{IPUTILS_USAGE}")
        return 2
    if "V" in options:
        await proc.out("ping from iputils 20180629\n")
        return 0
    if len(options.words) != 1:
        await proc.err("ping: usage error: Destination address required\n")
        return 1 if not options.words else 2
    try:
        count = _iputils_number(options, "c", 0, 1)
        size = _iputils_number(options, "s", 56, 0)
        ttl = _iputils_number(options, "t", 64, 1)
        deadline = _iputils_number(options, "w", 0, 0)
        linger = float(options.get("W", "10"))
        interval = float(options.get("i", "1"))
    except ValueError as error:
        await proc.err(f"ping: {error}\n")
        return 1
    host = options.words[0]
    family: libc.Family = "inet6" if "6" in options else "inet" if "4" in options else "any"
    try:
        address = (await libc.getaddrinfo(proc, host, family))[0]
    except libc.ResolveError as error:
        reason = (
            "Temporary failure in name resolution"
            if error.temporary
            else "Name or service not known"
        )
        await proc.err(f"ping: {host}: {reason}\n")
        return 2
    name = None if "n" in options or host == address else await libc.getnameinfo(proc, address)
    origin = f"{name} ({address})" if name else address
    await proc.out(f"PING {host} ({address}) {size}({size + 28}) bytes of data.\n")
    lines = _Lines(proc)
    errors = 0
    hopeless: list[OSError] = []

    def answered(sequence: int, reply: EchoReply) -> None:
        if "q" not in options:
            lines.put(
                f"{size + 8} bytes from {origin}: icmp_seq={sequence + 1} ttl={reply.ttl} "
                f"time={_three_digits(reply.rtt * 1000)} ms\n"
            )

    def failed(sequence: int, error: OSError) -> None:
        nonlocal errors
        if error.errno == errno.EHOSTUNREACH:
            errors += 1
            me = next(
                (a.address for i in proc.net.interfaces() if i.kind != "loopback"
                 for a in i.addresses), "127.0.0.1",
            )  # fmt: skip
            if "q" not in options:
                lines.put(f"From {me} icmp_seq={sequence + 1} Destination Host Unreachable\n")
            if count and errors + len(echoes.rtts) >= count:
                echoes.stop()
        else:
            hopeless.append(error)
            echoes.stop()

    echoes = Echoes(
        proc, address, count or None, interval, linger, deadline or None, ttl, size, answered,
        failed,
    )  # fmt: skip
    await _run(echoes, lines)
    if hopeless:
        await proc.err(f"connect: {os.strerror(hopeless[0].errno or 0)}\n")
        return 2
    received = len(echoes.rtts)
    loss = (echoes.sent - received) * 100 / echoes.sent if echoes.sent else 0
    unreachable = f" +{errors} errors," if errors else ""
    await proc.out(
        f"\n--- {host} ping statistics ---\n{echoes.sent} packets transmitted, {received} received,"
        f"{unreachable} {loss:.6g}% packet loss, time {echoes.elapsed * 1000:.0f}ms\n"
    )
    if received:
        times = [rtt * 1000 for rtt in echoes.rtts]
        mean = sum(times) / received
        spread = (
            (sum(t * t for t in times) / received - mean * mean) ** 0.5 if received > 1 else 0.0
        )
        await proc.out(
            f"rtt min/avg/max/mdev = {min(times):.3f}/{mean:.3f}/{max(times):.3f}/{spread:.3f} ms\n"
        )
    else:
        await proc.out("\n")
    return 0 if received else 1


def _iputils_number(options: opt.Options, name: str, default: int, low: int) -> int:
    text = options.get(name, str(default))
    if not text.isdigit():
        raise ValueError(f"invalid argument: '{text}'")
    value = int(text)
    if name in options and not low <= value <= 2**31 - 1:
        raise ValueError(f"invalid argument: '{text}': out of range: {low} <= value <= 2147483647")
    return value


def _three_digits(milliseconds: float) -> str:
    """A time as iputils rounds it: three digits, or more from 100 ms on."""
    if milliseconds >= 100:
        return f"{milliseconds:.0f}"
    if milliseconds >= 10:
        return f"{milliseconds:.1f}"
    if milliseconds >= 1:
        return f"{milliseconds:.2f}"
    return f"{milliseconds:.3f}"
