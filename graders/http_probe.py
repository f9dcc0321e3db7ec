"""Asking a published port from the host, through a real socket."""

from __future__ import annotations

import http.client
from dataclasses import dataclass

MAX_BODY = 256 * 1024


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer (``status`` and ``body``) or, with ``status`` 0, why there was none."""

    status: int
    body: str = ""
    problem: str = ""

    @property
    def ok(self) -> bool:
        return self.status == 200

    def __str__(self) -> str:
        return f"HTTP status {self.status}" if self.status else self.problem


def in_url(address: str) -> str:
    """An address as a URL has it: IPv6 in brackets (RFC 3986)."""
    return f"[{address}]" if ":" in address else address


def get(host: str, port: int, path: str = "/", *, timeout: float = 2.0) -> HttpAnswer:
    """``GET path``, without proxies and redirects. ``timeout`` in seconds per step.

    Nobody listening, no answer and an answer that is not HTTP are findings, not errors.
    """
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        response = connection.getresponse()
        body = response.read(MAX_BODY).decode("utf-8", "replace")
        return HttpAnswer(response.status, body)
    except ConnectionRefusedError:
        return HttpAnswer(0, problem=f"nobody listens on port {port}")
    except TimeoutError:
        return HttpAnswer(0, problem=f"no answer on port {port} within {timeout:g} seconds")
    except (http.client.HTTPException, ConnectionError):
        return HttpAnswer(0, problem=f"port {port} is open but no web page comes from it")
    except OSError as error:
        return HttpAnswer(0, problem=f"port {port} cannot be reached ({error.strerror or error})")
    finally:
        connection.close()
