"""The images that the embedded engine can pull: one folder each, see ``README.md``.

A folder is read when one of its images is first asked for, and its files become a layer in memory
that all containers share.
"""

from __future__ import annotations

from pathlib import Path

from course_lib.engine.errdefs import NotFound
from course_lib.engine.fs.memory import MemoryLayer
from course_lib.engine.image.model import Image, digest_of_json
from course_lib.engine.image.platform import ARCHITECTURE, OS, Platform
from course_lib.engine.image.recipe import (
    AppletNames,
    BrokenRecipe,
    Recipe,
    build_layer,
    image_of,
    read_recipe,
)
from course_lib.engine.image.reference import Reference

HERE = Path(__file__).parent


class Catalogue:
    """The recipes below one directory, and the images and layers made of them.

    :param applets: names of the BusyBox applets that exist, for the links in the images.
    """

    def __init__(self, applets: AppletNames, folder: Path = HERE) -> None:
        self._applets = applets
        self._folder = folder
        self._recipes: dict[str, Recipe] | None = None
        self._layers: dict[str, MemoryLayer] = {}
        self._images: dict[str, Image] = {}

    def recipes(self) -> dict[str, Recipe]:
        """All recipes by the name of their folder."""
        if self._recipes is None:
            self._recipes = {
                path.parent.name: read_recipe(path.parent)
                for path in sorted(self._folder.glob("*/image.toml"))
            }
        return self._recipes

    def repositories(self) -> list[str]:
        """Familiar names of everything that can be pulled, sorted."""
        return sorted({recipe.repository for recipe in self.recipes().values() if recipe.tags})

    def search(self, term: str) -> list[tuple[str, str]]:
        """Names that contain a term, or whose description does, and their descriptions."""
        wanted = term.lower().removeprefix("docker.io/").removeprefix("library/")
        descriptions: dict[str, str] = {}
        for recipe in self.recipes().values():
            if recipe.tags:
                old = descriptions.get(recipe.repository, "")
                descriptions[recipe.repository] = old or recipe.description
        return [
            (name, text)
            for name, text in sorted(descriptions.items())
            if wanted in name or wanted in text.lower()
        ]

    def tags(self, repository: str) -> dict[str, Recipe]:
        """The tags of one repository and what each of them is."""
        return {
            tag: recipe
            for recipe in self.recipes().values()
            if recipe.repository == repository
            for tag in recipe.tags
        }

    def digest(self, name: str) -> str:
        """Digest of the manifest that a registry would have for a folder's image."""
        image = self.image(name)
        layers = [[layer.diff_id, layer.size] for layer in image.layers]
        return digest_of_json({"config": image.id, "layers": layers})

    def lookup(
        self, wanted: Reference, platform: Platform | None = None
    ) -> list[tuple[Reference, Image, str]]:
        """What a name refers to: reference with tag or digest, image and digest.

        A name without tag and digest means all tags.

        Raises ``NotFound`` with the words of dockerd and the Hub.
        """
        known = self.tags(wanted.familiar_name)
        if not known:
            raise NotFound(self._denied(wanted))
        if platform is not None and not platform.fits(OS, ARCHITECTURE):
            raise NotFound(f"no matching manifest for {platform} in the manifest list entries")
        bare = Reference(wanted.domain, wanted.path)
        if wanted.digest:
            for recipe in known.values():
                if self.digest(recipe.name) == wanted.digest:
                    found = bare.with_digest(wanted.digest)
                    return [(found, self.image(recipe.name), wanted.digest)]
            raise NotFound(self._unknown(wanted))
        if wanted.tag and wanted.tag not in known:
            raise NotFound(self._unknown(wanted))
        tags = [wanted.tag] if wanted.tag else sorted(known)
        return [
            (bare.with_tag(tag), self.image(known[tag].name), self.digest(known[tag].name))
            for tag in tags
        ]

    def _denied(self, wanted: Reference) -> str:
        return (
            f"pull access denied for {wanted.familiar_name}, repository does not exist or may "
            "require 'docker login': denied: requested access to the resource is denied "
            "(the embedded engine pulls from its own catalogue only: "
            f"{', '.join(self.repositories())})"
        )

    def _unknown(self, wanted: Reference) -> str:
        tags = ", ".join(sorted(self.tags(wanted.familiar_name)))
        return (
            f"manifest for {wanted.familiar} not found: manifest unknown: manifest unknown "
            f"(the catalogue of the embedded engine has the tags {tags})"
        )

    def _recipe(self, name: str) -> Recipe:
        recipe = self.recipes().get(name)
        if recipe is None:
            raise NotFound(f"the catalogue of the embedded engine has no folder {name!r}")
        return recipe

    def layer(self, name: str) -> MemoryLayer:
        """The files of a folder, made once."""
        if name not in self._layers:
            self._layers[name] = build_layer(self._recipe(name), self._applets)
        return self._layers[name]

    def image(self, name: str) -> Image:
        """The image that a folder describes, with the layers of its base."""
        recipe, chain = self._recipe(name), [name]
        while recipe.base and recipe.name not in self._images:
            if recipe.base in chain:
                raise BrokenRecipe(f"{recipe.folder / 'image.toml'}: goes round in a circle")
            chain.append(recipe.base)
            recipe = self._recipe(recipe.base)
        made: Image | None = None
        for part in reversed(chain):
            made = self._images.get(part) or image_of(self._recipe(part), made, self.layer(part))
            self._images[part] = made
        return self._images[name]
