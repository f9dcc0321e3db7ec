"""What a container is to mount: from the words of a request to mount points.

``docker run`` says it in five ways (``-v``, ``--mount``, ``--tmpfs``, ``--volumes-from``, the
image's ``VOLUME``); :func:`parse_mounts` reads them all. Order of precedence, checks and messages
are those of moby (``volume/mounts``, ``daemon/volumes.go``), as are the short answers in
``Mode``: a volume that was asked for shows ``z``, one that the image declares shows nothing.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from course_lib.engine.errdefs import InvalidParameter, NotFound, SystemFailure
from course_lib.engine.volume.tmpfs import tmpfs_from_api

_ACCESS = frozenset({"rw", "ro"})
_LABELS = frozenset({"z", "Z"})
_PROPAGATION = frozenset({"private", "rprivate", "slave", "rslave", "shared", "rshared"})
_COPY = frozenset({"nocopy"})
_CONSISTENCY = frozenset({"consistent", "cached", "delegated"})
_MODE_GROUPS = (_ACCESS, _LABELS, _PROPAGATION, _COPY, _CONSISTENCY)

DEFAULT_DRIVER = "local"
ANONYMOUS_LABEL = "com.docker.volume.anonymous"
DOCKER_SOCKETS = ("/var/run/docker.sock", "/run/docker.sock")
"""Where Docker's own socket lies; as the source of a bind it means that of this engine."""


@dataclass(frozen=True, slots=True)
class MountPoint:
    """One mount of a container, as kept with it and shown in ``Mounts`` of inspect.

    :param type: ``tmpfs`` of ``--tmpfs`` is not shown in ``Mounts`` (:attr:`shown`).
    :param name: of the volume, empty for others.
    :param source: path on the host; empty for a tmpfs, and for a volume until it was made.
    :param mode: the options of ``-v`` or ``--tmpfs`` as given; those of a tmpfs are read when it is
        mounted.
    :param anonymous: nobody gave the volume a name: ``docker rm -v`` takes it along.
    :param borrowed: of ``--volumes-from``: the container counts as a user of the volume from its
        first start on, as in dockerd.
    :param copy_data: an empty volume is to be filled from the image.
    :param create_source: a missing bind source is made, as ``-v`` does and ``--mount`` does not.
    :param options: of the tmpfs, or driver options of a volume to be made.
    :param labels: of a volume to be made.
    :param subpath: the part of a volume that is mounted, empty for all of it.
    """

    type: Literal["bind", "volume", "tmpfs"]
    destination: str
    name: str = ""
    source: str = ""
    driver: str = ""
    mode: str = ""
    rw: bool = True
    propagation: str = ""
    anonymous: bool = False
    borrowed: bool = False
    copy_data: bool = False
    create_source: bool = False
    shown: bool = True
    options: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    subpath: str = ""


MountsOf = Callable[[str], Iterable[MountPoint]]
"""The mount points of a container by name or ID; raises ``NotFound`` where there is none."""


def parse_mounts(
    *,
    binds: Sequence[str] = (),
    mounts: Sequence[Mapping[str, Any]] = (),
    tmpfs: Mapping[str, str] | None = None,
    volumes_from: Sequence[str] = (),
    volumes: Iterable[str] = (),
    volume_driver: str = "",
    mounts_of: MountsOf | None = None,
) -> list[MountPoint]:
    """All mount points that a request asks for, in the order in which they were asked for.

    :param mounts: ``HostConfig.Mounts`` as JSON has it.
    :param volumes: paths of the request and of the image (``Volumes``); what is mounted otherwise
        wins over them.
    :param volume_driver: of the volumes in ``binds`` and of those that get no name.
    :param mounts_of: needed for ``volumes_from``.

    Nothing is made. Raises ``InvalidParameter``, or ``SystemFailure`` for ``binds``, with
    dockerd's words.
    """
    temporary = {
        _clean(target): _tmpfs_point(target, options) for target, options in (tmpfs or {}).items()
    }
    found: dict[str, MountPoint] = {}
    for text in volumes_from:
        assert mounts_of is not None
        for point in _volumes_from(text, mounts_of):
            found[point.destination] = point
    asked: set[str] = set()
    for text in binds:
        point = parse_bind(text, volume_driver)
        if point.destination in asked or point.destination in temporary:
            raise InvalidParameter(f"Duplicate mount point: {point.destination}")
        asked.add(point.destination)
        found[point.destination] = point
    for given in mounts:
        point = parse_mount(given)
        if point.destination in asked:
            raise InvalidParameter(f"Duplicate mount point: {given.get('Target')}")
        asked.add(point.destination)
        temporary.pop(point.destination, None)
        found[point.destination] = point
    for target in volumes:
        destination = _clean(target if target.startswith("/") else f"/{target}")
        if destination not in found and destination not in temporary:
            # Those of ``Mounts`` have no such label: ``volume prune`` leaves them.
            found[destination] = MountPoint(
                "volume",
                destination,
                driver=volume_driver or DEFAULT_DRIVER,
                anonymous=True,
                copy_data=True,
                labels={ANONYMOUS_LABEL: ""},
            )
    for destination in temporary:
        found.pop(destination, None)  # of --volumes-from
    return [*found.values(), *temporary.values()]


