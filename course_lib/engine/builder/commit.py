"""``docker commit``, and the images that the steps of a build make of their containers."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from course_lib.engine.builder.dockerfile import parse
from course_lib.engine.builder.instructions import (
    Cmd,
    Entrypoint,
    Env,
    Expose,
    Instruction,
    read_step,
)
from course_lib.engine.builder.lexer import Lexer, LexError
from course_lib.engine.container.merge import merge
from course_lib.engine.errdefs import Conflict, EngineError, InvalidParameter
from course_lib.engine.image.model import HistoryEntry, Image, ImageConfig, Layer, new_image
from course_lib.engine.image.reference import Reference
from course_lib.engine.image.reference import parse as parse_reference
from course_lib.engine.release import ENGINE_VERSION

if TYPE_CHECKING:
    from course_lib.engine.clock import Clock
    from course_lib.engine.container.config import ContainerConfig
    from course_lib.engine.container.container import Container
    from course_lib.engine.container.service import ContainerService
    from course_lib.engine.image.store import ImageStore

_CHANGES = frozenset(
    "cmd entrypoint healthcheck env expose label onbuild stopsignal user volume workdir".split()
)


def image_config(config: ContainerConfig) -> ImageConfig:
    """A container's configuration as an image has it."""
    extra = {
        "Hostname": config.hostname,
        "Domainname": config.domainname,
        "AttachStdin": config.attach_stdin,
        "AttachStdout": config.attach_stdout,
        "AttachStderr": config.attach_stderr,
        "Tty": config.tty,
        "OpenStdin": config.open_stdin,
        "StdinOnce": config.stdin_once,
        "Image": config.image,
        "NetworkDisabled": config.network_disabled,
        "StopTimeout": config.stop_timeout,
    }
    return ImageConfig(
        env=tuple(config.env or ()),
        cmd=_tuple(config.cmd),
        entrypoint=_tuple(config.entrypoint),
        exposed_ports=tuple(config.exposed_ports or ()),
        volumes=tuple(config.volumes or ()),
        working_dir=config.working_dir,
        user=config.user,
        labels=dict(config.labels),
        stop_signal=config.stop_signal,
        shell=_tuple(config.shell),
        healthcheck=config.healthcheck,
        on_build=_tuple(config.on_build),
        extra={name: value for name, value in extra.items() if value} or None,
    )


def container_config(config: ImageConfig) -> ContainerConfig:
    """An image's configuration as a container has it."""
    from course_lib.engine.container.config import ContainerConfig

    extra = config.extra or {}
    return ContainerConfig(
        image=str(extra.get("Image", "")),
        user=config.user,
        exposed_ports={port: {} for port in config.exposed_ports} or None,
        env=list(config.env) or None,
        cmd=_list(config.cmd),
        entrypoint=_list(config.entrypoint),
        healthcheck=dict(config.healthcheck) if config.healthcheck else None,
        volumes={path if path.startswith("/") else f"/{path}": {} for path in config.volumes}
        or None,
        working_dir=config.working_dir,
        on_build=_list(config.on_build),
        labels=dict(config.labels or {}),
        stop_signal=config.stop_signal,
        shell=_list(config.shell),
    )


