"""The Engine API over a Unix socket of the container, or over TCP."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from course_lib.engine.interfaces import StreamSocket
from course_lib.engine.userland.http_client import BadReply, Exchange, Reply
from course_lib.engine.userland.libc import ResolveError, getaddrinfo
from course_lib.engine.userland.process import ContainerProcess

API = "1.45"
DEFAULT_HOST = "unix:///var/run/docker.sock"


class DockerError(Exception):
    """What the command prints; ``code`` is how it exits."""

    def __init__(self, message: str, code: int = 1, status: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class UnixStream:
    """A connected Unix socket as a stream (see `StreamSocket`)."""

    local = peer = ("", 0)

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._loop = asyncio.get_running_loop()

    async def read(self, size: int = 65536, /) -> bytes:
        """Bytes as they come; ``b""`` at the end."""
        return await self._loop.sock_recv(self._socket, size)

    async def write(self, data: bytes, /) -> None:
        """Send all."""
        await self._loop.sock_sendall(self._socket, data)

    def shutdown_write(self) -> None:
        """Say that no more will be sent."""
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Give the connection up."""
        self._socket.close()

    abort = close


class Hijacked:
    """A connection that carries raw bytes both ways, after ``101 Switching Protocols``."""

    def __init__(self, stream: StreamSocket, rest: bytes) -> None:
        self._stream = stream
        self._rest = rest
        self.write = stream.write
        self.shutdown_write = stream.shutdown_write
        self.close = stream.close

    async def read(self) -> bytes:
        """What came; ``b""`` at the end."""
        if self._rest:
            data, self._rest = self._rest, b""
            return data
        return await self._stream.read()


class Pending:
    """An answer whose content is still to come."""

    def __init__(self, stream: StreamSocket, reply: Reply) -> None:
        self._stream = stream
        self._reply = reply
        self.close = stream.close

    async def result(self) -> Any:
        """The content: parsed JSON, None where there is none.

        :raises DockerError: the engine refused.
        """
        try:
            data = b"".join([piece async for piece in self._reply.body()])
        finally:
            self.close()
        _check(self._reply.status, data)
        kind = self._reply.header("content-type") or ""
        return json.loads(data) if data.strip() and kind.startswith("application/json") else None


class Client:
    """Requests to one engine, each on a connection of its own.

    :param host: ``unix:///path`` in the container, or ``tcp://host:port`` in its networks.
    """

    def __init__(self, proc: ContainerProcess, host: str) -> None:
        self._proc = proc
        kind, found, where = host.partition("://")
        if not found:
            kind, where = "tcp", host
        if kind not in ("unix", "tcp"):
            raise DockerError(f"unable to parse docker host `{host}`")
        if kind == "tcp" and ":" not in where:
            where += ":2375"
        self.host = f"{kind}://{where}"
        self._where = where
        self._unix = kind == "unix"

    async def _connect(self) -> StreamSocket:
        try:
            if self._unix:
                path = self._proc.path(self._where)
                return UnixStream(self._proc.fs.connect(path))
            name, _, port = self._where.rpartition(":")
            (address, *_) = await getaddrinfo(self._proc, name)
            return await self._proc.net.connect(address, int(port), owner=self._proc.pid)
        except PermissionError:
            raise DockerError(
                "permission denied while trying to connect to the Docker daemon socket at "
                f"{self.host}"
            ) from None
        except (OSError, ValueError, ResolveError):
            raise DockerError(
                f"Cannot connect to the Docker daemon at {self.host}. Is the docker daemon running?"
            ) from None

    async def _request(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None,
        body: Any,
        upgrade: bool = False,
    ) -> tuple[StreamSocket, Exchange, Reply | None]:
        stream = await self._connect()
        target = f"/v{API}{quote(path, safe='/:@')}"
        if params:
            target += "?" + urlencode(
                {k: json.dumps(v) if isinstance(v, dict) else v for k, v in params.items()}
            )
        headers = [("Host", "docker"), ("User-Agent", "Docker-Client/embedded (linux)")]
        data = b"" if body is None else json.dumps(body).encode()
        if body is not None:
            headers.append(("Content-Type", "application/json"))
        headers.append(("Content-Length", str(len(data))))
        if upgrade:
            headers += [("Connection", "Upgrade"), ("Upgrade", "tcp")]
        exchange = Exchange(stream)
        try:
            if upgrade:
                return stream, exchange, await exchange.upgrade(method, target, headers, data)
            return stream, exchange, await exchange.request(method, target, headers, data)
        except (BadReply, OSError) as error:
            stream.close()
            raise DockerError(f"error during connect: {error}") from None

    async def call(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> Any:
        """One request and its answer: parsed JSON, None where there is none.

        :raises DockerError: the engine refused, or does not answer.
        """
        return await (await self.begin(method, path, params, body)).result()

    async def begin(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> Pending:
        """One request whose answer has begun: the engine is at it (``wait``).

        :raises DockerError: the engine does not answer.
        """
        stream, _, reply = await self._request(method, path, params, body)
        assert reply is not None
        return Pending(stream, reply)

    async def stream(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> AsyncIterator[bytes]:
        """The content of an answer as it comes.

        :raises DockerError: the engine refused, or does not answer.
        """
        stream, _, reply = await self._request(method, path, params, body)
        assert reply is not None
        try:
            if reply.status >= 400:
                _check(reply.status, b"".join([piece async for piece in reply.body()]))
            async for piece in reply.body():
                yield piece
        finally:
            stream.close()

    async def hijack(
        self, path: str, params: Mapping[str, Any] | None = None, body: Any = None
    ) -> Hijacked:
        """``POST`` for a raw stream (``attach``, ``exec start``).

        :raises DockerError: the engine refused, or does not answer.
        """
        stream, exchange, reply = await self._request("POST", path, params, body, upgrade=True)
        if reply is not None:
            data = b"".join([piece async for piece in reply.body()])
            stream.close()
            _check(reply.status, data)
            raise DockerError("unable to upgrade to tcp")
        return Hijacked(stream, exchange.trailing)


def _check(status: int, data: bytes) -> None:
    if status < 400:
        return
    try:
        message = json.loads(data)["message"]
    except (ValueError, KeyError, TypeError):
        message = data.decode(errors="replace").strip() or f"status {status}"
    raise DockerError(f"Error response from daemon: {message}", status=status)
