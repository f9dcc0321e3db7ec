"""``docker save``: images as one archive (moby ``image/tarexport/save.go``).

The archive is dockerd's of 26.1: an OCI layout with the ``manifest.json`` and ``repositories`` of
older releases beside it. It is written piece by piece; layers are read as they go out.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import re
import tarfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from course_lib.engine.errdefs import EngineError, NotFound
from course_lib.engine.image.document import write
from course_lib.engine.image.reference import InvalidReference, Reference, parse

if TYPE_CHECKING:
    from course_lib.engine.image.model import Image, Layer
    from course_lib.engine.image.store import ImageStore

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_INDEX = "application/vnd.oci.image.index.v1+json"
_BLOBS = "blobs/sha256/"


@dataclass(slots=True)
class _Saved:
    image: Image
    names: list[Reference] = field(default_factory=list)


def find(store: ImageStore, names: Sequence[str]) -> list[_Saved]:
    """The images that some names mean; a name without a tag means all its tags.

    :raises NotFound: one is not there.
    """
    found: dict[str, _Saved] = {}
    for name in names:
        try:
            meant = _meant(store, name)
        except InvalidReference as error:
            raise EngineError(str(error)) from None  # dockerd answers 500 here
        for image, reference in meant:
            saved = found.setdefault(image.id, _Saved(image))
            if reference is not None and reference not in saved.names:
                saved.names.append(reference)
    for saved in found.values():
        if not saved.image.layers:
            raise EngineError("empty export - not implemented")
    return list(found.values())


def _meant(store: ImageStore, name: str) -> list[tuple[Image, Reference | None]]:
    if re.fullmatch(r"(sha256:)?[0-9a-f]{64}", name) or name.startswith("sha256:"):
        return [(store.get(name), None)]
    reference = parse(name)
    if reference.tag or reference.digest:
        image_id = store.references.get(reference)
        if image_id is None:
            raise NotFound("reference does not exist")
        return [(store.images()[image_id], None if reference.digest else reference)]
    tagged: list[tuple[Image, Reference | None]] = [
        (image, one)
        for image in store.images().values()
        for one in store.references.of_image(image.id)
        if one.tag and one.name == reference.name
    ]
    if tagged:
        return tagged
    if store.ambiguous(name):
        raise EngineError("ambiguous digest string")
    try:
        return [(store.get(name), None)]
    except NotFound:
        raise NotFound(f"No such image: {name}") from None


async def save(store: ImageStore, found: Sequence[_Saved]) -> AsyncIterator[bytes]:
    """The archive of these images."""
    blobs: dict[str, bytes] = {}
    layers: dict[str, Layer] = {}
    manifest: list[dict[str, Any]] = []
    index: list[dict[str, Any]] = []
    repositories: dict[str, dict[str, str]] = {}
    for saved in found:
        image = saved.image
        config = write(image)
        blobs[image.id] = config
        sources = {}
        for layer in image.layers:
            layers[layer.diff_id] = layer
            size = store.layers.archive(layer)[0]
            sources[layer.diff_id] = {
                "mediaType": _LAYER,
                "size": size,
                "digest": layer.diff_id,
            }
        oci = _json(
            {
                "schemaVersion": 2,
                "mediaType": _MANIFEST,
                "config": {"mediaType": _CONFIG, "digest": image.id, "size": len(config)},
                "layers": [sources[diff_id] for diff_id in image.diff_ids],
            }
        )
        digest = f"sha256:{hashlib.sha256(oci).hexdigest()}"
        blobs[digest] = oci
        entry = {"mediaType": _MANIFEST, "digest": digest, "size": len(oci)}
        for name in saved.names:
            tags = repositories.setdefault(name.familiar_name, {})
            tags[name.tag] = image.diff_ids[-1].removeprefix("sha256:")
            notes = {
                "io.containerd.image.name": str(name),
                "org.opencontainers.image.ref.name": name.tag,
            }
            index.append({**entry, "annotations": notes})
        if not saved.names:
            index.append(entry)
        manifest.append(
            {
                "Config": _blob(image.id),
                "RepoTags": [name.familiar for name in saved.names] or None,
                "Layers": [_blob(diff_id) for diff_id in image.diff_ids],
                "LayerSources": sources,
            }
        )
        store.publish("save", image.id, image, image.id)
    yield _directory("blobs/")
    yield _directory(_BLOBS)
    for digest in sorted({*blobs, *layers}):
        if digest in blobs:
            yield _file(_blob(digest), blobs[digest])
            continue
        async for data in _layer(store, layers[digest]):
            yield data
    yield _file("index.json", _json({"schemaVersion": 2, "mediaType": _INDEX, "manifests": index}))
    yield _file("manifest.json", _json(manifest) + b"\n")
    yield _file("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
    if repositories:
        yield _file("repositories", _json(repositories) + b"\n")
    yield bytes(1024)


async def _layer(store: ImageStore, layer: Layer) -> AsyncIterator[bytes]:
    size, pieces = store.layers.archive(layer)
    yield _header(_blob(layer.diff_id), size)
    for data in _exactly(size, pieces):
        yield data
        await asyncio.sleep(0)
    yield bytes(-size % 512)


def _exactly(size: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """As many bytes as the header promised, whatever became of the files meanwhile."""
    buffer = io.BytesIO()
    for piece in pieces:
        data = piece[:size]
        size -= len(data)
        buffer.write(data)
        if buffer.tell() > 256 * 1024:
            yield buffer.getvalue()
            buffer = io.BytesIO()
    yield buffer.getvalue() + bytes(size)


def _blob(digest: str) -> str:
    return _BLOBS + digest.removeprefix("sha256:")


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _directory(name: str) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, 0o755
    return info.tobuf(tarfile.PAX_FORMAT)


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.PAX_FORMAT)


def _file(name: str, data: bytes) -> bytes:
    return _header(name, len(data)) + data + bytes(-len(data) % 512)
