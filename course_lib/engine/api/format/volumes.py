"""Volumes: ``docker volume inspect`` and ``ls``."""

from __future__ import annotations

from typing import Any

from course_lib.engine.api.format.times import seconds_text
from course_lib.engine.volume.volume import Volume


def volume(given: Volume) -> dict[str, Any]:
    """``GET /volumes/{name}``."""
    return {
        "CreatedAt": seconds_text(given.created_ns),
        "Driver": given.driver,
        "Labels": None if given.labels is None else dict(given.labels),
        "Mountpoint": str(given.mountpoint),
        "Name": given.name,
        "Options": None if given.options is None else dict(given.options),
        "Scope": "local",
    }
