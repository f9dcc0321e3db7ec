"""Images: ``docker images``, ``docker image inspect``, ``docker history``, pull progress."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from course_lib.engine.api.format.times import time_text
from course_lib.engine.api.messages import encode
from course_lib.engine.api.version import Version

if TYPE_CHECKING:
    from course_lib.engine.filters import Filters
    from course_lib.engine.image.model import Image
    from course_lib.engine.image.pull import PullProgress
    from course_lib.engine.image.remove import Removed
    from course_lib.engine.image.store import HistoryItem, ImageStore

Json = dict[str, Any]


def row(
    store: ImageStore,
    image: Image,
    version: Version,
    *,
    containers: int = -1,
    shared: int = -1,
    filters: Filters | None = None,
) -> Json:
    """A line of ``docker images``; the filters decide which of its names are shown."""
    tags, digests = store.tags(image.id, filters), store.digests(image.id, filters)
    result: Json = {
        "Containers": containers,
        "Created": image.created_ns // 1_000_000_000,
        "Id": image.id,
        "Labels": dict(image.config.labels) if image.config.labels else None,
        "ParentId": image.parent,
        "RepoDigests": digests,
        "RepoTags": tags,
        "SharedSize": shared,
        "Size": image.size,
    }
    if version < (1, 43):
        # Before 1.43 an image without names was shown with a placeholder.
        if not tags and not digests:
            result["RepoTags"], result["RepoDigests"] = ["<none>:<none>"], ["<none>@<none>"]
        else:
            result["RepoTags"], result["RepoDigests"] = tags or None, digests or None
    if version < (1, 44):
        result["VirtualSize"] = image.size
    return result


def inspect(store: ImageStore, image: Image, version: Version) -> Json:
    """``GET /images/{name}/json``."""
    from course_lib.engine.image.document import config_document

    result: Json = {
        "Id": image.id,
        "RepoTags": store.tags(image.id),
        "RepoDigests": store.digests(image.id),
        "Parent": image.parent,
        "Comment": image.comment or (image.history[-1].comment if image.history else ""),
        "Created": time_text(image.created_ns),
        "DockerVersion": image.docker_version,
        "Author": image.author,
        "Config": config_document(image.config),
        "Architecture": image.architecture,
        "Os": image.os,
        "Size": image.size,
        "GraphDriver": {"Data": {}, "Name": "overlay2"},
        "RootFS": {"Type": "layers", "Layers": list(image.diff_ids)},
        "Metadata": {"LastTagTime": time_text(store.last_tagged_ns(image.id))},
    }
    if version < (1, 45):
        from course_lib.engine.image.model import ImageConfig

        result["Container"] = image.container
        result["ContainerConfig"] = config_document(image.container_config or ImageConfig())
    if version < (1, 44):
        result["VirtualSize"] = image.size
    return result


def history(items: list[HistoryItem]) -> list[Json]:
    """``GET /images/{name}/history``."""
    return [
        {
            "Comment": item.comment,
            "Created": item.created_ns // 1_000_000_000,
            "CreatedBy": item.created_by,
            "Id": item.id,
            "Size": item.size,
            "Tags": list(item.tags) or None,
        }
        for item in items
    ]


def search_result(name: str, description: str) -> Json:
    """A row of ``docker search``; official is what needs no owner's name before it."""
    return {
        "star_count": 0,
        "is_official": "/" not in name,
        "name": name,
        "is_automated": False,
        "description": description,
    }


def removed(items: Sequence[Removed]) -> list[Json]:
    """``DELETE /images/{name}``."""
    return [
        {"Untagged": item.untagged} if item.untagged else {"Deleted": item.deleted}
        for item in items
    ]


def progress(item: PullProgress) -> bytes:
    """One line of the stream of ``docker pull``."""
    result: Json = {"status": item.status}
    if item.has_detail:
        detail: Json = {}
        if item.current is not None:
            detail["current"] = item.current
        if item.total is not None:
            detail["total"] = item.total
        result["progressDetail"] = detail
    if item.progress:
        result["progress"] = item.progress
    if item.id:
        result["id"] = item.id
    return encode(result)[:-1] + b"\r\n"


def status(text: str) -> bytes:
    """A line that says how something came out."""
    return encode({"status": text})[:-1] + b"\r\n"


def stream_error(message: str) -> bytes:
    """An error inside a progress stream."""
    return encode({"errorDetail": {"message": message}, "error": message})[:-1] + b"\r\n"
