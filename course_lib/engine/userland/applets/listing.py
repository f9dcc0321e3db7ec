"""Programs that tell about files: ``ls``, ``stat``, ``du``, ``df`` and names of paths."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from course_lib.engine.interfaces import FileStat, MountEntry
from course_lib.engine.userland import users
from course_lib.engine.userland.applets.common import (
    Options,
    UsageError,
    base_name,
    human,
    join,
    program,
    reason,
    terminal_width,
)
from course_lib.engine.userland.applets.dates import format_date
from course_lib.engine.userland.process import ContainerProcess

_HALF_YEAR = 365 * 86400 // 2


class Names:
    """User and group names, looked up once for a listing."""

    def __init__(self, proc: ContainerProcess, *, numeric: bool = False) -> None:
        fs = proc.machine.fs
        self._users = {} if numeric else {user.uid: user.name for user in users.users(fs)}
        self._groups = {} if numeric else {group.gid: group.name for group in users.groups(fs)}

    def user(self, uid: int) -> str:
        """Name of a user, or the number."""
        return self._users.get(uid, str(uid))

    def group(self, gid: int) -> str:
        """Name of a group, or the number."""
        return self._groups.get(gid, str(gid))


@dataclass(slots=True)
class _Entry:
    name: str
    path: str
    found: FileStat


_LS = "1AaCdFHhiLlnpQRrSstuvXcgkoxw:"
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
                # A dangling link is listed as a link.
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
            blocks = sum(_blocks(entry.found) for entry in entries)
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
        per_row = max(1, width // cell)
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
            blocks = _blocks(entry.found)
            size = human(blocks * 1024) if "h" in self._options else str(blocks)
            text += f"{size:>6} "
        return text

    def _mark(self, entry: _Entry) -> str:
        mode = entry.found.mode
        if "F" in self._options:
            if stat.S_ISREG(mode) and mode & 0o111:
                return "*"
            marks = {stat.S_IFDIR: "/", stat.S_IFLNK: "@", stat.S_IFIFO: "|", stat.S_IFSOCK: "="}
            return marks.get(stat.S_IFMT(mode), "")
        return "/" if "p" in self._options and stat.S_ISDIR(mode) else ""

    def _shown(self, entry: _Entry) -> str:
        name = entry.name
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
                line += f"{human(found.size):>9} "
            else:
                line += f"{found.size:>9} "
            line += _time(found.mtime_ns, now, full="E" in self._options) + " "
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


def _blocks(found: FileStat) -> int:
    """Kilobytes on disk; directories and links count none, as on tmpfs."""
    if stat.S_ISREG(found.mode):
        return -(-found.size // 4096) * 4
    return 4 if stat.S_ISDIR(found.mode) else 0


def _time(mtime_ns: int, now_ns: int, *, full: bool) -> str:
    if full:
        return format_date(mtime_ns, "%Y-%m-%d %H:%M:%S +0000")
    age = (now_ns - mtime_ns) // 1_000_000_000
    recent = -900 <= age <= _HALF_YEAR
    return format_date(mtime_ns, "%b %e %H:%M" if recent else "%b %e  %Y")


def _color(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "1;32" if mode & 0o111 else "0;0"
    return {stat.S_IFDIR: "1;34", stat.S_IFLNK: "1;36", stat.S_IFIFO: "1;33",
            stat.S_IFSOCK: "1;35"}.get(stat.S_IFMT(mode), "1;33")  # fmt: skip


def _version(name: str) -> list[tuple[int, int, str]]:
    import re

    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


_STAT_TYPES = {
    stat.S_IFREG: "regular file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symbolic link",
    stat.S_IFCHR: "character special file", stat.S_IFBLK: "block special file",
    stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket",
}  # fmt: skip


@program(
    "Lftc:",
    "[-Lf] [-t] [-c FMT] FILE...",
    "Display file (default) or filesystem status",
    long={"format=": "c", "dereference": "L", "file-system": "f", "terse": "t"},
    least=1,
    name="stat",
)
async def stat_(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Show what is known of a file."""
    status = 0
    names = Names(proc)
    for name in words:
        try:
            found = proc.fs.stat(proc.path(name), follow="L" in options)
            if "f" in options:
                await proc.out(_file_system(proc, name))
                continue
        except OSError as error:
            await proc.err(f"stat: can't stat '{name}': {reason(error)}\n")
            status = 1
            continue
        if "c" in options:
            await proc.out(_stat_format(proc, options["c"], name, found, names) + "\n")
        elif "t" in options:
            form = "%n %s %b %f %u %g %D %i %h %t %T %X %Y %Z %o"
            await proc.out(_stat_format(proc, form, name, found, names) + "\n")
        else:
            await proc.out(_stat_long(proc, name, found, names))
    return status


