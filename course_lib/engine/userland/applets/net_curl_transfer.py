"""One transfer of ``curl``, from the look-up of a host to the last byte of its answer."""

from __future__ import annotations

import errno
import os
from typing import Protocol
from urllib.parse import urljoin

from course_lib.engine.interfaces import Process
from course_lib.engine.userland import libc
from course_lib.engine.userland.applets import net_options as opt
from course_lib.engine.userland.applets.net_curl_connections import Connection, Connections
from course_lib.engine.userland.applets.net_curl_result import Result
from course_lib.engine.userland.applets.net_curl_url import CurlError, Url
from course_lib.engine.userland.http_client import BadReply, Reply
from course_lib.engine.userland.waiting import within

VERSION = "7.61.1"

_REDIRECTS = {301, 302, 303, 307, 308}


class Output(Protocol):
    """Where a transfer writes what it gets."""

    async def write(self, data: bytes, /) -> None: ...
    def close(self) -> None: ...


class Transfer:
    """One URL, from the look-up of its host to the last byte of its answer.

    :param connections: what earlier URLs have left open, and this one leaves.
    """

    def __init__(
        self, proc: Process, options: opt.Options, output: Output, connections: Connections
    ) -> None:
        self.proc = proc
        self.options = options
        self.output = output
        self.connections = connections
        self.result = Result()
        self.began = proc.machine.clock.monotonic()
        self.limit = _seconds(options, "m")

    def elapsed(self) -> float:
        """Seconds since the transfer began."""
        return self.proc.machine.clock.monotonic() - self.began

    async def note(self, text: str, mark: str = "*") -> None:
        """A line of ``-v``."""
        if "v" in self.options:
            await self.proc.err(f"{mark} {text}\n")

    async def resolve(self, url: Url) -> str:
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

    async def connect(self, url: Url) -> Connection:
        """A connection to the host of ``url``, within the limits set."""
        connection = self.connections.idle(url.host, url.port)
        if connection is None:
            connection = await self._connect(url)
            self.result.connects += 1
            self.result.times["connect"] = self.elapsed()
        else:
            self.result.times["namelookup"] = self.result.times["connect"] = self.elapsed()
            await self.note(
                f"Re-using existing connection! (#{connection.number}) with host {url.host}"
            )
        stream = connection.stream
        self.result.remote, self.result.local = stream.peer, stream.local
        await self.note(
            f"Connected to {url.host} ({connection.address}) port {url.port} (#{connection.number})"
        )
        return connection

    async def _connect(self, url: Url) -> Connection:
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
            await self.note(f"Closing connection {self.connections.made}")
            code = 28 if error.errno == errno.ETIMEDOUT else 7
            raise CurlError(
                code, f"Failed to connect to {url.host} port {url.port}: {reason}"
            ) from None
        return self.connections.opened(stream, address)

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

    def _headers(self, url: Url, body: bytes | None) -> list[tuple[str, str]]:
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
        url = Url.parse(text)
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
            connection, reply = await self._answered(url, method, body)
            try:
                location = reply.header("location")
                follow = "L" in self.options and reply.status in _REDIRECTS and bool(location)
                await self._take(reply, ignore=follow)
            except BaseException:
                connection.close()
                raise
            if self.connections.keep(url.host, url.port, connection):
                await self.note(f"Connection #{connection.number} to host {url.host} left intact")
            else:
                await self.note(f"Closing connection {connection.number}")
            if not follow or location is None:
                if location:
                    self.result.redirect_url = urljoin(url.text, location)
                return
            if self.result.redirects >= limit:
                raise CurlError(47, f"Maximum ({limit}) redirects followed")
            self.result.redirects += 1
            target = urljoin(url.text, location)
            await self.note(f"Issue another request to this URL: '{target}'")
            url = Url.parse(target)
            if reply.status == 303 or (method == "POST" and reply.status in {301, 302}):
                method, body = self.options.get("X", "GET"), None

    async def _answered(
        self, url: Url, method: str, body: bytes | None
    ) -> tuple[Connection, Reply]:
        """The head of an answer; on a fresh connection where a kept one turns out to be dead."""
        while True:
            connection = await self.connect(url)
            try:
                if url.scheme == "https":
                    raise CurlError(35, "TLS is not supported by the embedded engine")
                return connection, await self._ask(connection, url, method, body)
            except CurlError as error:
                connection.close()
                dead = connection.reused and not connection.exchange.received
                if not (dead and error.code in {52, 56}):
                    raise
            except BaseException:
                connection.close()
                raise

    async def _ask(
        self, connection: Connection, url: Url, method: str, body: bytes | None
    ) -> Reply:
        headers = self._headers(url, body)
        if "v" in self.options:
            lines = [f"{method} {url.target} HTTP/1.1", *(f"{n}: {v}" for n, v in headers), ""]
            await self.proc.err("".join(f"> {line}\n" for line in lines))
        self.result.times["pretransfer"] = self.elapsed()
        try:
            reply = await within(
                self.proc, self._left(),
                lambda: connection.exchange.request(method, url.target, headers, body or b""),
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

    async def _take(self, reply: Reply, *, ignore: bool) -> None:
        """Read the content to its end, and write it out unless it is to be ignored."""
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
            if ignore:
                continue
            self.result.size += len(chunk)
            if "v" in self.options:
                await self.proc.err(f"{{ [{len(chunk)} bytes data]\n")
            await self._write(chunk)


def _seconds(options: opt.Options, name: str) -> float | None:
    return opt.seconds("curl", options[name]) or None if name in options else None
