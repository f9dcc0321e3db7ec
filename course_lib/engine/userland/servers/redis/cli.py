"""``redis-cli``."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from course_lib.engine.interfaces import Process, StreamSocket
from course_lib.engine.userland import libc
from course_lib.engine.userland.servers.redis.resp import (
    Failure,
    ProtocolError,
    ReplyReader,
    Status,
    encode_command,
    split_line,
)

_USAGE = """Usage: redis-cli [OPTIONS] [cmd [arg [arg ...]]]
  -h <hostname>      Server hostname (default: 127.0.0.1).
  -p <port>          Server port (default: 6379).
  -a <password>      Password to use when connecting to the server.
  -r <repeat>        Execute specified command N times.
  -i <interval>      Waits <interval> seconds per command when -r is used.
  -n <db>            Database number.
  -x                 Read last argument from STDIN.
  --raw              Use raw formatting for replies.
  --no-raw           Force formatted output even when STDOUT is not a tty.
  --help             Output this help and exit.
  --version          Output version and exit.
"""
_LOCAL = "127.0.0.1"


def _quoted(data: bytes) -> str:
    """A string as redis-cli shows it on a terminal (``sdscatrepr``)."""
    table = {0x5C: "\\\\", 0x22: '\\"', 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 7: "\\a", 8: "\\b"}
    return '"' + "".join(
        table.get(b) or (chr(b) if 32 <= b < 127 else f"\\x{b:02x}") for b in data
    ) + '"'  # fmt: skip


def formatted(value: Any, prefix: str = "") -> str:
    """A reply for a person."""
    if isinstance(value, Status):
        return f"{value.text}\n"
    if isinstance(value, Failure):
        return f"(error) {value.text}\n"
    if value is None:
        return "(nil)\n"
    if isinstance(value, int):
        return f"(integer) {value}\n"
    if isinstance(value, bytes):
        return f"{_quoted(value)}\n"
    if not value:
        return "(empty array)\n"
    width = len(str(len(value)))
    inner = prefix + " " * (width + 2)
    rows = []
    for number, item in enumerate(value, 1):
        lead = prefix if number > 1 else ""
        rows.append(f"{lead}{number:>{width}}) {formatted(item, inner)}")
    return "".join(rows)


def raw(value: Any) -> bytes:
    """A reply for another program."""
    if isinstance(value, Failure):
        return f"{value.text}\n\n".encode()
    if isinstance(value, Status):
        return f"{value.text}\n".encode()
    if value is None:
        return b"\n"
    if isinstance(value, int):
        return b"%d\n" % value
    if isinstance(value, bytes):
        return value + b"\n"
    return b"".join(raw(item) for item in value) or b"\n"


class _Options:
    def __init__(self) -> None:
        self.host, self.port, self.password = _LOCAL, 6379, ""
        self.database, self.repeat, self.interval = 0, 1, 0.0
        self.raw: bool | None = None
        self.last_from_stdin = False
        self.words: list[str] = []
        self.show = ""


def _parse(argv: list[str]) -> _Options | str:
    """Options, or the word that makes no sense."""
    options = _Options()
    values: dict[str, Callable[[str], None]] = {
        "-h": lambda v: setattr(options, "host", v),
        "-p": lambda v: setattr(options, "port", int(v)),
        "-a": lambda v: setattr(options, "password", v),
        "-r": lambda v: setattr(options, "repeat", int(v)),
        "-i": lambda v: setattr(options, "interval", float(v)),
        "-n": lambda v: setattr(options, "database", int(v)),
    }
    rest = list(argv)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word in values:
            if not rest:
                return word
            try:
                values[word](rest.pop(0))
            except ValueError:
                return word
        elif word in {"--raw", "--no-raw"}:
            options.raw = word == "--raw"
        elif word == "-x":
            options.last_from_stdin = True
        elif word in {"-v", "--version", "--help"}:
            options.show = word
        elif word == "--no-auth-warning":
            continue
        else:
            return word
    options.words = rest
    return options


class _Link:
    """The connection to the server, made when it is first needed."""

    def __init__(self, proc: Process, options: _Options) -> None:
        self._proc = proc
        self._options = options
        self._stream: StreamSocket | None = None
        self._reader = ReplyReader()

    @property
    def connected(self) -> bool:
        return self._stream is not None

    async def connect(self) -> str | None:
        """Connect and log in; what went wrong, or None."""
        host, port = self._options.host, self._options.port
        where = f"Could not connect to Redis at {host}:{port}"
        try:
            address = (await libc.getaddrinfo(self._proc, host))[0]
            stream = await self._proc.net.connect(address, port, owner=self._proc.pid)
        except libc.ResolveError as error:
            reason = (
                "Temporary failure in name resolution"
                if error.temporary
                else "Name or service not known"
            )
            return f"{where}: {reason}"
        except OSError as error:
            return f"{where}: {error.strerror}"
        self._stream, self._reader = stream, ReplyReader()
        if self._options.password:
            await self.ask([b"AUTH", self._options.password.encode()])
        if self._options.database:
            await self.ask([b"SELECT", b"%d" % self._options.database])
        return None

    async def ask(self, words: list[bytes]) -> Any:
        """Send a command, wait for its reply.

        :raises ConnectionError: the server has gone.
        """
        assert self._stream is not None
        try:
            await self._stream.write(encode_command(words))
            return await self.reply()
        except OSError:
            self.close()
            raise ConnectionError from None

    async def reply(self) -> Any:
        """The next reply."""
        assert self._stream is not None
        while (found := self._reader.next()) is None:
            data = await self._stream.read()
            if not data:
                self.close()
                raise ConnectionError
            self._reader.feed(data)
        return found[0]

    def close(self) -> None:
        """Hang up."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