def _clean(path: str) -> str:
    """Go's ``path.Clean``."""
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def _tmpfs_point(target: str, options: str) -> MountPoint:
    if not target.startswith("/"):
        raise InvalidParameter(f"invalid mount path: '{target}' mount path must be absolute")
    if _clean(target) == "/":
        raise InvalidParameter("invalid specification: destination can't be '/'")
    read_only = "ro" in options.split(",")
    return MountPoint("tmpfs", _clean(target), mode=options, rw=not read_only, shown=False)


def _volumes_from(text: str, mounts_of: MountsOf) -> list[MountPoint]:
    if not text:
        raise InvalidParameter("volumes-from specification cannot be an empty string")
    container, _, mode = text.partition(":")
    words = set(mode.split(","))
    if not valid_mode(mode) or not words.isdisjoint(_COPY | _PROPAGATION):
        raise InvalidParameter(f"invalid mode: {mode}")
    try:
        points = [point for point in mounts_of(container) if point.shown]
    except NotFound as error:
        raise InvalidParameter(str(error)) from None
    if any(point.type == "tmpfs" for point in points):
        # Moby takes a tmpfs of --mount for a volume here, and there is none without a name.
        raise NotFound("get: no such volume")
    read_only = "ro" in words
    return [
        replace(point, mode="", rw=point.rw and not read_only, copy_data=False, borrowed=True)
        for point in points
    ]


# --- -v ----------------------------------------------------------------------------------


def valid_mode(mode: str) -> bool:
    """Whether a text is what may stand behind the second colon of ``-v``: one word of a kind."""
    words = mode.split(",") if mode else []
    counts = [sum(word in group for word in words) for group in _MODE_GROUPS]
    return sum(counts) == len(words) and max(counts) <= 1


def parse_bind(text: str, volume_driver: str = "") -> MountPoint:
    """Read ``-v``: ``/path``, ``name:/path``, ``/host:/path:ro,z``."""
    bad = SystemFailure(f"invalid volume specification: '{text}'")
    parts = text.split(":")
    if not parts[0] or len(parts) > 3 or (len(parts) == 2 and parts[1] and valid_mode(parts[1])):
        raise bad
    mode = parts[2] if len(parts) == 3 else ""
    if not valid_mode(mode):
        raise SystemFailure(f"invalid mode: {mode}")
    words = mode.split(",")
    source, target = ("", parts[0]) if len(parts) == 1 else (parts[0], parts[1])
    propagation = next((word for word in words if word in _PROPAGATION), "")
    given: dict[str, Any] = {
        "Type": "bind" if source.startswith("/") else "volume",
        "Source": source,
        "Target": target,
        "ReadOnly": "ro" in words,
    }
    if volume_driver and given["Type"] == "volume":
        given["VolumeOptions"] = {"DriverConfig": {"Name": volume_driver}}
    if "nocopy" in words:
        given.setdefault("VolumeOptions", {})["NoCopy"] = True
    if propagation:
        given["BindOptions"] = {"Propagation": propagation}
    try:
        point = _mount_point(given, source_must_exist=False)
    except InvalidParameter as error:
        raise SystemFailure(f"{bad}: {error}") from None
    if point.type == "volume":
        return replace(point, mode=mode or "z")
    return replace(point, mode=mode, create_source=True)


# --- --mount -----------------------------------------------------------------------------

_OPTIONS_OF = {"bind": "BindOptions", "volume": "VolumeOptions", "tmpfs": "TmpfsOptions"}


