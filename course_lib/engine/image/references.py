"""Which names point at which images, kept durably (moby: ``reference/store.go``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.engine.errdefs import InvalidParameter
from course_lib.engine.image.reference import Reference, parse

if TYPE_CHECKING:
    from course_lib.engine.store import Store

_KIND = "image-references"


class ReferenceTable:
    """Tags and digests. Each is one durable record."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_name: dict[str, str] | None = None
        self._by_image: dict[str, dict[str, Reference]] = {}

    def _load(self) -> dict[str, str]:
        if self._by_name is None:
            self._by_name = {}
            for text, record in self._store.all(_KIND).items():
                self._link(parse(text), str(record["image"]))
        return self._by_name

    def _link(self, reference: Reference, image_id: str) -> None:
        assert self._by_name is not None
        text = str(reference)
        self._by_name[text] = image_id
        self._by_image.setdefault(image_id, {})[text] = reference

    def get(self, reference: Reference) -> str | None:
        """ID of the image that has this name; a digest decides over a tag."""
        names = self._load()
        if reference.digest:
            return names.get(f"{reference.name}@{reference.digest}")
        return names.get(str(reference.with_default_tag()))

    def of_image(self, image_id: str) -> list[Reference]:
        """All names of an image, sorted."""
        self._load()
        return [found for _, found in sorted(self._by_image.get(image_id, {}).items())]

    def add(self, reference: Reference, image_id: str) -> None:
        """Let a name point at an image, whatever it pointed at before."""
        if reference.familiar_name == "sha256":
            raise InvalidParameter(
                "refusing to create an ambiguous tag using digest algorithm as name"
            )
        self._load()
        self._unlink(reference)
        self._store.write(_KIND, str(reference), {"image": image_id})
        self._link(reference, image_id)

    def remove(self, reference: Reference) -> None:
        """Forget a name."""
        self._load()
        self._unlink(reference)
        self._store.delete(_KIND, str(reference))

    def _unlink(self, reference: Reference) -> None:
        assert self._by_name is not None
        text = str(reference)
        image_id = self._by_name.pop(text, None)
        if image_id is not None:
            names = self._by_image[image_id]
            del names[text]
            if not names:
                del self._by_image[image_id]
