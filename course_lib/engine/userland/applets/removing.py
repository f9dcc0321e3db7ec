"""``rm``, ``rmdir`` and ``unlink``."""

from __future__ import annotations

import errno
import os
import stat

from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    UsageError,
    base_name,
    join,
    program,
    reason,
)
from course_lib.engine.userland.applets.files import ask
from course_lib.engine.userland.process import ContainerProcess


@program(
    "pv",
    "[-pv] DIRECTORY...",
    "Remove DIRECTORY if it is empty",
    long={"parents": "p", "ignore-fail-on-non-empty": "I", "verbose": "v"},
    least=1,
)
async def rmdir(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Remove empty directories."""
    status = 0
    for name in words:
        path = name
        while True:
            if "v" in options:
                await proc.out(f"rmdir: removing directory, '{path}'\n")
            try:
                proc.fs.rmdir(proc.path(path))
            except OSError as error:
                if not ("I" in options and error.errno == errno.ENOTEMPTY):
                    await proc.err(f"rmdir: '{name}': {reason(error)}\n")
                    status = 1
                break
            path = path.rstrip("/").rpartition("/")[0]
            if "p" not in options or not path:
                break
    return status


@program(
    "firRv",
    "[-irfv] FILE...",
    "Remove (unlink) FILEs",
    long={"force": "f", "recursive": "r", "interactive": "i", "verbose": "v"},
)
async def rm(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Remove files and trees."""
    force = "f" in options
    if not words:
        if force:
            return 0
        raise UsageError
    recursive = "r" in options or "R" in options
    remover = Remover(proc, force, recursive, "i" in options, verbose="v" in options)
    for name in words:
        await remover.remove(name, top=True)
    return remover.status


class Remover:
    """Removes files and, where asked to, whole trees.

    :ivar status: exit code so far.
    """

    def __init__(
        self,
        proc: ContainerProcess,
        force: bool,
        recursive: bool,
        interactive: bool,
        *,
        verbose: bool = False,
    ) -> None:
        self._proc = proc
        self._force = force
        self._recursive = recursive
        self._interactive = interactive and not force
        self._verbose = verbose
        self._failures = 0
        self.status = 0

    async def remove(self, name: str, *, top: bool = False) -> None:
        proc = self._proc
        await proc.tick()
        if top and base_name(name) in (".", ".."):
            await self._failed("can't remove '.' or '..'")
            return
        if name:
            name = name.rstrip("/") or "/"
        try:
            if not name:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            found = proc.fs.stat(proc.path(name), follow=False)
        except OSError as error:
            if not (self._force and error.errno in (errno.ENOENT, errno.ENOTDIR)):
                await self._failed(f"can't remove '{name}': {reason(error)}")
            return
        if stat.S_ISDIR(found.mode):
            await self._directory(name)
            return
        if self._interactive and not await ask(proc, f"rm: remove '{name}'? "):
            return
        try:
            proc.fs.unlink(proc.path(name))
        except OSError as error:
            await self._failed(f"can't remove '{name}': {reason(error)}")
            return
        if self._verbose:
            await proc.out(f"removed '{name}'\n")

    async def _directory(self, name: str) -> None:
        proc = self._proc
        if not self._recursive:
            await self._failed(f"'{name}' is a directory")
            return
        if self._interactive and not await ask(proc, f"rm: descend into directory '{name}'? "):
            return
        failures = self._failures
        try:
            for child in proc.fs.listdir(proc.path(name)):
                await self.remove(join(name, child))
            if self._interactive and not await ask(proc, f"rm: remove directory '{name}'? "):
                return
            if self._failures == failures:  # else what stays in it has been told of
                proc.fs.rmdir(proc.path(name))
                if self._verbose:
                    await proc.out(f"removed directory: '{name}'\n")
        except OSError as error:
            await self._failed(f"can't remove '{name}': {reason(error)}")

    async def _failed(self, message: str) -> None:
        self._failures += 1
        await self._proc.err(f"rm: {message}\n")
        self.status = 1


@program("", "FILE", "Delete FILE by calling unlink()", least=1, most=1)
async def unlink(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Remove one file."""
    try:
        proc.fs.unlink(proc.path(words[0]))
    except OSError as error:
        raise Fail(f"can't remove file '{words[0]}': {reason(error)}") from None
    return 0
