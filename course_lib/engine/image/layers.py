"""The layers of images: their files, and how new ones come to be.

The files of a built, committed or loaded layer lie below ``ROOT/layers/DIGEST``, with the record
of their owners beside them; ``DIGEST.tar`` is there only where an archive came from elsewhere
whose bytes we would not write ourselves. A layer is put together under another name and renamed
when it is whole: a killed engine leaves nothing half-made.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.engine.errdefs import InvalidParameter, SystemFailure
from course_lib.engine.image.model import Layer

if TYPE_CHECKING:
    from course_lib.engine.clock import Clock
    from course_lib.engine.fs.containerfs import ContainerFs
    from course_lib.engine.fs.inode import Tree
    from course_lib.engine.ids import Identities
    from course_lib.engine.image.catalogue import Catalogue

_OWNERS = ".owners"


class LayerStore:
    """Layers by digest.

    :param root: ``STATE/images``.
    :param catalogue: gives the layers that are not on disk.
    """

    def __init__(
        self, root: Path, clock: Clock, ids: Identities, catalogue: Callable[[], Catalogue]
    ) -> None:
        self._root = root
        self._clock = clock
        self._ids = ids
        self._catalogue = catalogue
        self._trees: dict[str, Tree] = {}
        self._swept = False

    # --- reading ---------------------------------------------------------------------------

    def trees(self, layers: Sequence[Layer]) -> list[Tree]:
        """The trees of some layers, topmost first, as a root file system takes them."""
        return [
            self.tree(layer) for layer in reversed(layers) if not layer.source.startswith("empty")
        ]

    def tree(self, layer: Layer) -> Tree:
        """The files of one layer."""
        tree = self._trees.get(layer.diff_id)
        if tree is None:
            kind, _, name = layer.source.partition(":")
            if kind == "catalogue":
                tree = self._catalogue().layer(name)
            else:
                from course_lib.engine.fs.memory import DirLayer

                path = self.path(layer)
                if not path.is_dir():
                    raise SystemFailure(f"{path}: the files of an image layer are missing")
                tree = DirLayer(path)
            self._trees[layer.diff_id] = tree
        return tree

    def path(self, layer: Layer) -> Path:
        """Where the files of a layer on disk lie."""
        return self._root / "layers" / layer.diff_id.removeprefix("sha256:")

    def archive(self, layer: Layer) -> tuple[int, Iterator[bytes]]:
        """The size of a layer's archive in bytes, and its pieces."""
        from course_lib.engine.image.layertar import archive_size, placeholder, read_layer

        kind, _, words = layer.source.partition(":")
        if kind == "empty":
            data = placeholder(words)
            return len(data), iter((data,))
        kept = _beside(self.path(layer), ".tar")
        if kind == "disk" and kept.exists():
            return kept.stat().st_size, _read_file(kept)
        tree = self.tree(layer)
        return archive_size(tree), read_layer(tree)

    # --- making ----------------------------------------------------------------------------

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """A path for a directory that is being filled; what is left there goes at the end."""
        folder = self._root / "tmp"
        if not self._swept:  # what a killed engine left
            shutil.rmtree(folder, ignore_errors=True)
            self._swept = True
        place = folder / self._ids.new_id()[:16]
        place.mkdir(mode=0o700, parents=True)
        try:
            yield place / "upper"
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def bare_files(self, layers: Sequence[Layer], upper: Path) -> ContainerFs:
        """Some layers and a writable directory on top, nothing mounted."""
        from course_lib.engine.fs.containerfs import ContainerFs
        from course_lib.engine.fs.memory import MemoryLayer
        from course_lib.engine.fs.overlay import RootFs

        trees = self.trees(layers) or [MemoryLayer()]
        return ContainerFs(RootFs(trees, upper), clock=self._clock, kernel=False)

    async def take(self, upper: Path) -> Layer | None:
        """Make a layer of a writable directory, which is gone afterwards.

        :returns: ``None`` where nothing is in it.
        """
        from course_lib.engine.fs.memory import DirLayer
        from course_lib.engine.image.layertar import digest_of_layer

        if not os.path.isdir(upper) or not os.listdir(upper):  # noqa: ASYNC240 (two calls)
            return None
        diff_id, size = await digest_of_layer(DirLayer(upper))
        layer = Layer(diff_id, size, "disk")
        self._move(upper, layer)
        return layer

    async def copy(self, upper: Path) -> Layer | None:
        """As :meth:`take`, leaving the directory as it is."""
        from course_lib.engine.fs.copytree import copy_tree
        from course_lib.engine.fs.memory import DirLayer

        if not os.path.isdir(upper):  # noqa: ASYNC240 (one stat)
            return None
        with self.workspace() as mine:
            mine.mkdir(mode=0o700)
            await copy_tree(DirLayer(upper).root(), DirLayer(mine).root())
            return await self.take(mine)

    def _move(self, upper: Path, layer: Layer) -> None:
        target = self.path(layer)
        if target.exists():
            return
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        owners = _beside(upper, _OWNERS)
        if owners.exists():
            owners.replace(_beside(target, _OWNERS))
        upper.replace(target)

    async def unpack(
        self, chunks: AsyncIterator[bytes], below: Sequence[Layer], *, expected: str = ""
    ) -> Layer:
        """Make a layer of an archive that is not compressed.

        :param below: the layers that it lies on, lowest first.
        :param expected: the digest that it has to have.
        :raises InvalidParameter: it is broken, or another one than expected.
        """
        import hashlib

        from course_lib.engine.fs.archive import extract_tar
        from course_lib.engine.fs.memory import DirLayer
        from course_lib.engine.image.layertar import digest_of_layer

        with self.workspace() as upper:
            digest = hashlib.sha256()
            kept = upper.with_name("archive")

            async def watched() -> AsyncIterator[bytes]:
                with open(kept, "wb") as file:  # noqa: ASYNC230 (local, in pieces)
                    async for data in chunks:
                        digest.update(data)
                        file.write(data)
                        yield data

            fs = self.bare_files(below, upper)
            await extract_tar(fs, "/", watched(), clamp=True, layer=bool(below))
            diff_id = f"sha256:{digest.hexdigest()}"
            if expected and diff_id != expected:
                raise InvalidParameter(
                    f'invalid diffID for layer {len(below)}: expected "{expected}", got "{diff_id}"'
                )
            upper.mkdir(mode=0o700, exist_ok=True)
            ours, size = await digest_of_layer(DirLayer(upper))
            layer = Layer(diff_id, size, "disk")
            if ours != diff_id and not self.path(layer).exists():
                target = _beside(self.path(layer), ".tar")
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                kept.replace(target)
            self._move(upper, layer)
            return layer

    # --- removing --------------------------------------------------------------------------

    def remove(self, layer: Layer) -> None:
        """No image has it any more."""
        self._trees.pop(layer.diff_id, None)
        if layer.source != "disk":
            return
        path = self.path(layer)
        if not path.exists():
            return
        with self.workspace() as place:  # out of the way in one step, whatever happens then
            path.replace(place)
            for suffix in (_OWNERS, ".tar"):
                with suppress(FileNotFoundError):
                    _beside(path, suffix).unlink()


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _read_file(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while data := file.read(1 << 20):
            yield data
