"""Finds a step again that was built before (moby ``image/cache``)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from course_lib.engine.errdefs import EngineError
from course_lib.engine.image.model import Image, new_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from course_lib.engine.image.model import ImageConfig
    from course_lib.engine.image.store import ImageStore


class BuildCache:
    """What earlier builds made on this engine.

    Once a step was not found, the rest of its stage is not looked for.

    :param enabled: ``--no-cache`` turns it off.
    :param sources: ``--cache-from``: images whose history counts too.
    """

    def __init__(self, images: ImageStore, *, enabled: bool, sources: Sequence[str] = ()) -> None:
        self._images = images
        self._enabled = enabled
        self._names = sources
        self._sources: list[Image] = []
        self._missed = False

    def begin_stage(self) -> None:
        """Look again."""
        self._missed = False
        self._sources = []
        for name in self._names:
            try:
                self._sources.append(self._images.get(name))
            except EngineError:
                continue  # dockerd, too, goes on without it

    def find(self, parent: str, config: ImageConfig) -> Image | None:
        """The newest image that this step made of this parent, if there is one."""
        if not self._enabled or self._missed:
            return None
        found = self._local(parent, config)
        if self._names and not (found and self._leads_to_a_source(found)):
            found = self._from_history(parent, config)
        self._missed = found is None
        return found

    def _local(self, parent: str, config: ImageConfig) -> Image | None:
        wanted = _essence(config)
        fitting = [
            image
            for image in self._images.images().values()
            if image.built
            and image.parent == parent
            and image.container_config is not None
            and _essence(image.container_config) == wanted
        ]
        return max(fitting, key=lambda image: image.created_ns, default=None)

    def _leads_to_a_source(self, image: Image) -> bool:
        ancestors: set[str] = set()
        for source in self._sources:
            parent = source.parent
            while parent and parent not in ancestors:
                ancestors.add(parent)
                above = self._images.images().get(parent)
                parent = above.parent if above else ""
        return image.id in ancestors

    def _from_history(self, parent_id: str, config: ImageConfig) -> Image | None:
        parent = self._images.images().get(parent_id)
        history = parent.history if parent else ()
        layers = parent.layers if parent else ()
        for source in self._sources:
            if (
                len(source.history) <= len(history)
                or source.history[: len(history)] != history
                or source.diff_ids[: len(layers)] != tuple(one.diff_id for one in layers)
                or " ".join(config.cmd or ()) != source.history[len(history)].created_by
            ):
                continue
            if len(source.history) == len(history) + 1:
                return source
            self._sources = [source]
            return self._restore(parent, source, config)
        return None

    def _restore(self, parent: Image | None, source: Image, config: ImageConfig) -> Image:
        """The image that stood between, of which only the history tells."""
        step = source.history[len(parent.history) if parent else 0]
        layers = parent.layers if parent else ()
        if not step.empty_layer:
            layers = (*layers, source.layers[len(layers)])
        image = new_image(
            step.created_ns,
            config,
            (*(parent.history if parent else ()), step),
            layers,
            architecture=source.architecture,
            os=source.os,
            author=source.author,
            docker_version=source.docker_version,
            parent=parent.id if parent else "",
        )
        self._images.add(image)
        return image


def _essence(config: ImageConfig) -> ImageConfig:
    """What has to be the same; the order of ports and volumes does not count."""
    extra = config.extra or {}
    kept = {
        name: extra[name]
        for name in (
            "AttachStdin",
            "AttachStdout",
            "AttachStderr",
            "NetworkDisabled",
            "Tty",
            "OpenStdin",
            "StdinOnce",
            "StopTimeout",
        )
        if extra.get(name)
    }
    return replace(
        config,
        extra=kept or None,
        labels=dict(config.labels or {}),
        cmd=config.cmd or (),
        entrypoint=config.entrypoint or (),
        shell=config.shell or (),
        on_build=config.on_build or (),
        exposed_ports=tuple(sorted(config.exposed_ports)),
        volumes=tuple(sorted(config.volumes)),
    )