def parse_mount(given: Mapping[str, Any]) -> MountPoint:
    """Read an element of ``HostConfig.Mounts``."""
    kind = given.get("Type", "")
    for owner, name in _OPTIONS_OF.items():
        if given.get(name) is not None and owner != kind and kind in _OPTIONS_OF:
            raise InvalidParameter(f'{name} must not be specified on mount type "{kind}"')
    point = _mount_point(given, source_must_exist=True)
    if point.type == "bind":
        options = given.get("BindOptions") or {}
        return replace(point, create_source=bool(options.get("CreateMountpoint")))
    return replace(point, mode="z") if point.type == "volume" else point


def _mount_point(given: Mapping[str, Any], *, source_must_exist: bool) -> MountPoint:
    """Check a mount and make its mount point (moby: ``linux_parser.go``)."""
    kind = given.get("Type", "")
    source, target = given.get("Source") or "", given.get("Target") or ""
    problem = _problem(given, kind, source, target, source_must_exist=source_must_exist)
    if problem:
        raise InvalidParameter(f'invalid mount config for type "{kind}": {problem}')
    read_only = bool(given.get("ReadOnly"))
    destination = _clean(target)
    if kind == "bind":
        options = given.get("BindOptions") or {}
        return MountPoint(
            "bind",
            destination,
            source=_clean(source),
            rw=not read_only,
            propagation=options.get("Propagation") or "rprivate",
        )
    if kind == "tmpfs":
        parsed = tmpfs_from_api(given.get("TmpfsOptions"), read_only=read_only)
        return MountPoint("tmpfs", destination, rw=not read_only, options=parsed)
    options = given.get("VolumeOptions") or {}
    driver = options.get("DriverConfig") or {}
    return MountPoint(
        "volume",
        destination,
        name=source,
        driver=driver.get("Name") or DEFAULT_DRIVER,
        rw=not read_only,
        anonymous=not source,
        copy_data=not options.get("NoCopy"),
        options=dict(driver.get("Options") or {}),
        labels=dict(options.get("Labels") or {}),
        subpath=options.get("Subpath") or "",
    )


def _problem(
    given: Mapping[str, Any], kind: str, source: str, target: str, *, source_must_exist: bool
) -> str:
    """What is wrong with a mount, in dockerd's words; empty where nothing is."""
    if kind not in _OPTIONS_OF:
        return "mount type unknown"
    if not target:
        return "field Target must not be empty"
    if _clean(target) == "/":
        return "invalid specification: destination can't be '/'"
    if not target.startswith("/"):
        return f"invalid mount path: '{target}' mount path must be absolute"
    if kind == "bind":
        return _bind_problem(given, source, source_must_exist=source_must_exist)
    if given.get("BindOptions") is not None:
        return "field BindOptions must not be specified"
    if kind == "tmpfs" and source:
        return "field Source must not be specified"
    if kind == "volume":
        return _volume_problem(given, source)
    return ""


def _volume_problem(given: Mapping[str, Any], source: str) -> str:
    subpath = (given.get("VolumeOptions") or {}).get("Subpath") or ""
    if not source and subpath:
        return "must not set Subpath when using anonymous volumes"
    if not source and given.get("ReadOnly"):
        return "must not set ReadOnly mode when using anonymous volumes"
    if subpath.startswith("/") or f"{posixpath.normpath(subpath)}/".startswith("../"):
        return "subpath must be a relative path within the volume"
    return ""


def _bind_problem(given: Mapping[str, Any], source: str, *, source_must_exist: bool) -> str:
    if not source:
        return "field Source must not be empty"
    options = given.get("BindOptions") or {}
    propagation = options.get("Propagation")
    if propagation and propagation not in _PROPAGATION:
        return f"invalid propagation mode: {propagation}"
    if given.get("VolumeOptions") is not None:
        return "field VolumeOptions must not be specified"
    if not source.startswith("/"):
        return f"invalid mount path: '{source}' mount path must be absolute"
    if source_must_exist and not options.get("CreateMountpoint"):
        return missing_source(source)
    return ""


def missing_source(source: str) -> str:
    """What is wrong with the source of a bind that is not to be made; empty where it is there."""
    if source in DOCKER_SOCKETS:
        return ""
    try:
        os.stat(source)
    except FileNotFoundError:
        return f"bind source path does not exist: {source}"
    except ValueError:  # NUL
        return f"stat {source}: invalid argument"
    except OSError as error:
        return f"stat {source}: {(error.strerror or str(error)).lower()}"
    return ""
