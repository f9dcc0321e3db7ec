"""The images that the engine has: pulled ones, and those that builds and commits made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.engine.errdefs import InvalidParameter, NotFound
from course_lib.engine.image.layers import LayerStore
from course_lib.engine.image.model import Image
from course_lib.engine.image.reference import Reference, is_digest, parse
from course_lib.engine.image.references import ReferenceTable

if TYPE_CHECKING:
    from course_lib.engine.clock import Clock
    from course_lib.engine.events import Events
    from course_lib.engine.filters import Filters
    from course_lib.engine.fs.overlay import RootFs
    from course_lib.engine.ids import Identities
    from course_lib.engine.image.catalogue import Catalogue
    from course_lib.engine.image.model import Layer
    from course_lib.engine.image.pull import PullProgress
    from course_lib.engine.image.remove import ImageUser, Removed
    from course_lib.engine.store import Store

_KIND = "images"


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """A line of ``docker history``, newest first.

    :param id: the image's ID, or ``<missing>`` for steps that are not images here.
    """

    id: str
    created_ns: int
    created_by: str
    tags: tuple[str, ...]
    size: int
    comment: str


class ImageStore:
    """Images by ID and by name.

    An image is there once it was pulled. Its record holds everything but the files: those of the
    catalogue are read from the package, those of built images lie below ``root``.

    :param root: directory for the layers of built and committed images.
    :param catalogue: what can be pulled; asked for when an image is first used.
    """

    def __init__(
        self,
        root: Path,
        store: Store,
        clock: Clock,
        ids: Identities,
        events: Events,
        *,
        catalogue: Callable[[], Catalogue],
    ) -> None:
        self._store = store
        self._clock = clock
        self._events = events
        self._catalogue = catalogue
        self._references = ReferenceTable(store)
        self._images: dict[str, Image] | None = None
        self._tagged_ns: dict[str, int] = {}
        self.layers = LayerStore(root, clock, ids, catalogue)

    @property
    def catalogue(self) -> Catalogue:
        """What can be pulled; read when first needed."""
        return self._catalogue()

    @property
    def references(self) -> ReferenceTable:
        return self._references

    def images(self) -> dict[str, Image]:
        """All images by ID."""
        if self._images is None:
            self._images = {}
            for image_id, record in self._store.all(_KIND).items():
                self._images[image_id] = Image.from_record(record["image"])
                self._tagged_ns[image_id] = int(record["tagged_ns"])
        return self._images

    # --- finding ---------------------------------------------------------------------------

    def get(self, ref: str) -> Image:
        """The image with that name or ID, or an unambiguous beginning of its ID.

        Raises ``NotFound("No such image: ghost:latest")`` and, for a text that can be no name,
        ``InvalidParameter``.
        """
        images = self.images()
        full = ref if ref.startswith("sha256:") else f"sha256:{ref}"
        if full in images:
            return images[full]
        if len(full) == 71 and is_digest(full):
            raise NotFound(f"No such image: {full}")
        reference = parse(ref)
        image_id = self._references.get(reference)
        if image_id is None or image_id not in images:
            image_id = self._by_prefix(ref)
        if image_id is None:
            raise NotFound(f"No such image: {reference.with_default_tag().familiar}")
        return images[image_id]

    def _by_prefix(self, ref: str) -> str | None:
        """The one image whose ID begins so; none where there are several, as dockerd."""
        found = self._beginning_with(ref)
        return found[0] if len(found) == 1 else None

    def ambiguous(self, ref: str) -> bool:
        """Whether the IDs of several images begin so."""
        return len(self._beginning_with(ref)) > 1

    def _beginning_with(self, ref: str) -> Sequence[str]:
        digits = ref.removeprefix("sha256:")
        if not digits or digits.strip("0123456789abcdef"):
            return ()
        return [image for image in self.images() if image.startswith(digits, len("sha256:"))]

    def tags(self, image_id: str, filters: Filters | None = None) -> list[str]:
        """``RepoTags``: familiar names with tags, sorted.

        :param filters: of the list call: its ``reference`` also decides which names are shown.
        """
        return [ref.familiar for ref in self._names(image_id, filters) if not ref.digest]

    def digests(self, image_id: str, filters: Filters | None = None) -> list[str]:
        """``RepoDigests``: familiar names with digests, sorted."""
        return [ref.familiar for ref in self._names(image_id, filters) if ref.digest]

    def _names(self, image_id: str, filters: Filters | None) -> Sequence[Reference]:
        names = self._references.of_image(image_id)
        if filters is None or not filters.get("reference"):
            return names
        from course_lib.engine.image.listing import matches

        patterns = filters.get("reference")
        return [name for name in names if any(matches(pattern, name) for pattern in patterns)]

    def shared_size(self, image_id: str) -> int:
        """Bytes in layers that other images have too (``docker system df -v``)."""
        others = {
            layer.diff_id
            for image in self.images().values()
            if image.id != image_id
            for layer in image.layers
        }
        layers = self.images()[image_id].layers
        return sum(layer.size for layer in layers if layer.diff_id in others)

    def last_tagged_ns(self, image_id: str) -> int:
        """When the image was last given a tag; 0 for never."""
        self.images()
        return self._tagged_ns.get(image_id, 0)

    def children(self, image_id: str) -> list[str]:
        """IDs of the images that were built on this one."""
        return [image.id for image in self.images().values() if image.parent == image_id]

    def history(self, ref: str) -> list[HistoryItem]:
        """How an image came to be, newest step first."""
        image = self.get(ref)
        items = [
            HistoryItem(
                id="<missing>",
                created_ns=entry.created_ns,
                created_by=entry.created_by,
                tags=(),
                size=entry.size,
                comment=entry.comment,
            )
            for entry in reversed(image.history)
        ]
        ancestor: Image | None = image
        for number, item in enumerate(items):
            if ancestor is None:
                break
            items[number] = HistoryItem(
                ancestor.id,
                item.created_ns,
                item.created_by,
                tuple(self.tags(ancestor.id)),
                item.size,
                item.comment,
            )
            ancestor = self.images().get(ancestor.parent)
        return items

    def list(
        self,
        filters: Filters | None = None,
        *,
        all: bool = False,
    ) -> list[Image]:
        """Images for ``docker images``, newest first.

        :param all: also intermediate ones, which have children and no name.

        Raises ``InvalidFilter`` for a filter that there is not, ``NotFound`` for an image named
        by ``before`` or ``since`` that there is not.
        """
        from course_lib.engine.image.listing import list_images

        return list_images(self, filters, all=all, now_ns=self._clock.time_ns())

    # --- changing --------------------------------------------------------------------------

    def add(self, image: Image) -> None:
        """Keep an image; one that is there stays as it is."""
        if image.id not in self.images():
            self.images()[image.id] = image
            self._write(image)

    def _write(self, image: Image) -> None:
        record = {"image": image.record(), "tagged_ns": self._tagged_ns.get(image.id, 0)}
        self._store.write(_KIND, image.id, record)

    def _name(self, reference: Reference, image: Image) -> None:
        self._references.add(reference, image.id)
        if reference.tag:
            self._tagged_ns[image.id] = self._clock.time_ns()
            self._write(image)

    def give_name(self, reference: Reference, image: Image) -> None:
        """As :meth:`tag`, without telling anybody (``docker load``)."""
        self._name(reference, image)

    def set_parent(self, image: Image, parent_id: str) -> None:
        """Note what an image stands on; its ID stays."""
        self.images()[image.id] = replace(image, parent=parent_id)
        self._write(self.images()[image.id])

    def tag(self, ref: str, repository: str, tag: str = "") -> None:
        """Give an image a further name: ``docker tag REF REPOSITORY:TAG``."""
        image = self.get(ref)
        new = parse(repository)
        if tag:
            new = Reference(new.domain, new.path).with_tag(tag)
        if new.digest:
            raise InvalidParameter("refusing to create a tag with a digest reference")
        new = new.with_default_tag()
        self._name(new, image)
        self.publish("tag", image.id, image, new.familiar)

    def forget(self, image: Image) -> None:
        """Remove an image that has no names left, and the layers that only it has."""
        del self.images()[image.id]
        self._tagged_ns.pop(image.id, None)
        self._store.delete(_KIND, image.id)
        self.drop_unused(image.layers)

    def drop_unused(self, layers: Sequence[Layer]) -> None:
        """Remove those layers that no image has."""
        used = {layer.diff_id for other in self.images().values() for layer in other.layers}
        for layer in layers:
            if layer.diff_id not in used:
                self.layers.remove(layer)

    def remove(
        self, ref: str, *, force: bool = False, prune: bool = True, users: Sequence[ImageUser] = ()
    ) -> Sequence[Removed]:
        """``docker rmi``: take a name away, and the image with its last one.

        :param prune: also parents that nothing else needs.
        :param users: the containers there are.

        Raises ``NotFound`` and ``Conflict`` with dockerd's words.
        """
        from course_lib.engine.image.remove import remove_image

        return remove_image(self, ref, force=force, prune=prune, users=users)

    def prune(
        self, filters: Filters | None = None, users: Sequence[ImageUser] = ()
    ) -> tuple[Sequence[Removed], int]:
        """``docker image prune``: what was removed, and the bytes that this gave back."""
        from course_lib.engine.image.remove import prune_images

        return prune_images(self, filters, users, self._clock)

    def publish(self, action: str, actor_id: str, image: Image, name: str) -> None:
        """Tell of an event as dockerd does: with the image's labels and a name."""
        attributes = {**(image.config.labels or {}), "name": name}
        self._events.publish("image", action, actor_id, attributes)

    def publish_prune(self, space: int) -> None:
        """Tell that images were pruned and how many bytes that gave back."""
        self._events.publish("image", "prune", "", {"reclaimed": str(space)})

    # --- pulling ---------------------------------------------------------------------------

    async def pull(
        self, ref: str, tag: str = "", platform: str = ""
    ) -> AsyncIterator[PullProgress]:
        """``docker pull``: bring an image of the catalogue into the store.

        :param ref: name, possibly with tag or digest.
        :param tag: tag or digest; where neither it nor ``ref`` says one, all tags are pulled.
        :param platform: ``linux/amd64`` or its like, or nothing.

        Every error is raised before the first line of progress: ``InvalidParameter`` for a bad
        name, ``NotFound`` with the words of the Hub for what the catalogue does not have.
        """
        from course_lib.engine.image.platform import parse as parse_platform
        from course_lib.engine.image.pull import PullProgress, progress_of

        wanted_platform = parse_platform(platform) if platform else None
        wanted = parse(ref)
        if tag:
            wanted = wanted.with_digest(tag) if is_digest(tag) else wanted.with_tag(tag)
        updated = False
        for reference, image, digest in self.catalogue.lookup(wanted, wanted_platform):
            yield PullProgress(f"Pulling from {wanted.path}", reference.tag or digest)
            if image.id not in self.images():
                for progress in progress_of(image, self._present_chains()):
                    yield progress
            updated |= self._keep_pulled(reference, image, digest)
            yield PullProgress(f"Digest: {digest}")
        state = "Downloaded newer image" if updated else "Image is up to date"
        yield PullProgress(f"Status: {state} for {wanted.familiar}")

    def _keep_pulled(self, reference: Reference, image: Image, digest: str) -> bool:
        """Put a pulled image into the store; whether its name is new or pointed elsewhere."""
        updated = self._references.get(reference) != image.id
        self.add(image)
        if updated:
            by_digest = Reference(reference.domain, reference.path, "", digest)
            self._references.add(by_digest, image.id)
            if reference.tag:
                self._name(reference, image)
        self.publish("pull", reference.familiar, image, reference.familiar_name)
        return updated

    def _present_chains(self) -> frozenset[str]:
        return frozenset(chain for image in self.images().values() for chain in image.chain_ids)

    # --- files -----------------------------------------------------------------------------

    def rootfs(
        self,
        image: Image,
        upper: Path,
        read_only: bool = False,
        created_ns: int | None = None,
    ) -> RootFs:
        """The root file system for a container of this image.

        :param upper: the container's own writable directory; it need not exist.
        :param created_ns: when the container was created, for the files that every one has.
        """
        from course_lib.engine.fs.initlayer import init_layer
        from course_lib.engine.fs.overlay import RootFs

        layers = [init_layer(), *self.layers.trees(image.layers)]
        return RootFs(layers, upper, read_only=read_only, created_ns=created_ns)
