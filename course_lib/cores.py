"""How many cores this program may use."""

from __future__ import annotations

import os


def usable() -> int:
    """Those that the system lets it run on; 2 where the system does not tell (macOS)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
