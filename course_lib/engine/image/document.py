"""The JSON that describes an image: its ID is the digest of these bytes, archives carry them.

As moby's ``image.Image`` (``image/image.go``): keys sorted, no spaces. An image that came in an
archive keeps the bytes that it came with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from course_lib.engine.clock import ZERO_TIME, rfc3339_nano
from course_lib.engine.errdefs import InvalidParameter

if TYPE_CHECKING:
    from course_lib.engine.image.model import HistoryEntry, Image, ImageConfig, Layer

Json = dict[str, Any]

_FIRST = ("Hostname", "Domainname", "User", "AttachStdin", "AttachStdout", "AttachStderr")
_OWN = frozenset(
    {
        "User",
        "ExposedPorts",
        "Env",
        "Cmd",
        "Healthcheck",
        "ArgsEscaped",
        "Volumes",
        "WorkingDir",
        "Entrypoint",
        "OnBuild",
        "Labels",
        "StopSignal",
        "Shell",
    }
)
_OPTIONAL = ("NetworkDisabled", "MacAddress", "StopTimeout")


def write(image: Image) -> bytes:
    """The document of an image."""
    from course_lib.engine.image.model import ImageConfig

    if image.raw:
        return image.raw.encode("utf-8", "surrogateescape")
    result: Json = {
        "architecture": image.architecture,
        "config": config_document(image.config),
        "container_config": config_document(image.container_config or ImageConfig()),
        "created": rfc3339_nano(image.created_ns),
        "history": [_history(entry) for entry in image.history],
        "os": image.os,
        "rootfs": {"type": "layers", "diff_ids": list(image.diff_ids)},
    }
    for name in ("author", "comment", "container", "docker_version"):
        if getattr(image, name):
            result[name] = getattr(image, name)
    text = json.dumps(result, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogateescape")


def _history(entry: HistoryEntry) -> Json:
    result: Json = {"created": rfc3339_nano(entry.created_ns)}
    for name in ("author", "created_by", "comment"):
        if getattr(entry, name):
            result[name] = getattr(entry, name)
    if entry.empty_layer:
        result["empty_layer"] = True
    return result


def config_document(given: ImageConfig) -> Json:
    """``Config`` of an image, in the order in which dockerd shows its fields."""
    extra = given.extra or {}
    defaults: Json = {"Hostname": "", "Domainname": "", "User": given.user}
    result: Json = {name: extra.get(name, defaults.get(name, False)) for name in _FIRST}
    result["User"] = given.user
    if given.exposed_ports:
        result["ExposedPorts"] = {port: {} for port in given.exposed_ports}
    for name in ("Tty", "OpenStdin", "StdinOnce"):
        result[name] = extra.get(name, False)
    result |= {"Env": list(given.env) or None, "Cmd": _list(given.cmd)}
    if given.healthcheck:
        result["Healthcheck"] = dict(given.healthcheck)
    if given.args_escaped:
        result["ArgsEscaped"] = True
    result |= {
        "Image": extra.get("Image", ""),
        "Volumes": {path: {} for path in given.volumes} or None,
        "WorkingDir": given.working_dir,
        "Entrypoint": _list(given.entrypoint),
    }
    for name in _OPTIONAL[:2]:
        if extra.get(name):
            result[name] = extra[name]
    result |= {
        "OnBuild": _list(given.on_build),
        "Labels": dict(given.labels) if given.labels is not None else None,
    }
    if given.stop_signal:
        result["StopSignal"] = given.stop_signal
    if extra.get("StopTimeout") is not None:
        result["StopTimeout"] = extra["StopTimeout"]
    if given.shell:
        result["Shell"] = list(given.shell)
    return result


def _list(values: tuple[str, ...] | None) -> list[str] | None:
    return None if values is None else list(values)


# --- reading -----------------------------------------------------------------------------


def read(raw: bytes, layers: Sequence[Layer]) -> Image:
    """An image from its document and the layers that belong to it.

    :raises InvalidParameter: it is no such document.
    """
    from course_lib.engine.image.model import Image, digest_of

    data = parse(raw)
    try:
        sizes = iter([layer.size for layer in layers])
        container_config = data.get("container_config")
        return Image(
            id=digest_of(raw),
            created_ns=_moment(data.get("created")),
            config=read_config(data.get("config") or {}),
            history=tuple(_read_history(entry, sizes) for entry in data.get("history") or ()),
            layers=tuple(layers),
            architecture=_text(data, "architecture"),
            os=_text(data, "os") or "linux",
            author=_text(data, "author"),
            comment=_text(data, "comment"),
            docker_version=_text(data, "docker_version"),
            container=_text(data, "container"),
            container_config=read_config(container_config) if container_config else None,
            raw=raw.decode("utf-8", "surrogateescape"),
        )
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise InvalidParameter(f"invalid image JSON: {error}") from None


def parse(raw: bytes) -> Json:
    """The document as JSON; it has to name its layers.

    :raises InvalidParameter: with dockerd's text where it has one.
    """
    data = parse_json(raw)
    if not isinstance(data, dict) or not isinstance(data.get("rootfs"), dict):
        raise InvalidParameter("invalid image JSON, no RootFS key")
    diff_ids = data["rootfs"].get("diff_ids") or []
    if not isinstance(diff_ids, list) or not all(isinstance(one, str) for one in diff_ids):
        raise InvalidParameter("invalid image JSON: diff_ids is not a list of digests")
    return data


def parse_json(raw: bytes) -> Any:
    """Any JSON of an archive.

    :raises InvalidParameter: it is none.
    """
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidParameter(f"invalid JSON: {error}") from None


def _read_history(entry: Json, sizes: Any) -> HistoryEntry:
    from course_lib.engine.image.model import HistoryEntry

    empty = bool(entry.get("empty_layer"))
    return HistoryEntry(
        created_ns=_moment(entry.get("created")),
        created_by=_text(entry, "created_by"),
        size=0 if empty else next(sizes, 0),
        comment=_text(entry, "comment"),
        empty_layer=empty,
        author=_text(entry, "author"),
    )


def read_config(data: Mapping[str, Any]) -> ImageConfig:
    """``Config`` of an image; what is not of the right type is an error.

    :raises ValueError: a field has a value that makes no sense.
    """
    from course_lib.engine.image.model import ImageConfig

    check = data.get("Healthcheck")
    return ImageConfig(
        env=_strings(data, "Env") or (),
        cmd=_strings(data, "Cmd"),
        entrypoint=_strings(data, "Entrypoint"),
        exposed_ports=tuple(_object(data, "ExposedPorts") or ()),
        volumes=tuple(_object(data, "Volumes") or ()),
        working_dir=_text(data, "WorkingDir"),
        user=_text(data, "User"),
        labels=_object(data, "Labels"),
        stop_signal=_text(data, "StopSignal"),
        shell=_strings(data, "Shell"),
        healthcheck=dict(check) if check else None,
        on_build=_strings(data, "OnBuild"),
        args_escaped=bool(data.get("ArgsEscaped")),
        extra={key: value for key, value in data.items() if key not in _OWN and value} or None,
    )


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{name} is not a string")
    return value


def _strings(data: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    value = data.get(name)
    if value is None:
        return None
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"{name} is not a list of strings")
    return tuple(value)


def _object(data: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    value = data.get(name)
    if value is not None and not isinstance(value, dict):
        raise ValueError(f"{name} is not an object")
    return value


def _moment(text: Any) -> int:
    """Nanoseconds since the epoch; 0 for a time that is not given."""
    if not text or text == ZERO_TIME:
        return 0
    seconds, dot, rest = str(text).partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    moment = datetime.fromisoformat(seconds + rest[len(digits) :] if dot else seconds)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 10**9 + int(digits.ljust(9, "0")[:9] or 0)
