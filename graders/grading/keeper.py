"""The process between the grader and a student's kernel: it forks the kernel into its world.

The first process of a world of processes must be forked by one that stays outside.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from graders.grading import confine, kernel, reach
from graders.grading.model import MEGABYTE, Limits

Places = tuple[Path, Sequence[Path], Sequence[Path]]
"""The student's folder, what the kernel must not see, and where it may write."""


def be_keeper(
    warm: Any,
    places: Places,
    environment: Mapping[str, str],
    limits: Limits,
    control: socket.socket,
    descriptors: tuple[int, int, int, int],
    parent: int,
) -> None:
    """Fork the kernel into a world of its own, and end as it ends.

    On the last of ``descriptors`` it tells the kernel's number, and whether that is a world (1, 0).
    """
    code = 1
    try:
        confine.die_with_parent(parent)
        own, out, err, told = descriptors
        confine.close_descriptors({0, 2, *descriptors})
        own_world = confine.enter_processes(places[1])
        myself = os.getpid()
        pid = os.fork()
        if not pid:
            os.close(told)
            confine.die_with_parent(myself)
            _be_kernel(warm, places, environment, limits, control, out, err, own_world)
        os.write(told, f"{pid} {own_world:d}\n".encode())
        for descriptor in (own, out, err, told):
            os.close(descriptor)
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        code = 128 - code if code < 0 else code
    finally:
        os._exit(code)


def _be_kernel(
    warm: Any,
    places: Places,
    environment: Mapping[str, str],
    limits: Limits,
    control: socket.socket,
    out: int,
    err: int,
    own_world: bool,
) -> None:
    try:
        os.setsid()
        confine.protect(protected=False)
        if own_world:
            confine.own_proc(limits.processes)
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor, target in ((nothing, 0), (out, 1), (err, 2)):
            os.dup2(descriptor, target)
        confine.close_descriptors({0, 1, 2, control.fileno()})
        folder, _, writable = places
        os.chdir(folder)
        confine.limit(
            limits.memory_mb * MEGABYTE,
            limits.disk_mb * MEGABYTE,
            limits.processes,
            own_world=own_world,
        )
        reach.restrict(writable)
        kernel.serve(warm, control, environment)
    finally:
        os._exit(70)
