"""One transfer of ``curl``, from the look-up of a host to the last byte of its answer."""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urljoin, urlsplit

from course_lib.engine.interfaces import Process, StreamSocket
from course_lib.engine.userland import libc
from course_lib.engine.userland.applets import net_options as opt
from course_lib.engine.userland.http_client import BadReply, Exchange, Reply
from course_lib.engine.userland.waiting import within

VERSION = "7.61.1"

_REDIRECTS = {301, 302, 303, 307, 308}


class CurlError(Exception):
    """Ends a transfer: curl's exit code and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class _Url:
    scheme: str
    host: str
    port: int
    target: str
    authority: str
    credentials: str
    text: str

    @classmethod
    def parse(cls, text: str) -> _Url:
        full = text if "://" in text else f"http://{text}"
        try:
            parts = urlsplit(full)
            port = parts.port
        except ValueError:
            raise CurlError(3, "Port number out of range") from None
        if parts.scheme not in {"http", "https"}:
            raise CurlError(1, f'Protocol "{parts.scheme}" not supported or disabled in libcurl')
        if not parts.hostname:
            raise CurlError(3, "<url> malformed")
        if re.search(r"[\x00-\x20]", full):
            raise CurlError(3, "URL using bad/illegal format or missing URL")
        credentials, _, authority = parts.netloc.rpartition("@")
        default = 80 if parts.scheme == "http" else 443
        path = parts.path or "/"
        if "/." in path:  # curl takes such parts out itself (RFC 3986, 5.2.4)
            path = urlsplit(urljoin("http://host/", path)).path
        target = path + (f"?{parts.query}" if parts.query else "")
        number = default if port is None else port
        shown = full if parts.path else f"{parts.scheme}://{parts.netloc}{target}"
        return cls(parts.scheme, parts.hostname, number, target, authority, credentials, shown)


@dataclass(slots=True)
class _Result:
    """What ``-w`` can tell of a transfer."""

    url: str = ""
    status: int = 0
    size: int = 0
    header_size: int = 0
    content_type: str = ""
    remote: tuple[str, int] = ("", 0)
    local: tuple[str, int] = ("", 0)
    redirects: int = 0
    redirect_url: str = ""
    method: str = ""
    times: dict[str, float] = field(default_factory=dict)

    def expand(self, template: str) -> str:
        """The ``-w`` format with its variables and escapes filled in."""
        values = {
            "http_code": f"{self.status:03}", "response_code": f"{self.status:03}",
            "size_download": str(self.size), "size_header": str(self.header_size),
            "content_type": self.content_type, "remote_ip": self.remote[0],
            "remote_port": str(self.remote[1]), "local_ip": self.local[0],
            "local_port": str(self.local[1]), "num_redirects": str(self.redirects),
            "redirect_url": self.redirect_url, "url_effective": self.url, "scheme": "HTTP",
            "num_connects": "1", "http_version": "1.1", "method": self.method,
            "size_upload": "0", "speed_download": f"{self._speed():.3f}", "ssl_verify_result": "0",
            **{f"time_{name}": f"{value:.6f}" for name, value in self.times.items()},
        }  # fmt: skip
        text = re.sub(r"%\{([^}]*)\}", lambda m: values.get(m[1], ""), template)
        escapes = {"n": "\n", "r": "\r", "t": "\t"}
        text = re.sub(r"\\(.)", lambda m: escapes.get(m[1], m[0]), text)
        return text.replace("%%", "%")

    def _speed(self) -> float:
        total = self.times.get("total", 0.0)
        return self.size / total if total else 0.0


class Output(Protocol):
    """Where a transfer writes what it gets."""

    async def write(self, data: bytes, /) -> None: ...
    def close(self) -> None: ...


class Transfer:
    """One URL, from the look-up of its host to the last byte of its answer."""

    def __init__(self, proc: Process, options: opt.Options, output: Output) -> None:
        self.proc = proc
        self.options = options
        self.output = output
        self.result = _Result()
        self.began = proc.machine.clock.monotonic()
        self.limit = _seconds(options, "m")

    def elapsed(self) -> float:
        """Seconds since the transfer began."""
        return self.proc.machine.clock.monotonic() - self.began

    async def note(self, text: str, mark: str = "*") -> None:
        """A line of ``-v``."""
        if "v" in self.options:
            await self.proc.err(f"{mark} {text}\n")

    async def resolve(self, url: _Url) -> str:
        """The address to connect to, ``--resolve`` first."""
        for entry in self.options.all("resolve"):
            name, _, rest = entry.lstrip("+-").partition(":")
            port, _, addresses = rest.partition(":")
            if name.lower() in {url.host.lower(), "*"} and port == str(url.port) and addresses:
                return addresses.split(",")[0].strip("[]")
        family: libc.Family = (
            "inet" if "4" in self.options else "inet6" if "6" in self.options else "any"
        )
        try:
            return (await libc.getaddrinfo(self.proc, url.host, family))[0]
        except libc.ResolveError:
            await self.note(f"Could not resolve host: {url.host}")
            raise CurlError(6, f"Could not resolve host: {url.host}") from None

    async def connect(self, url: _Url) -> StreamSocket:
        """A connection to the host of ``url``, within the limits set."""
        limits = [x for x in (_seconds(self.options, "connect-timeout"), self._left()) if x]
        limit = min(limits) if limits else None
        try:
            address = await within(self.proc, limit, lambda: self.resolve(url))
        except TimeoutError:
            raise CurlError(28, f"Resolving timed out after {self._ms()} milliseconds") from None
        self.result.times["namelookup"] = self.elapsed()
        await self.note(f"  Trying {address}...")
        await self.note("TCP_NODELAY set")
        try:
            stream = await within(
                self.proc, limit,
                lambda: self.proc.net.connect(address, url.port, owner=self.proc.pid),
            )  # fmt: skip
        except TimeoutError:
            raise CurlError(28, f"Connection timed out after {self._ms()} milliseconds") from None
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            await self.note(f"connect to {address} port {url.port} failed: {reason}")
            await self.note(f"Failed to connect to {url.host} port {url.port}: {reason}")
            await self.note("Closing connection 0")
            code = 28 if error.errno == errno.ETIMEDOUT else 7
            raise CurlError(
                code, f"Failed to connect to {url.host} port {url.port}: {reason}"
            ) from None
        self.result.times["connect"] = self.elapsed()
        self.result.remote, self.result.local = stream.peer, stream.local
        await self.note(f"Connected to {url.host} ({address}) port {url.port} (#0)")
        return stream

    def _left(self) -> float | None:
        return None if self.limit is None else max(0.001, self.limit - self.elapsed())

    def _ms(self) -> int:
        return round(self.elapsed() * 1000)

    def _body(self) -> bytes | None:
        parts: list[bytes] = []
        for name in ("d", "data-raw", "data-binary", "data-urlencode"):
            for value in self.options.all(name):
                data = value.encode("utf-8", "surrogateescape")
                if value.startswith("@") and name not in {"data-raw", "data-urlencode"}:
                    data = self._file(value[1:])
                    if name == "d":
                        data = data.replace(b"\r", b"").replace(b"\n", b"")
                elif name == "data-urlencode":
                    from urllib.parse import quote

                    key, equals, content = value.partition("=")
                    data = (f"{key}=" if equals and key else "").encode()
                    data += quote(content if equals else value, safe="-._~").encode()
                parts.append(data)
        return b"&".join(parts) if parts else None

    def _file(self, name: str) -> bytes:
        try:
            return self.proc.fs.read_bytes(self.proc.path(name))
        except OSError:
            raise CurlError(26, f'couldn\'t open file "{name}"') from None

    def _headers(self, url: _Url, body: bytes | None) -> list[tuple[str, str]]:
        headers = [("Host", url.authority)]
        credentials = self.options.get("u", url.credentials)
        if credentials:
            import base64

            token = base64.b64encode(credentials.encode()).decode()
            headers.append(("Authorization", f"Basic {token}"))
        if "r" in self.options:
            headers.append(("Range", f"bytes={self.options['r']}"))
        headers.append(("User-Agent", self.options.get("A", f"curl/{VERSION}")))
        headers.append(("Accept", "*/*"))
        if "e" in self.options:
            headers.append(("Referer", self.options["e"]))
        if "b" in self.options:
            headers.append(("Cookie", self.options["b"]))
        if "compressed" in self.options:
            headers.append(("Accept-Encoding", "identity"))
        if body is not None:
            headers.append(("Content-Length", str(len(body))))
            headers.append(("Content-Type", "application/x-www-form-urlencoded"))
        for given in self.options.all("H"):
            name, colon, value = given.partition(":")
            if not colon:
                name, semicolon, value = given.partition(";")
                if not semicolon:
                    continue
            elif not value.strip():
                headers = [(n, v) for n, v in headers if n.lower() != name.lower()]
                continue
            position = next(
                (i for i, (n, _) in enumerate(headers) if n.lower() == name.lower()), -1
            )
            if position >= 0:
                headers[position] = (name, value.strip())
            else:
                headers.append((name, value.strip()))
        return headers

    async def run(self, text: str) -> None:
        """The whole transfer.

        :raises CurlError: with curl's exit code.
        """
        body = self._body()
        url = _Url.parse(text)
        if "G" in self.options and body is not None:
            joint = "&" if "?" in url.target else "?"
            url.target += joint + body.decode("latin-1")
            url.text += joint + body.decode("latin-1")
            body = None
        method = self.options.get(
            "X", "HEAD" if "I" in self.options else "POST" if body is not None else "GET"
        )
        limit = opt.number("curl", self.options.get("max-redirs", "50"))
        while True:
            self.result.url, self.result.method = url.text, method
            stream = await self.connect(url)
            try:
                if url.scheme == "https":
                    raise CurlError(35, "TLS is not supported by the embedded engine")
                reply = await self._ask(stream, url, method, body)
                location = reply.header("location")
                if not ("L" in self.options and reply.status in _REDIRECTS and location):
                    if location:
                        self.result.redirect_url = urljoin(url.text, location)
                    await self._take(reply, method)
                    await self.note(f"Connection #0 to host {url.host} left intact")
                    return
                if self.result.redirects >= limit:
                    raise CurlError(47, f"Maximum ({limit}) redirects followed")
                self.result.redirects += 1
                target = urljoin(url.text, location)
                await self.note(f"Issue another request to this URL: '{target}'")
                url = _Url.parse(target)
                if reply.status == 303 or (method == "POST" and reply.status in {301, 302}):
                    method, body = self.options.get("X", "GET"), None
            finally:
                stream.close()

    async def _ask(self, stream: StreamSocket, url: _Url, method: str, body: bytes | None) -> Reply:
        headers = self._headers(url, body)
        if "v" in self.options:
            lines = [f"{method} {url.target} HTTP/1.1", *(f"{n}: {v}" for n, v in headers), ""]
            await self.proc.err("".join(f"> {line}\n" for line in lines))
        exchange = Exchange(stream)
        self.result.times["pretransfer"] = self.elapsed()
        try:
            reply = await within(
                self.proc, self._left(),
                lambda: exchange.request(method, url.target, headers, body or b""),
            )  # fmt: skip
        except TimeoutError:
            raise self._too_slow(None) from None
        except BadReply as error:
            if error.empty:
                await self.note("Empty reply from server")
                raise CurlError(52, "Empty reply from server") from None
            raise CurlError(1, "Received HTTP/0.9 when not allowed") from None
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise CurlError(56, f"Recv failure: {reason}") from None
        self.result.times["starttransfer"] = self.elapsed()
        self.result.status = reply.status
        self.result.content_type = reply.header("content-type") or ""
        lines = [f"{reply.status_line}{'' if reply.reason else ' '}",
                 *(f"{n}: {v}" for n, v in reply.headers), ""]  # fmt: skip
        head = "".join(f"{line}\r\n" for line in lines)
        self.result.header_size += len(head)
        if "v" in self.options:
            await self.proc.err("".join(f"< {line}\n" for line in lines))
        if "f" in self.options and reply.status >= 400:
            await self.note(
                f"The requested URL returned error: {reply.status} {reply.reason}".rstrip()
            )
            raise CurlError(
                22, f"The requested URL returned error: {reply.status} {reply.reason}".rstrip()
            )
        if "i" in self.options or "I" in self.options:
            await self._write(head.encode("latin-1"))
        if "dump-header" in self.options:
            await self._dump(head.encode("latin-1"))
        return reply

    async def _dump(self, head: bytes) -> None:
        name = self.options["dump-header"]
        if name == "-":
            await self._write(head)
        else:
            self.proc.fs.write_bytes(self.proc.path(name), head)

    def _too_slow(self, reply: Reply | None) -> CurlError:
        of = f" out of {reply.length}" if reply is not None and reply.length is not None else ""
        return CurlError(
            28,
            f"Operation timed out after {self._ms()} milliseconds with {self.result.size}{of} "
            "bytes received",
        )

    async def _write(self, data: bytes) -> None:
        try:
            await self.output.write(data)
        except OSError:
            raise CurlError(23, f"Failed writing body (0 != {len(data)})") from None

    async def _take(self, reply: Reply, method: str) -> None:
        if method == "HEAD":
            return
        chunks = reply.body()

        async def following() -> bytes:
            return await anext(chunks, b"")

        total = reply.length
        while True:
            try:
                chunk = await within(self.proc, self._left(), following)
            except TimeoutError:
                raise self._too_slow(reply) from None
            except BadReply:
                if total is not None:
                    left = total - self.result.size
                    raise CurlError(
                        18, f"transfer closed with {left} bytes remaining to read"
                    ) from None
                raise CurlError(
                    18, "transfer closed with outstanding read data remaining"
                ) from None
            except OSError as error:
                raise CurlError(56, f"Recv failure: {os.strerror(error.errno or 0)}") from None
            if not chunk:
                return
            self.result.size += len(chunk)
            if "v" in self.options:
                await self.proc.err(f"{{ [{len(chunk)} bytes data]\n")
            await self._write(chunk)


def _seconds(options: opt.Options, name: str) -> float | None:
    return opt.seconds("curl", options[name]) or None if name in options else None
