"""BusyBox's ``wget`` (``networking/wget.c``)."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from course_lib.engine.interfaces import OpenFile, Process, StreamSocket
from course_lib.engine.userland import libc
from course_lib.engine.userland.applets import net_options as opt
from course_lib.engine.userland.http_client import BadReply, Exchange, Reply
from course_lib.engine.userland.waiting import within

USAGE = """
[-cqS] [--spider] [-O FILE] [-o LOGFILE] [--header STR]
	[--post-data STR | --post-file FILE] [-Y on/off]
	[--no-check-certificate] [-P DIR] [-U AGENT] [-T SEC] URL...

Retrieve files via HTTP or FTP

	--spider	Only check URL existence: $? is 0 if exists
	--header STR	Add STR (of form 'header: value') to headers
	--post-data STR	Send STR using POST method
	--post-file FILE	Send FILE using POST method
	--no-check-certificate	Don't validate the server's certificate
	-c		Continue retrieval of aborted transfer
	-q		Quiet
	-P DIR		Save to DIR (default .)
	-S    		Show server response
	-T SEC		Network read timeout is SEC seconds
	-O FILE		Save to FILE ('-' for stdout)
	-o LOGFILE	Log messages to FILE
	-U STR		Use STR for User-Agent header
	-Y on/off	Use proxy"""

_LONG = {
    "spider": "spider", "header=": "header", "post-data=": "post-data", "post-file=": "post-file",
    "no-check-certificate": "insecure", "continue": "c", "quiet": "q", "server-response": "S",
    "output-document=": "O", "output-file=": "o", "directory-prefix=": "P", "timeout=": "T",
    "user-agent=": "U", "proxy=": "Y", "tries=": "t", "passive-ftp": "ftp",
}  # fmt: skip
_REDIRECTS = {300, 301, 302, 303, 307, 308}
_MAX_REDIRECTS = 10
_BAR = 32


class _Failed(Exception):
    """Ends the program with a message; empty where it was said already."""


@dataclass(frozen=True, slots=True)
class _Target:
    scheme: str
    host: str
    port: int
    path: str
    authority: str

    @classmethod
    def parse(cls, url: str) -> _Target:
        if "://" not in url:
            url = f"http://{url}"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise _Failed(f"not an http or ftp url: {url}") from None
        ports = {"http": 80, "https": 443, "ftp": 21}
        if parts.scheme not in ports:
            raise _Failed(f"not an http or ftp url: {url}")
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
        if parts.query:
            path += "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~-._?[]{}")
        authority = parts.netloc.rpartition("@")[2]
        number = ports[parts.scheme] if port is None else port
        return cls(parts.scheme, parts.hostname or "", number, path, authority)

    def file_name(self) -> str:
        """The name it is saved under: the last part of URL and query."""
        path, mark, query = self.path.partition("?")
        return posixpath.basename(path) + mark + query if posixpath.basename(path) else "index.html"


class _Progress:
    """The meter on standard error: redrawn each second on a terminal, once at the end else."""

    def __init__(self, proc: Process, name: str, total: int | None) -> None:
        self._proc = proc
        self._name = posixpath.basename(name) or name
        self._total = total
        self._tty = proc.stderr.isatty()
        self._began = self._shown = proc.machine.clock.monotonic()

    async def show(self, done: int, *, end: bool = False) -> None:
        """Redraw where it is time to."""
        now = self._proc.machine.clock.monotonic()
        if not end and (not self._tty or now - self._shown < 1.0):
            return
        self._shown = now
        total = done if end else self._total
        line = f"{self._name:<20.20}"
        if total is not None:
            stars = _BAR * done // total if total else _BAR
            line += f" {100 * done // total if total else 100:3}% |{'*' * stars:<{_BAR}}|"
        size, scale = done, 0
        while size >= 100000:
            size, scale = size >> 10, scale + 1
        line += f"{size:5}{'kMGT'[scale - 1]} " if scale else f"{size:6} "
        elapsed = now - self._began
        left = int(elapsed * (total - done) / done) if total and done else 0
        seconds = left if total is not None else int(elapsed)
        hours, rest = divmod(seconds, 3600)
        line += (
            f" {hours}:{rest // 60:02}:{rest % 60:02} ETA"
            if total is not None
            else (f" {hours}:{rest // 60:02}:{rest % 60:02}")
        )
        start = "\r" if self._tty else ""
        await self._proc.err(f"{start}{line}" + ("\n" if end else ""))


class _Download:
    """Everything that one run of the program does."""

    def __init__(self, proc: Process, options: opt.Options) -> None:
        self.proc = proc
        self.options = options
        self.quiet = "q" in options
        self.timeout = float(opt.number("wget", options.get("T", "900"))) or None
        self.output: OpenFile | None = None
        self.log: OpenFile | None = None

    async def say(self, text: str) -> None:
        """A message for the user, unless -q."""
        if self.quiet:
            return
        if self.log is not None:
            await self.log.write(text.encode())
        else:
            await self.proc.err(text)

    async def resolve(self, target: _Target) -> str:
        """Address of the target's host, announced as BusyBox does."""
        try:
            address = (await libc.getaddrinfo(self.proc, target.host))[0]
        except libc.ResolveError:
            raise _Failed(f"bad address '{target.host}'") from None
        shown = f"[{address}]" if libc.is_ipv6(address) else address
        await self.say(f"Connecting to {target.authority} ({shown}:{target.port})\n")
        return address

    def body(self) -> bytes | None:
        """What to POST, None for GET."""
        if "post-file" in self.options:
            return self.proc.fs.read_bytes(self.proc.path(self.options["post-file"]))
        if "post-data" in self.options:
            return self.options["post-data"].encode()
        return None

    def headers(self, target: _Target, body: bytes | None, offset: int) -> list[tuple[str, str]]:
        """Request headers in BusyBox's order."""
        given = [tuple(h.split(":", 1)) for h in self.options.all("header") if ":" in h]
        extra = [(name.strip(), value.strip()) for name, value in given]
        names = {name.lower() for name, _ in extra}
        headers = [
            ("Host", target.authority),
            ("User-Agent", self.options.get("U", "Wget")),
            ("Connection", "close"),
        ]
        headers = [(n, v) for n, v in headers if n.lower() not in names]
        if offset:
            headers.append(("Range", f"bytes={offset}-"))
        headers += extra
        if body is not None:
            if "content-type" not in names:
                headers.append(("Content-Type", "application/x-www-form-urlencoded"))
            headers.append(("Content-Length", str(len(body))))
        return headers

    async def fetch(self, url: str) -> None:
        """Retrieve one URL, following redirections."""
        target = _Target.parse(url)
        name = self.options.get("O", "")
        if not name:
            folder = self.options.get("P", "")
            name = posixpath.join(folder, target.file_name()) if folder else target.file_name()
        offset = self._offset(name)
        body = self.body()
        address = await self.resolve(target)
        for _ in range(_MAX_REDIRECTS):
            try:
                stream = await self._connect(address, target.port)
            except TimeoutError:
                raise _Failed("download timed out") from None
            except OSError as error:
                reason = libc.strerror(error)
                raise _Failed(f"can't connect to remote host ({address}): {reason}") from None
            try:
                if target.scheme != "http":
                    raise _Failed(f"{target.scheme} is not supported by the embedded engine")
                reply = await self._ask(Exchange(stream), target, body, offset)
                location = reply.header("location")
                if reply.status in _REDIRECTS and location:
                    before = target
                    target = _Target.parse(
                        urljoin(f"http://{target.authority}{target.path}", location)
                    )
                    if (target.host, target.port) != (before.host, before.port):
                        address = await self.resolve(target)
                    body = body if reply.status in {307, 308} else None
                    continue
                await self._take(reply, name, offset)
                return
            finally:
                stream.close()
        raise _Failed("too many redirections")

    async def _connect(self, address: str, port: int) -> StreamSocket:
        net, owner = self.proc.net, self.proc.pid
        return await within(
            self.proc, self.timeout, lambda: net.connect(address, port, owner=owner)
        )

    def _offset(self, name: str) -> int:
        if "c" not in self.options or name == "-":
            return 0
        try:
            return self.proc.fs.stat(self.proc.path(name)).size
        except OSError:
            return 0

    async def _ask(
        self, exchange: Exchange, target: _Target, body: bytes | None, offset: int
    ) -> Reply:
        method = "POST" if body is not None else "HEAD" if "spider" in self.options else "GET"
        headers = self.headers(target, body, offset)
        try:
            reply = await within(
                self.proc, self.timeout,
                lambda: exchange.request(method, target.path, headers, body or b""),
            )  # fmt: skip
        except TimeoutError:
            raise _Failed("download timed out") from None
        except BadReply:
            raise _Failed("error getting response") from None
        except OSError as error:
            raise _Failed(f"error getting response: {libc.strerror(error)}") from None
        if "S" in self.options:
            lines = [reply.status_line, *(f"{n}: {v}" for n, v in reply.headers), ""]
            await self.proc.err("".join(f"  {line}\n" for line in lines))
        return reply

    async def _take(self, reply: Reply, name: str, offset: int) -> None:
        if reply.status not in {200, 201, 202, 203, 204, 206}:
            raise _Failed(f"server returned error: {reply.status_line}")
        if "spider" in self.options:
            await self.say("remote file exists\n")
            return
        if offset and reply.status != 206:
            await self.proc.err("wget: restart failed\n")
            offset = 0
        if self.output is None:
            self.output = self._open(name, offset)
        if name == "-":
            await self.say("writing to stdout\n")
        else:
            await self.say(f"saving to '{name}'\n")
        progress = _Progress(self.proc, name, reply.length)
        done = 0
        chunks = reply.body()

        async def following() -> bytes:
            return await anext(chunks, b"")

        while True:
            try:
                chunk = await within(self.proc, self.timeout, following)
            except TimeoutError:
                raise _Failed("download timed out") from None
            except BadReply:
                raise _Failed("connection closed prematurely") from None
            except OSError as error:
                raise _Failed(f"read error: {libc.strerror(error)}") from None
            if not chunk:
                break
            done += len(chunk)
            await self.output.write(chunk)
            if not self.quiet and self.log is None:
                await progress.show(done)
        if not self.quiet and self.log is None:
            await progress.show(done, end=True)
        await self.say("written to stdout\n" if name == "-" else f"'{name}' saved\n")
        if "O" not in self.options:
            self.output.close()
            self.output = None

    def _open(self, name: str, offset: int) -> OpenFile:
        if name == "-":
            return self.proc.stdout.dup()
        flags = os.O_WRONLY | os.O_CREAT
        if offset:
            flags |= os.O_APPEND
        else:
            flags |= os.O_TRUNC if "O" in self.options else os.O_EXCL
        try:
            return self.proc.fs.open(self.proc.path(name), flags, 0o666 & ~self.proc.umask)
        except OSError as error:
            raise _Failed(f"can't open '{name}': {libc.strerror(error)}") from None


async def wget(proc: Process) -> int:
    """Retrieve URLs."""
    try:
        options = opt.parse(proc.argv[1:], "cqSP:O:o:U:Y:T:t:", _LONG)
        if not options.words:
            raise opt.UsageError
    except opt.UsageError as error:
        return await opt.refuse(proc, "wget", error, USAGE)
    try:
        download = _Download(proc, options)
    except ValueError as error:
        await proc.err(f"{error}\n")
        return 1
    try:
        if "o" in options:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            download.log = proc.fs.open(proc.path(options["o"]), flags, 0o666 & ~proc.umask)
        for url in options.words:
            await download.fetch(url)
    except _Failed as failure:
        await proc.err(f"wget: {failure}\n")
        return 1
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        await proc.err(
            f"wget: can't open '{error.filename or options.get('o', '')}': {libc.strerror(error)}\n"
        )
        return 1
    finally:
        for file in (download.output, download.log):
            if file is not None:
                file.close()
    return 0
