"""Files of a container as tar streams: what ``docker cp`` and ``docker export`` move.

Names, owners, times and the treatment of what is in the way are those of moby's ``pkg/archive``.
The standard library's ``tarfile`` knows the format; here it only gets what lies inside the
container, through the container's own path walk, so that no member can reach anything else.
"""

from __future__ import annotations

import contextlib
import errno
import lzma
import os
import posixpath
import stat as statmod
import tempfile
import zlib
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from course_lib.engine.errdefs import SystemFailure
from course_lib.engine.fs.handles import CHUNK
from course_lib.engine.fs.inode import os_error
from course_lib.engine.fs.memory import OPAQUE, WHITEOUT
from course_lib.engine.fs.zstd import MAGIC, refuse_zstd

if TYPE_CHECKING:
    import tarfile

    from course_lib.engine.interfaces import FileStat, FileSystem

_BLOCK = 512
_IN_MEMORY = 1 << 20
_GO_TYPES = {
    statmod.S_IFDIR: 1 << 31,
    statmod.S_IFLNK: 1 << 27,
    statmod.S_IFIFO: 1 << 25,
    statmod.S_IFSOCK: 1 << 24,
    statmod.S_IFBLK: 1 << 26,
    statmod.S_IFCHR: (1 << 26) | (1 << 21),
}
_GO_BITS = {statmod.S_ISUID: 1 << 23, statmod.S_ISGID: 1 << 22, statmod.S_ISVTX: 1 << 20}


@dataclass(frozen=True, slots=True)
class PathStat:
    """What ``X-Docker-Container-Path-Stat`` tells.

    :param mode: Go's ``os.FileMode``: permissions, and type bits of its own.
    """

    name: str
    size: int
    mode: int
    mtime_ns: int
    link_target: str


def go_mode(mode: int) -> int:
    """A mode as Go counts it (``io/fs.FileMode``)."""
    special = sum(bit for mask, bit in _GO_BITS.items() if mode & mask)
    return (mode & 0o777) | special | _GO_TYPES.get(statmod.S_IFMT(mode), 0)


def path_stat(fs: FileSystem, path: str) -> PathStat:
    """Facts about a path; a link in its last component is not followed.

    Raises ``OSError`` (``ENOENT``, ``ENOTDIR``).
    """
    absolute = _absolute(path)
    stat = fs.stat(absolute, follow=False)
    target = ""
    if statmod.S_ISLNK(stat.mode):
        target = fs.realpath(absolute)
    name = posixpath.basename(absolute) or "/"
    return PathStat(name, stat.size, go_mode(stat.mode), stat.mtime_ns, target)


def _absolute(path: str) -> str:
    """An absolute path that keeps a final slash or ``/.``, which say "what is in it"."""
    cleaned = posixpath.normpath(f"/{path}")
    cleaned = "/" + cleaned.lstrip("/")
    if path == "." or path.endswith("/."):
        return posixpath.join(cleaned, ".")
    if path.endswith("/") and cleaned != "/":
        return f"{cleaned}/"
    return cleaned


# --- out ---------------------------------------------------------------------------------


async def read_tar(fs: FileSystem, path: str, name: str | None = None) -> AsyncIterator[bytes]:
    """The file or tree at ``path`` as a tar stream.

    :param name: what the topmost member is called; by default the last component of the path
        (``.`` for ``/etc/.``). ``""`` leaves the topmost directory itself out and names the rest
        relative to it (``docker export``).

    ``OSError`` for a path that does not exist is raised before the first byte.
    """
    absolute = _absolute(path)
    top = fs.stat(absolute, follow=False)
    if name is None:
        name = posixpath.basename(absolute.rstrip("/")) or "/"
    seen: dict[tuple[int, int], str] = {}
    pending = [(absolute, name, top)]
    while pending:
        here, shown, stat = pending.pop()
        if shown:
            async for data in _member(fs, here, shown, stat, seen):
                yield data
        if statmod.S_ISDIR(stat.mode):
            inside = []
            for entry in sorted(_listdir(fs, here), reverse=True):
                below = posixpath.join(here, entry)
                try:
                    found = fs.stat(below, follow=False)
                except FileNotFoundError:
                    continue  # removed while we read
                inside.append((below, posixpath.join(shown, entry), found))
            pending += inside
    yield bytes(2 * _BLOCK)


