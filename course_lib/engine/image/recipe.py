"""One folder of the catalogue, read: what the image is made of.

The format is described in ``catalogue/README.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from course_lib.engine.errdefs import SystemFailure
from course_lib.engine.fs.memory import MemoryLayer
from course_lib.engine.image.layertar import digest_now, placeholder
from course_lib.engine.image.model import (
    HistoryEntry,
    Image,
    ImageConfig,
    Layer,
    digest_of,
    new_image,
)

AppletNames = Callable[[], Iterable[str]]
"""Says which BusyBox applets the userland has; asked when a layer is made."""

_KEYS = frozenset(
    {
        "repository",
        "tags",
        "from",
        "created",
        "config",
        "history",
        "paths",
        "applets",
        "author",
        "description",
    }
)
_PATH_KEYS = frozenset({"directory", "link", "hard_link", "program", "text", "mode", "owner"})
_APPLET_KEYS = frozenset(
    {"target", "default", "directories", "without", "only", "lacking", "hard_links"}
)


class BrokenRecipe(SystemFailure):
    """A folder of the catalogue that cannot be used; the message names the file and the reason."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The parsed ``image.toml`` of one folder.

    :param repository: familiar name, such as ``nginx``.
    :param tags: first the one that the others are further names of.
    :param base: folder whose layers lie below, empty for none.
    :param description: what ``docker search`` says of it.
    """

    folder: Path
    repository: str
    tags: tuple[str, ...]
    base: str
    created_ns: int
    author: str
    config: ImageConfig
    history: tuple[HistoryEntry, ...]
    paths: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    applets: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.name


def read_recipe(folder: Path) -> Recipe:
    """Read ``folder/image.toml``."""
    import tomllib

    file = folder / "image.toml"
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
        unknown = set(data) - _KEYS
        if unknown:
            raise ValueError(f"unknown key {min(unknown)!r}")
        created_ns = _nanoseconds(data["created"])
        return Recipe(
            folder=folder,
            repository=str(data["repository"]),
            tags=tuple(data["tags"]),
            base=str(data.get("from", "")),
            created_ns=created_ns,
            author=str(data.get("author", "")),
            config=ImageConfig.from_record(data.get("config", {})),
            history=tuple(_history(entry, created_ns) for entry in data.get("history", [])),
            paths=dict(data.get("paths", {})),
            applets=dict(data.get("applets", {})),
            description=str(data.get("description", "")),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BrokenRecipe(f"{file}: {error}") from None


def _nanoseconds(value: Any) -> int:
    if not isinstance(value, datetime):
        raise ValueError("created must be a date with time")
    moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1000


def _history(entry: Mapping[str, Any], created_ns: int) -> HistoryEntry:
    size = int(entry.get("size", 0))
    return HistoryEntry(
        created_ns=_nanoseconds(entry["created"]) if "created" in entry else created_ns,
        created_by=str(entry["created_by"]),
        size=size,
        comment=str(entry.get("comment", "")),
        empty_layer="size" not in entry,
    )


def build_layer(recipe: Recipe, applets: AppletNames) -> MemoryLayer:
    """The files of a recipe, without those of its base."""
    layer = MemoryLayer(recipe.created_ns, number=sum(recipe.name.encode()) % 997)
    try:
        _add_files(layer, recipe.folder / "files")
        _add_applets(layer, recipe.applets, applets)
        _add_paths(layer, recipe.paths)
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenRecipe(f"{recipe.folder / 'image.toml'}: {error}") from None
    return layer


def _add_files(layer: MemoryLayer, folder: Path) -> None:
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        target = "/" + PurePosixPath(path.relative_to(folder)).as_posix()
        if path.is_dir():
            if "__pycache__" not in path.parts:
                layer.add_directory(target)
        elif path.is_file() and "__pycache__" not in path.parts:
            content = path.read_bytes()
            layer.add_file(target, content, 0o755 if content.startswith(b"#!") else 0o644)


def _add_applets(layer: MemoryLayer, table: Mapping[str, Any], names: AppletNames) -> None:
    if not table:
        return
    unknown = set(table) - _APPLET_KEYS
    if unknown:
        raise ValueError(f"unknown key {min(unknown)!r} in applets")
    target = table["target"]
    places = {
        name: directory
        for directory, found in table.get("directories", {}).items()
        for name in found
    }
    without = {*table.get("without", ()), target.rsplit("/", 1)[-1]}
    layer.add_file(target, b"#!embedded busybox\n", 0o755)
    default = table.get("default", "/usr/bin")
    for name in table.get("lacking", ()):
        layer.add_file(f"{places.get(name, default)}/{name}", b"#!embedded lacking\n", 0o755)
    chosen = set(names()) - without
    for name in sorted(chosen.intersection(table["only"]) if "only" in table else chosen):
        path = f"{places.get(name, default)}/{name}"
        if table.get("hard_links"):
            layer.add_hard_link(path, target)
        else:
            layer.add_link(path, target)


def _add_paths(layer: MemoryLayer, paths: Mapping[str, Mapping[str, Any]]) -> None:
    for path, entry in paths.items():
        unknown = set(entry) - _PATH_KEYS
        if unknown or not path.startswith("/"):
            raise ValueError(f"cannot understand the entry for {path!r}")
        mode = int(entry["mode"], 8) if "mode" in entry else None
        uid, _, gid = str(entry.get("owner", "0:0")).partition(":")
        owner = (int(uid), int(gid or uid))
        if entry.get("directory"):
            layer.add_directory(path, 0o755 if mode is None else mode, *owner)
        elif "link" in entry:
            layer.add_link(path, entry["link"])
        elif "hard_link" in entry:
            layer.add_hard_link(path, entry["hard_link"])
        elif "program" in entry:
            content = f"#!embedded {entry['program']}\n".encode()
            layer.add_file(path, content, 0o755 if mode is None else mode, *owner)
        elif "text" in entry:
            layer.add_file(path, entry["text"].encode(), 0o644 if mode is None else mode, *owner)
        else:
            layer.set_attributes(path, mode, *owner)


def image_of(recipe: Recipe, base: Image | None, content: MemoryLayer) -> Image:
    """The image that a recipe describes.

    Every step of its history that says a size is a layer. The files of the recipe are in the
    first of its own layers; of the others only the size is known, and their archives hold no more
    than a comment.
    """
    layers = list(base.layers) if base is not None else []
    source = f"catalogue:{recipe.name}"
    digest = digest_now(content)[0]
    for entry in recipe.history:
        if entry.empty_layer:
            continue
        layers.append(Layer(digest, entry.size, source))
        remark = f"layer {len(layers)} of {recipe.name}, {entry.size} bytes"
        source, digest = f"empty:{remark}", digest_of(placeholder(remark))
    if not source.startswith("empty"):
        raise BrokenRecipe(f"{recipe.folder / 'image.toml'}: no step of the history has a size")
    return new_image(
        recipe.created_ns,
        recipe.config,
        (*(base.history if base is not None else ()), *recipe.history),
        tuple(layers),
        author=recipe.author,
    )
