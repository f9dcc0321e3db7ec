"""``course save``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from course_lib import backup, connect, lesson_state
from course_lib.catalog import course
from course_lib.cli.progress import announce
from course_lib.errors import NotOurWorkspace
from course_lib.images import read_image_table
from course_lib.progress import Progress

NAME = "docker-course-work.zip"
READER = "alpine"
"""Volumes are read and filled through a container of this image, which never starts."""


def run(arguments: argparse.Namespace) -> int:
    """Write the backup and say what is in it."""
    workspace = find_workspace(arguments.workspace)
    target = (arguments.file or workspace / NAME).absolute()
    engine = connect.connect(arguments.engine, announce=announce)
    own = engine.kind == "embedded"
    lessons = {name for lesson in course().lessons() for name in lesson.volumes}
    client = engine.client()
    try:
        image = reader_image(client)
        volumes = backup.save(target, workspace, client, image, only=None if own else lessons)
    finally:
        client.close()
    print(f"saved {workspace}")
    print(f"volumes: {', '.join(volumes) or 'none'}")
    print(f"in {target} ({target.stat().st_size / 1024:.0f} KiB)")
    return 0


def reader_image(client: Any) -> str:
    """The image that volumes are read and filled through; pulled where it is not there."""
    table = read_image_table()
    lesson_state.ensure_images(client, [READER], table, announce)
    return table.get(READER).reference


def find_workspace(given: Path | None) -> Path:
    """The workspace that was named, or the one that the current directory belongs to.

    :raises NotOurWorkspace: where it is none.
    """
    folder = (given or Path.cwd()).absolute()
    found = Progress.of(folder).workspace
    if found is None or (given is not None and found != folder):
        raise NotOurWorkspace(
            f"{folder} is no workspace of this course", "name one with --workspace"
        )
    return found
