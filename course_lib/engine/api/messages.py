"""Requests and responses as the routes see them: no sockets, no parsing of HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qs

from course_lib.engine.api.version import Version
from course_lib.engine.errdefs import InvalidParameter
from course_lib.engine.truth import parse_bool

Headers = tuple[tuple[str, str], ...]


class Body(Protocol):
    """The body of a request, as it arrives."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def read_all(self, limit: int) -> bytes:
        """The whole body.

        :raises BodyTooLarge: it has more than ``limit`` bytes.
        """


class RawStream(Protocol):
    """A connection that was taken over from HTTP (hijacked)."""

    async def read(self, size: int = 65536) -> bytes:
        """What the client sent next; ``b""`` when it sends no more."""

    async def write(self, data: bytes) -> None:
        """Send, waiting while the client does not read; ``ConnectionError`` when it is gone."""

    async def wait_closed(self) -> None:
        """Wait until the client has closed its side altogether."""


@dataclass(slots=True)
class Request:
    """One API call.

    :param path: decoded, without the version prefix.
    :param version: the API version of the path, or the engine's own.
    :param variables: the named parts of the route's pattern.
    """

    method: str
    path: str
    version: Version
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: Body
    variables: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        """A query parameter; the first value if it is given several times."""
        values = self.query.get(name)
        return values[0] if values else default

    def flag(self, name: str, default: bool = False) -> bool:
        """A truth value as Moby reads it: everything but ``0``, ``no``, ``false``, ``none``."""
        values = self.query.get(name)
        if not values:
            return default
        return values[0].strip().lower() not in {"", "0", "no", "false", "none"}

    def truth(self, name: str) -> bool:
        """A truth value as Go reads it, false where the parameter is absent or empty.

        :raises InvalidParameter: it is none.
        """
        text = self.text(name)
        try:
            return parse_bool(text or "0")
        except ValueError as error:
            raise InvalidParameter(f"invalid value for {name}: {text}: {error}") from None

    def number(self, name: str) -> int | None:
        """An integer, ``None`` where the parameter is absent or empty.

        :raises InvalidParameter: it is not one; the text is that of Go's ``strconv.Atoi``.
        """
        text = self.text(name)
        return None if not text else atoi(text)


def atoi(text: str) -> int:
    """Go's ``strconv.Atoi`` with its error text."""
    digits = text[1:] if text[:1] in {"-", "+"} else text
    if not (digits.isascii() and digits.isdigit()):
        raise InvalidParameter(f"strconv.Atoi: parsing {json.dumps(text)}: invalid syntax")
    value = int(text)
    if not -(2**63) <= value < 2**63:
        raise InvalidParameter(f"strconv.Atoi: parsing {json.dumps(text)}: value out of range")
    return value


def parse_query(text: str) -> dict[str, list[str]]:
    """The query string, empty values included."""
    if not text:
        return {}
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=1000)
    except ValueError as error:
        raise InvalidParameter(f"invalid query: {error}") from None


@dataclass(slots=True)
class Response:
    """An answer that is known as a whole.

    :param sized: ``headers`` say its length already.
    :param last: the connection ends after it.
    """

    status: int = 200
    body: bytes = b""
    content_type: str | None = None
    headers: Headers = ()
    sized: bool = False
    last: bool = False


@dataclass(slots=True)
class StreamResponse:
    """An answer that comes piece by piece; its headers are sent at once.

    The iterator is closed when the client leaves.
    """

    chunks: AsyncIterator[bytes]
    status: int = 200
    content_type: str = "application/json"
    headers: Headers = ()


@dataclass(slots=True)
class Upgrade:
    """Hand the connection over: ``run`` talks to the client over the raw stream.

    Clients that sent ``Upgrade: tcp`` are answered 101, older ones 200, as dockerd does.
    """

    run: Callable[[RawStream], Awaitable[None]]
    content_type: str = "application/vnd.docker.raw-stream"


AnyResponse = Response | StreamResponse | Upgrade
Handler = Callable[[Request], Awaitable[AnyResponse]]


def encode(value: Any) -> bytes:
    """JSON as Go's encoder writes it: no spaces, UTF-8, a line end."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogateescape") + b"\n"


def json_response(value: Any, status: int = 200) -> Response:
    """Answer with a JSON document."""
    return Response(status, encode(value), "application/json")


def no_content() -> Response:
    """204: done, nothing to say."""
    return Response(204)
