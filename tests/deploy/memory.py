"""What people's processes take of a machine's memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil

from course_lib.hub.cgroups import Cgroup

SERVER, KERNEL, ENGINE = "server", "kernel", "engine"
_KINDS = {
    SERVER: ("jupyterhub.singleuser", "jupyter-lab"),
    KERNEL: ("ipykernel_launcher",),
    ENGINE: ("course_lib.engine",),
}


def megabytes(process: psutil.Process) -> float:
    """The proportional set size (PSS): what processes share counts once for all; 0 of one gone."""
    try:
        text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024


def processes_of(*users: int) -> Iterator[tuple[psutil.Process, str]]:
    """The processes of users by their numbers, each with its command line."""
    for process in psutil.process_iter(["uids", "cmdline"]):
        uids, words = process.info["uids"], process.info["cmdline"]
        if uids and uids.real in users:
            yield process, " ".join(words or ())


def by_kind(*users: int) -> dict[str, float]:
    """Megabytes of these users' processes, by what they are."""
    found = dict.fromkeys([*_KINDS, "others"], 0.0)
    for process, line in processes_of(*users):
        kinds = (kind for kind, words in _KINDS.items() if any(word in line for word in words))
        found[next(kinds, "others")] += megabytes(process)
    return found


def peak(group: Cgroup) -> float:
    """Megabytes that a control group had at most, with the files that it read."""
    for folder in group.folders:
        for name in ("memory.peak", "memory.max_usage_in_bytes"):
            if (folder / name).is_file():
                return int((folder / name).read_text()) / 2**20
    return 0.0