def _listdir(fs: FileSystem, path: str) -> list[str]:
    try:
        return fs.listdir(path)
    except FileNotFoundError:
        return []


async def _member(
    fs: FileSystem, path: str, name: str, stat: FileStat, seen: dict[tuple[int, int], str]
) -> AsyncIterator[bytes]:
    import tarfile

    info = tarfile.TarInfo(name + "/" if statmod.S_ISDIR(stat.mode) else name)
    info.mode = statmod.S_IMODE(stat.mode)
    info.uid, info.gid, info.mtime = stat.uid, stat.gid, stat.mtime_ns // 10**9
    kind = statmod.S_IFMT(stat.mode)
    key = (stat.dev, stat.ino)
    if kind == statmod.S_IFDIR:
        info.type = tarfile.DIRTYPE
    elif kind == statmod.S_IFLNK:
        info.type, info.linkname = tarfile.SYMTYPE, fs.readlink(path)
    elif stat.nlink > 1 and key in seen:
        info.type, info.linkname = tarfile.LNKTYPE, seen[key]
    elif kind == statmod.S_IFIFO:
        info.type = tarfile.FIFOTYPE
    elif kind in {statmod.S_IFCHR, statmod.S_IFBLK}:
        info.type = tarfile.CHRTYPE if kind == statmod.S_IFCHR else tarfile.BLKTYPE
        info.devmajor, info.devminor = os.major(stat.rdev), os.minor(stat.rdev)
    elif kind == statmod.S_IFREG:
        info.size = stat.size
        seen[key] = name
    else:
        return  # sockets are not archived
    header = info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
    if info.type != tarfile.REGTYPE:
        yield header
        return
    # The first bytes are read before the header is sent: what cannot be opened is left out by
    # an error, not by a member that promises more than it holds.
    handle = fs.open(path, os.O_RDONLY)
    try:
        yield header
        left = stat.size
        while left:
            data = await handle.read(min(left, CHUNK))
            if not data:  # it became shorter meanwhile
                data = bytes(min(left, CHUNK))
            left -= len(data)
            yield data
    finally:
        handle.close()
    if stat.size % _BLOCK:
        yield bytes(_BLOCK - stat.size % _BLOCK)


# --- in ----------------------------------------------------------------------------------


