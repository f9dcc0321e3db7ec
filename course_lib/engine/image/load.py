"""``docker load`` and ``docker import``: images from archives (moby ``image/tarexport/load.go``).

Nothing of an image is kept before all of it was read and found good.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from course_lib.engine.errdefs import EngineError, InvalidParameter, NotImplementedByEngine
from course_lib.engine.fs.archive import extract_tar
from course_lib.engine.image import document
from course_lib.engine.image.foreign import refuse_foreign
from course_lib.engine.image.inflate import inflated
from course_lib.engine.image.model import HistoryEntry, ImageConfig, chain_ids, new_image
from course_lib.engine.image.reference import Reference, parse
from course_lib.engine.release import ENGINE_VERSION

if TYPE_CHECKING:
    from course_lib.engine.clock import Clock
    from course_lib.engine.fs.containerfs import ContainerFs
    from course_lib.engine.image.model import Image, Layer
    from course_lib.engine.image.store import ImageStore

_LARGEST_JSON = 16 << 20
_NAME = "io.containerd.image.name"


@dataclass(frozen=True, slots=True)
class Loading:
    """How far a layer is: ``current`` of ``total`` bytes."""

    layer: str
    current: int
    total: int


@dataclass(frozen=True, slots=True)
class _Item:
    """An entry of ``manifest.json``."""

    config: str
    names: Sequence[str]
    layers: Sequence[str]
    parent: str = ""


async def load(
    store: ImageStore, chunks: AsyncIterable[bytes], progress: Callable[[Loading], None]
) -> AsyncIterator[str]:
    """Take the images of an archive into the store; gives what is to be told, line by line.

    :param progress: told of every layer that is new.
    :raises EngineError: the archive is broken, or holds what cannot run here.
    """
    with store.layers.workspace() as folder:
        fs = store.layers.bare_files((), folder)
        try:
            await extract_tar(fs, "/", inflated(chunks), clamp=True)
            items = _items(fs)
        except InvalidParameter as error:
            raise EngineError(str(error)) from None
        ids = ""
        names = 0
        parents: list[tuple[Image, str]] = []
        for item in items:
            image = await _load_one(store, fs, item, progress)
            ids += f"Loaded image ID: {image.id}\n"
            for name in item.names:
                reference = parse(name)
                if not reference.tag:
                    raise InvalidParameter(f'invalid tag "{name}"')
                old = store.references.get(reference)
                if old not in {None, image.id}:
                    yield (
                        f"The image {reference.familiar} already exists, renaming the old one "
                        f"with ID {old} to empty string\n"
                    )
                store.give_name(reference, image)
                yield f"Loaded image: {reference.familiar}\n"
                names += 1
            parents.append((image, item.parent))
            store.publish("load", image.id, image, image.id)
        for image, parent in parents:
            if parent and parent in store.images() and not image.parent:
                store.set_parent(image, parent)
        if not names:
            yield ids


def _read_json(fs: ContainerFs, path: str) -> Any:
    if fs.stat(path).size > _LARGEST_JSON:
        raise InvalidParameter(f"{path[1:]} is larger than the embedded engine reads")
    return document.parse_json(fs.read_bytes(path))


def _items(fs: ContainerFs) -> list[_Item]:
    if fs.access("/manifest.json", os.F_OK):
        manifest = _read_json(fs, "/manifest.json")
        if manifest is None:
            raise EngineError("invalid manifest, manifest cannot be null (but can be [])")
        if isinstance(manifest, dict):
            raise EngineError(
                "json: cannot unmarshal object into Go value of type []tarexport.manifestItem"
            )
        try:
            return [
                _Item(
                    entry["Config"],
                    _strings(entry.get("RepoTags")),
                    _strings(entry.get("Layers")),
                    str(entry.get("Parent") or ""),
                )
                for entry in manifest
            ]
        except (TypeError, KeyError, AttributeError) as error:
            raise EngineError(f"invalid manifest: {error}") from None
    if fs.access("/index.json", os.F_OK):
        return list(_oci_items(fs, _read_json(fs, "/index.json")))
    if fs.access("/repositories", os.F_OK):
        raise NotImplementedByEngine("an archive of a Docker release before 1.10")
    raise EngineError("open manifest.json: no such file or directory")


def _oci_items(fs: ContainerFs, index: Any) -> list[_Item]:
    """The images of an OCI layout that has no ``manifest.json``."""
    found: dict[str, _Item] = {}
    try:
        for entry in index["manifests"]:
            manifest = _read_json(fs, _blob(entry["digest"]))
            if "manifests" in manifest:
                for item in _oci_items(fs, manifest):
                    found.setdefault(item.config, item)
                continue
            name = (entry.get("annotations") or {}).get(_NAME, "")
            config = _blob(manifest["config"]["digest"])
            layers = [_blob(layer["digest"]) for layer in manifest["layers"]]
            old = found.get(config)
            names = [*(old.names if old else ()), *([name] if name else ())]
            found[config] = _Item(config, names, layers)
    except (TypeError, KeyError, AttributeError) as error:
        raise EngineError(f"invalid OCI index: {error}") from None
    return list(found.values())


def _blob(digest: str) -> str:
    return f"/blobs/{digest.replace(':', '/')}"


def _strings(value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise TypeError("not a list of strings")
    return value


async def _load_one(
    store: ImageStore, fs: ContainerFs, item: _Item, progress: Callable[[Loading], None]
) -> Image:
    raw = _read(fs, item.config)
    data = document.parse(raw)
    if str(data.get("os") or "linux") != "linux":
        raise EngineError(f"cannot load {data['os']} image on linux")
    diff_ids: list[str] = data["rootfs"].get("diff_ids") or []
    if len(item.layers) != len(diff_ids):
        raise EngineError(
            "invalid manifest, layers length mismatch: expected "
            f"{len(item.layers)}, got {len(diff_ids)}"
        )
    known = _known(store, chain_ids(diff_ids)[:1])
    layers: list[Layer] = []
    added: list[Layer] = []
    try:
        for diff_id, chain, path in zip(diff_ids, chain_ids(diff_ids), item.layers, strict=True):
            layer = known.get(chain)
            if layer is None:
                place = _inside(path)
                total = _size(fs, place)
                progress(Loading(diff_id, 0, total))
                layer = await store.layers.unpack(
                    inflated(_chunks(fs, place)), layers, expected=diff_id
                )
                added.append(layer)
                progress(Loading(diff_id, total, total))
            layers.append(layer)
        image = document.read(raw, layers)
        if added:
            with store.layers.workspace() as nowhere:
                refuse_foreign(store.layers.bare_files(layers, nowhere), image.config)
    except BaseException:
        store.drop_unused(added)
        raise
    store.add(image)
    return store.images()[image.id]


def _known(store: ImageStore, first: Sequence[str]) -> dict[str, Layer]:
    """Layers that are there already, or in the catalogue, by the ID of their stack."""
    known: dict[str, Layer] = {}
    for image in store.images().values():
        known.update(zip(image.chain_ids, image.layers, strict=True))
    if not first or first[0] not in known:
        for name in store.catalogue.recipes():
            image = store.catalogue.image(name)
            for chain, layer in zip(image.chain_ids, image.layers, strict=True):
                known.setdefault(chain, layer)
    return known


def _inside(path: str) -> str:
    if posixpath.normpath(path).split("/")[0] == "..":
        raise EngineError(f"evalSymlinksInScope: {path} is not in the archive")
    return "/" + posixpath.normpath(f"/{path}").lstrip("/")


def _read(fs: ContainerFs, path: str) -> bytes:
    place = _inside(path)
    if _size(fs, place) > _LARGEST_JSON:
        raise InvalidParameter(f"{path} is larger than the embedded engine reads")
    try:
        return fs.read_bytes(place)
    except OSError as error:
        raise _open_error(place, error) from None


def _size(fs: ContainerFs, path: str) -> int:
    try:
        return fs.stat(path).size
    except OSError as error:
        raise _open_error(path, error) from None


def _open_error(path: str, error: OSError) -> EngineError:
    return EngineError(f"open {path.lstrip('/')}: {(error.strerror or str(error)).lower()}")


async def _chunks(fs: ContainerFs, path: str) -> AsyncIterator[bytes]:
    handle = fs.open(path, os.O_RDONLY)
    try:
        while data := await handle.read(1 << 20):
            yield data
    finally:
        handle.close()


async def import_image(
    store: ImageStore,
    chunks: AsyncIterable[bytes],
    clock: Clock,
    *,
    config: ImageConfig,
    name: Reference | None,
    comment: str,
    architecture: str = "amd64",
) -> Image:
    """Make an image of an archive of files, and name it.

    :raises EngineError: the archive is broken, or its programs cannot run here.
    """
    layer = await store.layers.unpack(inflated(chunks), ())
    try:
        with store.layers.workspace() as nowhere:
            refuse_foreign(store.layers.bare_files([layer], nowhere), config)
    except BaseException:
        store.drop_unused([layer])
        raise
    now = clock.time_ns()
    image = new_image(
        now,
        config,
        (HistoryEntry(now, "", size=layer.size, comment=comment, empty_layer=False),),
        (layer,),
        architecture=architecture,
        comment=comment,
        docker_version=ENGINE_VERSION,
    )
    store.add(image)
    if name is not None:
        store.tag(image.id, str(name))
    store.publish("import", image.id, image, image.id)
    return image
