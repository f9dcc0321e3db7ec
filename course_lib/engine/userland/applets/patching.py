"""``patch``: unified diffs applied to files."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

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
_NO_END = "\\ No newline at end of file"


@dataclass(slots=True)
class _Hunk:
    """Lines with their ends: what is to be found, and what comes in its place."""

    start: int
    old_size: int
    new_size: int
    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)

    def reversed(self) -> _Hunk:
        return _Hunk(self.start, self.new_size, self.old_size, self.new, self.old)


@dataclass(slots=True)
class _File:
    old: str
    new: str
    hunks: list[_Hunk] = field(default_factory=list)


@program(
    "Nup:i:RE",
    "[-RNE] [-p N] [-i DIFF] [ORIGFILE [PATCHFILE]]",
    "Apply a unified diff",
    long={"strip=": "p", "input=": "i", "reverse": "R", "forward": "N", "dry-run": "dry-run"},
    most=2,
)
async def patch(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Apply a unified diff to files."""
    source = words[1] if len(words) > 1 else options.get("i", "-")
    try:
        text = decode(await read_file(proc, source))
    except OSError as error:
        raise Fail(f"can't open '{source}': {reason(error)}") from None
    strip = integer(options["p"], low=0) if "p" in options else 0
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
            hunk = _Hunk(int(match[1]), int(match[2] or "1"), int(match[4] or "1"))
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
        if mark != "+":
            hunk.old.append(rest)
        if mark != "-":
            hunk.new.append(rest)
        position += 1
    return position


async def _apply(
    proc: ContainerProcess, options: Options, change: _File, named: str, strip: int
) -> int:
    hunks = [h.reversed() for h in change.hunks] if "R" in options else change.hunks
    old, new = (change.new, change.old) if "R" in options else (change.old, change.new)
    name = named or _target(proc, old, new, strip)
    makes = hunks[:1] and hunks[0].old_size == 0 and hunks[0].start == 0
    removes = new == "/dev/null" or ("E" in options and not any(h.new for h in hunks))
    path = proc.path(name)
    try:
        there = exists(proc, name)
        lines = decode(await read_file(proc, name)).splitlines(keepends=True) if there else []
    except OSError as error:
        raise Fail(f"can't open '{name}': {reason(error)}") from None
    if not there and not makes:
        raise Fail(f"can't open '{name}': No such file or directory")
    await proc.out(
        f"{'removing' if removes else 'patching file' if there else 'creating'} {name}\n"
    )
    shift = failed = 0
    for number, hunk in enumerate(hunks, 1):
        place = _find(lines, hunk, hunk.start - 1 + shift)
        if place is None:
            failed = 1
            await proc.err(f"Hunk {number} FAILED {hunk.start}/{hunk.start}.\n")
            await proc.err("".join(_shown(change.hunks[number - 1])))
            continue
        lines[place : place + len(hunk.old)] = hunk.new
        shift = place - (hunk.start - 1) + len(hunk.new) - len(hunk.old)
    if failed or "dry-run" in options:
        return failed
    try:
        if removes and not lines:
            proc.fs.unlink(path)
        else:
            mode = proc.fs.stat(path).mode & 0o7777 if there else 0o666 & ~proc.umask
            proc.fs.write_bytes(path, encode("".join(lines)), mode)
    except OSError as error:
        raise Fail(f"can't write '{name}': {reason(error)}") from None
    return 0


def _target(proc: ContainerProcess, old: str, new: str, strip: int) -> str:
    """The file that is meant: the new name unless only the old one is there."""
    names = ["/".join(name.split("/")[strip:]) for name in (new, old) if name != "/dev/null"]
    return next((name for name in names if name and exists(proc, name)), names[0])


def _find(lines: list[str], hunk: _Hunk, guess: int) -> int | None:
    """Where the old lines stand, as near to the place told as can be."""
    if not hunk.old:
        return max(0, min(guess + (hunk.old_size == 0 and hunk.start > 0), len(lines)))
    last = len(lines) - len(hunk.old)
    places = sorted(range(last + 1), key=lambda place: abs(place - guess))
    return next((p for p in places if lines[p : p + len(hunk.old)] == hunk.old), None)


def _shown(hunk: _Hunk) -> list[str]:
    import difflib

    matcher = difflib.SequenceMatcher(None, hunk.old, hunk.new, autojunk=False)
    out: list[str] = []
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            out += [f" {line}" for line in hunk.old[a:b]]
        else:
            out += [f"-{line}" for line in hunk.old[a:b]]
            out += [f"+{line}" for line in hunk.new[c:d]]
    return out
