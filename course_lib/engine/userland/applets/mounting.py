"""``mount``, ``umount`` and ``mountpoint``."""

from __future__ import annotations

import stat

from course_lib.engine.userland.applets.common import Fail, Options, program, reason
from course_lib.engine.userland.applets.files import exists
from course_lib.engine.userland.process import ContainerProcess

_KINDS = ("bind", "rbind", "move", "make-shared", "make-slave", "make-private", "make-unbindable",
          "make-rshared", "make-rslave", "make-rprivate", "make-runbindable")  # fmt: skip


@program(
    "aflnrwit:o:O:T:v",
    "[OPTIONS] [-o OPT] DEVICE NODE",
    "Mount a filesystem",
    long={kind: kind for kind in _KINDS},
)
async def mount(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """List what is mounted; mounting is refused as in any unprivileged container."""
    if not words and "a" not in options:
        for entry in proc.fs.mounts():
            kind = options.get("t", entry.fstype)
            if kind == entry.fstype:
                await proc.out(
                    f"{entry.source} on {entry.target} type {entry.fstype} ({entry.options})\n"
                )
        return 0
    asked = {*options.get("o", "").split(","), *(kind for kind in _KINDS if kind in options)}
    if len(words) > 1 or (words and asked & {"remount", *_KINDS}):
        raise Fail("permission denied (are you root?)")
    if not exists(proc, "/etc/fstab"):
        raise Fail("can't read '/etc/fstab': No such file or directory")
    raise Fail(f"can't find {words[0] if words else ''} in /etc/fstab")


@program("lrfaDt:d", "[-rlfa] [-t FSTYPE] FILESYSTEM|DIRECTORY", "Unmount filesystems")
async def umount(_proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Refused as in any unprivileged container."""
    raise Fail(f"can't unmount {words[0] if words else ''}: Operation not permitted")


@program("qdnx", "[-q] { [-dn] DIR | -x DEVICE }", "Check if DIR is a mountpoint", least=1, most=1)
async def mountpoint(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Say whether something is mounted on a directory."""
    name = words[0]
    try:
        found = proc.fs.stat(proc.path(name))
        if not stat.S_ISDIR(found.mode):
            raise NotADirectoryError(20, "Not a directory")
        path = proc.fs.realpath(proc.path(name))
    except OSError as error:
        if "q" not in options:
            await proc.err(f"mountpoint: {name}: {reason(error)}\n")
        return 1
    mounted = any(entry.target == path for entry in proc.fs.mounts())
    if "q" not in options:
        await proc.out(f"{name} is {'' if mounted else 'not '}a mountpoint\n")
    return int(not mounted)
