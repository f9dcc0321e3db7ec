"""A bare HTTP client for a Unix socket: what the SDK would hide stays visible."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

API = "v1.45"
TIMEOUT = 30.0
PRUNING = b"a prune operation is already running"


@dataclass(frozen=True)
class Response:
    """One answer, read to its end. ``headers`` by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """The text of an error answer, ``{"message": …}``."""
        message = self.json()["message"]
        assert isinstance(message, str)
        return message


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = open_socket(self._path, self.timeout or TIMEOUT)


def open_socket(path: str, timeout: float = TIMEOUT) -> socket.socket:
    """A connected stream to the engine; the caller closes it."""
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stream.settimeout(timeout)
    try:
        stream.connect(path)
    except OSError:
        stream.close()
        raise
    return stream


class RawClient:
    """Requests to one socket, each on a connection of its own."""

    def __init__(self, path: str) -> None:
        self.path = path

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        version: str = API,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT,
    ) -> Response:
        """Sends one request.

        :param body: ``bytes`` are sent as they are, anything else as JSON; None sends nothing.
        :param version: the version that the path names; empty for an unversioned path.
        :param params: the query; dictionaries and lists are sent as JSON, as filters are, and a
            tuple gives its parameter several times.
        """
        sent = dict(headers or {})
        data: bytes | None = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = UnixConnection(self.path, timeout)
        try:
            connection.request(method, target(path, params, version), data, sent)
            answer = connection.getresponse()
            lower = {key.lower(): value for key, value in answer.getheaders()}
            return Response(answer.status, lower, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **words: Any) -> Response:
        return self.request("GET", path, **words)

    def post(self, path: str, body: Any = None, **words: Any) -> Response:
        """``POST``; again where another test prunes the same, which dockerd does one at a time."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            answer = self.request("POST", path, body, **words)
            if answer.status != 409 or PRUNING not in answer.body or time.monotonic() > deadline:
                return answer
            time.sleep(0.05)

    def delete(self, path: str, **words: Any) -> Response:
        return self.request("DELETE", path, **words)


def target(path: str, params: Mapping[str, Any] | None = None, version: str = API) -> str:
    """The request target: version prefix, path, encoded query."""
    query = ""
    if params:
        flat = [
            (name, one if isinstance(one, str) else json.dumps(one))
            for name, value in params.items()
            for one in (value if isinstance(value, tuple) else (value,))
        ]
        query = "?" + urlencode(flat)
    prefix = f"/{version}" if version else ""
    return prefix + quote(path, safe="/:@%+,=") + query