async def redis_cli(proc: Process) -> int:
    """One command from the arguments, or a conversation."""
    parsed = _parse(proc.argv[1:])
    if isinstance(parsed, str):
        await proc.err(f"Unrecognized option or bad number of args for: '{parsed}'\n")
        return 1
    if parsed.show:
        await proc.out(_USAGE if parsed.show == "--help" else "redis-cli 7.4.2\n")
        return 0
    link = _Link(proc, parsed)
    try:
        if parsed.words:
            return await _once(proc, parsed, link)
        return await _talk(proc, parsed, link)
    finally:
        link.close()


async def _show(proc: Process, options: _Options, reply: Any, name: bytes = b"") -> None:
    plain = options.raw if options.raw is not None else not proc.stdout.isatty()
    if plain or (name.lower() == b"info" and isinstance(reply, bytes)):
        await proc.out(raw(reply))
    else:
        await proc.out(formatted(reply))


async def _once(proc: Process, options: _Options, link: _Link) -> int:
    words = [word.encode("utf-8", "surrogateescape") for word in options.words]
    if options.last_from_stdin:
        data = b""
        while chunk := await proc.stdin.read():
            data += chunk
        words.append(data)
    trouble = await link.connect()
    if trouble:
        await proc.err(f"{trouble}\n")
        return 1
    reply: Any = None
    for turn in range(options.repeat):
        if turn and options.interval:
            await proc.sleep(options.interval)
        try:
            reply = await link.ask(words)
        except ConnectionError:
            if words[0].lower() == b"shutdown":
                return 0
            await proc.err("Error: Server closed the connection\n")
            return 1
        await _show(proc, options, reply, words[0])
        if words[0].lower() in {b"subscribe", b"psubscribe"}:
            while True:
                await _show(proc, options, await link.reply())
    return 0  # also for an error: only a connection that fails is a failure


async def _talk(proc: Process, options: _Options, link: _Link) -> int:
    tty = proc.stdin.isatty()
    trouble = await link.connect()
    if trouble:
        await proc.err(f"{trouble}\n")
        if not tty:
            return 1
    proc.on_signal(signal.SIGINT, None)
    pending = b""
    database = options.database
    while True:
        if tty:
            where = f"{options.host}:{options.port}" if link.connected else "not connected"
            await proc.out(f"{where}{f'[{database}]' if database and link.connected else ''}> ")
        while b"\n" not in pending:
            data = await proc.stdin.read()
            if not data:
                if tty:
                    await proc.out("\n")
                return 0
            pending += data
        line, _, pending = pending.partition(b"\n")
        try:
            words = split_line(line.strip())
        except ProtocolError:
            await proc.out("Invalid argument(s)\n")
            continue
        if not words:
            continue
        name = words[0].lower()
        if name in {b"quit", b"exit"}:
            return 0
        if name == b"clear":
            await proc.out("\033[H\033[2J")
            continue
        if not link.connected and (trouble := await link.connect()):
            await proc.err(f"{trouble}\n")
            continue
        try:
            reply = await link.ask(words)
        except ConnectionError:
            if name != b"shutdown":
                await proc.err("Error: Server closed the connection\n")
            continue
        await _show(proc, options, reply, name)
        if name == b"select" and isinstance(reply, Status):
            database = int(words[1])
            options.database = database
