"""BusyBox's ``traceroute`` and ``arping``."""

from __future__ import annotations

import asyncio
import errno
import signal

from course_lib.engine.interfaces import Process
from course_lib.engine.userland import libc
from course_lib.engine.userland.applets import net_options as opt
from course_lib.engine.userland.waiting import first, within


async def traceroute(proc: Process) -> int:
    """BusyBox's ``traceroute``."""
    try:
        options = opt.parse(proc.argv[1:], "46FIlnrdvxt:i:m:p:q:s:w:z:f:", {})
        if not options.words:
            raise opt.UsageError
        hops = opt.number("traceroute", options.get("m", "30"), 1, 255)
        probes = opt.number("traceroute", options.get("q", "3"), 1, 255)
        wait = float(opt.number("traceroute", options.get("w", "3")))
    except opt.UsageError as error:
        return await opt.refuse(
            proc, "traceroute", error,
            "[-46FIlnrv] [-f 1ST_TTL] [-m MAXTTL] [-q PROBES] [-p PORT]\n"
            "\t[-t TOS] [-w WAIT_SEC] [-s SRC_IP] [-i IFACE]\n\t[-z PAUSE_MSEC] HOST [BYTES]\n\n"
            "Trace the route to HOST",
        )  # fmt: skip
    except ValueError as error:
        await proc.err(f"{error}\n")
        return 1
    host = options.words[0]
    try:
        address = (await libc.getaddrinfo(proc, host))[0]
    except libc.ResolveError:
        await proc.err(f"traceroute: bad address '{host}'\n")
        return 1
    source = f" from {options['s']}" if "s" in options else ""
    await proc.out(f"traceroute to {host} ({address}){source}, {hops} hops max, 46 byte packets\n")
    for ttl in range(1, hops + 1):
        await proc.out(f"{ttl:2}")
        last = ""
        for _ in range(probes):
            try:
                reply = await within(
                    proc, wait,
                    lambda ttl=ttl: proc.net.echo(address, ttl=ttl, size=18),  # type: ignore[misc]
                )  # fmt: skip
            except TimeoutError:
                await proc.out("  *")
                continue
            except OSError as error:
                if error.errno == errno.ENETUNREACH:
                    await proc.err(f"traceroute: sendto: {libc.strerror(error)}\n")
                    return 1
                await proc.out("  !H")
                continue
            if reply.source != last:
                name = None if "n" in options else await libc.getnameinfo(proc, reply.source)
                where = (
                    reply.source if "n" in options else f"{name or reply.source} ({reply.source})"
                )
                await proc.out(f"  {where}")
                last = reply.source
            await proc.out(f"  {reply.rtt * 1000:.3f} ms")
        await proc.out("\n")
        if last == address:
            return 0
    return 0


ARPING_USAGE = """
[-fqbDUA] [-c CNT] [-w TIMEOUT] [-I IFACE] [-s SRC_IP] DST_IP

Send ARP requests/replies

	-f		Quit on first ARP reply
	-q		Quiet
	-b		Keep broadcasting, don't go unicast
	-D		Exit with 1 if DST_IP replies
	-U		Unsolicited ARP mode, update your neighbors
	-A		ARP answer mode, update your neighbors
	-c N		Stop after sending N ARP requests
	-w TIMEOUT	Seconds to wait for ARP reply
	-I IFACE	Interface to use (default eth0)
	-s SRC_IP	Sender IP address
	DST_IP		Target IP address"""


async def arping(proc: Process) -> int:
    """Ask who has an address on a connected network.

    An echo with a TTL of 1 finds whether the neighbour is there; its MAC address then stands in
    the ARP table, as it does after a real request.
    """
    try:
        options = opt.parse(proc.argv[1:], "fqbDUAc:w:I:s:", {})
        if len(options.words) != 1:
            raise opt.UsageError
        count = opt.number("arping", options["c"]) if "c" in options else None
        deadline = float(opt.number("arping", options["w"])) if "w" in options else None
    except opt.UsageError as error:
        return await opt.refuse(proc, "arping", error, ARPING_USAGE)
    except ValueError as error:
        await proc.err(f"{error}\n")
        return 1
    device = options.get("I", "eth0")
    interface = next((i for i in proc.net.interfaces() if i.name == device), None)
    if interface is None:
        await proc.err(f"arping: interface {device} not found: No such device\n")
        return 1
    try:
        address = (await libc.getaddrinfo(proc, options.words[0], "inet"))[0]
    except libc.ResolveError:
        await proc.err(f"arping: bad address '{options.words[0]}'\n")
        return 1
    source = next(
        (a.address for a in interface.addresses if not libc.is_ipv6(a.address)), "0.0.0.0"
    )
    if "q" not in options:
        await proc.out(f"ARPING {address} from {source} {device}\n")
    sent = received = broadcasts = 0
    over = asyncio.Event()
    proc.on_signal(signal.SIGINT, lambda _signum: over.set())

    async def probing() -> None:
        nonlocal sent, received, broadcasts
        while count is None or sent < count:
            sent += 1
            broadcasts += 1 if not received or "b" in options else 0
            try:
                reply = await within(proc, 1.0, lambda: proc.net.echo(address, ttl=1))
            except (TimeoutError, OSError):
                await proc.sleep(0)
                continue
            mac = next((n.mac for n in proc.net.neighbours() if n.address == address), None)
            if mac is None:
                continue
            received += 1
            if "q" not in options:
                took = f"{reply.rtt * 1000:.3f}ms"
                await proc.out(f"Unicast reply from {address} [{mac}] {took}\n")
            if "f" in options:
                return
            if count is None or sent < count:
                await proc.sleep(1.0)

    async def limit() -> None:
        if deadline is None:
            await over.wait()
        else:
            await proc.sleep(deadline)

    await first(proc, probing, limit, over.wait)
    if "q" not in options:
        await proc.out(
            f"Sent {sent} probe(s) ({broadcasts} broadcast(s))\n"
            f"Received {received} response(s) (0 request(s), 0 broadcast(s))\n"
        )
    answered = received > 0
    return int(answered) if "D" in options else int(not answered)
