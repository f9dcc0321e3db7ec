"""``tar``."""

from __future__ import annotations

import errno
import io
import os
import re
import stat
import tarfile
from collections.abc import AsyncIterator

from course_lib.engine.userland import users
from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    UsageError,
    join,
    program,
    read_file,
    reason,
    text_lines,
)
from course_lib.engine.userland.applets.compression import compress, decompress
from course_lib.engine.userland.applets.files import exists, is_directory, make_parents
from course_lib.engine.userland.process import ContainerProcess
from course_lib.engine.userland.shell import patterns
from course_lib.engine.userland.timezones import zone_of


def _codec(name: str) -> str:
    """The compression that a file's name tells."""
    for suffix, kind in ((".gz", "gz"), (".tgz", "gz"), (".bz2", "bz2"), (".xz", "xz"),
                         (".lzma", "xz"), (".Z", "gz")):  # fmt: skip
        if name.endswith(suffix):
            return kind
    return ""


# --- tar -------------------------------------------------------------------------------------

_TAR_LONG = {
    "create": "c", "extract": "x", "get": "x", "list": "t", "file=": "f", "directory=": "C",
    "gzip": "z", "bzip2": "j", "xz": "J", "verbose": "v", "exclude=": "E", "to-stdout": "O",
    "keep-old-files": "k", "strip-components=": "S", "numeric-owner": "N", "overwrite": "w",
    "no-same-owner": "o", "preserve-permissions": "p", "dereference": "h", "no-recursion": "R",
    "files-from=": "T", "exclude-from=": "X",
}  # fmt: skip


async def tar(proc: ContainerProcess) -> int:
    """Pack and unpack archives."""
    words = proc.argv[1:]
    if words and not words[0].startswith("-"):
        # ``tar cf x.tar dir``: the old way, with the values after all letters.
        values = words[1:]
        rebuilt = []
        for letter in words[0]:
            rebuilt.append(f"-{letter}")
            if letter in "fCXT" and values:
                rebuilt.append(values.pop(0))
        proc.argv[1:] = [*rebuilt, *values]
    return await _tar(proc)


