"""Programs that copy and move files: ``cp``, ``mv``, ``install``."""

from __future__ import annotations

import errno

from course_lib.engine.userland import users
from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    UsageError,
    base_name,
    group_id,
    join,
    program,
    reason,
    user_id,
)
from course_lib.engine.userland.applets.copier import Copier
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
    if ":" in group:
        raise Fail(f"unknown user/group {spec}")
    if colon and not name and not group:
        raise Fail("unknown group ")
    uid = gid = None
    if name:
        uid = user_id(proc, name)
        user = users.user_by_name(fs, name) or users.user_by_id(fs, uid)
        if user and colon and not group:
            gid = user.gid
    if group:
        gid = group_id(proc, group)
    return uid, gid
