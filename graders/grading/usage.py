"""What a student's processes use of the machine.

Looked up in ``/proc`` for those processes alone: psutil finds children by reading the state of
every process of the machine, which cost more than a short notebook. It is asked where there is no
``/proc/PID/task/TID/children``.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence

import psutil

from graders.grading.model import MEGABYTE, Limits

MOST = 4096
"""Of processes below one, to be told; those of a world of their own end with its first."""
_PAGE = os.sysconf("SC_PAGE_SIZE")


def over_limits(pid: int, limits: Limits) -> str:
    """What a process and all below it use too much of; empty where nothing."""
    everybody = [pid, *tree(pid, limits.processes)]
    if len(everybody) > limits.processes:
        return f"it started more than {limits.processes} processes"
    most = limits.memory_mb * MEGABYTE
    # Forked processes share most of theirs, which takes longer to find out.
    if _resident(everybody) > most and _proportional(everybody) > most:
        return f"it used more than {limits.memory_mb} MB of memory"
    return ""


def tree(pid: int, most: int = MOST) -> list[int]:
    """The processes below one; not many more than ``most``, where there are more."""
    try:
        found = [pid]
        for parent in found:
            found.extend(_children(parent))
            if len(found) > most:  # a fork bomb grows faster than it can be counted
                break
        return found[1:]
    except NotImplementedError:
        with contextlib.suppress(psutil.Error):
            return [child.pid for child in psutil.Process(pid).children(recursive=True)]
        return []


def _children(pid: int) -> Iterable[int]:
    """Those that any thread of a process has; none where it has ended.

    :raises NotImplementedError: this system does not tell.
    """
    folder = f"/proc/{pid}/task"
    found: list[int] = []
    try:
        for thread in os.listdir(folder):
            with open(f"{folder}/{thread}/children", encoding="ascii") as text:
                found.extend(map(int, text.read().split()))
    except (FileNotFoundError, ProcessLookupError) as error:
        if not os.path.exists(f"/proc/self/task/{os.getpid()}/children"):
            raise NotImplementedError from error
    return found


def _resident(processes: Sequence[int]) -> int:
    """Bytes in memory; what several share counts for each."""
    used = 0
    for pid in processes:
        try:
            with open(f"/proc/{pid}/statm", "rb") as numbers:
                used += int(numbers.read().split()[1]) * _PAGE
        except OSError:  # it has ended, or this system tells it otherwise
            with contextlib.suppress(psutil.Error):
                used += psutil.Process(pid).memory_info().rss
    return used


def _proportional(processes: Sequence[int]) -> int:
    """Bytes in memory; what several share counts once."""
    used = 0
    for pid in processes:
        with contextlib.suppress(psutil.Error):
            full = psutil.Process(pid).memory_full_info()
            used += getattr(full, "pss", full.rss)
    return used