def _stat_long(proc: ContainerProcess, name: str, found: FileStat, names: Names) -> str:
    kind = _kind(found)
    shown = name
    if stat.S_ISLNK(found.mode):
        shown = f"'{name}' -> '{proc.fs.readlink(proc.path(name))}'"
    when = format_date(found.mtime_ns, "%Y-%m-%d %H:%M:%S.%N +0000")
    blocks = _blocks(found) * 2
    device = f"Device: {found.dev:x}h/{found.dev}d"
    return (
        f"  File: {shown}\n  Size: {found.size:<10}\tBlocks: {blocks:<10} IO Block: 4096   {kind}\n"
        f"{device}\tInode: {found.ino:<10}  Links: {found.nlink}\n"
        f"Access: ({stat.S_IMODE(found.mode):04o}/{stat.filemode(found.mode)})"
        f"  Uid: ({found.uid:>5}/{names.user(found.uid):>8})"
        f"   Gid: ({found.gid:>5}/{names.group(found.gid):>8})\n"
        f"Access: {when}\nModify: {when}\nChange: {when}\n"
    )


def _kind(found: FileStat) -> str:
    kind = _STAT_TYPES.get(stat.S_IFMT(found.mode), "weird file")
    return "regular empty file" if kind == "regular file" and not found.size else kind


