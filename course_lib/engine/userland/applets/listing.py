"""``stat``, and what it shares with ``ls``: names of owners, sizes on disk."""

from __future__ import annotations

import os
import re
import stat

from course_lib.engine.interfaces import FileStat, FileSystemUsage
from course_lib.engine.userland import users
from course_lib.engine.userland.applets.common import Options, program, reason
from course_lib.engine.userland.applets.dates import format_date
from course_lib.engine.userland.process import ContainerProcess
from course_lib.engine.userland.timezones import zone_of


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


def disk_blocks(found: FileStat) -> int:
    """Kilobytes on disk; directories and links count none, as on tmpfs."""
    if stat.S_ISREG(found.mode):
        return -(-found.size // 4096) * 4
    return 4 if stat.S_ISDIR(found.mode) else 0


_STAT_TYPES = {
    stat.S_IFREG: "regular file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symbolic link",
    stat.S_IFCHR: "character special file", stat.S_IFBLK: "block special file",
    stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket",
}  # fmt: skip


_DIRECTIVE = re.compile(r"%([-+ #0]*)(\d*)(.)", re.DOTALL)


@program(
    "Lftc:",
    "[-Lf] [-t] [-c FMT] FILE...",
    "Display file (default) or filesystem status",
    gnu_long={"format=": "c", "dereference": "L", "file-system": "f", "terse": "t"},
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
                usage = proc.fs.usage(proc.path(name))
                if "c" in options:
                    await proc.out(_file_system_format(options["c"], name, usage) + "\n")
                else:
                    await proc.out(_file_system(name, usage))
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
    when = format_date(found.mtime_ns, "%Y-%m-%d %H:%M:%S.%N %z", zone_of(proc))
    blocks = disk_blocks(found) * 2
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


def _known(name: str) -> str:
    return "UNKNOWN" if name.isdigit() else name


def _stat_format(
    proc: ContainerProcess, form: str, name: str, found: FileStat, names: Names
) -> str:
    seconds = str(found.mtime_ns // 1_000_000_000)
    when = format_date(found.mtime_ns, "%Y-%m-%d %H:%M:%S.%N %z", zone_of(proc))
    values = {
        "a": f"{stat.S_IMODE(found.mode):o}", "A": stat.filemode(found.mode),
        "b": str(disk_blocks(found) * 2), "B": "512", "d": str(found.dev), "D": f"{found.dev:x}",
        "f": f"{found.mode:x}", "F": _kind(found), "g": str(found.gid),
        "G": _known(names.group(found.gid)), "h": str(found.nlink), "i": str(found.ino), "n": name,
        "N": name, "o": "4096", "s": str(found.size), "t": f"{os.major(found.rdev):x}",
        "T": f"{os.minor(found.rdev):x}", "u": str(found.uid), "U": _known(names.user(found.uid)),
        "x": when, "X": seconds, "y": when, "Y": seconds, "z": when, "Z": seconds, "%": "%",
    }  # fmt: skip
    if "%N" in form and stat.S_ISLNK(found.mode):
        values["N"] = f"'{name}' -> '{proc.fs.readlink(proc.path(name))}'"
    text = ""
    position = 0
    while position < len(form):
        match = _DIRECTIVE.match(form, position)
        if match:
            flags, width, letter = match.groups()
            value = values.get(letter, letter)
            fill = "0" if "0" in flags and "-" not in flags else " "
            size = int(width or 0)
            text += value.ljust(size) if "-" in flags else value.rjust(size, fill)
            position = match.end()
        else:
            text += form[position]
            position += 1
    return text


def _file_system_format(form: str, name: str, usage: FileSystemUsage) -> str:
    values = {
        "n": name, "s": "4096", "S": "4096", "b": str(usage.total // 4096),
        "f": str(usage.free // 4096), "a": str(usage.available // 4096), "l": "255",
        "T": "overlayfs", "t": "794c7630", "i": "0", "c": "0", "d": "0", "%": "%",
    }  # fmt: skip
    return _DIRECTIVE.sub(lambda match: values.get(match[3], match[3]), form)


def _file_system(name: str, usage: FileSystemUsage) -> str:
    return (
        f'  File: "{name}"\n    ID: 0        Namelen: 255     Type: overlayfs\n'
        f"Block size: 4096       Fundamental block size: 4096\n"
        f"Blocks: Total: {usage.total // 4096:<10} Free: {usage.free // 4096:<10} "
        f"Available: {usage.available // 4096}\nInodes: Total: 0          Free: 0\n"
    )
