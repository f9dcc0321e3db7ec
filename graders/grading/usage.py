"""What a student's processes use of the machine."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import psutil

from graders.grading.model import MEGABYTE, Limits


def over_limits(pid: int, limits: Limits) -> str:
    """What a process and all below it use too much of; empty where nothing."""
    try:
        process = psutil.Process(pid)
        everybody = [process, *process.children(recursive=True)]
    except psutil.Error:
        return ""
    if len(everybody) > limits.processes:
        return f"it started more than {limits.processes} processes"
    most = limits.memory_mb * MEGABYTE
    # Forked processes share most of theirs, which takes longer to find out.
    if _memory(everybody, "rss") > most and _memory(everybody, "pss") > most:
        return f"it used more than {limits.memory_mb} MB of memory"
    return ""


def tree(pid: int) -> list[int]:
    """All processes below one."""
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return []


def _memory(processes: Sequence[Any], kind: str) -> int:
    used = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            found = process.memory_info() if kind == "rss" else process.memory_full_info()
            used += getattr(found, kind, found.rss)
    return used
