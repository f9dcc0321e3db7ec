"""Builds recipes in an engine with its classic builder, and only those that changed."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, BuildError, ImageNotFound

from tests.images.debian import PackageStore
from tests.images.recipes import PROGRAMS, Recipe, recipes


class Loader:
    """Puts stand-ins into one engine. ``cache`` keeps packages, trees and what was loaded."""

    def __init__(
        self, client: docker.DockerClient, cache: Path, say: Callable[[str], None]
    ) -> None:
        self._client = client
        self._cache = cache
        self._say = say
        self._packages = PackageStore(cache)
        self._recipes = recipes(self._packages, cache / "sources")
        self._loaded: dict[str, dict[str, str]] = {}

    def load(self, tags: Iterable[str] = ()) -> None:
        """Loads the images with these tags (without: all) and what they are made from."""
        daemon = self._client.info()["ID"]
        record = self._cache / "loaded" / f"{daemon.replace(':', '')[:40]}.json"
        self._loaded = json.loads(record.read_text()) if record.exists() else {}
        wanted = {tag if ":" in tag else f"{tag}:latest" for tag in tags}
        unknown = wanted - {tag for recipe in self._recipes.values() for tag in recipe.tags}
        if unknown:
            raise KeyError(f"no stand-in for {', '.join(sorted(unknown))}")
        for recipe in self._recipes.values():
            if recipe.tags and (not wanted or wanted & set(recipe.tags)):
                self._ensure(recipe)
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps(self._loaded, indent=1))

    def _ensure(self, recipe: Recipe) -> str:
        base = self._ensure(self._recipes[recipe.base]) if recipe.base else None
        key = self._key(recipe, base)
        known = self._loaded.get(recipe.name, {})
        if known.get("key") == key and self._present(recipe, known["id"]):
            return known["id"]
        self._packages.download()
        image = self._build(recipe, base)
        for tag in recipe.tags:
            self._client.api.tag(image, *tag.rsplit(":", 1), force=True)
        if known and known["id"] != image:
            self._forget(known["id"])
        self._say(f"{recipe.name}: {', '.join(recipe.tags) or 'base'}")
        self._loaded[recipe.name] = {"key": key, "id": image}
        return image

    def _key(self, recipe: Recipe, base: str | None) -> str:
        """What decides whether an image is up to date: every source file of this package."""
        digest = hashlib.sha256(f"{recipe.name}\0{base}\0{recipe.dockerfile}".encode())
        sources = [*PROGRAMS.iterdir(), *PROGRAMS.parent.glob("*.py")]
        for path in sorted(p for p in sources if p.is_file()):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()

    def _present(self, recipe: Recipe, image: str) -> bool:
        try:
            return all(
                self._client.api.inspect_image(name)["Id"] == image for name in recipe.tags
            ) and bool(self._client.api.inspect_image(image))
        except ImageNotFound:
            return False

    def _forget(self, image: str) -> None:
        """Removes an outdated build; one that a container uses, or a base, stays."""
        with suppress(APIError):
            self._client.api.remove_image(image)

    def _build(self, recipe: Recipe, base: str | None) -> str:
        dockerfile = f"FROM {base or 'scratch'}\n{recipe.dockerfile}".encode()
        context = io.BytesIO()
        with tarfile.open(fileobj=context, mode="w") as archive:
            for name, data in (("Dockerfile", dockerfile), ("tree.tar", recipe.tree().to_tar())):
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        context.seek(0)
        return _image_of(
            self._client.api.build(
                fileobj=context, custom_context=True, rm=True, decode=True, nocache=False
            )
        )


def _image_of(answers: Iterable[dict[str, Any]]) -> str:
    image = ""
    log: list[dict[str, Any]] = []
    for answer in answers:
        log.append(answer)
        if "error" in answer:
            raise BuildError(answer["error"], iter(log))
        image = answer.get("aux", {}).get("ID", image)
    return image
