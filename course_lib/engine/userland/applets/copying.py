"""Programs that copy and move files: ``cp``, ``mv``, ``install``."""

from __future__ import annotations

import errno
import os
import stat

from course_lib.engine.interfaces import FileStat
from course_lib.engine.userland import users
from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    UsageError,
    base_name,
    copy_stream,
    join,
    program,
    reason,
)
from course_lib.engine.userland.applets.files import ask, exists, is_directory, make_parents
from course_lib.engine.userland.applets.removing import Remover
from course_lib.engine.userland.modes import parse_mode
from course_lib.engine.userland.process import ContainerProcess

_LONG = {
    "archive": "a", "force": "f", "recursive": "R", "symbolic-link": "s", "no-dereference": "P",
    "dereference": "L", "update": "u", "remove-destination": "F", "verbose": "v", "parents": "E",
    "interactive": "i", "link": "l", "no-target-directory": "T", "target-directory=": "t",
}  # fmt: skip
_GNU_LONG = {"no-clobber": "n", "preserve?": "p", "backup": "b"}
_MV_LONG = {
    "interactive": "i", "force": "f", "no-clobber": "n", "no-target-directory": "T",
    "target-directory=": "t", "verbose": "v",
}  # fmt: skip


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


def destinations(
    proc: ContainerProcess, options: Options, words: list[str]
) -> list[tuple[str, str]]:
    """Pairs of source and target from the arguments of cp, mv and install."""
    if "t" in options:
        return [(word, join(options["t"], base_name(word))) for word in words]
    if len(words) < 2:
        raise UsageError
    *sources, target = words
    if len(sources) > 1 or ("T" not in options and is_directory(proc, target)):
        return [(word, join(target, base_name(word))) for word in sources]
    return [(sources[0], target)]


