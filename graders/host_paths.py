"""Paths of the host as an engine tells them, compared with the student's own."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path

_VIRTUAL_MACHINE = ("/host_mnt", "/run/desktop/mnt/host", "/mnt/host")
"""Under which Docker Desktop shows the files of the machine around its own."""


def host_path(source: str) -> str:
    """The path on the student's machine that an engine calls ``source``."""
    for prefix in _VIRTUAL_MACHINE:
        if source.startswith(prefix + "/"):
            return source.removeprefix(prefix)
    return source


def is_same_path(source: str, path: Path) -> bool:
    """Whether an engine's ``source`` is the file or folder at ``path``."""
    if not source:
        return False
    mine = os.path.realpath(path)
    theirs = posixpath.normpath(host_path(source))
    return theirs == mine or os.path.realpath(theirs) == mine
