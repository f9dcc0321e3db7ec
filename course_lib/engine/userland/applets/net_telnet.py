"""BusyBox's ``telnet``."""

from __future__ import annotations

import asyncio
import signal

from course_lib.engine.interfaces import Process
from course_lib.engine.userland import libc
from course_lib.engine.userland.applets import net_options as opt
from course_lib.engine.userland.waiting import first

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
                await proc.out(shown)
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
