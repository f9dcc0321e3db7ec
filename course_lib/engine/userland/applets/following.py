"""``tail``, also of files that grow."""

from __future__ import annotations

import os
import re

from course_lib.engine.interfaces import OpenFile
from course_lib.engine.userland.applets.common import Options, open_input, program, reason, size
from course_lib.engine.userland.process import ContainerProcess

FILE_SECONDS = 0.1
"""Between two looks at a file where ``-s`` says nothing. BusyBox takes a second: it shows the same,
and whoever follows a log waits for it."""
IDLE_SECONDS = 1.0
"""The same for what is no file, such as the ``/dev/null`` that keeps a container alive."""


@program(
    "n:c:fFs:qv",
    "[OPTIONS] [FILE]...",
    "Print last 10 lines of FILEs to stdout",
    long={
        "lines=": "n",
        "bytes=": "c",
        "follow": "f",
        "retry": "R",
        "quiet": "q",
        "silent": "q",
        "verbose": "v",
        "sleep-interval=": "s",
    },
)
async def _tail(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    count_bytes = "c" in options
    text = options["c"] if count_bytes else options.get("n", "10")
    from_start = text.startswith("+")
    count = size(text.lstrip("+-"))
    names = words or ["-"]
    by_name = "F" in options
    follower = _Follower(proc, by_name)
    opened: list[tuple[str, OpenFile | None]] = []
    status = 0
    for name in names:
        try:
            opened.append((name, open_input(proc, name)))
        except OSError as error:
            await proc.err(f"tail: can't open '{name}': {reason(error)}\n")
            status = 1
            if by_name:
                opened.append((name, None))
    headers = (len(opened) > 1 and "q" not in options) or "v" in options
    for name, file in opened:
        if file is not None:
            await follower.header(name, headers)
            await _last(proc, file, count, count_bytes, from_start)
        follower.add(name, file, headers)
    if status and not follower.files:
        await proc.err("tail: no files\n")
        return status
    if "f" in options or by_name:
        await follower.run(float(options["s"]) if "s" in options else None)
    for watched in follower.files:
        if watched.file is not None:
            watched.file.close()
    return status


async def tail(proc: ContainerProcess) -> int:
    """Print the last lines, and what comes after them."""
    words = proc.argv[1:]
    if words and re.fullmatch(r"[-+]\d+f?", words[0]):
        follow = ["-f"] if words[0].endswith("f") else []
        proc.argv[1:] = ["-n", words[0].rstrip("f").replace("-", ""), *follow, *words[1:]]
    return await _tail(proc)


async def _last(
    proc: ContainerProcess, file: OpenFile, count: int, count_bytes: bool, from_start: bool
) -> None:
    if from_start:
        skip = max(0, count - 1)
        if count_bytes:
            while skip and (chunk := await file.read(min(skip, 65536))):
                skip -= len(chunk)
        rest = b""
        while chunk := await file.read(65536):
            await proc.tick()
            while skip and not count_bytes:
                end = chunk.find(b"\n")
                if end < 0:
                    chunk = b""
                    break
                chunk = chunk[end + 1 :]
                skip -= 1
            if chunk:
                await proc.out(rest + chunk)
        return
    kept = await _end_of(proc, file, count, count_bytes)
    if kept:
        await proc.out(kept)


async def _end_of(proc: ContainerProcess, file: OpenFile, count: int, count_bytes: bool) -> bytes:
    """The last lines or bytes; a large regular file is read from its end."""
    if file.kind == "file":
        end = file.seek(0, os.SEEK_END)
        window = count if count_bytes else max(65536, count * 512)
        start = max(0, end - window)
        while True:
            file.seek(start)
            data = b""
            while chunk := await file.read(1 << 18):
                data += chunk
            if start == 0 or count_bytes or data.count(b"\n") > count:
                break
            start = max(0, start - 4 * window)
    else:
        data = b""
        while chunk := await file.read(65536):
            await proc.tick()
            data += chunk
            if len(data) > 1 << 20:
                data = _cut(data, count, count_bytes)
    return _cut(data, count, count_bytes)


def _cut(data: bytes, count: int, count_bytes: bool) -> bytes:
    if count == 0:
        return b""
    if count_bytes:
        return data[-count:]
    position = len(data) - data.endswith(b"\n")
    for _ in range(count):
        position = data.rfind(b"\n", 0, position)
        if position < 0:
            return data
    return data[position + 1 :]


class _Watched:
    def __init__(self, name: str, file: OpenFile | None) -> None:
        self.name = name
        self.file = file


class _Follower:
    """``tail -f``: looks again and again whether files have grown."""

    def __init__(self, proc: ContainerProcess, by_name: bool) -> None:
        self._proc = proc
        self._by_name = by_name
        self._current = ""
        self._headers = False
        self.files: list[_Watched] = []

    def add(self, name: str, file: OpenFile | None, headers: bool) -> None:
        self.files.append(_Watched(name, file))
        self._headers = headers

    async def header(self, name: str, wanted: bool) -> None:
        if wanted and self._current != name:
            title = "standard input" if name == "-" else name
            gap = "\n" if self._current else ""
            await self._proc.out(f"{gap}==> {title} <==\n")
            self._current = name

    async def run(self, interval: float | None) -> None:
        """Look every ``interval`` seconds; for ever, but for pipes that nobody writes to."""
        if interval is None:
            devices = all(w.file is not None and w.file.kind != "file" for w in self.files)
            interval = IDLE_SECONDS if devices else FILE_SECONDS
        while True:
            await self._proc.sleep(interval)
            for watched in self.files:
                await self._look(watched)
            if all(w.file is not None and w.file.kind in ("pipe", "socket") for w in self.files):
                return

    async def _look(self, watched: _Watched) -> None:
        if self._by_name:
            await self._reopen(watched)
        file = watched.file
        if file is None:
            return
        if file.kind == "file":
            position = file.seek(0, os.SEEK_CUR)
            if file.stat().size < position:
                await self._proc.err(f"tail: {watched.name}: file truncated\n")
                file.seek(0)
        while chunk := await file.read(65536):
            await self.header(watched.name, self._headers)
            await self._proc.out(chunk)

    async def _reopen(self, watched: _Watched) -> None:
        """``-F``: another file may have taken the name."""
        proc = self._proc
        path = proc.path(watched.name)
        try:
            there = proc.fs.stat(path)
        except OSError:
            if watched.file is not None:
                await proc.err(f"tail: {watched.name} has become inaccessible\n")
                watched.file.close()
                watched.file = None
            return
        if watched.file is not None:
            here = watched.file.stat()
            if (here.dev, here.ino) == (there.dev, there.ino):
                return
            await proc.err(f"tail: {watched.name} has been replaced; following end of new file\n")
            watched.file.close()
        else:
            await proc.err(f"tail: {watched.name} has appeared; following end of new file\n")
        watched.file = proc.fs.open(path, os.O_RDONLY)