def _tuple(values: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


def _list(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)


def changed(config: ImageConfig, changes: Sequence[str]) -> ImageConfig:
    """A configuration with ``--change`` applied (moby ``BuildFromConfig``).

    :raises InvalidParameter: a change cannot be understood, or is none.
    """
    if not changes:
        return config
    dockerfile = parse("\n".join(changes).encode("utf-8", "surrogateescape"))
    for line in dockerfile.lines:
        if line.word.lower() not in _CHANGES:
            raise InvalidParameter(f"{line.word} is not a valid change command")
    steps = [read_step(line) for line in dockerfile.lines]
    lexer = Lexer(dockerfile.escape)
    cmd_set = False
    for step in steps:
        try:
            prepare(step, lexer, env_of(config))
            config = apply(step, config, cmd_set=cmd_set)[0]
        except (EngineError, LexError) as error:
            raise InvalidParameter(str(error)) from None
        cmd_set = cmd_set or isinstance(step, Cmd)
    return config


def env_of(config: ImageConfig) -> dict[str, str]:
    """The environment by name."""
    return {name: value for name, _, value in (entry.partition("=") for entry in config.env)}


def prepare(step: Instruction, lexer: Lexer, env: dict[str, str]) -> None:
    """Put values in place of variables.

    :raises LexError: a word cannot be understood.
    """
    step.expand(lambda word: lexer.word(word, env))
    if isinstance(step, Expose):
        step.ports = [word for port in step.ports for word in lexer.words(port, env)]
    if isinstance(step, Env):
        return


def apply(step: Instruction, config: ImageConfig, *, cmd_set: bool) -> tuple[ImageConfig, str]:
    """The configuration after a step, and what the history says of it.

    :param cmd_set: whether this stage has set a command: else a new entrypoint takes it away.
    """
    config, text = step.apply(config)
    if isinstance(step, Entrypoint) and not cmd_set:
        config = replace(config, cmd=None)
    return config, text


def child(
    parent: Image | None,
    layer: Layer | None,
    config: ImageConfig,
    created_by: str,
    now_ns: int,
    *,
    author: str = "",
    comment: str = "",
    container: str = "",
    container_config: ImageConfig | None = None,
) -> Image:
    """An image that stands on another one (moby ``image.NewChildImage``)."""
    entry = HistoryEntry(
        now_ns,
        created_by,
        size=layer.size if layer else 0,
        comment=comment,
        empty_layer=layer is None,
        author=author,
    )
    layers = parent.layers if parent else ()
    return new_image(
        now_ns,
        config,
        (*(parent.history if parent else ()), entry),
        (*layers, layer) if layer else layers,
        architecture=parent.architecture if parent else "amd64",
        author=author,
        docker_version=ENGINE_VERSION,
        parent=parent.id if parent else "",
        container=container,
        container_config=container_config,
        built=True,
    )


class Committer:
    """``docker commit``."""

    def __init__(self, images: ImageStore, containers: ContainerService, clock: Clock) -> None:
        self._images = images
        self._containers = containers
        self._clock = clock

    async def commit(
        self,
        container: Container,
        *,
        name: Reference | None,
        author: str,
        comment: str,
        changes: Sequence[str],
        config: ContainerConfig | None,
        pause: bool,
    ) -> Image:
        """Make an image of a container's files; its volumes stay out.

        :param config: instead of the container's own, which completes it.
        :raises Conflict: the container is being removed. :raises InvalidParameter: a change makes
            no sense.
        """
        if container.state.dead:
            raise Conflict(f"You cannot commit container {container.id} which is Dead")
        if container.state.removing:
            raise Conflict(f"You cannot commit container {container.id} which is being removed")
        lifecycle = self._containers.lifecycle
        paused = False
        if pause and not container.state.paused:
            with contextlib.suppress(EngineError):  # it does not run: there is nothing to pause
                lifecycle.pause(container)
                paused = True
        try:
            image = await self._image(container, config, changes, author, comment)
            if name is not None:
                self._images.tag(image.id, str(name))
            lifecycle.publish(
                container,
                "commit",
                comment=comment,
                imageID=image.id,
                imageRef=name.familiar if name else "",
            )
            return image
        finally:
            if paused:
                with contextlib.suppress(EngineError):  # it may have been killed meanwhile
                    lifecycle.unpause(container)

    async def _image(
        self,
        container: Container,
        config: ContainerConfig | None,
        changes: Sequence[str],
        author: str,
        comment: str,
    ) -> Image:
        own = image_config(container.config)
        given = image_config(config) if config is not None else own
        new = _complete(changed(given, changes), own)
        layer = await self._images.layers.copy(container.upper)
        image = child(
            self._images.images().get(container.image_id),
            layer,
            new,
            " ".join(container.config.cmd or ()),
            self._clock.time_ns(),
            author=author,
            comment=comment,
            container=container.id,
            container_config=own,
        )
        self._images.add(image)
        return image


def _complete(config: ImageConfig, defaults: ImageConfig) -> ImageConfig:
    """Moby's ``merge`` of two configurations."""
    extra = config.extra
    merged = container_config(config)
    merge(merged, defaults)
    return replace(image_config(merged), extra=extra)


def target_name(repository: str, tag: str) -> Reference | None:
    """The name that ``repo`` and ``tag`` of a request give together (moby ``RepoTagReference``).

    :raises InvalidParameter: with dockerd's words.
    """
    if not repository:
        return None
    reference = parse_reference(repository)
    if reference.digest:
        raise InvalidParameter("cannot import digest reference")
    return reference.with_tag(tag) if tag else reference.with_default_tag()
