"""Paths of ``/proc`` and ``/sys`` that a container sees read-only, or not at all.

OCI's ``readonlyPaths`` and ``maskedPaths``, mounted as by runc: what is read-only is the same
directory once more, a masked directory is an empty tmpfs, a masked file is ``/dev/null``. Of the
paths that dockerd names, those are meant that this kernel has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from course_lib.engine.fs.mounts import Mounted
from course_lib.engine.fs.subtree import SubTree
from course_lib.engine.fs.tmpfs import TmpTree

if TYPE_CHECKING:
    from course_lib.engine.clock import Clock
    from course_lib.engine.fs.inode import Tree

_FILES = ("keys", "timer_list")
_READ_ONLY = ("bus", "fs", "irq", "sys")
_MASKED_DIRECTORIES = ("/proc/acpi", "/sys/firmware")


def guards(
    proc: Tree,
    dev: Mounted,
    options: str,
    clock: Clock,
    *,
    read_only: Collection[str],
    masked: Collection[str],
) -> Iterator[Mounted]:
    """What is to be mounted on top of ``/proc`` and ``/sys``.

    :param options: those of ``/proc`` itself.
    :param dev: the mount of ``/dev``.
    """
    for name in _READ_ONLY:
        if f"/proc/{name}" in read_only:
            yield Mounted(f"/proc/{name}", SubTree(proc, [name]), True, "proc", options)
    for path in _MASKED_DIRECTORIES:
        if path in masked:
            empty = TmpTree(clock, size=0, device=dev.tree.device)
            yield Mounted(path, empty, True, "tmpfs", "relatime")
    for name in _FILES:
        if f"/proc/{name}" in masked:
            null = SubTree(dev.tree, ["null"])
            yield Mounted(f"/proc/{name}", null, False, "tmpfs", dev.options)
