"""``ls``."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from datetime import tzinfo

from course_lib.engine.interfaces import FileStat
from course_lib.engine.userland.applets.common import (
    Options,
    human,
    join,
    program,
    reason,
    terminal_width,
)
from course_lib.engine.userland.applets.dates import format_date
from course_lib.engine.userland.applets.listing import Names, disk_blocks
from course_lib.engine.userland.process import ContainerProcess
from course_lib.engine.userland.timezones import zone_of

_HALF_YEAR = 365 * 86400 // 2


@dataclass(slots=True)
class _Entry:
    name: str
    path: str
    found: FileStat


_LS = "1AaCdFHhiLlnpQRrSstuvXcgkxw:T:"


_LS_LONG = {
    "all": "a", "almost-all": "A", "human-readable": "h", "recursive": "R", "reverse": "r",
    "directory": "d", "full-time": "E", "color": "G", "color=": "G", "numeric-uid-gid": "n",
    "group-directories-first": "D",
}  # fmt: skip


@program(
    _LS, "[-1AaCxdLHRFplinshrSXvctu] [-w WIDTH] [FILE]...", "List directory contents", long=_LS_LONG
)
async def ls(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """List files."""
    lister = _Lister(proc, options)
    files: list[_Entry] = []
    folders: list[_Entry] = []
    for name in words or ["."]:
        entry = await lister.look(name, proc.path(name), at_top=True)
        if entry is None:
            continue
        if stat.S_ISDIR(entry.found.mode) and "d" not in options:
            folders.append(entry)
        else:
            files.append(entry)
    if files:
        await lister.show(lister.order(files))
    several = len(folders) + len(files) > 1 or len(words) > 1
    for number, folder in enumerate(lister.order(folders)):
        if several or "R" in options:
            await proc.out(("\n" if number or files else "") + f"{folder.name}:\n")
        await lister.folder(folder)
    return lister.status


class _Lister:
    def __init__(self, proc: ContainerProcess, options: Options) -> None:
        self._proc = proc
        self._zone = zone_of(proc)
        self._options = options
        self._tty = proc.stdout.isatty()
        self._style = "columns" if self._tty else "single"
        for letter, _ in options.in_order():
            self._style = {
                "1": "single", "C": "columns", "x": "rows", "l": "long", "n": "long", "g": "long",
                "o": "long", "E": "long",
            }.get(letter, self._style)  # fmt: skip
        self._names = Names(proc, numeric="n" in options)
        color = options.get("G", "never") or "always"
        self._color = color == "always" or (color == "auto" and self._tty)
        self.status = 0

    async def look(self, name: str, path: str, *, at_top: bool = False) -> _Entry | None:
        options = self._options
        follow = "L" in options or (
            at_top
            and ("H" in options or (self._style != "long" and not set("dF") & _given(options)))
        )
        try:
            try:
                found = self._proc.fs.stat(path, follow=follow)
            except FileNotFoundError:
                if at_top and "L" not in options:
                    raise
                # A dangling link in a directory is listed as a link.
                found = self._proc.fs.stat(path, follow=False)
        except OSError as error:
            await self._proc.err(f"ls: {name}: {reason(error)}\n")
            self.status = 1
            return None
        return _Entry(name, path, found)

    async def folder(self, folder: _Entry) -> None:
        proc, options = self._proc, self._options
        try:
            names = proc.fs.listdir(folder.path)
        except OSError as error:
            await proc.err(f"ls: can't open '{folder.name}': {reason(error)}\n")
            self.status = 1
            return
        if "a" in options:
            names = [".", "..", *names]
        elif "A" not in options:
            names = [name for name in names if not name.startswith(".")]
        entries = []
        for name in names:
            await proc.tick()
            entry = await self.look(name, join(folder.path, name))
            if entry is not None:
                entries.append(entry)
        entries = self.order(entries)
        if self._style == "long" or "s" in options:
            blocks = sum(disk_blocks(entry.found) for entry in entries)
            total = human(blocks * 1024) if "h" in options else str(blocks)
            await proc.out(f"total {total}\n")
        await self.show(entries)
        if "R" in options:
            for entry in entries:
                if stat.S_ISDIR(entry.found.mode) and entry.name not in (".", ".."):
                    shown = join(folder.name, entry.name)
                    await proc.out(f"\n{shown}:\n")
                    await self.folder(_Entry(shown, entry.path, entry.found))

    def order(self, entries: list[_Entry]) -> list[_Entry]:
        options = self._options
        entries = sorted(entries, key=lambda e: e.name.encode("utf-8", "surrogateescape"))
        for letter, _ in options.in_order():
            if letter == "S":
                entries.sort(key=lambda e: -e.found.size)
            elif letter in "tcu":
                entries.sort(key=lambda e: -e.found.mtime_ns)
            elif letter == "X":
                entries.sort(key=lambda e: e.name.rpartition(".")[2] if "." in e.name else "")
            elif letter == "v":
                entries.sort(key=lambda e: _version(e.name))
        if "D" in options:
            entries.sort(key=lambda e: not stat.S_ISDIR(e.found.mode))
        return entries[::-1] if "r" in options else entries

    async def show(self, entries: list[_Entry]) -> None:
        if self._style == "long":
            await self._long(entries)
            return
        shown = [self._prefix(entry) + self._shown(entry) for entry in entries]
        if self._style == "single" or not shown:
            await self._proc.out("".join(f"{name}\n" for name in shown))
            return
        widths = [len(self._prefix(e)) + len(e.name) + len(self._mark(e)) for e in entries]
        await self._proc.out(self._columns(shown, widths))

    def _columns(self, shown: list[str], widths: list[int]) -> str:
        width = int(self._options.get("w", "0") or 0) or terminal_width(self._proc)
        cell = max(widths) + 2
        per_row = max(1, (width - 1) // cell)
        rows = -(-len(shown) // per_row)
        text = ""
        for row in range(rows):
            if self._style == "columns":
                picks = list(range(row, len(shown), rows))
            else:
                picks = list(range(row * per_row, min((row + 1) * per_row, len(shown))))
            for number, pick in enumerate(picks):
                last = number == len(picks) - 1
                text += shown[pick] + ("" if last else " " * (cell - widths[pick]))
            text += "\n"
        return text

    def _prefix(self, entry: _Entry) -> str:
        text = ""
        if "i" in self._options:
            text += f"{entry.found.ino:>7} "
        if "s" in self._options:
            blocks = disk_blocks(entry.found)
            size = human(blocks * 1024) if "h" in self._options else str(blocks)
            text += f"{size:>6} "
        return text

    def _mark(self, entry: _Entry) -> str:
        mode = entry.found.mode
        if "F" in self._options:
            if stat.S_ISLNK(mode) and self._style == "long":
                return ""
            if stat.S_ISREG(mode) and mode & 0o111:
                return "*"
            marks = {stat.S_IFDIR: "/", stat.S_IFLNK: "@", stat.S_IFIFO: "|", stat.S_IFSOCK: "="}
            return marks.get(stat.S_IFMT(mode), "")
        return "/" if "p" in self._options and stat.S_ISDIR(mode) else ""

    def _shown(self, entry: _Entry) -> str:
        name = "".join(c if c.isprintable() else "?" for c in entry.name)
        if "Q" in self._options:
            name = f'"{name}"'
        if self._color:
            name = f"\x1b[{_color(entry.found.mode)}m{name}\x1b[m"
        return name + self._mark(entry)

    async def _long(self, entries: list[_Entry]) -> None:
        now = self._proc.machine.clock.time_ns()
        text = []
        for entry in entries:
            found = entry.found
            line = f"{self._prefix(entry)}{stat.filemode(found.mode):<10} {found.nlink:>4} "
            if "g" not in self._options:
                line += f"{self._names.user(found.uid):<8} "
            if "o" not in self._options:
                line += f"{self._names.group(found.gid):<8} "
            if stat.S_ISCHR(found.mode) or stat.S_ISBLK(found.mode):
                line += f"{os.major(found.rdev):>4}, {os.minor(found.rdev):>3} "
            elif "h" in self._options:
                line += f"{human(found.size):>7} "
            else:
                line += f"{found.size:>9} "
            line += _time(found.mtime_ns, now, self._zone, full="E" in self._options) + " "
            line += self._shown(entry)
            if stat.S_ISLNK(found.mode):
                try:
                    line += f" -> {self._proc.fs.readlink(entry.path)}"
                except OSError:
                    line += " -> ?"
            text.append(line + "\n")
        await self._proc.out("".join(text))


def _given(options: Options) -> set[str]:
    return {letter for letter, _ in options.in_order()}


def _time(mtime_ns: int, now_ns: int, zone: tzinfo, *, full: bool) -> str:
    if full:
        return format_date(mtime_ns, "%Y-%m-%d %H:%M:%S %z", zone)
    age = (now_ns - mtime_ns) // 1_000_000_000
    recent = -900 <= age <= _HALF_YEAR
    return format_date(mtime_ns, "%b %e %H:%M" if recent else "%b %e  %Y", zone)


def _color(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "1;32" if mode & 0o111 else "0;0"
    return {stat.S_IFDIR: "1;34", stat.S_IFLNK: "1;36", stat.S_IFIFO: "1;33",
            stat.S_IFSOCK: "1;35"}.get(stat.S_IFMT(mode), "1;33")  # fmt: skip


def _version(name: str) -> list[tuple[int, int, str]]:
    import re

    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]