@program(
    "adprRPHLflsTinuvt:",
    "[-arPLHpfinlsTu] SOURCE DEST\nor: cp [-arPLHpfinlsu] SOURCE... { -t DIRECTORY | DIRECTORY }",
    "Copy SOURCEs to DEST",
    long=_LONG,
    gnu="b",
    gnu_long=_GNU_LONG,
)
async def cp(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Copy files and trees."""
    recursive = any(c in options for c in "aRr")
    follow = "always"
    if recursive:
        follow = "never"
    for letter, _ in options.in_order():
        follow = {"P": "never", "d": "never", "a": "never", "L": "always", "H": "top"}.get(
            letter, follow
        )
    copier = Copier(
        proc, "cp",
        recursive=recursive,
        preserve="a" in options or "p" in options,
        follow=follow,
        force="f" in options,
        ask_first="i" in options and "f" not in options,
        no_clobber="n" in options,
        update="u" in options,
        link="symbolic" if "s" in options else "hard" if "l" in options else "",
        verbose="v" in options,
    )  # fmt: skip
    for source, target in destinations(proc, options, words):
        await copier.copy(source, _within(proc, options, source, target))
    return copier.status


@program(
    "finTvt:",
    "[-finT] SOURCE DEST\nor: mv [-fin] SOURCE... { -t DIRECTORY | DIRECTORY }",
    "Rename SOURCE to DEST, or move SOURCEs to DIRECTORY",
    long=_MV_LONG,
    gnu="u",
    gnu_long={"update": "u"},
)
async def mv(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Move and rename."""
    status = 0
    for source, target in destinations(proc, options, words):
        if len(words) > 2 and not is_directory(proc, words[-1]) and exists(proc, words[-1]):
            await proc.err(f"mv: can't stat '{target}': Path has non-directory component\n")
            status = 1
            continue
        if exists(proc, target):
            if "n" in options or ("u" in options and not _newer(proc, source, target)):
                continue
            asks = "i" in options and "f" not in options
            if asks and not await ask(proc, f"mv: overwrite '{target}'? "):
                continue
        if not await _move(proc, source, target):
            status = 1
        elif "v" in options:
            await proc.out(f"'{source}' -> '{target}'\n")
    return status


def _within(proc: ContainerProcess, options: Options, source: str, target: str) -> str:
    """Where ``cp`` puts a source whose target is found: deeper, now and then."""
    if "E" in options:  # --parents: with the directories that the source's name has
        folder = options.get("t", options.words[-1])
        target = join(folder, source.lstrip("/"))
        make_parents(proc, target.rpartition("/")[0], 0o777 & ~proc.umask)
        return target
    onto_file = exists(proc, target) and not is_directory(proc, target) and "T" not in options
    if onto_file and is_directory(proc, source):
        return join(target, base_name(source))  # which will not do: BusyBox says so
    return target


def _newer(proc: ContainerProcess, source: str, target: str) -> bool:
    times = [proc.fs.stat(proc.path(name)).mtime_ns for name in (source, target)]
    return times[0] > times[1]


async def _move(proc: ContainerProcess, source: str, target: str) -> bool:
    fs = proc.fs
    try:
        fs.rename(proc.path(source), proc.path(target))
    except OSError as error:
        if error.errno != errno.EXDEV:
            await proc.err(f"mv: can't rename '{source}': {reason(error)}\n")
            return False
    else:
        return True
    # Another file system: copy with everything, then remove.
    copier = Copier(proc, "mv", recursive=True, preserve=True, force=True)
    if exists(proc, target) and not is_directory(proc, target, follow=False):
        fs.unlink(proc.path(target))
    await copier.copy(source, target)
    if copier.status:
        return False
    remover = Remover(proc, True, True, False)
    await remover.remove(source)
    return not remover.status


@program(
    "cdDpsg:m:o:vt:",
    "[-cdDsp] [-o USER] [-g GRP] [-m MODE] [-t DIR] [SOURCE]... DEST",
    "Copy files and set attributes",
    least=1,
)
async def install(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Copy files and set their mode and owner."""
    mode = parse_mode(options.get("m", "755"), 0o755, is_directory=False, umask=0)
    if mode is None:
        raise Fail(f"invalid mode '{options['m']}'")
    if "d" in options:
        for name in words:
            make_parents(proc, name, mode)
            _own(proc, name, options, mode)
        return 0
    if "D" in options and len(words) > 1:
        make_parents(proc, words[-1].rpartition("/")[0] or ".", 0o755)
    copier = Copier(proc, "install", force=True, follow="always", verbose="v" in options)
    for source, target in destinations(proc, options, words):
        if exists(proc, target):
            proc.fs.unlink(proc.path(target))
        await copier.copy(source, target)
        if exists(proc, target):
            _own(proc, target, options, mode)
    return copier.status


def _own(proc: ContainerProcess, name: str, options: Options, mode: int) -> None:
    path = proc.path(name)
    proc.fs.chmod(path, mode)
    if "o" in options or "g" in options:
        spec = f"{options.get('o', '')}:{options.get('g', '')}"
        uid, gid = owner_of(proc, spec)
        found = proc.fs.stat(path)
        proc.fs.chown(path, found.uid if uid is None else uid, found.gid if gid is None else gid)


def owner_of(proc: ContainerProcess, spec: str) -> tuple[int | None, int | None]:
    """Ids of ``user``, ``user:group``, ``:group``, ``user:``; None for what stays.

    :raises Fail: an unknown name.
    """
    fs = proc.machine.fs
    name, colon, group = spec.partition(":")
    uid = gid = None
    if name:
        user = users.user_by_name(fs, name)
        if user is None and not name.isdigit():
            raise Fail(f"unknown user {name}")
        uid = user.uid if user else int(name)
        if colon and not group and user:
            gid = user.gid
    if group:
        entry = users.group_by_name(fs, group)
        if entry is None and not group.isdigit():
            raise Fail(f"unknown group {group}")
        gid = entry.gid if entry else int(group)
    return uid, gid
