"""Copying trees between file systems, with owners, modes, times, links and hard links."""

from __future__ import annotations

import errno
import os
import stat as statmod

from course_lib.engine.fs.handles import CHUNK
from course_lib.engine.fs.inode import Inode, os_error


def is_empty(directory: Inode) -> bool:
    """Whether a directory has no entries."""
    return not directory.names()


async def copy_tree(source: Inode, target: Inode) -> None:
    """Copy what a directory holds into another one, which is empty, and its own attributes."""
    await _copy_entries(source, target, {})
    _copy_attributes(source, target)


async def _copy_entries(source: Inode, target: Inode, seen: dict[int, Inode]) -> None:
    for name in sorted(source.names()):
        child = source.lookup(name)
        if child is None:
            continue
        stat = child.stat()
        kind, mode = statmod.S_IFMT(stat.mode), statmod.S_IMODE(stat.mode)
        if stat.nlink > 1 and stat.ino in seen and kind != statmod.S_IFDIR:
            target.link(name, seen[stat.ino])
            continue
        if kind == statmod.S_IFDIR:
            target.mkdir(name, mode, stat.uid, stat.gid)
            await _copy_entries(child, _made(target, name), seen)
        elif kind == statmod.S_IFLNK:
            target.symlink(name, child.readlink(), stat.uid, stat.gid)
        elif kind == statmod.S_IFREG:
            await _copy_file(child, target, name)
        elif kind == statmod.S_IFIFO:
            target.mkfifo(name, mode, stat.uid, stat.gid)
        else:
            continue  # devices and sockets mean nothing elsewhere
        made = _made(target, name)
        made.utime(stat.mtime_ns, stat.mtime_ns)
        if stat.nlink > 1:
            seen[stat.ino] = made


def _made(directory: Inode, name: str) -> Inode:
    child = directory.lookup(name)
    if child is None:
        raise os_error(errno.ENOENT, name)
    return child


async def _copy_file(source: Inode, directory: Inode, name: str) -> None:
    stat = source.stat()
    mode = statmod.S_IMODE(stat.mode)
    reader = source.open(os.O_RDONLY)
    try:
        writer = directory.create(name, os.O_WRONLY, mode, stat.uid, stat.gid)
        try:
            while data := await reader.read(CHUNK):
                await writer.write(data)
        finally:
            writer.close()
    finally:
        reader.close()


def _copy_attributes(source: Inode, target: Inode) -> None:
    stat = source.stat()
    target.chmod(statmod.S_IMODE(stat.mode))
    target.chown(stat.uid, stat.gid)
    target.utime(stat.mtime_ns, stat.mtime_ns)
