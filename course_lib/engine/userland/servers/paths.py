"""Paths of requests, made safe."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes


def normalise(path: str) -> str | None:
    """Decode and simplify a request's path; None where it is malformed or leads above the root."""
    if path.startswith(("http://", "https://")):
        path = "/" + path.split("://", 1)[1].partition("/")[2]
    if not path.startswith("/") or re.search(r"%(?![0-9A-Fa-f]{2})", path):
        return None
    decoded = unquote_to_bytes(path)
    if b"\0" in decoded:
        return None
    parts: list[str] = []
    words = decoded.decode("utf-8", "surrogateescape").split("/")[1:]
    for word in words:
        if word == "..":
            if not parts:
                return None
            parts.pop()
        elif word not in {"", "."}:
            parts.append(word)
    final = "/" if words[-1] in {"", ".", ".."} and parts else ""
    return "/" + "/".join(parts) + final
