"""The pages that nginx makes itself."""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from course_lib.engine.userland.servers.http import REASONS

_TITLES = {497: "The plain HTTP request was sent to HTTPS port"}


def status_title(status: int) -> str:
    """``404 Not Found``."""
    reason = _TITLES.get(status) or REASONS.get(status, "")
    return f"{status} {reason}".strip() if status != 302 else "302 Found"


def status_page(status: int, server: str) -> bytes:
    """The page for a status, signed with the server's name."""
    title = status_title(status)
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n<hr><center>{server}</center>\r\n"
        "</body>\r\n</html>\r\n"
    ).encode()


def listing(uri: str, entries: Sequence[tuple[str, bool, int, int]]) -> bytes:
    """The page of ``autoindex``: (name, is a directory, size, modified in ns) for each entry."""
    title = f"Index of {html.escape(uri)}"
    rows = ['<a href="../">../</a>']
    for name, folder, size, modified in sorted(entries, key=lambda e: (not e[1], e[0])):
        shown = name + ("/" if folder else "")
        label = shown if len(shown) <= 50 else shown[:47] + "..>"
        stamp = datetime.fromtimestamp(modified / 1e9, UTC).strftime("%d-%b-%Y %H:%M")
        pad = " " * (51 - len(label))
        rows.append(
            f'<a href="{quote(shown)}">{html.escape(label)}</a>{pad}{stamp}'
            f"{'-' if folder else size:>20}"
        )
    body = "\r\n".join(rows)
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<h1>{title}</h1><hr><pre>"
        f"{body}\r\n</pre><hr></body>\r\n</html>\r\n"
    ).encode()
