"""Memory and processes of one person together, by the kernel's control groups.

Version 2 (every distribution of today) and the older hierarchies. Where neither can be written,
as in many containers, what ``prlimit`` does for single processes remains.
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
MEMORY_FALLBACK = "--data"
"""Option of ``prlimit`` for one process where there are no control groups."""


@dataclass(frozen=True, slots=True)
class Cgroup:
    """The group of one person, in every hierarchy that there is (one, in version 2)."""

    folders: tuple[Path, ...]
    unified: bool

    @classmethod
    def of(cls, person: str, hub: str, root: Path = ROOT) -> Cgroup:
        """The group of a person of that hub; nothing is made yet."""
        if (root / "cgroup.controllers").is_file():
            return cls((root / hub / person,), True)
        kinds = [kind for kind in ("memory", "pids") if os.access(root / kind, os.W_OK)]
        return cls(tuple(root / kind / hub / person for kind in kinds), False)

    def make(self, memory_bytes: int, processes: int) -> bool:
        """Make it with these limits, or set them anew; whether memory is limited now."""
        values = {
            "memory.max": memory_bytes,
            "memory.swap.max": 0,
            "memory.limit_in_bytes": memory_bytes,
            "pids.max": processes,
        }
        limited = False
        for folder in self.folders:
            with contextlib.suppress(OSError):
                if self.unified:
                    for above in (folder.parents[1], folder.parent):
                        above.mkdir(exist_ok=True)
                        (above / "cgroup.subtree_control").write_text("+memory +pids")
                folder.mkdir(parents=True, exist_ok=True)
                for name, value in values.items():
                    if (folder / name).is_file():
                        (folder / name).write_text(str(value))
                        limited |= name.startswith("memory") and bool(value)
        return limited

    def joined(self, memory_bytes: int, processes: int) -> list[str]:
        """Words before a command that start it in the group."""
        limited = self.make(memory_bytes, processes)
        lists = [str(folder / "cgroup.procs") for folder in self.folders if folder.is_dir()]
        join = 'while [ "$1" != -- ]; do echo $$ >"$1"; shift; done; shift; exec "$@"'
        words = ["/bin/sh", "-c", join, "join", *lists, "--"] if lists else []
        if not limited:
            words += ["prlimit", f"{MEMORY_FALLBACK}={memory_bytes}", "--"]
        return words


def available(root: Path = ROOT) -> bool:
    """Whether this machine lets us limit a person's memory as a whole."""
    probe = Cgroup.of("probe", f"course-hub-probe-{os.getpid()}", root)
    try:
        return sys.platform == "linux" and probe.make(1 << 30, 100)
    finally:
        remove(f"course-hub-probe-{os.getpid()}", root)


def remove(hub: str, root: Path = ROOT) -> None:
    """Take a hub's groups away; those in which something still runs stay."""
    for top in (root / hub, root / "memory" / hub, root / "pids" / hub):
        for folder in (*sorted(top.glob("*/")), top):
            with contextlib.suppress(OSError):
                folder.rmdir()
