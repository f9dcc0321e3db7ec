"""``docker rmi`` and ``docker image prune``.

What may be removed, what has to be forced and how it is reported follows moby's
``daemon/images/image_delete.go`` and ``image_prune.go``, words included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from course_lib.engine.errdefs import Conflict, EngineError
from course_lib.engine.filters import Filters
from course_lib.engine.image.reference import Reference, parse

if TYPE_CHECKING:
    from course_lib.engine.clock import Clock
    from course_lib.engine.image.model import Image
    from course_lib.engine.image.store import ImageStore


@dataclass(frozen=True, slots=True)
class ImageUser:
    """A container, as far as removing images is concerned."""

    container_id: str
    image_id: str
    running: bool


@dataclass(frozen=True, slots=True)
class Removed:
    """A line of the answer: one of the two is set."""

    untagged: str = ""
    deleted: str = ""


def _short(some_id: str) -> str:
    return some_id.removeprefix("sha256:")[:12]


def _one_repository(names: Sequence[Reference]) -> bool:
    """At most one tag, and all names within one repository."""
    tags = [name for name in names if name.tag]
    return len(tags) <= 1 and len({name.name for name in names}) <= 1


def remove_image(
    store: ImageStore, ref: str, *, force: bool, prune: bool, users: Sequence[ImageUser]
) -> list[Removed]:
    """See :meth:`ImageStore.remove`."""
    image = store.get(ref)
    names = store.references.of_image(image.id)
    removed: list[Removed] = []
    by_name = not image.id.startswith((ref, f"sha256:{ref}"))
    if by_name:
        user = next((one for one in users if one.image_id == image.id), None)
        if not force and _one_repository(names) and user is not None:
            raise Conflict(
                f'conflict: unable to remove repository reference "{ref}" (must force) - '
                f"container {_short(user.container_id)} is using its referenced image "
                f"{_short(image.id)}"
            )
        name = parse(ref)
        _untag(store, image, name if name.digest else name.with_default_tag(), removed)
        left = store.references.of_image(image.id)
        if not name.digest and not any(one.tag and one.name == name.name for one in left):
            for one in left:
                if one.digest and one.name == name.name:
                    _untag(store, image, one, removed)
        if store.references.of_image(image.id):
            return removed
    elif _one_repository(names):
        _check(store, image, users, soft=not force, names_matter=False)
        for name in names:
            _untag(store, image, name, removed)
    _delete(store, image, removed, force=force, prune=prune, quiet=by_name, users=users)
    return removed


def _untag(store: ImageStore, image: Image, name: Reference, removed: list[Removed]) -> None:
    store.references.remove(name)
    removed.append(Removed(untagged=name.familiar))
    store.publish("untag", image.id, image, image.id)


def _conflict(
    store: ImageStore,
    image: Image,
    users: Sequence[ImageUser],
    *,
    soft: bool,
    names_matter: bool = True,
) -> tuple[str, bool] | None:
    """Why an image cannot be deleted, and whether that is because it is in use."""
    head = f"conflict: unable to delete {_short(image.id)}"
    if store.children(image.id):
        return f"{head} (cannot be forced) - image has dependent child images", False
    mine = [user for user in users if user.image_id == image.id]
    running = next((user for user in mine if user.running), None)
    if running is not None:
        return (
            f"{head} (cannot be forced) - image is being used by running container "
            f"{_short(running.container_id)}"
        ), True
    if soft and names_matter and store.references.of_image(image.id):
        return f"{head} (must be forced) - image is referenced in multiple repositories", False
    if soft and mine:
        return (
            f"{head} (must be forced) - image is being used by stopped container "
            f"{_short(mine[0].container_id)}"
        ), True
    return None


def _check(
    store: ImageStore,
    image: Image,
    users: Sequence[ImageUser],
    *,
    soft: bool,
    names_matter: bool,
) -> None:
    conflict = _conflict(store, image, users, soft=soft, names_matter=names_matter)
    if conflict is not None:
        raise Conflict(conflict[0])


def _delete(
    store: ImageStore,
    image: Image,
    removed: list[Removed],
    *,
    force: bool,
    prune: bool,
    quiet: bool,
    users: Sequence[ImageUser],
) -> None:
    """Delete an image that is not needed, then the parents that only it needed.

    :param quiet: a conflict is no error: a name was asked to go, and it went.
    """
    conflict = _conflict(store, image, users, soft=not force)
    if conflict is not None:
        dangling = not store.references.of_image(image.id) and not store.children(image.id)
        if quiet and (not dangling or conflict[1]):
            return
        raise Conflict(conflict[0])
    for name in store.references.of_image(image.id):
        _untag(store, image, name, removed)
    store.forget(image)
    store.publish("delete", image.id, image, image.id)
    removed.append(Removed(deleted=image.id))
    kept = {chain for other in store.images().values() for chain in other.chain_ids}
    removed += [Removed(deleted=chain) for chain in reversed(image.chain_ids) if chain not in kept]
    parent = store.images().get(image.parent)
    if prune and parent is not None and not store.references.of_image(parent.id):
        _delete(store, parent, removed, force=False, prune=True, quiet=True, users=users)


def prune_images(
    store: ImageStore, filters: Filters | None, users: Sequence[ImageUser], clock: Clock
) -> tuple[list[Removed], int]:
    """See :meth:`ImageStore.prune`."""
    filters = filters or Filters()
    filters.validate(("dangling", "label", "label!", "until"))
    dangling_only = filters.boolean("dangling", default=True)
    until_ns = _until(filters, clock)
    used = {user.image_id for user in users}
    before = _layer_sizes(store)
    removed: list[Removed] = []
    for image in list(store.images().values()):
        names = store.references.of_image(image.id)
        if image.id in used or image.id not in store.images() or store.children(image.id):
            continue
        if dangling_only and any(name.tag for name in names):
            continue
        if until_ns is not None and image.created_ns > until_ns:
            continue
        labels = image.config.labels
        if not filters.labels("label", labels):
            continue
        if filters.get("label!") and filters.labels("label!", labels):
            continue
        for name in names:
            _untag(store, image, name, removed)
        _delete(store, image, removed, force=False, prune=True, quiet=True, users=users)
    after = _layer_sizes(store)
    space = sum(size for layer, size in before.items() if layer not in after)
    store.publish_prune(space)
    return removed, space


def _layer_sizes(store: ImageStore) -> dict[str, int]:
    return {
        layer.diff_id: layer.size for image in store.images().values() for layer in image.layers
    }


def _until(filters: Filters, clock: Clock) -> int | None:
    """The ``until`` filter in nanoseconds: a duration back from now or a point in time."""
    values = filters.get("until")
    if not values:
        return None
    if len(values) > 1:
        raise EngineError("more than one until filter specified")
    from course_lib.engine.image.moments import moment_ns

    return moment_ns(values[0], clock.time_ns())
