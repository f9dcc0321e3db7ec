"""What an image is: its configuration, its history and its layers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What containers of an image start with. ``None`` means that the image says nothing.

    :param env: ``NAME=value``, in order.
    :param exposed_ports: ``80/tcp``.
    :param volumes: absolute paths.
    :param healthcheck: as in the API (``Test``, ``Interval`` …).
    :param extra: what images say too and no container goes by (``Hostname``, ``Tty``, ``Image``
        …), by its name in the API.
    """

    env: tuple[str, ...] = ()
    cmd: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    exposed_ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    working_dir: str = ""
    user: str = ""
    labels: Mapping[str, str] | None = None
    stop_signal: str = ""
    shell: tuple[str, ...] | None = None
    healthcheck: Mapping[str, Any] | None = None
    on_build: tuple[str, ...] | None = None
    args_escaped: bool = False
    extra: Mapping[str, Any] | None = None

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> ImageConfig:
        """Read what :func:`dataclasses.asdict` and JSON made of one, or a catalogue's table."""
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in record.items()
        }
        return cls(**values)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One step of an image's making, oldest first.

    :param size: bytes of the layer that the step made, 0 where it made none.
    """

    created_ns: int
    created_by: str
    size: int = 0
    comment: str = ""
    empty_layer: bool = True
    author: str = ""


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of an image.

    :param diff_id: ``sha256:…`` of its tar archive.
    :param size: bytes, as ``docker history`` shows them.
    :param source: where the content is: ``catalogue:alpine`` (that folder's files),
        ``empty:WORDS`` (only its size is known, and the comment that its archive holds instead
        of files), ``disk`` (a directory of its own).
    """

    diff_id: str
    size: int
    source: str


@dataclass(frozen=True, slots=True)
class Image:
    """An image of the store.

    Its tags and digests are not part of it: :meth:`ImageStore.tags` and ``digests`` tell them.

    :param id: ``sha256:…`` of the JSON that describes it (:func:`.document.write`): the same
        content gives the same ID everywhere.
    :param size: bytes of all layers together, as shown.
    :param layers: lowest first.
    :param parent: ID of the image that a build started from; empty for pulled images.
    :param container: ID of the container that was committed, else empty.
    :param container_config: what that container was made of; builds find steps again by it.
    :param built: made on this engine by a build or a commit, so a build may use it again.
    :param raw: the JSON that came with it from elsewhere, byte for byte; empty where we wrote it.
    """

    id: str
    created_ns: int
    config: ImageConfig
    history: tuple[HistoryEntry, ...]
    layers: tuple[Layer, ...]
    architecture: str = "amd64"
    os: str = "linux"
    author: str = ""
    comment: str = ""
    docker_version: str = ""
    parent: str = ""
    container: str = ""
    container_config: ImageConfig | None = None
    built: bool = False
    raw: str = ""

    @property
    def size(self) -> int:
        return sum(layer.size for layer in self.layers)

    @property
    def diff_ids(self) -> tuple[str, ...]:
        """``RootFS.Layers`` of the API."""
        return tuple(layer.diff_id for layer in self.layers)

    @property
    def chain_ids(self) -> tuple[str, ...]:
        """The ID of each stack of layers, as OCI defines it."""
        return chain_ids(self.diff_ids)

    def record(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Image:
        """Read what :meth:`record` made."""
        values = dict(record)
        values["config"] = ImageConfig.from_record(values["config"])
        if values.get("container_config") is not None:
            values["container_config"] = ImageConfig.from_record(values["container_config"])
        values["history"] = tuple(HistoryEntry(**entry) for entry in values["history"])
        values["layers"] = tuple(Layer(**entry) for entry in values["layers"])
        return cls(**values)


def new_image(
    created_ns: int,
    config: ImageConfig,
    history: tuple[HistoryEntry, ...],
    layers: tuple[Layer, ...],
    **rest: Any,
) -> Image:
    """An image with the ID that follows from its content."""
    from course_lib.engine.image.document import write

    image = Image("", created_ns, config, history, layers, **rest)
    return replace(image, id=digest_of(write(image)))


def chain_ids(diff_ids: Iterable[str]) -> tuple[str, ...]:
    """The ID of each stack of layers, lowest first, as OCI defines it."""
    chain: list[str] = []
    for diff_id in diff_ids:
        chain.append(digest_of(f"{chain[-1]} {diff_id}".encode()) if chain else diff_id)
    return tuple(chain)


def digest_of(data: bytes) -> str:
    """``sha256:…`` of some bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def digest_of_json(value: Any) -> str:
    """``sha256:…`` of a JSON value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=list)
    return digest_of(text.encode())