def _stat_format(
    proc: ContainerProcess, form: str, name: str, found: FileStat, names: Names
) -> str:
    seconds = str(found.mtime_ns // 1_000_000_000)
    when = format_date(found.mtime_ns, "%Y-%m-%d %H:%M:%S.%N +0000")
    values = {
        "a": f"{stat.S_IMODE(found.mode):o}", "A": stat.filemode(found.mode),
        "b": str(_blocks(found) * 2), "B": "512", "d": str(found.dev), "D": f"{found.dev:x}",
        "f": f"{found.mode:x}", "F": _kind(found), "g": str(found.gid),
        "G": names.group(found.gid), "h": str(found.nlink), "i": str(found.ino), "n": name,
        "N": f"'{name}'", "o": "4096", "s": str(found.size), "t": f"{os.major(found.rdev):x}",
        "T": f"{os.minor(found.rdev):x}", "u": str(found.uid), "U": names.user(found.uid),
        "x": when, "X": seconds, "y": when, "Y": seconds, "z": when, "Z": seconds, "%": "%",
    }  # fmt: skip
    if "%N" in form and stat.S_ISLNK(found.mode):
        values["N"] = f"'{name}' -> '{proc.fs.readlink(proc.path(name))}'"
    text = ""
    position = 0
    while position < len(form):
        if form[position] == "%" and position + 1 < len(form):
            text += values.get(form[position + 1], "?")
            position += 2
        else:
            text += form[position]
            position += 1
    return text


def _file_system(proc: ContainerProcess, name: str) -> str:
    usage = proc.fs.usage(proc.path(name))
    return (
        f'  File: "{name}"\n    ID: 0        Namelen: 255     Type: overlayfs\n'
        f"Block size: 4096       Fundamental block size: 4096\n"
        f"Blocks: Total: {usage.total // 4096:<10} Free: {usage.free // 4096:<10} "
        f"Available: {usage.available // 4096}\nInodes: Total: 0          Free: 0\n"
    )


@program("aHLd:clsxhmkb", "[-aHLdclsxhmk] [-d N] [FILE]...", "Summarize disk space used for FILEs")
async def du(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Tell how much space trees take."""
    counter = _Usage(proc, options)
    total = 0
    for name in words or ["."]:
        total += await counter.count(name, 0)
    if "c" in options:
        await counter.show(total, "total")
    return counter.status


class _Usage:
    def __init__(self, proc: ContainerProcess, options: Options) -> None:
        self._proc = proc
        self._options = options
        self._depth = 0 if "s" in options else int(options.get("d", "1000000") or 0)
        self._seen: set[tuple[int, int]] = set()
        self.status = 0

    async def count(self, name: str, level: int) -> int:
        proc = self._proc
        await proc.tick()
        follow = "L" in self._options or ("H" in self._options and level == 0)
        try:
            found = proc.fs.stat(proc.path(name), follow=follow)
        except OSError as error:
            await proc.err(f"du: {name}: {reason(error)}\n")
            self.status = 1
            return 0
        key = (found.dev, found.ino)
        if "l" not in self._options and found.nlink > 1 and not stat.S_ISDIR(found.mode):
            if key in self._seen:
                return 0
            self._seen.add(key)
        total = _blocks(found)
        if stat.S_ISDIR(found.mode):
            total += await self._children(name, level)
            if level <= self._depth:
                await self.show(total, name)
        elif level == 0 or ("a" in self._options and level <= self._depth):
            await self.show(total, name)
        return total

    async def _children(self, name: str, level: int) -> int:
        try:
            children = sorted(self._proc.fs.listdir(self._proc.path(name)))
        except OSError as error:
            await self._proc.err(f"du: can't open '{name}': {reason(error)}\n")
            self.status = 1
            return 0
        total = 0
        for child in children:
            total += await self.count(join(name, child), level + 1)
        return total

    async def show(self, kilobytes: int, name: str) -> None:
        if "h" in self._options:
            text = human(kilobytes * 1024)
        elif "m" in self._options:
            text = str(-(-kilobytes // 1024))
        elif "b" in self._options:
            text = str(kilobytes * 1024)
        else:
            text = str(kilobytes)
        await self._proc.out(f"{text}\t{name}\n")


@program("PkmhTaitB:", "[-PkmhTai] [-t TYPE] [FILESYSTEM]...", "Print filesystem usage")
async def df(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Tell how full the mounted file systems are."""
    unit = 1 << 20 if "m" in options else 1024
    heading = {"h": "      Size", "m": "1M-blocks"}.get(
        "h" if "h" in options else "m" if "m" in options else "", " 1K-blocks"
    )
    typed = f"{'Type':<10} " if "T" in options else ""
    available = "Available"
    percent = "Capacity" if "P" in options else "Use%"
    if "P" in options and unit == 1024:
        heading = "1024-blocks"
    lines = [f"{'Filesystem':<20} {typed}{heading:>11} {'Used':>9} {available:>9} {percent:>4} "
             "Mounted on"]  # fmt: skip
    status = 0
    for mount in _df_mounts(proc, words):
        if isinstance(mount, str):
            await proc.err(mount)
            status = 1
            continue
        try:
            usage = proc.fs.usage(mount.target)
        except OSError as error:
            await proc.err(f"df: {mount.target}: {reason(error)}\n")
            status = 1
            continue
        if not usage.total and not words and "a" not in options:
            continue
        used = usage.total - usage.free
        whole = used + usage.available
        share = -(-used * 100 // whole) if whole else 0

        def shown(value: int) -> str:
            return human(value) if "h" in options else str(value // unit)

        typed = f"{mount.fstype:<10} " if "T" in options else ""
        lines.append(
            f"{mount.source:<20} {typed}{shown(usage.total):>11} {shown(used):>9} "
            f"{shown(usage.available):>9} {share:>3}% {mount.target}"
        )
    await proc.out("\n".join(lines) + "\n")
    return status


def _df_mounts(proc: ContainerProcess, words: list[str]) -> list[MountEntry | str]:
    mounts = list(proc.fs.mounts())
    if not words:
        hidden = ("proc", "sysfs", "devpts", "mqueue", "cgroup2")
        return [mount for mount in mounts if mount.fstype not in hidden]
    found: list[MountEntry | str] = []
    for word in words:
        try:
            proc.fs.stat(proc.path(word))
            path = proc.fs.realpath(proc.path(word)) + "/"
        except OSError as error:
            found.append(f"df: {word}: {reason(error)}\n")
            continue
        fitting = [m for m in mounts if path.startswith(m.target.rstrip("/") + "/")]
        found.append(max(fitting, key=lambda m: len(m.target)))
    return found


@program("fnvm", "[-fnv] FILE", "Display the value of a symbolic link", least=1)
async def readlink(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print where a link leads."""
    status = 0
    for name in words:
        try:
            text = canonical(proc, name) if "f" in options else proc.fs.readlink(proc.path(name))
        except OSError as error:
            if "v" in options:
                await proc.err(f"readlink: {name}: {reason(error)}\n")
            status = 1
            continue
        await proc.out(text + ("" if "n" in options else "\n"))
    return status


def canonical(proc: ContainerProcess, name: str) -> str:
    """The path without links; only its last part may be missing."""
    path = proc.path(name)
    resolved = proc.fs.realpath(path)
    proc.fs.stat(resolved.rpartition("/")[0] or "/")
    return resolved


@program("", "FILE...", "Print absolute pathnames of FILE", least=1)
async def realpath(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Print paths without links."""
    status = 0
    for name in words:
        try:
            await proc.out(canonical(proc, name) + "\n")
        except OSError as error:
            await proc.err(f"realpath: {name}: {reason(error)}\n")
            status = 1
    return status


@program(
    "as:z",
    "FILE [SUFFIX] | -a FILE... | -s SUFFIX FILE...",
    "Strip directory path and SUFFIX from FILE",
    least=1,
)
async def basename(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print the last part of paths."""
    suffix = options.get("s", "")
    many = "a" in options or "s" in options
    if not many:
        if len(words) > 2:
            raise UsageError
        suffix = words[1] if len(words) > 1 else ""
        words = words[:1]
    for word in words:
        name = base_name(word) if word else ""
        if suffix and name != suffix:
            name = name.removesuffix(suffix)
        await proc.out(name + "\n")
    return 0


@program("", "FILENAME", "Strip non-directory suffix from FILENAME", least=1, most=1)
async def dirname(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Print a path without its last part."""
    stripped = words[0].rstrip("/")
    if not stripped:
        folder = "/" if words[0] else "."
    else:
        folder = stripped.rpartition("/")[0].rstrip("/") or ("/" if "/" in stripped else ".")
    await proc.out(folder + "\n")
    return 0


@program("LP", "", "Print the full filename of the current working directory")
async def pwd(proc: ContainerProcess, _options: Options, _words: list[str]) -> int:
    """Print the working directory."""
    await proc.out(proc.cwd + "\n")
    return 0
