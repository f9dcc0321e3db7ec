"""Files over HTTP: types, ranges, conditions, as nginx answers them."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import AsyncIterator
from email.utils import formatdate, parsedate_to_datetime

from course_lib.engine.interfaces import FileStat, OpenFile, Process
from course_lib.engine.userland.servers.http import Request, Response

_WHOLE = 256 * 1024
"""Files up to this size are sent from memory, larger ones piece by piece."""
_PIECE = 128 * 1024


def content_type(path: str, types: dict[str, str], default: str, charset: str | None) -> str:
    """The type that a file's extension stands for."""
    name = path.rsplit("/", 1)[-1]
    found = types.get(name.rsplit(".", 1)[-1].lower(), default) if "." in name else default
    if charset and (found.startswith("text/") or found in {"application/javascript"}):
        return f"{found}; charset={charset}"
    return found


async def _pieces(file: OpenFile, start: int, length: int) -> AsyncIterator[bytes]:
    try:
        file.seek(start)
        while length > 0:
            data = await file.read(min(_PIECE, length))
            if not data:
                return
            length -= len(data)
            yield data
    finally:
        file.close()


def _unmodified(request: Request, modified: str, etag: str) -> bool:
    wanted = request.headers.get("if-none-match")
    if wanted is not None:
        tags = [tag.strip().removeprefix("W/") for tag in wanted.split(",")]
        return "*" in tags or etag in tags
    return request.headers.get("if-modified-since") == modified


def _ranges(header: str, size: int) -> list[tuple[int, int]] | None:
    """Byte ranges as (start, end exclusive); None to ignore the header, [] if none fits."""
    match = re.fullmatch(r"bytes=(.+)", header.strip())
    if match is None:
        return None
    found: list[tuple[int, int]] = []
    for part in match[1].split(","):
        bounds = re.fullmatch(r"\s*(\d*)-(\d*)\s*", part)
        if bounds is None or not (bounds[1] or bounds[2]):
            return []
        if not bounds[1]:
            start, end = max(0, size - int(bounds[2])), size
        else:
            start = int(bounds[1])
            end = min(int(bounds[2]) + 1, size) if bounds[2] else size
        if start < end:
            found.append((start, end))
    # More bytes asked for than there are: the whole file is the better answer.
    return None if sum(e - s for s, e in found) > size else found


def _if_range(request: Request, modified: str, etag: str) -> bool:
    wanted = request.headers.get("if-range")
    if wanted is None or wanted == etag:
        return True
    try:
        return parsedate_to_datetime(wanted) == parsedate_to_datetime(modified)
    except (ValueError, TypeError):
        return False


def open_file(proc: Process, path: str) -> OpenFile:
    """Open a file or a directory for reading.

    :raises OSError: as Linux would; ``ENOENT`` for what is neither.
    """
    file = proc.fs.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if file.kind not in {"file", "directory"}:
        file.close()
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return file


async def serve_file(request: Request, file: OpenFile, kind: str) -> Response:
    """The answer that carries a file, a part of it, or the news that it has not changed.

    :param file: open at its beginning; it is closed here.
    :param kind: its content type.
    """
    found = file.stat()
    seconds = found.mtime_ns // 1_000_000_000
    modified = formatdate(seconds, usegmt=True)
    etag = f'"{seconds:x}-{found.size:x}"'
    try:
        if _unmodified(request, modified, etag):
            return Response(304, [("Last-Modified", modified), ("ETag", etag)])
        status, start, end = 200, 0, found.size
        last = [("Accept-Ranges", "bytes")]
        if "range" in request.headers and _if_range(request, modified, etag):
            ranges = _ranges(request.headers["range"], found.size)
            if ranges == []:
                return Response(416, [("Content-Range", f"bytes */{found.size}")])
            if ranges is not None and len(ranges) == 1:
                start, end = ranges[0]
                status = 206
                last = [("Content-Range", f"bytes {start}-{end - 1}/{found.size}")]
            elif ranges:
                return await _multipart(file, ranges, found.size, kind, modified, etag)
        head = [("Content-Type", kind), ("Content-Length", str(end - start)),
                ("Last-Modified", modified), ("ETag", etag), *last]  # fmt: skip
        if request.method == "HEAD" or end - start == 0:
            return Response(status, head)
        if end - start > _WHOLE:
            pieces = _pieces(file.dup(), start, end - start)
            return Response(status, head, pieces, length=end - start)
        data = b"".join([piece async for piece in _pieces(file.dup(), start, end - start)])
        if len(data) != end - start:  # it changed under us
            head[1] = ("Content-Length", str(len(data)))
        return Response(status, head, data)
    finally:
        file.close()


async def _multipart(
    file: OpenFile, ranges: list[tuple[int, int]], size: int, kind: str, modified: str, etag: str
) -> Response:
    boundary = "00000000000000000001"
    body = b""
    for start, end in ranges:
        body += (
            f"\r\n--{boundary}\r\nContent-Type: {kind}\r\n"
            f"Content-Range: bytes {start}-{end - 1}/{size}\r\n\r\n"
        ).encode()
        body += b"".join([piece async for piece in _pieces(file.dup(), start, end - start)])
    body += f"\r\n--{boundary}--\r\n".encode()
    head = [
        ("Content-Type", f"multipart/byteranges; boundary={boundary}"),
        ("Content-Length", str(len(body))), ("Last-Modified", modified), ("ETag", etag),
    ]  # fmt: skip
    return Response(206, head, body)


def is_directory(found: FileStat) -> bool:
    """Whether a ``stat`` is of a directory."""
    return stat.S_ISDIR(found.mode)
