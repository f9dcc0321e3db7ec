"""Adds an image's defaults to what the user asked for (Moby: ``daemon.merge``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from course_lib.engine.container.config import ContainerConfig
from course_lib.engine.errdefs import InvalidParameter

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class ImageDefaults(Protocol):
    """The configuration of an image, as far as it matters here."""

    @property
    def env(self) -> Sequence[str]: ...
    @property
    def cmd(self) -> Sequence[str] | None: ...
    @property
    def entrypoint(self) -> Sequence[str] | None: ...
    @property
    def exposed_ports(self) -> Sequence[str]: ...
    @property
    def volumes(self) -> Sequence[str]: ...
    @property
    def working_dir(self) -> str: ...
    @property
    def user(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str] | None: ...
    @property
    def stop_signal(self) -> str: ...
    @property
    def healthcheck(self) -> Mapping[str, Any] | None: ...


def merge(config: ContainerConfig, image: ImageDefaults) -> None:
    """Complete ``config`` in place.

    :raises InvalidParameter: there is nothing to execute.
    """
    config.user = config.user or image.user
    if config.exposed_ports or image.exposed_ports:
        given = config.exposed_ports or {}
        config.exposed_ports = {**given, **{port: {} for port in image.exposed_ports}}
    config.env = _merge_env(config.env, image.env)
    config.labels = {**(image.labels or {}), **config.labels}
    if not config.entrypoint:
        if not config.cmd:
            config.cmd = list(image.cmd) if image.cmd is not None else None
        if config.entrypoint is None and image.entrypoint is not None:
            config.entrypoint = list(image.entrypoint)
    if image.healthcheck is not None:
        given_check = {k: v for k, v in (config.healthcheck or {}).items() if v}
        config.healthcheck = {**image.healthcheck, **given_check}
    config.working_dir = config.working_dir or image.working_dir
    volumes = {**(config.volumes or {}), **{path: {} for path in image.volumes}}
    config.volumes = volumes or None
    config.stop_signal = config.stop_signal or image.stop_signal


def finish(config: ContainerConfig) -> None:
    """What holds with and without an image.

    :raises InvalidParameter: there is nothing to execute.
    """
    if config.entrypoint == [""]:  # ``--entrypoint ""`` takes the image's away
        config.entrypoint = None
    if not config.entrypoint and not config.cmd:
        raise InvalidParameter("no command specified")


def _merge_env(given: list[str] | None, image: Sequence[str]) -> list[str] | None:
    if not given:
        return list(image) or given
    names = {entry.partition("=")[0] for entry in given}
    return given + [entry for entry in image if entry.partition("=")[0] not in names]


def replace_or_append(defaults: Sequence[str], overrides: Sequence[str]) -> list[str]:
    """Environment with overrides; ``NAME`` alone takes a variable away (Moby's function)."""
    result: dict[str, str] = {}
    for entry in defaults:
        result[entry.partition("=")[0]] = entry
    for entry in overrides:
        name, has_value, _ = entry.partition("=")
        if has_value:
            result[name] = entry
        else:
            result.pop(name, None)
    return list(result.values())
