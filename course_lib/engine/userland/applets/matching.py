"""``grep`` and its relatives."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass, field

from course_lib.engine.userland import regex
from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    UsageError,
    byte_lines,
    decode,
    encode,
    integer,
    is_gnu,
    join,
    open_input,
    program,
    read_file,
    reason,
)
from course_lib.engine.userland.applets.files import is_directory
from course_lib.engine.userland.process import ContainerProcess
from course_lib.engine.userland.shell import patterns

_GNU_LONG = {
    "ignore-case": "i", "invert-match": "v", "count": "c", "line-number": "n", "recursive": "r",
    "quiet": "q", "silent": "q", "files-with-matches": "l", "files-without-match": "L",
    "only-matching": "o", "word-regexp": "w", "line-regexp": "x", "no-messages": "s",
    "extended-regexp": "E", "fixed-strings": "F", "regexp=": "e", "file=": "f",
    "after-context=": "A", "before-context=": "B", "context=": "C", "max-count=": "m",
    "with-filename": "H", "no-filename": "h", "include=": "N", "exclude=": "X",
    "exclude-dir=": "D", "text": "a", "null-data": "z",
}  # fmt: skip
_LONG = {"color?": "K", "colour?": "K"}
_SHORT = "HhnlLoqvsrRiwxFEe:f:m:A:B:C:cazI"
_GNU = "yG"
_USAGE = "[-HhnlLoqvsrRiwFE] [-m N] [-A|B|C N] { PATTERN | -e PATTERN... | -f FILE... } [FILE]..."


@dataclass(slots=True)
class _Search:
    """What to look for and what to show."""

    expression: re.Pattern[str]
    invert: bool
    options: Options
    names: bool
    most: int
    before: int
    after: int
    found: bool = False
    status_error: bool = False
    include: list[str] = field(default_factory=list)
    exclude: list[str] = field(default_factory=list)
    exclude_dirs: list[str] = field(default_factory=list)
    here: bool = False


async def _run(proc: ContainerProcess, options: Options, words: list[str], kind: str) -> int:
    for letter, _ in options.in_order():
        kind = {"E": "E", "F": "F"}.get(letter, kind)
    sources = options.all("e")
    for name in options.all("f"):
        try:
            text = decode(await read_file(proc, name))
        except OSError as error:
            raise Fail(f"{name}: {reason(error)}", 2) from None
        sources += text.splitlines()
    if not sources and "f" not in options:
        if not words:
            raise UsageError
        sources, words = [words[0]], words[1:]
    sources = [line for source in sources for line in source.split("\n")]
    try:
        expression = _compile(sources, kind, options)
    except regex.RegexError as error:
        raise Fail(f"bad regex '{sources[0]}': {error}", 2) from None
    recursive = "r" in options or "R" in options
    here = not words and recursive and is_gnu(proc)
    folders = recursive and (here or any(is_directory(proc, name) for name in words))
    if not words:
        words = ["."] if here else ["-"]
    context = integer(options.get("C", "0"))
    search = _Search(
        expression,
        "v" in options,
        options,
        names=("H" in options or len(words) > 1 or folders) and "h" not in options,
        most=integer(options["m"]) if "m" in options else -1,
        before=integer(options.get("B", str(context))),
        after=integer(options.get("A", str(context))),
        include=options.all("N"),
        exclude=options.all("X"),
        exclude_dirs=options.all("D"),
        here=here,
    )
    for name in words:
        await _path(proc, search, name, recursive)
        if search.found and "q" in options:
            return 0
    if search.status_error:
        return 2
    return 0 if search.found else 1


def _compile(sources: list[str], kind: str, options: Options) -> re.Pattern[str]:
    flags = re.IGNORECASE if "i" in options or "y" in options else 0
    pieces = []
    for source in sources:
        if kind == "F":
            piece = re.escape(source)
        elif kind == "E":
            piece = regex.extended(source).pattern
        else:
            piece = regex.basic(source).pattern
        pieces.append(piece)
    joined = pieces[0] if len(pieces) == 1 else "|".join(f"(?:{piece})" for piece in pieces)
    if "x" in options:
        joined = rf"\A(?:{joined})\Z"
    elif "w" in options:
        joined = rf"(?<!\w)(?:{joined})(?!\w)"
    if not pieces:
        joined = "(?!)"
    return re.compile(joined, flags)


async def _path(proc: ContainerProcess, search: _Search, name: str, recursive: bool) -> None:
    if recursive and name != "-":
        try:
            found = proc.fs.stat(proc.path(name))
        except OSError as error:
            await _failed(proc, search, name, error)
            return
        if stat.S_ISDIR(found.mode):
            await _tree(proc, search, name)
            return
    await _file(proc, search, name)


async def _tree(proc: ContainerProcess, search: _Search, name: str) -> None:
    try:
        children = sorted(proc.fs.listdir(proc.path(name)))
    except OSError as error:
        await _failed(proc, search, name, error)
        return
    for child in children:
        path = join(name, child)
        try:
            found = proc.fs.stat(proc.path(path), follow=False)
            if stat.S_ISLNK(found.mode) and not ("R" in search.options or is_gnu(proc)):
                # BusyBox' ``-r`` follows links to files, GNU's none.
                if is_directory(proc, path):
                    continue
                found = proc.fs.stat(proc.path(path))
            elif "R" in search.options:
                found = proc.fs.stat(proc.path(path))
        except OSError as error:
            await _failed(proc, search, path, error)
            continue
        if stat.S_ISDIR(found.mode):
            if not any(patterns.matches(p, child) for p in search.exclude_dirs):
                await _tree(proc, search, path)
        elif stat.S_ISREG(found.mode):
            if search.include and not any(patterns.matches(p, child) for p in search.include):
                continue
            if not any(patterns.matches(p, child) for p in search.exclude):
                await _file(proc, search, path)


async def _failed(proc: ContainerProcess, search: _Search, name: str, error: OSError) -> None:
    search.status_error = True
    if "s" not in search.options:
        await proc.err(f"grep: {name}: {reason(error)}\n")


async def _file(proc: ContainerProcess, search: _Search, name: str) -> None:
    title = "(standard input)" if name == "-" else name
    if search.here:
        title = title.removeprefix("./")
    options = search.options
    try:
        file = open_input(proc, name)
    except OSError as error:
        await _failed(proc, search, name, error)
        return
    report = _Report(proc, search, title)
    try:
        if search.most != 0:
            async for raw in byte_lines(proc, file, b"\0" if "z" in options else b"\n"):
                if await report.line(raw):
                    break
    except IsADirectoryError:
        pass  # it has no lines
    finally:
        file.close()
    await report.end()


class _Report:
    """Prints what matched in one file."""

    def __init__(self, proc: ContainerProcess, search: _Search, title: str) -> None:
        self._proc = proc
        self._search = search
        self._title = title
        self._end = "\0" if "z" in search.options else "\n"
        self._count = 0
        self._number = 0
        self._waiting: list[tuple[int, str]] = []
        self._trailing = 0
        self._last_shown = 0
        self._quiet = any(c in search.options for c in "qlLc")

    async def line(self, raw: bytes) -> bool:
        """Look at a line; true where no more need be read."""
        search = self._search
        self._number += 1
        text = decode(raw.removesuffix(self._end.encode()))
        matched = (search.expression.search(text) is not None) != search.invert
        if matched:
            self._count += 1
            search.found = search.found or "L" not in search.options
            if not self._quiet:
                await self._match(text)
            if any(c in search.options for c in "qlL"):
                return True
            if search.most > 0 and self._count >= search.most:
                return search.after == 0
        elif not self._quiet:
            if self._trailing > 0:
                self._trailing -= 1
                await self._show(text, self._number, "-")
            elif search.before:
                self._waiting.append((self._number, text))
                del self._waiting[: -search.before]
        return search.most > 0 and self._count >= search.most and self._trailing <= 0

    async def _match(self, text: str) -> None:
        search = self._search
        if "o" in search.options:
            if not search.invert:
                for match in search.expression.finditer(text):
                    if match[0]:
                        await self._show(match[0], self._number, ":")
            return
        first = self._waiting[0][0] if self._waiting else self._number
        context = search.before or search.after
        if context and self._last_shown and first > self._last_shown + 1:
            await self._proc.out("--\n")
        for number, waiting in self._waiting:
            await self._show(waiting, number, "-")
        self._waiting.clear()
        await self._show(text, self._number, ":")
        self._trailing = search.after

    async def _show(self, text: str, number: int, sign: str) -> None:
        options = self._search.options
        line = ""
        if self._search.names:
            line += f"{self._title}{sign}"
        if "n" in options:
            line += f"{number}{sign}"
        self._last_shown = number
        color = options.get("K", "never")
        if color == "always" and sign == ":" and not self._search.invert:
            text = self._search.expression.sub(
                lambda m: f"\x1b[1;31m{m[0]}\x1b[m" if m[0] else "", text
            )
        await self._proc.out(encode(f"{line}{text}{self._end}"))

    async def end(self) -> None:
        search = self._search
        options = search.options
        if "q" in options:
            return
        if "l" in options:
            if self._count:
                await self._proc.out(f"{self._title}\n")
        elif "L" in options:
            if not self._count:
                search.found = True
                await self._proc.out(f"{self._title}\n")
        elif "c" in options:
            prefix = f"{self._title}:" if search.names else ""
            await self._proc.out(f"{prefix}{self._count}\n")


_program = program(
    _SHORT,
    _USAGE,
    "Search for PATTERN in FILEs (or stdin)",
    long=_LONG,
    gnu=_GNU,
    gnu_long=_GNU_LONG,
    code=2,
)


@_program
async def grep(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print lines that match a basic regular expression."""
    return await _run(proc, options, words, "G")


@_program
async def egrep(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print lines that match an extended regular expression."""
    return await _run(proc, options, words, "E")


@_program
async def fgrep(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print lines that contain a fixed string."""
    return await _run(proc, options, words, "F")
