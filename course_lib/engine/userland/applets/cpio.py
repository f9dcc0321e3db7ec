"""``cpio``: archives in the format ``newc``, of names that are read from standard input."""

from __future__ import annotations

import stat
from dataclasses import dataclass

from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    UsageError,
    decode,
    encode,
    join,
    program,
    read_all,
    read_file,
    reason,
    text_lines,
)
from course_lib.engine.userland.applets.files import exists, is_directory, make_parents
from course_lib.engine.userland.process import ContainerProcess
from course_lib.engine.userland.shell import patterns

_MAGIC = b"070701"
_END = "TRAILER!!!"
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class _Member:
    """A file with what its header tells of it; a link's content is where it leads."""

    name: str
    mode: int
    uid: int
    gid: int
    mtime: int
    content: bytes
    inode: int = 0
    links: int = 1


@program(
    "tiopdmvuLH:F:R:",
    "[-dmvu] [-F FILE] [-H newc] [-ti] [EXTR_FILE]... | -o -H newc | -p DIR",
    "Extract (-i) or list (-t) files from a cpio archive on stdin, or take file list from stdin "
    "and create an archive (-o)",
    long={"extract": "i", "list": "t", "create": "o", "format=": "H", "null": "0"},
    gnu="0c",
)
async def cpio(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Pack, list and unpack."""
    modes = [letter for letter in "op" if letter in options]
    if not modes and not {"i", "t"} & {letter for letter, _ in options.in_order()}:
        raise UsageError
    if modes == ["o"] and options.get("H", "newc" if "c" in options else "") != "newc":
        raise UsageError  # BusyBox writes no other format, and wants it named
    if not modes:
        return await _unpack(proc, options, await _members(proc, options), words)
    names = text_lines((await read_all(proc, proc.stdin)).replace(b"\0", b"\n"))
    if modes == ["p"]:
        if len(words) != 1:
            raise UsageError
        found = [member for name in names if (member := await _look(proc, options, name))]
        return await _unpack(proc, options, found, [], folder=words[0])
    return await _pack(proc, options, names)


async def _look(proc: ContainerProcess, options: Options, name: str) -> _Member | None:
    path = proc.path(name)
    try:
        found = proc.fs.stat(path, follow="L" in options)
        content = b""
        if stat.S_ISREG(found.mode):
            content = await read_file(proc, path)
        elif stat.S_ISLNK(found.mode):
            content = encode(proc.fs.readlink(path))
    except OSError as error:
        await proc.err(f"cpio: {name}: {reason(error)}\n")
        return None
    mtime = found.mtime_ns // 1_000_000_000
    return _Member(name, found.mode, found.uid, found.gid, mtime, content, found.ino, found.nlink)


# --- packing ---------------------------------------------------------------------------------


async def _pack(proc: ContainerProcess, options: Options, names: list[str]) -> int:
    status = 0
    data = bytearray()
    for name in names:
        member = await _look(proc, options, name)
        if member is None:
            status = 1
            continue
        if "v" in options:
            await proc.err(f"{name}\n")
        data += _written(member)
    data += _written(_Member(_END, 0, 0, 0, 0, b""))
    data += bytes(-len(data) % _BLOCK)
    if "F" in options:
        proc.fs.write_bytes(proc.path(options["F"]), bytes(data), 0o666 & ~proc.umask)
    else:
        await proc.out(bytes(data))
    return status


def _written(member: _Member) -> bytes:
    name = encode(member.name) + b"\0"
    fields = (
        member.inode & 0xFFFFFFFF, member.mode, member.uid, member.gid, member.links,
        member.mtime, len(member.content), 0, 0, 0, 0, len(name), 0,
    )  # fmt: skip
    head = _MAGIC + b"".join(b"%08X" % field for field in fields) + name
    head += bytes(-len(head) % 4)
    return head + member.content + bytes(-len(member.content) % 4)


# --- unpacking -------------------------------------------------------------------------------


async def _members(proc: ContainerProcess, options: Options) -> list[_Member]:
    try:
        data = await read_file(proc, options.get("F", "-"))
    except OSError as error:
        raise Fail(f"{options['F']}: {reason(error)}") from None
    found: list[_Member] = []
    position = 0
    while True:
        head = data[position : position + 110]
        if not data:
            return found
        if len(head) < 110:
            raise Fail("short read")
        if head[:6] not in (_MAGIC, b"070702"):
            raise Fail("unsupported cpio format, use newc or crc")
        try:
            fields = [int(head[start : start + 8], 16) for start in range(6, 110, 8)]
        except ValueError:
            raise Fail("damaged archive") from None
        inode, mode, uid, gid, links, mtime, size = fields[:7]
        start = position + 110
        name = decode(data[start : start + fields[11]]).rstrip("\0")
        start += fields[11] + -(110 + fields[11]) % 4
        if name == _END:
            return found
        content = data[start : start + size]
        if len(content) < size:
            raise Fail("short read")
        found.append(_Member(name, mode, uid, gid, mtime, content, inode, links))
        position = start + size + -size % 4
        await proc.tick()


async def _unpack(
    proc: ContainerProcess,
    options: Options,
    members: list[_Member],
    wanted: list[str],
    folder: str = "",
) -> int:
    status = 0
    for member in members:
        if wanted and not any(patterns.matches(pattern, member.name) for pattern in wanted):
            continue
        if "t" in options:
            await proc.out(encode(_listed(member, long="v" in options) + "\n"))
            continue
        if "v" in options:
            await proc.err(f"{member.name}\n")
        try:
            _extract(proc, options, member, join(folder, member.name) if folder else member.name)
        except _NewerError as error:
            await proc.err(f"cpio: {error}\n")
        except OSError as error:
            await proc.err(f"cpio: can't create '{member.name}': {reason(error)}\n")
            status = 1
    blocks = sum(len(_written(member)) for member in members) // _BLOCK + 1
    await proc.err(f"{blocks} blocks\n")
    return status


def _listed(member: _Member, *, long: bool) -> str:
    if not long:
        return member.name
    from course_lib.engine.userland.applets.dates import format_date

    when = format_date(member.mtime * 1_000_000_000, "%Y-%m-%d %H:%M:%S")
    link = f" -> {decode(member.content)}" if stat.S_ISLNK(member.mode) else ""
    owner = f"{member.uid}/{member.gid}"
    size = len(member.content)
    return f"{stat.filemode(member.mode)} {owner:<12}{size:>9} {when} {member.name}{link}"


class _NewerError(Exception):
    """What is there is not older than what the archive has."""


def _extract(proc: ContainerProcess, options: Options, member: _Member, name: str) -> None:
    if ".." in name.split("/"):
        raise Fail(f"name with '..' encountered: '{name}'")
    path = proc.path(name)
    parent = name.rpartition("/")[0]
    if parent and "d" in options:
        make_parents(proc, parent, 0o777 & ~proc.umask)
    if stat.S_ISDIR(member.mode):
        if not is_directory(proc, name):
            proc.fs.mkdir(path, 0o777)
    else:
        if exists(proc, name):
            old = proc.fs.stat(path, follow=False).mtime_ns // 1_000_000_000
            if "u" not in options and old >= member.mtime:
                raise _NewerError(f"{name} not created: newer or same age file exists")
            proc.fs.unlink(path)
        if stat.S_ISLNK(member.mode):
            proc.fs.symlink(decode(member.content), path)
            return
        if stat.S_ISFIFO(member.mode):
            proc.fs.mkfifo(path)
        else:
            proc.fs.write_bytes(path, member.content, 0o600)
    proc.fs.chmod(path, stat.S_IMODE(member.mode))
    if proc.uid == 0:
        proc.fs.chown(path, member.uid, member.gid)
    if "m" in options:
        when = member.mtime * 1_000_000_000
        proc.fs.utime(path, when, when)
