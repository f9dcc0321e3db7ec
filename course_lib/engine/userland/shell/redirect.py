"""Redirections of a shell."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from typing import TYPE_CHECKING

from course_lib.engine.interfaces import OpenFile
from course_lib.engine.userland.files import MemoryFile
from course_lib.engine.userland.process import ReplaceImage
from course_lib.engine.userland.shell import netfile
from course_lib.engine.userland.shell.errors import ShellError
from course_lib.engine.userland.shell.nodes import Redirect, Text

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell

Saved = list[tuple[int, OpenFile | None]]

_FLAGS = {
    "<": os.O_RDONLY,
    "<>": os.O_RDWR | os.O_CREAT,
    ">": os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
    ">|": os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
    ">>": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
}


class RedirectFailed(Exception):
    """A redirection that cannot be made; the command is not run."""


class Redirections:
    """Redirections of one command, made on entering and taken back on leaving.

    :ivar lasting: they stay (``exec >file``), and what they replaced is closed.
    """

    def __init__(self, shell: Shell, redirects: Sequence[Redirect]) -> None:
        self._shell = shell
        self._redirects = redirects
        self._saved: Saved = []
        self.lasting = False

    async def __aenter__(self) -> Redirections:
        """Make them, in order.

        :raises RedirectFailed: with the message; what was made of them is taken back.
        """
        try:
            for redirect in self._redirects:
                await _one(self._shell, redirect, self._saved)
        except BaseException:
            self._restore()
            raise
        return self

    def before(self, number: int) -> OpenFile | None:
        """What the descriptor was without these redirections."""
        for saved, file in self._saved:
            if saved == number:
                return file
        return self._shell.proc.fds.get(number)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        if isinstance(error, ShellError) and self._saved:
            await self._shell.report(error)
        if self.lasting or isinstance(error, ReplaceImage):
            for _, file in self._saved:
                if file is not None:
                    file.close()
        else:
            self._restore()

    def _restore(self) -> None:
        fds = self._shell.proc.fds
        for number, file in reversed(self._saved):
            current = fds.pop(number, None)
            if current is not None:
                current.close()
            if file is not None:
                fds[number] = file
        self._saved.clear()


async def _one(shell: Shell, redirect: Redirect, saved: Saved) -> None:
    number = redirect.fd
    if redirect.kind in (">&", "<&"):
        await _duplicate(shell, redirect, saved)
        return
    if redirect.kind == "&>":
        _put(shell, 1, await _open(shell, redirect), saved)
        _put(shell, 2, shell.proc.fds[1].dup(), saved)
        return
    if redirect.kind in ("<<", "<<<"):
        text = await shell.expander.string(redirect.target)
        if redirect.kind == "<<<":
            text += "\n"
        _put(shell, number, MemoryFile(text.encode("utf-8", "surrogateescape")), saved)
        return
    _put(shell, number, await _open(shell, redirect), saved)


def _put(shell: Shell, number: int, file: OpenFile, saved: Saved) -> None:
    fds = shell.proc.fds
    if number >= shell.proc.open_files[0]:
        file.close()
        raise RedirectFailed(_bad_descriptor(shell, "3", number))
    saved.append((number, fds.pop(number, None)))
    fds[number] = file


async def _duplicate(shell: Shell, redirect: Redirect, saved: Saved) -> None:
    if len(redirect.target) == 1 and isinstance(redirect.target[0], Text):
        target = redirect.target[0].text
    else:
        target = await shell.expander.string(redirect.target)
    fds = shell.proc.fds
    if target == "-":
        saved.append((redirect.fd, fds.pop(redirect.fd, None)))
    elif target.isdigit():
        source = fds.get(int(target))
        if source is None:
            raise RedirectFailed(_bad_descriptor(shell, target, redirect.fd))
        _put(shell, redirect.fd, source.dup(), saved)
    elif redirect.kind == ">&" and redirect.fd == 1 and target:
        _put(shell, 1, _open_path(shell, target, ">"), saved)
        _put(shell, 2, fds[1].dup(), saved)
    else:
        raise ShellError("syntax error: bad fd number")


def _bad_descriptor(shell: Shell, target: str, number: int) -> str:
    what = target if shell.bash else f"dup2({target},{number})"
    return f"{what}: Bad file descriptor"


async def _open(shell: Shell, redirect: Redirect) -> OpenFile:
    fields = await shell.expander.fields([redirect.target]) if shell.interactive else []
    path = fields[0] if len(fields) == 1 else await shell.expander.string(redirect.target)
    if shell.bash and netfile.is_connection(path):
        try:
            return await netfile.connect(shell, path)
        except OSError as error:
            raise RedirectFailed(f"{path}: {error.strerror}") from None
    return _open_path(shell, path, ">" if redirect.kind == "&>" else redirect.kind)


def _open_path(shell: Shell, path: str, kind: str) -> OpenFile:
    proc = shell.proc
    flags = _FLAGS[kind]
    try:
        if not path:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        full = proc.path(path)
        if len(proc.fds) >= proc.open_files[0]:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        if kind == ">" and shell.options["noclobber"]:
            flags = _no_clobber(shell, full, flags)
        return proc.fs.open(full, flags, 0o666 & ~proc.umask)
    except OSError as error:
        if shell.bash:
            exists = error.errno == errno.EEXIST
            reason = "cannot overwrite existing file" if exists else error.strerror
            raise RedirectFailed(f"{path}: {reason}") from None
        creates = bool(flags & os.O_CREAT)
        if error.errno == errno.ENOENT:
            reason = "nonexistent directory" if creates else "no such file"
        elif error.errno == errno.EEXIST:
            reason = "File exists"
        else:
            reason = error.strerror or str(error)
        verb = "create" if creates else "open"
        raise RedirectFailed(f"can't {verb} {path}: {reason}") from None


def _no_clobber(shell: Shell, path: str, flags: int) -> int:
    try:
        found = shell.proc.fs.stat(path)
    except FileNotFoundError:
        return (flags & ~os.O_TRUNC) | os.O_EXCL
    if stat.S_ISREG(found.mode):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    return flags
