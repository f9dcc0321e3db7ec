"""Responses as bytes: heads and chunks of HTTP/1.1.

Requests are parsed by h11; what goes out is our own doing and needs no checking, and writing it
here halves the cost of an answer.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable
from http import HTTPStatus

_REASONS = {status.value: status.phrase for status in HTTPStatus} | {101: "UPGRADED"}

LAST_CHUNK = b"0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def head(
    status: int,
    common: bytes,
    headers: Iterable[tuple[str, str]],
    *,
    old: bool = False,
) -> bytes:
    """Status line, headers and the empty line.

    :param common: headers already as bytes, see :func:`header_lines`.
    :param old: the client speaks HTTP/1.0 and gets its own version back, as from Go.
    """
    version = "HTTP/1.0" if old else "HTTP/1.1"
    start = f"{version} {status} {_REASONS.get(status, '')}\r\n".encode("ascii")
    return b"".join((start, common, header_lines(headers), b"\r\n"))


def header_lines(headers: Iterable[tuple[str, str]]) -> bytes:
    """``Name: value`` lines."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode("latin-1")


def chunk(data: bytes) -> bytes:
    """One chunk of a body of unknown length."""
    return b"%x\r\n%b\r\n" % (len(data), data)


@functools.lru_cache(maxsize=1)  # most answers of a second go out together
def http_date(seconds: int) -> str:
    """The ``Date`` header, from seconds since the epoch."""
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(seconds))
