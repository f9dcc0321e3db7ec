"""``du`` and ``df``: how much room files take."""

from __future__ import annotations

import stat

from course_lib.engine.interfaces import MountEntry
from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    human,
    join,
    program,
    reason,
    size,
)
from course_lib.engine.userland.applets.listing import disk_blocks
from course_lib.engine.userland.process import ContainerProcess


@program("aHLd:clsxhmkb", "[-aHLdclsxhmk] [-d N] [FILE]...", "Summarize disk space used for FILEs")
async def du(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Tell how much space trees take."""
    counter = _Usage(proc, options)
    total = 0
    for name in words or ["."]:
        total += await counter.count(name, 0)
    if "c" in options:
        await counter.show(total, "total")
    return counter.status


class _Usage:
    def __init__(self, proc: ContainerProcess, options: Options) -> None:
        self._proc = proc
        self._options = options
        self._depth = 0 if "s" in options else int(options.get("d", "1000000") or 0)
        self._seen: set[tuple[int, int]] = set()
        self.status = 0

    async def count(self, name: str, level: int) -> int:
        proc = self._proc
        await proc.tick()
        follow = "L" in self._options or ("H" in self._options and level == 0)
        try:
            found = proc.fs.stat(proc.path(name), follow=follow)
        except OSError as error:
            await proc.err(f"du: {name}: {reason(error)}\n")
            self.status = 1
            return 0
        key = (found.dev, found.ino)
        if "l" not in self._options and found.nlink > 1 and not stat.S_ISDIR(found.mode):
            if key in self._seen:
                return 0
            self._seen.add(key)
        total = found.size if "b" in self._options else disk_blocks(found)
        if stat.S_ISDIR(found.mode):
            total += await self._children(name, level)
            if level <= self._depth:
                await self.show(total, name)
        elif level == 0 or ("a" in self._options and level <= self._depth):
            await self.show(total, name)
        return total

    async def _children(self, name: str, level: int) -> int:
        try:
            children = sorted(self._proc.fs.listdir(self._proc.path(name)))
        except OSError as error:
            await self._proc.err(f"du: can't open '{name}': {reason(error)}\n")
            self.status = 1
            return 0
        total = 0
        for child in children:
            total += await self.count(join(name, child), level + 1)
        return total

    async def show(self, amount: int, name: str) -> None:
        """Print a line; the amount is in KiB, with ``-b`` in bytes."""
        if "h" in self._options:
            text = human(amount * 1024)
        elif "m" in self._options:
            text = str(-(-amount // 1024))
        else:
            text = str(amount)
        await self._proc.out(f"{text}\t{name}\n")


@program("PkmhTait:B:", "[-PkmhTai] [-B SIZE] [-t TYPE] [FILESYSTEM]...", "Print filesystem usage")
async def df(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Tell how full the mounted file systems are."""
    unit = size(options["B"]) if "B" in options else 1 << 20 if "m" in options else 1024
    heading = "     Size" if "h" in options else f"{_unit_name(unit)}-blocks"
    if "i" in options:
        raise Fail("inodes are not counted by the embedded engine")
    if "P" in options and unit == 1024:
        heading = "1024-blocks"
    typed = f"{'Type':<10} " if "T" in options else ""
    percent = "Capacity" if "P" in options else "Use%"
    lines = [f"{'Filesystem':<20} {typed}{heading:<15}Used Available {percent} Mounted on"]
    status = 0
    for mount in _df_mounts(proc, words):
        if isinstance(mount, str):
            await proc.err(mount)
            status = 1
            continue
        try:
            usage = proc.fs.usage(mount.target)
        except OSError as error:
            await proc.err(f"df: {mount.target}: {reason(error)}\n")
            status = 1
            continue
        if not usage.total and not words and "a" not in options:
            continue
        used = usage.total - usage.free
        whole = used + usage.available
        share = -(-used * 100 // whole) if whole else 0

        def shown(value: int) -> str:
            return human(value) if "h" in options else str(value // unit)

        typed = f"{mount.fstype:<10} " if "T" in options else ""
        lines.append(
            f"{mount.source:<20} {typed}{shown(usage.total):>9} {shown(used):>9} "
            f"{shown(usage.available):>9} {share:>3}% {mount.target}"
        )
    await proc.out("\n".join(lines) + "\n")
    return status


def _unit_name(unit: int) -> str:
    if unit % (1 << 20) == 0:
        return f"{unit >> 20}M"
    return f"{unit >> 10}K" if unit % 1024 == 0 else str(unit)


def _df_mounts(proc: ContainerProcess, words: list[str]) -> list[MountEntry | str]:
    mounts = list(proc.fs.mounts())
    if not words:
        hidden = ("proc", "sysfs", "devpts", "mqueue", "cgroup2")
        return [mount for mount in mounts if mount.fstype not in hidden]
    found: list[MountEntry | str] = []
    for word in words:
        try:
            proc.fs.stat(proc.path(word))
            path = proc.fs.realpath(proc.path(word)) + "/"
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            problem = "can't find mount point" if missing else reason(error)
            found.append(f"df: {word}: {problem}\n")
            continue
        fitting = [m for m in mounts if path.startswith(m.target.rstrip("/") + "/")]
        found.append(max(fitting, key=lambda m: len(m.target)))
    return found
