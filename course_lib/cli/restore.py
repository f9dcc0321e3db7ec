"""``course restore``."""

from __future__ import annotations

import argparse

from course_lib import backup, connect, lesson_state
from course_lib.cli.progress import announce
from course_lib.cli.save import READER, find_workspace
from course_lib.images import read_image_table
from course_lib.workspace import is_untouched


def run(arguments: argparse.Namespace) -> int:
    """Bring everything back and say where it is."""
    workspace = find_workspace(arguments.workspace)
    engine = connect.connect(arguments.engine, announce=announce)
    client = engine.client()
    try:
        lesson_state.ensure_images(client, [READER], read_image_table(), announce)
        done = backup.restore(
            arguments.file, workspace, client, read_image_table().get(READER).reference,
            untouched=lambda path: is_untouched(workspace, path),
        )  # fmt: skip
    finally:
        client.close()
    print(f"files brought back: {', '.join(map(str, done.files)) or 'none'}")
    for name, beside in done.beside.items():
        print(f"{name} is yours already; the saved one lies beside it: {beside}")
    print(f"volumes brought back: {', '.join(done.volumes) or 'none'}")
    if done.kept:
        print(f"volumes that were there and stayed: {', '.join(done.kept)}")
    return 0
