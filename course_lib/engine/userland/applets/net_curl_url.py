"""URLs as ``curl`` reads them, and what it ends with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit


class CurlError(Exception):
    """Ends a transfer: curl's exit code and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class Url:
    """Where a transfer goes.

    :ivar target: what is asked for there. :ivar text: the whole, as ``-w`` shows it.
    """

    scheme: str
    host: str
    port: int
    target: str
    authority: str
    credentials: str
    text: str

    @classmethod
    def parse(cls, text: str) -> Url:
        """:raises CurlError: it is none, or not one of HTTP."""
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