async def extract_tar(
    fs: FileSystem,
    path: str,
    chunks: AsyncIterable[bytes],
    *,
    keep_kinds: bool = False,
    keep_owners: bool = True,
    owner: tuple[int, int] = (0, 0),
    clamp: bool = False,
    layer: bool = False,
) -> None:
    """Unpack a tar stream, compressed or not, into the directory ``path``.

    A file in the way is replaced, a directory is added to.

    :param keep_kinds: refuse to replace a directory by something else or the reverse
        (``noOverwriteDirNonDir``).
    :param keep_owners: as in the archive; else everything belongs to ``owner``.
    :param clamp: a member that leads out of the directory is put below it, as where dockerd
        unpacks in a chroot (builds, ``load``, ``import``); without it such a member is refused.
    :param layer: the archive is a layer of an image: ``.wh.NAME`` deletes, ``.wh..wh..opq``
        empties.

    The stream is received whole before anything is unpacked: one that was cut short changes
    nothing. Raises ``OSError`` for the directory (``ENOENT``, ``ENOTDIR``) and for what the file
    systems refuse (``EROFS``, ``ENOSPC``), ``SystemFailure``, with dockerd's words, for a broken
    archive or a member that would lie outside of the directory.
    """
    import tarfile

    top = _absolute(path)
    if not statmod.S_ISDIR(fs.stat(top).mode):
        raise os_error(errno.ENOTDIR, top)
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
        async for chunk in chunks:
            spool.write(chunk)
        if not spool.tell():
            return  # nothing at all is an archive without members
        spool.seek(0)
        refuse_zstd(spool.read(len(MAGIC)))
        spool.seek(0)
        try:
            with tarfile.open(fileobj=spool, errorlevel=2) as archive:
                _check_members(archive, posixpath.normpath(top), clamp)
                kind = _LayerExtraction if layer else _Extraction
                await kind(fs, top, keep_kinds, keep_owners, owner, clamp).run(archive)
        except (tarfile.TarError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
            # In Go's words: a whole block that is no header, or an end that comes too early.
            spool.seek(0, os.SEEK_END)
            if "could not be opened" in str(error) and spool.tell() >= _BLOCK:
                raise SystemFailure("archive/tar: invalid tar header") from None
            raise SystemFailure("unexpected EOF") from None


def _check_members(archive: tarfile.TarFile, top: str, clamp: bool) -> None:
    """Look at every member before the first is unpacked; refuse one that leads out of ``top``.

    Going through them also finds an archive that was cut short.
    """
    for member in archive:
        if not clamp:
            _check_member(member, top)
    # The library takes a broken header for the end of the archive, Go does not.
    assert archive.fileobj is not None
    archive.fileobj.seek(archive.offset)
    rest = archive.fileobj.read(_BLOCK)
    if 0 < len(rest) < _BLOCK:
        raise SystemFailure("unexpected EOF")
    if rest.strip(b"\0"):
        raise SystemFailure("archive/tar: invalid tar header")


def _check_member(member: tarfile.TarInfo, top: str) -> None:
    name = _relative(member.name)
    place = posixpath.join(top, name)
    if _leads_out(name):
        raise SystemFailure(f'"{name}" is outside of "{top}"')
    if member.islnk() and _leads_out(target := _relative(member.linkname)):
        target = posixpath.normpath(posixpath.join(top, target))
        raise SystemFailure(f'invalid hardlink "{target}" -> "{member.linkname}"')
    if member.issym() and not member.linkname.startswith("/"):
        target = posixpath.normpath(posixpath.join(place, "..", member.linkname))
        if _leads_out(posixpath.relpath(target, top)):
            raise SystemFailure(f'invalid symlink "{place}" -> "{member.linkname}"')


def _relative(name: str, clamp: bool = False) -> str:
    """A member's path relative to the directory."""
    if clamp:
        return posixpath.normpath(f"/{name}").lstrip("/") or "."
    return posixpath.normpath(name.lstrip("/") or ".")


def _leads_out(relative: str) -> bool:
    return relative == ".." or relative.startswith("../")


class _Extraction:
    def __init__(
        self,
        fs: FileSystem,
        top: str,
        keep_kinds: bool,
        keep_owners: bool,
        owner: tuple[int, int],
        clamp: bool,
    ) -> None:
        self._fs = fs
        self._top = top.rstrip("/") or "/"
        self._keep_kinds = keep_kinds
        self._keep_owners = keep_owners
        self._owner = owner
        self._clamp = clamp
        self._directories: list[tuple[str, int]] = []

    async def run(self, archive: tarfile.TarFile) -> None:
        for member in archive:
            relative = _relative(member.name, self._clamp)
            path = self._top if relative == "." else posixpath.join(self._top, relative)
            if self._mark(path) or self._clear(path, member):
                continue
            self._parents(posixpath.dirname(path))
            await self._make(archive, member, path)
        for path, mtime_ns in reversed(self._directories):
            self._fs.utime(path, mtime_ns, mtime_ns)

    def _mark(self, path: str) -> bool:
        """Whether a member is no file but says what to delete; it is done then."""
        return False

    def _parents(self, path: str) -> None:
        missing = []
        while path not in {"/", ""}:
            try:
                self._fs.stat(path)
                break
            except FileNotFoundError:
                missing.append(path)
                path = posixpath.dirname(path)
        for parent in reversed(missing):
            self._fs.mkdir(parent, 0o755)

    def _clear(self, path: str, member: tarfile.TarInfo) -> bool:
        """Remove what is in the way; whether there is nothing left to do for the member."""
        try:
            found = self._fs.stat(path, follow=False)
        except (FileNotFoundError, NotADirectoryError):
            return False
        is_directory = statmod.S_ISDIR(found.mode)
        if is_directory and member.isdir():
            return path == self._top
        if path == self._top:
            return True
        if self._keep_kinds and is_directory and not member.isdir():
            raise SystemFailure(
                f'cannot overwrite directory "{path}" with non-directory "{self._top}"'
            )
        if self._keep_kinds and member.isdir():
            raise SystemFailure(
                f'cannot overwrite non-directory "{path}" with directory "{self._top}"'
            )
        try:
            remove_all(self._fs, path)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            # Go puts the directory's name and a slash before that of the file.
            where = "/".join(posixpath.split(path))
            raise SystemFailure(f"unlinkat {where}: device or resource busy") from None
        return False

    async def _make(self, archive: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        fs = self._fs
        mode = member.mode & 0o7777
        if member.isdir():
            with contextlib.suppress(FileExistsError):
                fs.mkdir(path, mode)
        elif member.issym():
            fs.symlink(member.linkname, path)
        elif member.islnk():
            target = _relative(member.linkname, self._clamp)
            fs.link(posixpath.join(self._top, target), path)
            return
        elif member.isfifo():
            fs.mkfifo(path, mode)
        elif member.isreg():
            await self._file(archive, member, path, mode)
        else:
            return  # devices cannot be made without privilege; moby leaves them out then
        if self._keep_owners:
            fs.chown(path, member.uid, member.gid, follow=False)
        elif any(self._owner):
            fs.chown(path, *self._owner, follow=False)
        if not member.issym():
            fs.chmod(path, mode)
        mtime_ns = int(member.mtime * 10**9)
        if member.isdir():
            self._directories.append((path, mtime_ns))
        else:
            fs.utime(path, mtime_ns, mtime_ns, follow=False)

    async def _file(
        self, archive: tarfile.TarFile, member: tarfile.TarInfo, path: str, mode: int
    ) -> None:
        source = archive.extractfile(member)
        handle = self._fs.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        try:
            while source is not None and (data := source.read(CHUNK)):
                await handle.write(data)
        except OSError:
            self._fs.unlink(path)  # the disk is full: no half of a file
            raise
        finally:
            handle.close()


class _LayerExtraction(_Extraction):
    """A layer on top of those that the file system has (moby ``archive.UnpackLayer``)."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._unpacked: set[str] = set()

    def _mark(self, path: str) -> bool:
        directory, name = posixpath.split(path)
        if not name.startswith(WHITEOUT):
            self._unpacked.add(path)
            return False
        if name == OPAQUE:
            for entry in _listdir(self._fs, directory):
                below = posixpath.join(directory, entry)
                if below not in self._unpacked:
                    remove_all(self._fs, below)
        elif not name.startswith(WHITEOUT * 2):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                remove_all(self._fs, posixpath.join(directory, name[len(WHITEOUT) :]))
        return True


def remove_all(fs: FileSystem, path: str) -> None:
    """Delete a file or a whole tree, as ``rm -r``."""
    if not statmod.S_ISDIR(fs.stat(path, follow=False).mode):
        fs.unlink(path)
        return
    for name in fs.listdir(path):
        remove_all(fs, posixpath.join(path, name))
    fs.rmdir(path)
