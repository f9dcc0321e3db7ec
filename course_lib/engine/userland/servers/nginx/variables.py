"""nginx's variables: log formats, header values and redirections are built from them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from course_lib.engine.userland.servers.http import Request

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(slots=True)
class Context:
    """One request and what became of it so far."""

    request: Request
    uri: str
    host: str
    server_name: str
    root: str
    hostname: str
    pid: int
    connection: int
    time_ns: int
    version: str
    status: int = 0
    sent: int = 0
    elapsed: float = 0.0
    upstream: str = ""


def _stamp(context: Context) -> datetime:
    return datetime.fromtimestamp(context.time_ns / 1e9, UTC)


_VALUES: dict[str, Callable[[Context], str]] = {
    "args": lambda c: c.request.query,
    "body_bytes_sent": lambda c: str(c.sent),
    "bytes_sent": lambda c: str(c.sent),
    "connection": lambda c: str(c.connection),
    "content_length": lambda c: c.request.headers.get("content-length", ""),
    "content_type": lambda c: c.request.headers.get("content-type", ""),
    "document_root": lambda c: c.root,
    "document_uri": lambda c: c.uri,
    "host": lambda c: c.host,
    "hostname": lambda c: c.hostname,
    "is_args": lambda c: "?" if c.request.query else "",
    "msec": lambda c: f"{c.time_ns / 1e9:.3f}",
    "nginx_version": lambda c: c.version,
    "pid": lambda c: str(c.pid),
    "proxy_add_x_forwarded_for": lambda c: ", ".join(
        filter(None, [c.request.headers.get("x-forwarded-for"), c.request.peer[0]])
    ),
    "query_string": lambda c: c.request.query,
    "remote_addr": lambda c: c.request.peer[0],
    "remote_port": lambda c: str(c.request.peer[1]),
    "remote_user": lambda c: "",
    "request": lambda c: c.request.line,
    "request_filename": lambda c: c.root + c.uri,
    "request_length": lambda c: str(len(c.request.line) + len(c.request.body)),
    "request_method": lambda c: c.request.method,
    "request_time": lambda c: f"{c.elapsed:.3f}",
    "request_uri": lambda c: c.request.target,
    "scheme": lambda c: "http",
    "server_addr": lambda c: c.request.local[0],
    "server_name": lambda c: c.server_name,
    "server_port": lambda c: str(c.request.local[1]),
    "server_protocol": lambda c: f"HTTP/{c.request.version}",
    "status": lambda c: f"{c.status:03}",
    "time_iso8601": lambda c: _stamp(c).strftime("%Y-%m-%dT%H:%M:%S+00:00"),
    "time_local": lambda c: _stamp(c).strftime("%d/%b/%Y:%H:%M:%S +0000"),
    "upstream_addr": lambda c: c.upstream,
    "uri": lambda c: c.uri,
}


def _value(name: str) -> Callable[[Context], str] | None:
    found = _VALUES.get(name)
    if found is not None:
        return found
    if name.startswith("http_"):
        header = name[5:].replace("_", "-")
        return lambda c: c.request.headers.get(header, "")
    if name.startswith("arg_"):
        argument = re.compile(rf"(?:^|&){re.escape(name[4:])}=([^&]*)")
        return lambda c: m[1] if (m := argument.search(c.request.query)) else ""
    return None


@lru_cache(maxsize=256)
def compile_template(template: str) -> Callable[[Context], str]:
    """A function that fills a template in.

    :raises KeyError: it names a variable that there is not.
    """
    parts: list[str | Callable[[Context], str]] = []
    position = 0
    for match in _VARIABLE.finditer(template):
        name = match[1] or match[2]
        value = _value(name)
        if value is None:
            raise KeyError(name)
        parts += [template[position : match.start()], value]
        position = match.end()
    parts.append(template[position:])
    return lambda context: "".join(p if isinstance(p, str) else p(context) for p in parts)


@lru_cache(maxsize=64)
def compile_log(template: str) -> Callable[[Context], str]:
    """As :func:`compile_template`, with ``-`` for empty values and control bytes escaped."""
    pieces: list[Callable[[Context], str]] = []
    position = 0

    def constant(text: str) -> Callable[[Context], str]:
        return lambda _context: text

    def shown(value: Callable[[Context], str]) -> Callable[[Context], str]:
        return lambda context: _escape(value(context)) or "-"

    for match in _VARIABLE.finditer(template):
        value = _value(match[1] or match[2])
        if value is None:
            raise KeyError(match[1] or match[2])
        pieces += [constant(template[position : match.start()]), shown(value)]
        position = match.end()
    pieces.append(constant(template[position:] + "\n"))
    return lambda context: "".join(piece(context) for piece in pieces)


def _escape(text: str) -> str:
    return re.sub(r'[\x00-\x1f\x7f"\\]', lambda m: f"\\x{ord(m[0]):02X}", text)
