"""``chmod``, ``chown`` and ``chgrp``."""

from __future__ import annotations

import stat

from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    UsageError,
    is_gnu,
    join,
    program,
    reason,
)
from course_lib.engine.userland.applets.copying import owner_of
from course_lib.engine.userland.modes import parse_mode
from course_lib.engine.userland.process import ContainerProcess


async def chmod(proc: ContainerProcess) -> int:
    """Change modes."""
    # ``chmod -x file``: a mode may look like an option.
    words = proc.argv[1:]
    for position, word in enumerate(words):
        if word.startswith("-") and len(word) > 1 and set(word[1:]) <= set("rwxXst"):
            proc.argv[1:] = [*words[:position], "--", *words[position:]]
            break
        if word == "--" or not word.startswith("-"):
            break
    return await _chmod(proc)


@program(
    "Rvcf",
    "[-Rcvf] MODE[,MODE]... FILE...",
    "Change file modes",
    long={"recursive": "R", "verbose": "v", "changes": "c", "quiet": "f"},
    least=2,
    name="chmod",
)
async def _chmod(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    text = words[0]
    if parse_mode(text, 0, is_directory=False, umask=proc.umask) is None:
        raise Fail(f"invalid mode '{text}'")
    status = 0
    for name in words[1:]:
        status |= await _change_mode(proc, options, text, name)
    return status


async def _change_mode(proc: ContainerProcess, options: Options, text: str, name: str) -> int:
    path = proc.path(name)
    status = 0
    try:
        found = proc.fs.stat(path, follow=True)
        folder = stat.S_ISDIR(found.mode)
        mode = parse_mode(text, found.mode, is_directory=folder, umask=proc.umask)
        assert mode is not None
        proc.fs.chmod(path, mode)
        changed = stat.S_IMODE(found.mode) != mode
        if "v" in options or ("c" in options and changed):
            shown = stat.filemode(stat.S_IFMT(found.mode) | mode)[1:]
            await proc.out(f"mode of '{name}' changed to {mode:04o} ({shown})\n")
        if "R" in options and folder:
            for child in sorted(proc.fs.listdir(path)):
                inner = join(name, child)
                if not stat.S_ISLNK(proc.fs.stat(proc.path(inner), follow=False).mode):
                    status |= await _change_mode(proc, options, text, inner)
    except OSError as error:
        await proc.err(f"chmod: {name}: {reason(error)}\n")  # -f makes no difference
        return 1
    return status


_LONG = {"recursive": "R", "no-dereference": "h", "changes": "c", "silent": "f", "quiet": "f",
         "verbose": "v", "dereference": "d"}  # fmt: skip


@program(
    "RhLHPcvf",
    "[-RhLHPcvf] USER[:[GRP]] FILE...",
    "Change the owner and/or group of FILEs",
    long=_LONG,
    least=2,
)
async def chown(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Change owners."""
    spec = words[0]
    if is_gnu(proc) and ":" not in spec:
        spec = spec.replace(".", ":", 1)  # BusyBox' takes no dot for a colon
    uid, gid = owner_of(proc, spec)
    return await _all(proc, options, "chown", words[1:], uid, gid)


@program(
    "RhLHPcvf",
    "[-RhLHPcvf] GROUP FILE...",
    "Change the group membership of FILEs",
    long=_LONG,
    least=2,
)
async def chgrp(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Change groups."""
    if ":" in words[0]:
        raise UsageError
    _, gid = owner_of(proc, f":{words[0]}")
    return await _all(proc, options, "chgrp", words[1:], None, gid)


async def _all(
    proc: ContainerProcess,
    options: Options,
    command: str,
    names: list[str],
    uid: int | None,
    gid: int | None,
) -> int:
    status = 0
    for name in names:
        status |= await _own(proc, options, command, name, uid, gid)
    return status


async def _own(
    proc: ContainerProcess,
    options: Options,
    command: str,
    name: str,
    uid: int | None,
    gid: int | None,
) -> int:
    path = proc.path(name)
    follow = "h" not in options
    status = 0
    try:
        found = proc.fs.stat(path, follow=follow)
        new = (found.uid if uid is None else uid, found.gid if gid is None else gid)
        proc.fs.chown(path, *new, follow=follow)
        if "v" in options or ("c" in options and new != (found.uid, found.gid)):
            await proc.out(f"changed ownership of '{name}' to {new[0]}:{new[1]}\n")
        if "R" in options and stat.S_ISDIR(found.mode):
            for child in sorted(proc.fs.listdir(path)):
                status |= await _own(proc, options, command, join(name, child), uid, gid)
    except OSError as error:
        if "f" not in options:
            await proc.err(f"{command}: {name}: {reason(error)}\n")
        return 1
    return status
