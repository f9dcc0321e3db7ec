"""``patch``: unified diffs applied to files."""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass, field, replace

from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    decode,
    encode,
    integer,
    program,
    read_file,
    reason,
)
from course_lib.engine.userland.applets.files import exists
from course_lib.engine.userland.process import ContainerProcess

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_TURNED = str.maketrans("+-", "-+")
_NO_END = "\\ No newline at end of file"


@dataclass(slots=True)
class _Hunk:
    """Lines with their ends: what is to be found, and what comes in its place."""

    old_start: int
    new_start: int
    old_size: int
    new_size: int
    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    """Its lines as the diff has them."""

    def reversed(self) -> _Hunk:
        return replace(
            self,
            old_size=self.new_size,
            new_size=self.old_size,
            old=self.new,
            new=self.old,
            shown=[line[:1].translate(_TURNED) + line[1:] for line in self.shown],
        )

    @property
    def ends_the_file(self) -> bool:
        """Whether less follows in it than goes before: then nothing comes after it in the file."""
        first, last = (
            next((n for n, line in enumerate(side) if line[0] != " "), len(side))
            for side in (self.shown, self.shown[::-1])
        )
        return last == 0 or last < first


@dataclass(slots=True)
class _File:
    old: str
    new: str
    hunks: list[_Hunk] = field(default_factory=list)


@program(
    "Nup:i:REfg",
    "[-RNE] [-p N] [-i DIFF] [ORIGFILE [PATCHFILE]]",
    "Apply a unified diff",
    long={"strip=": "p", "input=": "i", "reverse": "R", "forward": "N", "dry-run": "dry-run"},
)
async def patch(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Apply a unified diff to files."""
    source = words[1] if len(words) > 1 else options.get("i", "-")
    try:
        text = decode(await read_file(proc, source))
    except OSError as error:
        raise Fail(f"can't open '{source}': {reason(error)}") from None
    strip = integer(options["p"]) if "p" in options else None
    status = 0
    for change in _parse(text):
        status |= await _apply(proc, options, change, words[0] if words else "", strip)
    return status


def _parse(text: str) -> list[_File]:
    """The files of a diff and their hunks; what stands around them is left out."""
    found: list[_File] = []
    lines = text.splitlines(keepends=True)
    position = 0
    while position < len(lines):
        line = lines[position]
        position += 1
        following = lines[position] if position < len(lines) else ""
        if line.startswith("--- ") and following.startswith("+++ "):
            found.append(_File(_name(line), _name(following)))
            position += 1
        elif found and (match := _HUNK.match(line)):
            old_start, old_size, new_start, new_size = (int(n or 1) for n in match.groups())
            hunk = _Hunk(old_start, new_start, old_size, new_size)
            position = _fill(hunk, lines, position)
            found[-1].hunks.append(hunk)
    return found


def _name(line: str) -> str:
    return line[4:].rstrip("\n").split("\t")[0].rstrip()


def _fill(hunk: _Hunk, lines: list[str], position: int) -> int:
    while position < len(lines):
        line = lines[position]
        if line.startswith(_NO_END[:2]):
            for side in (hunk.old, hunk.new):
                if side and side[-1] == lines[position - 1][1:]:
                    side[-1] = side[-1].removesuffix("\n")
            position += 1
            continue
        if len(hunk.old) >= hunk.old_size and len(hunk.new) >= hunk.new_size:
            break
        mark, rest = (line[:1], line[1:]) if line.strip("\n") else (" ", line)
        if mark not in " -+":
            break
        hunk.shown.append(mark + rest)
        if mark != "+":
            hunk.old.append(rest)
        if mark != "-":
            hunk.new.append(rest)
        position += 1
    return position


async def _apply(
    proc: ContainerProcess, options: Options, change: _File, named: str, strip: int | None
) -> int:
    hunks = [h.reversed() for h in change.hunks] if "R" in options else change.hunks
    old, new = (change.new, change.old) if "R" in options else (change.old, change.new)
    if not hunks:
        return 0
    empties = new == "/dev/null" or not hunks[0].new_size + hunks[0].new_start
    makes = old == "/dev/null" or not hunks[0].old_size + hunks[0].old_start
    # (Also where it is taken back the name is the one after ``+++``.)
    name = named or _stripped(change.old if empties else change.new, strip)
    path = proc.path(name)
    there = exists(proc, name)
    verb = "removing" if empties and "E" in options else "creating" if makes else "patching file"
    try:
        await proc.out(f"{verb} {name}\n")
        if verb == "removing" and not there:
            raise Fail(f"can't remove file '{name}': No such file or directory")
        if makes and there and "dry-run" not in options:
            raise FileExistsError(errno.EEXIST, "File exists")
        lines = (
            []
            if makes and not empties
            else decode(await read_file(proc, name)).splitlines(keepends=True)
        )
    except OSError as error:
        raise Fail(f"can't open '{name}': {reason(error)}") from None
    if not empties and not await _change(proc, options, lines, hunks):
        return 1
    if "dry-run" in options:
        return 0
    try:
        if verb == "removing":
            proc.fs.unlink(path)
        else:
            mode = proc.fs.stat(path).mode & 0o7777 if there else 0o666 & ~proc.umask
            proc.fs.write_bytes(path, b"" if empties else encode("".join(lines)), mode)
    except OSError as error:
        raise Fail(f"can't write '{name}': {reason(error)}") from None
    return 0


def _stripped(name: str, strip: int | None) -> str:
    """A name without as many folders as ``-p`` says; without it, without any."""
    for _ in range(name.count("/") if strip is None else max(strip, 0)):
        name = name.partition("/")[2].lstrip("/") if "/" in name else name
    return name


async def _change(
    proc: ContainerProcess, options: Options, lines: list[str], hunks: list[_Hunk]
) -> bool:
    """Put the new lines in the place of the old ones, hunk by hunk; whether all have been found.

    As BusyBox does, each is looked for after the one before, and line numbers do not matter.
    """
    position = 0
    for number, hunk in enumerate(hunks, 1):
        place = _find(lines, position, hunk)
        if place is not None:
            lines[place : place + len(hunk.old)] = hunk.new
            position = place + len(hunk.new)
            continue
        done = _find_done(lines, position, hunk)
        if done is not None and "N" in options:
            continue
        if done is not None:
            await proc.err(f"Possibly reversed hunk {number} at {done}\n")
        await proc.err(f"Hunk {number} FAILED {hunk.old_start}/{hunk.new_start}.\n")
        await proc.err("".join(hunk.shown))
        return False
    return True


def _find(lines: list[str], position: int, hunk: _Hunk) -> int | None:
    size = len(hunk.old)
    last = len(lines) - size
    first = max(position, last) if hunk.ends_the_file else position
    return next((n for n in range(first, last + 1) if lines[n : n + size] == hunk.old), None)


def _find_done(lines: list[str], position: int, hunk: _Hunk) -> int | None:
    """The number of the line where the first one to be added stands already."""
    added = next((n for n, line in enumerate(hunk.shown) if line[0] == "+"), None)
    if added is None:
        return None
    wanted = [line[1:] for line in hunk.shown[: added + 1]]
    ends = range(position + added, len(lines))
    return next((n + 1 for n in ends if lines[n - added : n + 1] == wanted), None)
