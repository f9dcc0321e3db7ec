"""``course restore``."""

from __future__ import annotations

import argparse
from pathlib import Path

from course_lib import backup, connect
from course_lib.cli.progress import announce
from course_lib.cli.save import NAME, find_workspace, reader_image
from course_lib.workspace import is_untouched


def run(arguments: argparse.Namespace) -> int:
    """Bring everything back and say where it is."""
    workspace = find_workspace(arguments.workspace)
    engine = connect.connect(arguments.engine, announce=announce)
    client = engine.client()
    try:
        done = backup.restore(
            _find(arguments.file or Path(NAME), workspace), workspace, client, reader_image(client),
            untouched=lambda path: is_untouched(workspace, path),
        )  # fmt: skip
    finally:
        client.close()
    print(f"files brought back: {', '.join(map(str, done.files)) or 'none'}")
    for name, beside in done.beside.items():
        print(f"{name} is yours already; the saved one lies beside it: {beside}")
    if any(path.suffix == ".ipynb" for path in done.files):
        print("(a notebook that is open in JupyterLab: File > Reload Notebook from Disk)")
    print(f"volumes brought back: {', '.join(done.volumes) or 'none'}")
    if done.exercises:
        print(f"points brought back: those of {done.exercises} exercises")
    if done.kept:
        print(f"volumes that were there and stayed: {', '.join(done.kept)}")
        print("(for a saved one: docker volume rm NAME, then restore again)")
    return 0


def _find(given: Path, workspace: Path) -> Path:
    """The file that was named: from here, or in the workspace, where uploads go."""
    there = workspace / given
    return there if there.is_file() and not given.exists() else given
