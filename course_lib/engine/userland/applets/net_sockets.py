"""``nc``, ``telnet``, ``traceroute`` and ``arping``."""

from __future__ import annotations

import asyncio
import errno
import signal

from course_lib.engine.interfaces import DatagramSocket, Process, StreamSocket
from course_lib.engine.userland import libc
from course_lib.engine.userland.applets import net_options as opt
from course_lib.engine.userland.waiting import cancel, first, within

NC_USAGE = """
[OPTIONS] HOST PORT  - connect
nc [OPTIONS] -l -p PORT [HOST] [PORT]  - listen

	-e PROG	Run PROG after connect (must be last)
	-l	Listen mode, for inbound connects
	-lk	With -e, provides persistent server
	-p PORT	Local port
	-s ADDR	Local address
	-w SEC	Timeout for connects and final net reads
	-i SEC	Delay interval for lines sent
	-n	Don't do DNS resolution
	-u	UDP mode
	-v	Verbose
	-z	Zero-I/O mode (scanning)"""


async def _copy_in(proc: Process, stream: StreamSocket) -> None:
    """Standard input to the connection, then its end."""
    while data := await proc.stdin.read():
        await stream.write(data)
    stream.shutdown_write()


async def _copy_out(proc: Process, stream: StreamSocket) -> None:
    """What the connection brings to standard output."""
    while data := await stream.read():
        await proc.out(data)


async def _talk(proc: Process, stream: StreamSocket, quiet_for: float | None) -> None:
    """Both ways until the other side has finished.

    :param quiet_for: seconds to wait for the other side once standard input is at its end.
    """

    async def inwards() -> None:
        await _copy_in(proc, stream)
        await proc.sleep(quiet_for if quiet_for is not None else 10**9)

    try:
        await first(proc, inwards, lambda: _copy_out(proc, stream))
    except (BrokenPipeError, ConnectionResetError):
        pass
    finally:
        stream.close()


def _split_exec(argv: list[str]) -> tuple[list[str], list[str]]:
    """Words before ``-e``, and the program after it."""
    for index, word in enumerate(argv):
        if word.startswith("-") and not word.startswith("--") and word.endswith("e"):
            kept = [word[:-1]] if len(word) > 2 else []
            return argv[:index] + kept, argv[index + 1 :]
    return argv, []


async def nc(proc: Process) -> int:
    """BusyBox's ``nc`` in its full build (``networking/nc_bloaty.c``)."""
    words, program = _split_exec(proc.argv[1:])
    try:
        options = opt.parse(words, "lkp:s:w:i:nuvzto:46", {})
        listening = "l" in options
        if not listening and len(options.words) != 2:
            raise opt.UsageError
        wait = float(opt.number("nc", options["w"])) if "w" in options else None
        if listening:
            port_text = options.get("p", (options.words or [""])[-1])
            port = libc.port_number(proc, port_text)
            if port is None:
                raise opt.UsageError
            return await _listen(proc, options, port, program, wait)
    except opt.UsageError as error:
        return await opt.refuse(proc, "nc", error, NC_USAGE)
    except ValueError as error:
        await proc.err(f"{error}\n")
        return 1
    host, port_text = options.words
    port = libc.port_number(proc, port_text)
    if port is None:
        await proc.err(f"nc: bad port '{port_text}'\n")
        return 1
    try:
        address = (await libc.getaddrinfo(proc, host))[0]
    except libc.ResolveError:
        await proc.err(f"nc: bad address '{host}'\n")
        return 1
    if "u" in options:
        return await _udp_client(proc, address, port, wait, scan="z" in options)
    shown = f"{host} ({address}:{port})"
    try:
        stream = await within(proc, wait, lambda: proc.net.connect(address, port, owner=proc.pid))
    except TimeoutError:
        await proc.err(
            f"nc: {shown}: Operation timed out\n" if "v" in options else "nc: timed out\n"
        )
        return 1
    except OSError as error:
        # A scan says nothing unless it is asked to.
        if "z" not in options or "v" in options:
            await proc.err(f"nc: {shown}: {libc.strerror(error)}\n")
        return 1
    if "v" in options:
        await proc.err(f"{shown} open\n")
    if "z" in options:
        stream.close()
        return 0
    if program:
        return await _serve(proc, stream, program)
    await _talk(proc, stream, wait)
    return 0


async def _listen(
    proc: Process, options: opt.Options, port: int, program: list[str], wait: float | None
) -> int:
    address = options.get("s", "0.0.0.0")
    try:
        if "u" in options:
            return await _udp_server(proc, proc.net.bind_udp(address, port, owner=proc.pid))
        listener = proc.net.listen(address, port, owner=proc.pid)
    except OSError as error:
        await proc.err(f"nc: bind: {libc.strerror(error)}\n")
        return 1
    if "v" in options:
        await proc.err(f"listening on {address}:{listener.local[1]} ...\n")
    try:
        while True:
            stream = await listener.accept()
            if "v" in options:
                here, there = stream.local, stream.peer
                await proc.err(
                    f"connect to {here[0]}:{here[1]} from {there[0]}:{there[1]} "
                    f"({there[0]}:{there[1]})\n"
                )
            if "k" in options and program:
                proc.thread(lambda stream=stream: _serve(proc, stream, program))  # type: ignore[misc]
                continue
            listener.close()
            if program:
                return await _serve(proc, stream, program)
            await _talk(proc, stream, wait)
            return 0
    finally:
        listener.close()


