"""Copying trees within a container, as ``cp`` does it."""

from __future__ import annotations

import errno
import os
import stat

from course_lib.engine.interfaces import FileStat
from course_lib.engine.userland.applets.common import copy_stream, join, reason
from course_lib.engine.userland.applets.files import ask, exists, is_directory
from course_lib.engine.userland.process import ContainerProcess


class Copier:
    """Copies trees within a container."""

    def __init__(
        self,
        proc: ContainerProcess,
        name: str,
        *,
        recursive: bool = False,
        preserve: bool = False,
        follow: str = "never",
        force: bool = False,
        ask_first: bool = False,
        no_clobber: bool = False,
        update: bool = False,
        link: str = "",
        verbose: bool = False,
    ) -> None:
        self._proc = proc
        self._name = name
        self._recursive = recursive
        self._preserve = preserve
        self._follow = follow
        self._force = force
        self._ask = ask_first
        self._no_clobber = no_clobber
        self._update = update
        self._link = link
        self._verbose = verbose
        self.status = 0

    async def _failed(self, message: str) -> None:
        await self._proc.err(f"{self._name}: {message}\n")
        self.status = 1

    async def copy(self, source: str, target: str, *, top: bool = True) -> None:
        """Copy one file or directory to the name ``target``."""
        proc = self._proc
        await proc.tick()
        follow = self._follow == "always" or (self._follow == "top" and top)
        if self._link == "symbolic":
            follow = False
        try:
            if not source:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            found = proc.fs.stat(proc.path(source), follow=follow)
        except OSError as error:
            if self._link == "symbolic" and source:
                await self._symbolic(source, target)  # whatever it leads to
                return
            await self._failed(f"can't stat '{source}': {reason(error)}")
            return
        if stat.S_ISDIR(found.mode):
            await self._directory(source, target, found)
            return
        if not await self._may_replace(source, target, found):
            return
        try:
            await self._one(source, target, found)
        except BrokenPipeError:
            raise
        except OSError as error:
            await self._failed(_explain(error, source, target))
            return
        if self._verbose:
            await proc.out(f"'{source}' -> '{target}'\n")

    async def _may_replace(self, source: str, target: str, found: FileStat) -> bool:
        proc = self._proc
        try:
            there = proc.fs.stat(proc.path(target))
        except FileNotFoundError:
            return True
        except OSError as error:
            if error.errno == errno.ELOOP:
                return True
            await self._failed(f"can't stat '{target}': {reason(error)}")
            return False
        if (there.dev, there.ino) == (found.dev, found.ino):
            await self._failed(f"'{source}' and '{target}' are the same file")
            return False
        if self._no_clobber or (self._update and there.mtime_ns >= found.mtime_ns):
            return False
        if stat.S_ISDIR(there.mode):
            await self._failed(f"'{target}' is a directory")
            return False
        if self._ask:
            return await ask(proc, f"{self._name}: overwrite '{target}'? ")
        return True

    async def _symbolic(self, source: str, target: str) -> None:
        try:
            self._proc.fs.symlink(source, self._proc.path(target))
        except OSError as error:
            await self._failed(f"can't create symlink '{target}' to '{source}': {reason(error)}")

    async def _one(self, source: str, target: str, found: FileStat) -> None:
        proc = self._proc
        fs = proc.fs
        path = proc.path(target)
        if self._link:
            if exists(proc, target) and self._force:
                fs.unlink(path)
            if self._link == "symbolic":
                await self._symbolic(source, target)
            else:
                fs.link(proc.path(source), path)
            return
        if stat.S_ISLNK(found.mode):
            if exists(proc, target):
                fs.unlink(path)
            fs.symlink(fs.readlink(proc.path(source)), path)
            if self._preserve:
                fs.chown(path, found.uid, found.gid, follow=False)
            return
        if stat.S_ISFIFO(found.mode) and self._recursive:
            fs.mkfifo(path, stat.S_IMODE(found.mode))
        else:
            await self._content(source, path, found)
        if self._preserve:
            self._attributes(path, found)

    async def _content(self, source: str, path: str, found: FileStat) -> None:
        fs = self._proc.fs
        reading = fs.open(self._proc.path(source), os.O_RDONLY)
        try:
            mode = stat.S_IMODE(found.mode) & 0o777 & ~self._proc.umask
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            try:
                writing = fs.open(path, flags, mode)
            except OSError as error:
                if not self._force or error.errno not in (errno.EACCES, errno.ETXTBSY):
                    raise _TargetError(error.errno or 0, reason(error)) from None
                fs.unlink(path)
                writing = fs.open(path, flags, mode)
            try:
                await copy_stream(self._proc, reading, writing)
            finally:
                writing.close()
        finally:
            reading.close()

    def _attributes(self, path: str, found: FileStat) -> None:
        fs = self._proc.fs
        if self._proc.uid == 0:
            fs.chown(path, found.uid, found.gid)
        fs.chmod(path, stat.S_IMODE(found.mode))
        fs.utime(path, found.mtime_ns, found.mtime_ns)

    async def _directory(self, source: str, target: str, found: FileStat) -> None:
        proc = self._proc
        fs = proc.fs
        if not self._recursive:
            await self._failed(f"omitting directory '{source}'")
            return
        path = proc.path(target)
        made = False
        try:
            try:
                fs.stat(path)
            except NotADirectoryError as error:
                await self._failed(f"can't stat '{target}': {reason(error)}")
                return
            except FileNotFoundError:
                pass
            inner = fs.realpath(path) + "/"
            if inner.startswith(fs.realpath(proc.path(source)).rstrip("/") + "/"):
                await self._failed(f"recursion detected, omitting directory '{target}'")
                return
            if not is_directory(proc, target):
                fs.mkdir(path, (stat.S_IMODE(found.mode) | 0o700) & ~proc.umask)
                made = True
            if self._verbose and made:
                await proc.out(f"'{source}' -> '{target}'\n")
            for child in sorted(fs.listdir(proc.path(source))):
                await self.copy(join(source, child), join(target, child), top=False)
            if made and self._preserve:
                self._attributes(path, found)
            elif made:
                fs.chmod(path, stat.S_IMODE(found.mode) & ~proc.umask)
        except OSError as error:
            verb = "create directory" if not made else "open"
            await self._failed(f"can't {verb} '{target}': {reason(error)}")


class _TargetError(OSError):
    """The target, not the source, is what could not be opened."""


def _explain(error: OSError, source: str, target: str) -> str:
    if isinstance(error, _TargetError):
        return f"can't create '{target}': {reason(error)}"
    if error.errno in (errno.ENOSPC, errno.EFBIG):
        return f"write error: {reason(error)}"
    return f"can't open '{source}': {reason(error)}"
