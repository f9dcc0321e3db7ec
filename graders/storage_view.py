"""What the Docker API says of mounts, volumes and images, frozen at one moment."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

_SIZE = re.compile(r"(\d+)([kmg]?)b?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_ANONYMOUS = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class MountView:
    """Something mounted into a container."""

    type: str
    """``volume``, ``bind``, ``tmpfs``, or whatever else an engine knows."""
    target: str
    """Path in the container."""
    read_only: bool
    name: str = ""
    """Of the volume; empty for other types."""
    source: str = ""
    """Path on the host."""
    size: int | None = None
    """Bytes that a tmpfs was asked to hold at most; None where it was not said."""


@dataclass(frozen=True, slots=True)
class VolumeView:
    """One volume as ``docker volume inspect`` shows it."""

    name: str
    exists: bool
    driver: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    mountpoint: str = ""
    """Where its files lie, on the machine that the engine runs on."""
    device: str = ""
    """The folder there that its driver was told to bind, where it was."""

    @property
    def places(self) -> tuple[str, ...]:
        """The folders on that machine in which its files are found."""
        return tuple(place for place in (self.mountpoint, self.device) if place)

    def overlaps(self, folders: Iterable[str]) -> bool:
        """Whether one of these folders is one of its own, or inside or around one."""
        theirs = [PurePosixPath(posixpath.normpath(folder)) for folder in folders]
        mine = [PurePosixPath(posixpath.normpath(place)) for place in self.places]
        return any(a.is_relative_to(b) or b.is_relative_to(a) for a in mine for b in theirs)

    @property
    def anonymous(self) -> bool:
        """Named by the engine."""
        return bool(_ANONYMOUS.fullmatch(self.name))


@dataclass(frozen=True, slots=True)
class ImageView:
    """One image as ``docker image inspect`` shows it; no ``id`` where there is none."""

    id: str
    reference: str
    volumes: tuple[str, ...] = ()
    """Paths that it declares as volumes."""

    @property
    def exists(self) -> bool:
        return bool(self.id)


@dataclass(frozen=True, slots=True)
class LayerView:
    """One entry of an image's history."""

    created: int
    """Unix time."""
    created_by: str
    tags: tuple[str, ...] = ()
    """Of the image that ends with it."""


def mount_views(document: Mapping[str, Any]) -> tuple[MountView, ...]:
    """From the answer of ``GET /containers/{id}/json``.

    ``--mount type=tmpfs`` stands under ``Mounts``, its size only in the configuration;
    ``--tmpfs`` stands in the configuration alone.
    """
    host = document.get("HostConfig") or {}
    sizes = {
        _path(mount.get("Target")): (mount.get("TmpfsOptions") or {}).get("SizeBytes")
        for mount in host.get("Mounts") or ()
    }
    found = [
        MountView(
            type=mount.get("Type", ""),
            target=mount.get("Destination", ""),
            read_only=not mount.get("RW", True),
            name=mount.get("Name") or "",
            source=mount.get("Source") or "",
            size=sizes.get(_path(mount.get("Destination"))) or None,
        )
        for mount in document.get("Mounts") or ()
    ]
    seen = {_path(mount.target) for mount in found}
    for target, options in (host.get("Tmpfs") or {}).items():
        words = [word.strip() for word in (options or "").split(",")]
        if _path(target) not in seen:
            found.append(MountView("tmpfs", target, "ro" in words, size=_size_in(words)))
    return tuple(found)


def volume_view(document: Mapping[str, Any]) -> VolumeView:
    """From an entry of ``GET /volumes``."""
    return VolumeView(
        document["Name"],
        True,
        document.get("Driver", ""),
        document.get("Labels") or {},
        document.get("Mountpoint") or "",
        _bound(document.get("Options") or {}),
    )


def image_view(reference: str, document: Mapping[str, Any]) -> ImageView:
    """From the answer of ``GET /images/{name}/json``."""
    volumes = (document.get("Config") or {}).get("Volumes") or {}
    return ImageView(document["Id"], reference, tuple(volumes))


def layer_view(document: Mapping[str, Any]) -> LayerView:
    """From an entry of ``GET /images/{name}/history``."""
    return LayerView(
        int(document.get("Created") or 0),
        str(document.get("CreatedBy") or ""),
        tuple(document.get("Tags") or ()),
    )


def _bound(options: Mapping[str, str]) -> str:
    """As ``mount`` takes it: ``type=none,o=bind,device=/folder``."""
    flags = options.get("o", "").split(",")
    return options.get("device", "") if {"bind", "rbind"} & set(flags) else ""


def _path(target: str | None) -> str:
    """As the engine cleans it: the configuration keeps a path as it was typed."""
    return posixpath.normpath(target) if target else ""


def _size_in(options: list[str]) -> int | None:
    for option in options:
        key, _, value = option.partition("=")
        match = _SIZE.fullmatch(value)
        if key == "size" and match:
            return int(match[1]) * _UNITS[match[2].lower()]
    return None