async def _serve(proc: Process, stream: StreamSocket, program: list[str]) -> int:
    """Run a program whose input and output are the connection."""
    from course_lib.engine.userland.pipe import pipe

    in_reader, in_writer = pipe()
    out_reader, out_writer = pipe()

    async def inwards() -> None:
        try:
            while data := await stream.read():
                await in_writer.write(data)
        except OSError:
            pass
        finally:
            in_writer.close()

    async def outwards() -> None:
        try:
            while data := await out_reader.read():
                await stream.write(data)
        except OSError:
            pass

    try:
        child = await proc.spawn(program, fds={0: in_reader, 1: out_writer, 2: proc.stderr})
    except OSError as error:
        await proc.err(f"nc: can't execute '{program[0]}': {libc.strerror(error)}\n")
        for end in (in_writer, out_reader, in_reader, out_writer):
            end.close()
        stream.close()
        return 127
    in_reader.close()
    out_writer.close()
    feeding = proc.thread(inwards)
    try:
        await outwards()
        return await child.wait()
    finally:
        await cancel(feeding)
        in_writer.close()
        out_reader.close()
        stream.close()


async def _udp_client(
    proc: Process, address: str, port: int, wait: float | None, *, scan: bool
) -> int:
    socket = proc.net.bind_udp("0.0.0.0", 0, owner=proc.pid)
    try:
        if scan:
            await socket.send(b"", (address, port))
            return 0

        async def sending() -> None:
            while data := await proc.stdin.read():
                await socket.send(data, (address, port))
            await proc.sleep(wait if wait is not None else 10**9)

        async def receiving() -> None:
            while True:
                data, origin = await socket.receive()
                if origin == (address, port):
                    await proc.out(data)

        await first(proc, sending, receiving)
    except OSError as error:
        if error.errno != errno.ECONNREFUSED:
            await proc.err(f"nc: sendto: {libc.strerror(error)}\n")
        return 1
    finally:
        socket.close()
    return 0


async def _udp_server(proc: Process, socket: DatagramSocket) -> int:
    try:
        data, peer = await socket.receive()
        await proc.out(data)

        async def sending() -> None:
            while words := await proc.stdin.read():
                await socket.send(words, peer)
            await proc.sleep(10**9)

        async def receiving() -> None:
            while True:
                more, _ = await socket.receive()
                await proc.out(more)

        await first(proc, sending, receiving)
    finally:
        socket.close()
    return 0


TELNET_USAGE = """
[-a] [-l USER] HOST [PORT]

Connect to telnet server

	-a	Automatic login with $USER variable
	-l USER	Automatic login as USER"""

_IAC, _DONT, _DO, _WONT, _WILL, _SB, _SE = 255, 254, 253, 252, 251, 250, 240


class _TelnetFilter:
    """Takes telnet commands out of what the server sends and refuses every option offered."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """What to show, and what to answer."""
        data = self._rest + data
        self._rest = b""
        shown, answer = bytearray(), bytearray()
        position = 0
        while position < len(data):
            byte = data[position]
            if byte != _IAC:
                shown.append(byte)
                position += 1
                continue
            command = data[position + 1 : position + 3]
            if not command or (command[0] in {_DONT, _DO, _WONT, _WILL} and len(command) < 2):
                self._rest = data[position:]
                break
            if command[0] == _IAC:
                shown.append(_IAC)
                position += 2
            elif command[0] in {_DO, _WILL}:
                answer += bytes([_IAC, _WONT if command[0] == _DO else _DONT, command[1]])
                position += 3
            elif command[0] in {_DONT, _WONT}:
                position += 3
            elif command[0] == _SB:
                end = data.find(bytes([_IAC, _SE]), position)
                if end < 0:
                    self._rest = data[position:]
                    break
                position = end + 2
            else:
                position += 2
        return bytes(shown), bytes(answer)


async def telnet(proc: Process) -> int:
    """BusyBox's ``telnet``: a line-wise connection to a server."""
    try:
        options = opt.parse(proc.argv[1:], "al:", {})
        if not options.words:
            raise opt.UsageError
    except opt.UsageError as error:
        return await opt.refuse(proc, "telnet", error, TELNET_USAGE)
    host = options.words[0]
    port = libc.port_number(proc, options.words[1] if len(options.words) > 1 else "23")
    if port is None:
        await proc.err(f"telnet: bad port '{options.words[1]}'\n")
        return 1
    try:
        address = (await libc.getaddrinfo(proc, host))[0]
    except libc.ResolveError:
        await proc.err(f"telnet: bad address '{host}'\n")
        return 1
    try:
        stream = await proc.net.connect(address, port, owner=proc.pid)
    except OSError as error:
        await proc.err(
            f"telnet: can't connect to remote host ({address}): {libc.strerror(error)}\n"
        )
        return 1
    await proc.out(f"Connected to {host}\n")
    tty = proc.stdin.isatty()
    closed = asyncio.Event()
    proc.on_signal(signal.SIGINT, lambda _signum: closed.set())

    async def typing() -> None:
        while data := await proc.stdin.read():
            await stream.write(data.replace(b"\xff", b"\xff\xff").replace(b"\n", b"\r\n"))

    async def showing() -> None:
        telnet_filter = _TelnetFilter()
        try:
            while data := await stream.read():
                shown, answer = telnet_filter.feed(data)
                await proc.out(shown.replace(b"\r\n", b"\n") if tty else shown)
                if answer:
                    await stream.write(answer)
        except ConnectionResetError:
            pass
        await proc.err("Connection closed by foreign host\n")
        status.append(1)

    async def interrupted() -> None:
        await closed.wait()

    status: list[int] = []
    try:
        await first(proc, typing, showing, interrupted)
    except (BrokenPipeError, ConnectionResetError):
        await proc.err("Connection closed by foreign host\n")
        return 1
    finally:
        stream.close()
    return status[0] if status else 0


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
    await proc.out(f"traceroute to {host} ({address}), {hops} hops max, 46 byte packets\n")
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
