"""One HTTP/1.1 exchange over a container's network: what ``wget`` and ``curl`` are built on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from course_lib.engine.interfaces import StreamSocket

if TYPE_CHECKING:
    import h11

Headers = Sequence[tuple[str, str]]


class BadReply(Exception):
    """The server closed the connection early or sent something that is not HTTP.

    :param empty: it sent nothing at all.
    """

    def __init__(self, message: str, *, empty: bool = False) -> None:
        super().__init__(message)
        self.empty = empty


class Reply:
    """Status line and headers of an answer; :meth:`body` gives the rest as it comes.

    :ivar headers: names as the server spelled them, in its order.
    """

    def __init__(self, exchange: Exchange, response: h11.Response) -> None:
        self._exchange = exchange
        self.version = response.http_version.decode()
        self.status = response.status_code
        self.reason = response.reason.decode("latin-1")
        self.headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in response.headers.raw_items()
        ]

    @property
    def status_line(self) -> str:
        """``HTTP/1.1 200 OK``."""
        return f"HTTP/{self.version} {self.status} {self.reason}".rstrip()

    def header(self, name: str) -> str | None:
        """Value of the first header of that name, in whatever case."""
        wanted = name.lower()
        return next((v for n, v in self.headers if n.lower() == wanted), None)

    @property
    def length(self) -> int | None:
        """``Content-Length``, where the server said it."""
        value = self.header("content-length")
        return int(value) if value is not None and value.isdigit() else None

    async def body(self) -> AsyncIterator[bytes]:
        """The content, decoded from its transfer encoding.

        :raises BadReply: it ended before its announced end.
        """
        import h11

        while True:
            event = await self._exchange.next_event()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                return


class Exchange:
    """A client's side of a connection, for one request at a time (:meth:`renew`)."""

    def __init__(self, stream: StreamSocket) -> None:
        import h11

        self._stream = stream
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
        self.received = 0

    async def next_event(self) -> h11.Event:
        """The next thing the server says."""
        import h11

        while True:
            try:
                event = self._connection.next_event()
            except h11.RemoteProtocolError as error:
                raise BadReply(str(error), empty=self.received == 0) from None
            if event is h11.NEED_DATA:
                data = await self._stream.read()
                self.received += len(data)
                self._connection.receive_data(data)
                continue
            if isinstance(event, h11.Event):
                return event
            return h11.ConnectionClosed()

    async def request(self, method: str, target: str, headers: Headers, body: bytes = b"") -> Reply:
        """Send a request and read the head of its answer; interim answers are skipped.

        :raises BadReply: no HTTP answer came.
        :raises OSError: the connection broke.
        """
        import h11

        await self._send(method, target, headers, body)
        while True:
            event = await self.next_event()
            if isinstance(event, h11.Response):
                return Reply(self, event)
            if isinstance(event, h11.ConnectionClosed | h11.EndOfMessage):
                raise BadReply("connection closed", empty=self.received == 0)

    async def upgrade(
        self, method: str, target: str, headers: Headers, body: bytes = b""
    ) -> Reply | None:
        """Ask for another protocol: None where the server switches, else its answer.

        What follows on the connection is no longer HTTP; its beginning is in :attr:`trailing`.

        :raises BadReply: no HTTP answer came.
        :raises OSError: the connection broke.
        """
        import h11

        await self._send(method, target, headers, body)
        while True:
            event = await self.next_event()
            if isinstance(event, h11.InformationalResponse) and event.status_code == 101:
                return None
            if isinstance(event, h11.Response):
                return Reply(self, event)
            if isinstance(event, h11.ConnectionClosed | h11.EndOfMessage):
                raise BadReply("connection closed", empty=self.received == 0)

    def renew(self) -> bool:
        """Whether another request may follow on the connection (``Connection: keep-alive``)."""
        import h11

        connection = self._connection
        if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
            return False
        connection.start_next_cycle()
        self.received = 0
        return True

    @property
    def trailing(self) -> bytes:
        """What was read beyond the end of HTTP."""
        return bytes(self._connection.trailing_data[0])

    async def _send(self, method: str, target: str, headers: Headers, body: bytes) -> None:
        import h11

        data = b""
        event: h11.Event
        try:
            for event in (
                h11.Request(method=method, target=target, headers=list(headers)),
                *([h11.Data(data=body)] if body else []),
                h11.EndOfMessage(),
            ):
                data += self._connection.send(event) or b""
        except h11.LocalProtocolError as error:
            raise BadReply(str(error)) from None
        await self._stream.write(data)
