"""``docker pull`` from the catalogue: what is reported on the way.

The steps and words are dockerd's (moby ``distribution/pull_v2.go``). Nothing is downloaded, so
sizes are those that the real image has and every step comes at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from course_lib.engine.image.model import Image, Layer

_BAR = 50
_COMPRESSED = 0.4
"""What a layer weighs on the wire, of its size on disk."""


@dataclass(frozen=True, slots=True)
class PullProgress:
    """One line of progress. ``id`` is a tag or the short digest of a layer, empty for messages.

    :param current: bytes done, with ``total``; both ``None`` where there is no measure.
    """

    status: str
    id: str = ""
    current: int | None = None
    total: int | None = None

    @property
    def has_detail(self) -> bool:
        """Whether the API shows ``progressDetail`` (all steps of a layer do, empty or not)."""
        return bool(self.id) and not self.status.startswith("Pulling from")

    @property
    def progress(self) -> str:
        """The bar as dockerd draws it, for clients that do not draw their own."""
        return bar(self.current, self.total)


def bar(current: int | None, total: int | None) -> str:
    """A progress bar as dockerd draws it; nothing where there is no measure."""
    if not total or current is None:
        return ""
    done = min(current * _BAR // total, _BAR)
    line = "=" * done + (">" if done < _BAR else "") + " " * (_BAR - done - 1)
    return f"[{line[:_BAR]}]  {human_size(current)}/{human_size(total)}"


def human_size(size: float) -> str:
    """Bytes in four significant digits and decimal units, as ``go-units`` writes them."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            return f"{size:.4g}{unit}"
        size /= 1000
    raise AssertionError


def layer_name(layer: Layer, chain_id: str) -> str:
    """The twelve digits that stand for a layer in the output."""
    return chain_id.removeprefix("sha256:")[:12]


def progress_of(image: Image, present: frozenset[str]) -> Iterator[PullProgress]:
    """The lines for the layers of one image.

    :param present: chain IDs that the store has already.
    """
    layers = [
        (layer_name(layer, chain), layer, chain in present)
        for layer, chain in zip(image.layers, image.chain_ids, strict=True)
    ]
    missing = [
        (name, max(int(layer.size * _COMPRESSED), 1)) for name, layer, has in layers if not has
    ]
    for name, _, has in layers:
        yield PullProgress("Already exists" if has else "Pulling fs layer", name)
    for name, total in missing:
        for share in (0.25, 0.5, 0.75, 1.0) if total > 1 << 20 else (1.0,):
            yield PullProgress("Downloading", name, int(total * share), total)
        yield PullProgress("Verifying Checksum", name)
        yield PullProgress("Download complete", name)
    for name, total in missing:
        yield PullProgress("Extracting", name, total, total)
        yield PullProgress("Pull complete", name)
