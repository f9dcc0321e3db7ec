"""BusyBox's ``nc``."""

from __future__ import annotations

import errno

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
            stream = await within(proc, wait, listener.accept)
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
    except TimeoutError:
        await proc.err("nc: timed out\n")
        return 1
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
