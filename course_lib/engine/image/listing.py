"""Which images ``docker images`` shows (moby: ``daemon/images/images.go``)."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from course_lib.engine.filters import Filters

if TYPE_CHECKING:
    from course_lib.engine.image.model import Image
    from course_lib.engine.image.reference import Reference
    from course_lib.engine.image.store import ImageStore

ACCEPTED = ("dangling", "label", "before", "since", "reference", "until")


def list_images(
    store: ImageStore, filters: Filters | None, *, all: bool, now_ns: int
) -> list[Image]:
    """Images that pass the filters, newest first. See :meth:`ImageStore.list`."""
    filters = filters or Filters()
    filters.validate(ACCEPTED)
    dangling = filters.boolean("dangling", default=False)
    limits = [store.get(ref).created_ns for ref in filters.get("before")]
    if filters.get("until"):
        from course_lib.engine.image.moments import moment_ns

        limits += [moment_ns(value, now_ns) for value in filters.get("until")]
    before = min(limits, default=None)
    since = max((store.get(ref).created_ns for ref in filters.get("since")), default=None)
    found = []
    for image in store.images().values():
        if before is not None and image.created_ns >= before:
            continue
        if since is not None and image.created_ns <= since:
            continue
        if not filters.labels("label", image.config.labels):
            continue
        names = store.references.of_image(image.id)
        if "dangling" in filters and dangling == bool(names):
            continue
        if not names and not all and store.children(image.id):
            continue
        if "reference" in filters and not any(
            matches(pattern, name) for pattern in filters.get("reference") for name in names
        ):
            continue
        found.append(image)
    return sorted(found, key=lambda image: (-image.created_ns, image.id))


def matches(pattern: str, reference: Reference) -> bool:
    """Whether a shell pattern fits a familiar name, with or without its tag.

    As Go's ``path.Match``, a star does not reach over a slash.
    """
    for name in (reference.familiar, reference.familiar_name):
        parts, wanted = name.split("/"), pattern.split("/")
        if len(parts) == len(wanted) and all(
            fnmatch.fnmatchcase(part, want) for part, want in zip(parts, wanted, strict=True)
        ):
            return True
    return False
