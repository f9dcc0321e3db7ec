"""A layer as a tar archive: what its digest is taken of and what ``docker save`` writes.

The same tree gives the same bytes: members sorted, times in whole seconds, numbers of owners and
no names. So an archive need not be kept beside the files.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat as statmod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from course_lib.engine.fs.handles import CHUNK

if TYPE_CHECKING:
    import tarfile

    from course_lib.engine.fs.inode import Inode, Tree
    from course_lib.engine.interfaces import FileStat, OpenFile

_BLOCK = 512
_END = bytes(2 * _BLOCK)


@dataclass(frozen=True, slots=True)
class Member:
    """One member: its header, and the file whose content follows it.

    :param shown: what the file counts in the size of the layer.
    """

    header: bytes
    inode: Inode | None = None
    size: int = 0
    shown: int = 0

    @property
    def padding(self) -> bytes:
        return bytes(-self.size % _BLOCK)


def members(tree: Tree) -> Iterator[Member]:
    """All members of a layer but its root, parents first; marks of deletion are files."""
    seen: dict[int, str] = {}
    pending = _below(tree.root(), "")
    while pending:
        name, inode = pending.pop()
        stat = inode.stat()
        member = _member(name, inode, stat, seen)
        if member is not None:
            yield member
        if statmod.S_ISDIR(stat.mode):
            pending += _below(inode, f"{name}/")


def _below(directory: Inode, prefix: str) -> list[tuple[str, Inode]]:
    found = []
    for name in sorted(directory.names(), reverse=True):
        child = directory.lookup(name)
        if child is not None:
            found.append((prefix + name, child))
    return found


def _member(name: str, inode: Inode, stat: FileStat, seen: dict[int, str]) -> Member | None:
    import tarfile

    info = tarfile.TarInfo(name)
    info.mode = statmod.S_IMODE(stat.mode)
    info.uid, info.gid, info.mtime = stat.uid, stat.gid, max(stat.mtime_ns // 10**9, 0)
    kind = statmod.S_IFMT(stat.mode)
    if kind == statmod.S_IFDIR:
        info.name += "/"
        info.type = tarfile.DIRTYPE
    elif kind == statmod.S_IFLNK:
        info.type, info.linkname = tarfile.SYMTYPE, inode.readlink()
    elif stat.nlink > 1 and stat.ino in seen:
        info.type, info.linkname = tarfile.LNKTYPE, seen[stat.ino]
    elif kind == statmod.S_IFIFO:
        info.type = tarfile.FIFOTYPE
    elif kind == statmod.S_IFREG:
        info.size = stat.size
        if stat.nlink > 1:
            seen[stat.ino] = name
        return Member(_header(info), inode, stat.size, stat.size)
    else:
        return None  # sockets and devices are no part of a layer
    return Member(_header(info), shown=len(info.linkname) if info.issym() else 0)


def _header(info: tarfile.TarInfo) -> bytes:
    import tarfile

    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def placeholder(comment: str) -> bytes:
    """The archive of a layer of which only the size is known: no files, and a word about it."""
    import tarfile

    return tarfile.TarInfo.create_pax_global_header({"comment": comment}) + _END


def read_layer(tree: Tree) -> Iterator[bytes]:
    """The whole archive, piece by piece."""
    for member in members(tree):
        yield member.header
        if member.inode is not None and member.size:
            yield from _content(member.inode, member.size)
            yield member.padding
    yield _END


def _content(inode: Inode, size: int) -> Iterator[bytes]:
    handle = inode.open(os.O_RDONLY)
    try:
        while size:
            data = read_now(handle, min(size, CHUNK))
            if not data:  # it became shorter meanwhile
                data = bytes(min(size, CHUNK))
            size -= len(data)
            yield data
    finally:
        handle.close()


def read_now(handle: OpenFile, size: int) -> bytes:
    """What a read gives; files of layers never make their reader wait."""
    steps = handle.read(size).__await__()
    try:
        while True:
            next(steps)
    except StopIteration as end:
        data: bytes = end.value
        return data


def archive_size(tree: Tree) -> int:
    """Bytes that :func:`read_layer` gives, without reading a file."""
    return len(_END) + sum(
        len(member.header) + member.size + len(member.padding) for member in members(tree)
    )


def digest_now(tree: Tree) -> tuple[str, int]:
    """``sha256:…`` of the archive, and the layer's size as shown. For small layers."""
    digest = hashlib.sha256()
    size = 0
    for member in members(tree):
        size += member.shown
        digest.update(member.header)
        if member.inode is not None and member.size:
            for data in _content(member.inode, member.size):
                digest.update(data)
            digest.update(member.padding)
    digest.update(_END)
    return f"sha256:{digest.hexdigest()}", size


async def digest_of_layer(tree: Tree) -> tuple[str, int]:
    """As :func:`digest_now`, giving way to others after every megabyte."""
    digest = hashlib.sha256()
    spent = 0
    for data in read_layer(tree):
        digest.update(data)
        spent += len(data)
        if spent >= CHUNK:
            spent = 0
            await asyncio.sleep(0)
    return f"sha256:{digest.hexdigest()}", sum(member.shown for member in members(tree))