@program(
    "cxtf:C:zjJvX:OkT:opmha",
    "-c|x|t [-zJjahmvokO] [-f TARFILE] [-C DIR] [FILE]...",
    "Create, extract, or list files from a tar file",
    long=_TAR_LONG,
    name="tar",
)
async def _tar(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    modes = [letter for letter in "cxt" if letter in options]
    if len(modes) != 1:
        raise UsageError
    run = _Tar(proc, options, await _named(proc, options, "X"))
    words = words + await _named(proc, options, "T")
    try:
        if modes[0] == "c":
            return await run.create(words)
        return await run.read(words, extract=modes[0] == "x")
    except tarfile.TarError:
        raise Fail("invalid tar magic") from None


async def _named(proc: ContainerProcess, options: Options, letter: str) -> list[str]:
    """The lines of the files that an option names."""
    lines = []
    for name in options.all(letter):
        try:
            lines += text_lines(await read_file(proc, name))
        except OSError as error:
            raise Fail(f"can't open '{name}': {reason(error)}") from None
    return lines


class _Tar:
    def __init__(self, proc: ContainerProcess, options: Options, excluded: list[str]) -> None:
        self._proc = proc
        self._options = options
        self._file = options.get("f", "-")
        self._folder = proc.path(options["C"]) if "C" in options else proc.cwd
        if "C" in options and not is_directory(proc, options["C"]):
            raise Fail(f"can't change directory to '{options['C']}': No such file or directory")
        kinds = {"z": "gz", "j": "bz2", "J": "xz"}
        self._kind = next((kinds[letter] for letter in "zjJ" if letter in options), "")
        if not self._kind and "a" in options:
            self._kind = _codec(self._file)
        self._excluded = options.all("E") + excluded
        self._told = False
        self._verbose = "v" in options
        self.status = 0

    def _path(self, name: str) -> str:
        return name if name.startswith("/") else join(self._folder, name)

    def _left_out(self, name: str) -> bool:
        base = name.rsplit("/", 1)[-1]
        return any(patterns.matches(p, name) or patterns.matches(p, base) for p in self._excluded)

    # --- creating ----------------------------------------------------------------------------

    async def create(self, names: list[str]) -> int:
        if not names:
            raise Fail("empty archive")
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for name in names:
                await self._add(archive, name)
        # BusyBox ends with two empty blocks and does not fill up to a record, as tarfile does.
        data = compress(buffer.getvalue()[: archive.offset], self._kind)
        if self._file == "-":
            await self._proc.out(data)
        else:
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
                file = self._proc.fs.open(self._proc.path(self._file), flags, 0o644)
            except OSError as error:
                raise Fail(f"can't open '{self._file}': {reason(error)}") from None
            await file.write(data)
            file.close()
        if self.status:
            raise Fail("error exit delayed from previous errors")
        return 0

    async def _add(self, archive: tarfile.TarFile, name: str) -> None:
        proc, fs = self._proc, self._proc.fs
        await proc.tick()
        if self._left_out(name):
            return
        path = self._path(name)
        try:
            found = fs.stat(path, follow="h" in self._options)
        except OSError as error:
            await proc.err(f"tar: {name}: {reason(error)}\n")
            self.status = 1
            return
        if self._file != "-" and path == proc.path(self._file):
            return
        kept = _inside(name)
        if kept != name and not self._told:
            self._told = True
            prefix = name.removesuffix(kept)
            await proc.err(f"tar: removing leading '{prefix}' from member names\n")
        info = tarfile.TarInfo(kept)
        info.mode = stat.S_IMODE(found.mode)
        info.uid, info.gid = found.uid, found.gid
        info.uname = users.user_name(proc.machine.fs, found.uid)
        info.gname = users.group_name(proc.machine.fs, found.gid)
        info.mtime = found.mtime_ns // 1_000_000_000
        if self._verbose:
            shown = name + "/" if stat.S_ISDIR(found.mode) else name
            await (proc.err if self._file == "-" else proc.out)(f"{shown}\n")
        if stat.S_ISDIR(found.mode):
            info.type = tarfile.DIRTYPE
            archive.addfile(info)
            if "R" not in self._options:
                for child in sorted(fs.listdir(path)):
                    await self._add(archive, join(name, child))
        elif stat.S_ISLNK(found.mode):
            info.type = tarfile.SYMTYPE
            info.linkname = fs.readlink(path)
            archive.addfile(info)
        elif stat.S_ISREG(found.mode):
            content = await read_file(proc, path)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        elif stat.S_ISFIFO(found.mode):
            info.type = tarfile.FIFOTYPE
            archive.addfile(info)

    # --- reading -----------------------------------------------------------------------------

    async def _members(self, wanted: list[str]) -> AsyncIterator[tuple[tarfile.TarInfo, bytes]]:
        try:
            data = await read_file(self._proc, self._file)
        except OSError as error:
            raise Fail(f"can't open '{self._file}': {reason(error)}") from None
        try:
            data = decompress(data, self._kind)
        except ValueError as error:
            raise Fail(str(error)) from None
        if len(data) < tarfile.BLOCKSIZE:
            raise Fail("short read")
        missing = set(wanted)
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for info in archive:
                await self._proc.tick()
                chosen = [w for w in wanted if _selects(w, info.name)]
                if (wanted and not chosen) or self._left_out(info.name):
                    continue
                missing -= {word for word in chosen if not _PATTERN.search(word)}
                content = archive.extractfile(info) if info.isreg() else None
                yield info, content.read() if content else b""
        for name in sorted(missing):
            await self._proc.err(f"tar: {name}: not found in archive\n")
            self.status = 1

    async def read(self, wanted: list[str], *, extract: bool) -> int:
        async for info, content in self._members(wanted):
            if not extract:
                await self._proc.out(self._listed(info) + "\n")
                continue
            if "O" in self._options:
                await self._proc.out(content)
                continue
            if self._verbose:
                await self._proc.out(info.name + ("/" if info.isdir() else "") + "\n")
            await self._extract(info, content)
        return self.status

    def _listed(self, info: tarfile.TarInfo) -> str:
        name = info.name + ("/" if info.isdir() else "")
        if not self._verbose:
            return name
        from course_lib.engine.userland.applets.dates import format_date

        kinds = {tarfile.DIRTYPE: stat.S_IFDIR, tarfile.SYMTYPE: stat.S_IFLNK}
        mode = stat.filemode(kinds.get(info.type, stat.S_IFREG) | info.mode)
        when = format_date(
            int(info.mtime) * 1_000_000_000, "%Y-%m-%d %H:%M:%S", zone_of(self._proc)
        )
        owner = f"{info.uname or info.uid}/{info.gname or info.gid}"
        link = f" -> {info.linkname}" if info.issym() or info.islnk() else ""
        return f"{mode} {owner:<12}{info.size:>9} {when} {name}{link}"

    async def _extract(self, info: tarfile.TarInfo, content: bytes) -> None:
        proc, fs = self._proc, self._proc.fs
        parts = info.name.lstrip("/").split("/")
        if ".." in parts:
            raise Fail("name with '..' encountered: '" + info.name + "'")
        parts = parts[int(self._options.get("S", "0")) :]
        name = "/".join(part for part in parts if part not in ("", "."))
        path = join(self._folder, name) if name else self._folder
        try:
            if info.isdir():
                make_parents(proc, path, 0o777)
            else:
                make_parents(proc, path.rpartition("/")[0] or "/", 0o777)
                if exists(proc, path):
                    if "k" in self._options:
                        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
                    fs.unlink(path)
            await self._make(info, path, content)
            if info.issym():
                return
            if proc.uid == 0 and "o" not in self._options:
                fs.chown(path, info.uid, info.gid)
            fs.chmod(path, info.mode if proc.uid == 0 else info.mode & ~proc.umask)
            if "m" not in self._options:
                when = int(info.mtime) * 1_000_000_000
                fs.utime(path, when, when)
        except OSError as error:
            verb = "open" if "k" in self._options else "create"
            await proc.err(f"tar: can't {verb} '{info.name}': {reason(error)}\n")
            self.status = 1

    async def _make(self, info: tarfile.TarInfo, path: str, content: bytes) -> None:
        fs = self._proc.fs
        if info.issym():
            fs.symlink(info.linkname, path)
        elif info.islnk():
            fs.link(join(self._folder, info.linkname.lstrip("/")), path)
        elif info.isfifo():
            fs.mkfifo(path)
        elif info.isreg():
            file = fs.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                await file.write(content)
            finally:
                file.close()


_PATTERN = re.compile(r"[*?[\\]")
"""In a member's name: BusyBox does find what it fits, and then says that it has not."""


def _inside(name: str) -> str:
    """A name that leads nowhere else: what comes after its last ``..`` and slashes before."""
    return re.sub(r"\A(.*(?:\A|/)\.\./)?/*", "", name)


def _selects(wanted: str, name: str) -> bool:
    wanted = wanted.rstrip("/")
    return name == wanted or name.startswith(wanted + "/") or patterns.matches(wanted, name)
