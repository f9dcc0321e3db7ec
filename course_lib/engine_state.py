"""State directories of embedded engines: recognised, and emptied."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from course_lib.errors import StateUnusable

FORMAT_FILE = "format.json"
"""What every state directory of the engine holds; nothing without it is ever deleted."""


def is_state(root: Path) -> bool:
    """Whether a directory is an engine's state."""
    return (root / FORMAT_FILE).is_file()


def holds_something(root: Path) -> bool:
    """Whether there is something to empty.

    :raises StateUnusable: where there is, and it is not an engine's.
    """
    if not root.exists() or not any(root.iterdir()):
        return False
    if not is_state(root):
        raise StateUnusable(
            f"{root} holds no engine's state; nothing was deleted",
            "name the right one with --state",
        )
    return True


def empty(root: Path) -> None:
    """Remove what is in a state directory.

    Containers may have left folders there without write permission.

    :raises StateUnusable: where it cannot be emptied.
    """
    try:
        for entry in root.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, onerror=_make_writable)
            else:
                entry.unlink()
    except OSError as error:
        raise StateUnusable(f"{root} cannot be emptied: {error}") from None


def _make_writable(_: object, path: str, __: object) -> None:
    parent = Path(path).parent
    for folder in (parent, Path(path)):
        with contextlib.suppress(OSError):
            if folder.is_dir() and not folder.is_symlink():
                folder.chmod(0o700)
    with contextlib.suppress(FileNotFoundError):
        if Path(path).is_dir() and not Path(path).is_symlink():
            shutil.rmtree(path, onerror=None)
        else:
            os.unlink(path)
