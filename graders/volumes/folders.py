"""Where a container sees a file or folder of the student's, and whether it can change it."""

from __future__ import annotations

import posixpath
from pathlib import Path

from graders.engine_view import ContainerView
from graders.expectation import Finding, met, missed
from graders.facts import box, listed
from graders.host_paths import is_same_path
from graders.sketch import Shown, Thing
from graders.storage_view import MountView


def places(container: ContainerView, path: Path) -> dict[str, MountView]:
    """By path in the container: the bind mount by which ``path`` is seen there.

    It may be mounted itself, or a folder around it; what another mount covers is not seen.
    """
    found = {
        posixpath.normpath(posixpath.join(mount.target, path.relative_to(above).as_posix())): mount
        for mount in container.mounts
        if mount.type == "bind"
        for above in (path, *path.parents)
        if is_same_path(mount.source, above)
    }
    return {at: mount for at, mount in found.items() if container.mount_over(at) is mount}


def read_only(container: ContainerView, path: Path) -> Finding:
    """At none of the places where it is seen can it be changed."""
    writable = [at for at, mount in places(container, path).items() if not mount.read_only]
    if not writable:
        return met(f"{path.name} is mounted read-only")
    return missed(
        f"{container.name} could write to {path.name}, at {listed(writable)}",
        "-v takes two letters for it behind the path, --mount one more word.",
        *(
            Shown("wrong", box(container), Thing("path", path.name), at, fault="can write")
            for at in sorted(writable)
        ),
    )
