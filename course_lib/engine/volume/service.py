"""Volumes: making, finding, mounting and removing them (moby: ``volume/service``)."""

from __future__ import annotations

import builtins
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.engine.errdefs import (
    Conflict,
    EngineError,
    InvalidParameter,
    NotFound,
    SystemFailure,
)
from course_lib.engine.filters import Filters, InvalidFilter
from course_lib.engine.store import StateError
from course_lib.engine.volume.local import LocalDriver, check_name, check_options
from course_lib.engine.volume.mounts import (
    ANONYMOUS_LABEL,
    DEFAULT_DRIVER,
    MountPoint,
    missing_source,
)
from course_lib.engine.volume.tmpfs import parse_tmpfs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from course_lib.engine.clock import Clock
    from course_lib.engine.events import Events
    from course_lib.engine.fs.inode import Tree
    from course_lib.engine.fs.mounts import Mount
    from course_lib.engine.fs.overlay import RootFs
    from course_lib.engine.ids import Identities
    from course_lib.engine.store import Store

_KIND = "volumes"
_LIST_FILTERS = ("dangling", "name", "driver", "label")
_PRUNE_FILTERS = ("label", "label!", "all")
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume as ``docker volume inspect`` shows it.

    :param mountpoint: its directory on the host.
    :param labels: ``None`` where none were given, as are the options.
    """

    name: str
    driver: str
    mountpoint: Path
    created_ns: int
    labels: Mapping[str, str] | None = None
    options: Mapping[str, str] | None = None
    scope: str = "local"

    @property
    def anonymous(self) -> bool:
        """Whether nobody gave it a name."""
        return ANONYMOUS_LABEL in (self.labels or {})


class VolumeService:
    """All volumes. Files lie at ``ROOT/NAME/_data``; what else is known is a durable record.

    Who uses a volume is not recorded: after a restart the containers say so again
    (:meth:`acquire`).
    """

    def __init__(
        self, root: Path, store: Store, clock: Clock, ids: Identities, events: Events
    ) -> None:
        self._driver = LocalDriver(root, clock)
        self._store = store
        self._clock = clock
        self._ids = ids
        self._events = events
        self._known: dict[str, Volume] | None = None
        self._users: dict[str, dict[str, None]] = {}
        self._trees: dict[str, Tree] = {}
        self._mounted: dict[str, builtins.list[str]] = {}

    def _volumes(self) -> dict[str, Volume]:
        if self._known is None:
            self._known = {}
            for name, record in self._store.all(_KIND).items():
                self._known[name] = Volume(
                    name,
                    str(record["driver"]),
                    self._driver.data(name),
                    int(record["created_ns"]),
                    record["labels"],
                    record["options"],
                )
            for name in self._driver.sweep():  # an engine that died while it removed these
                if name in self._known and not self._driver.data(name).exists():
                    del self._known[name]
                    self._store.delete(_KIND, name)
        return self._known

    # --- making and finding ----------------------------------------------------------------

    def create(
        self,
        name: str = "",
        driver: str = "",
        options: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Volume:
        """Make a volume, or give the one that has the name already.

        :param name: empty for an anonymous volume: a random name and a label that says so.

        Raises ``InvalidParameter`` for a bad name or option, ``NotFound`` for an unknown driver.
        """
        volumes = self._volumes()
        if not name:
            name = self._ids.new_id()
            labels = {**(labels or {}), ANONYMOUS_LABEL: ""}
        with _about("create", name):
            if driver and driver != DEFAULT_DRIVER:
                raise NotFound(
                    f'error looking up volume plugin {driver}: plugin "{driver}" not found'
                )
            if name in volumes:
                return volumes[name]
            check_name(name)
            check_options(options or {})
            self._driver.create(name)
        volume = Volume(
            name,
            DEFAULT_DRIVER,
            self._driver.data(name),
            self._clock.time_ns(),
            None if labels is None else dict(labels),
            None if options is None else dict(options),
        )
        record = {
            "driver": volume.driver,
            "created_ns": volume.created_ns,
            "labels": volume.labels,
            "options": volume.options,
        }
        try:
            self._store.write(_KIND, name, record)
        except StateError:  # the disk is full
            self._driver.remove(name)
            self._driver.sweep()
            raise
        volumes[name] = volume
        self._publish("create", volume)
        return volume

    def get(self, name: str) -> Volume:
        """The volume of that name.

        Raises ``NotFound("get NAME: no such volume")``.
        """
        volume = self._volumes().get(name)
        if volume is None:
            raise NotFound(f"get {name}: no such volume")
        return volume

    def list(self, filters: Filters | None = None) -> Sequence[Volume]:
        """Volumes that pass the filters ``dangling``, ``name``, ``driver`` and ``label``."""
        filters = filters or Filters()
        filters.validate(_LIST_FILTERS)
        wants_dangling = filters.boolean("dangling", default=False)
        return [
            volume
            for _, volume in sorted(self._volumes().items())
            if filters.match("name", volume.name)
            and filters.exact("driver", volume.driver)
            and filters.labels("label", volume.labels)
            and ("dangling" not in filters or wants_dangling != bool(self.users(volume.name)))
        ]

    def size(self, name: str) -> int:
        """Bytes that a volume's files take."""
        return self._driver.size(self.get(name).name)

    # --- removing --------------------------------------------------------------------------

    def remove(self, name: str, force: bool = False) -> None:
        """Delete a volume with its files.

        :param force: one that does not exist is no error.

        Raises ``NotFound``, and ``Conflict`` where containers use it, running or not.
        """
        volume = self._volumes().get(name)
        if volume is None:
            if force:
                return
            raise NotFound(f"get {name}: no such volume")
        users = self.users(name)
        if users:
            raise Conflict(f"remove {name}: volume is in use - [{', '.join(users)}]")
        with _about("remove", name):
            self._driver.remove(name)
        self._driver.make_room(name)  # a full disk has no room for a line that says so
        self._store.delete(_KIND, name)
        del self._volumes()[name]
        self._trees.pop(name, None)
        self._driver.sweep()
        self._publish("destroy", volume)

    def prune(
        self, filters: Filters | None = None, *, all_by_default: bool = False
    ) -> tuple[Sequence[str], int]:
        """Remove volumes that no container uses: their names, and the bytes they took.

        :param all_by_default: also those with a name, as dockerd does for API versions before
            1.42; from then on only if the filter ``all`` says so.
        """
        filters = filters or Filters()
        filters.validate(_PRUNE_FILTERS)
        everything = _prune_all(filters, all_by_default)
        removed: builtins.list[str] = []
        space = 0
        for volume in self.list():
            if self.users(volume.name) or not (everything or volume.anonymous):
                continue
            if not filters.labels("label", volume.labels):
                continue
            if filters.get("label!") and filters.labels("label!", volume.labels):
                continue
            size = self._driver.size(volume.name)
            self.remove(volume.name)
            removed.append(volume.name)
            space += size
        self._events.publish("volume", "prune", "", {"reclaimed": str(space)})
        return removed, space

    # --- use by containers -----------------------------------------------------------------

    def users(self, name: str) -> Sequence[str]:
        """IDs of the containers that use a volume."""
        return tuple(self._users.get(name, ()))

    def acquire(self, name: str, container_id: str) -> Volume:
        """Note that a container uses a volume."""
        volume = self.get(name)
        self._users.setdefault(name, {})[container_id] = None
        return volume

    def release(self, name: str, container_id: str) -> None:
        """Note that a container does not use a volume any more."""
        users = self._users.get(name)
        if users is not None:
            users.pop(container_id, None)
            if not users:
                del self._users[name]

    def prepare(self, points: Iterable[MountPoint], container_id: str) -> Sequence[MountPoint]:
        """Make the volumes that mount points name, and note that the container uses them.

        Gives the mount points with names and paths filled in. Where one fails, what was made for
        the container alone is gone again.
        """
        ready: builtins.list[MountPoint] = []
        try:
            for point in points:
                if point.type != "volume" or point.borrowed:
                    ready.append(point)
                    continue
                volume = self.create(
                    point.name or self._ids.new_id(),
                    point.driver,
                    point.options or None,
                    point.labels or None,
                )
                self.acquire(volume.name, container_id)
                ready.append(
                    replace(
                        point,
                        name=volume.name,
                        source=str(volume.mountpoint),
                        driver=volume.driver,
                    )
                )
        except EngineError:
            self.discard(ready, container_id, remove_anonymous=True)
            raise
        return ready

    def discard(
        self, points: Iterable[MountPoint], container_id: str, *, remove_anonymous: bool
    ) -> None:
        """A container goes: release its volumes.

        :param remove_anonymous: delete those that nobody named and nobody else uses
            (``docker rm -v``, ``--rm``).
        """
        for point in points:
            if point.type != "volume":
                continue
            if point.borrowed and container_id not in self.users(point.name):
                continue  # it never ran: the volume is none of its business
            self.release(point.name, container_id)
            known = point.name in self._volumes()
            if remove_anonymous and point.anonymous and known and not self.users(point.name):
                self.remove(point.name)

    async def populate(self, points: Iterable[MountPoint], image: RootFs) -> None:
        """Fill volumes that are empty with what the image has at their places.

        As dockerd does when it creates the container, owner and mode of the directory included.

        :param image: the container's root file system, nothing mounted.
        """
        from course_lib.engine.fs.copytree import copy_tree, is_empty
        from course_lib.engine.fs.mounts import Mounted
        from course_lib.engine.fs.permissions import ROOT
        from course_lib.engine.fs.walk import walk

        alone = {"/": Mounted("/", image, False, "overlay", "", "root")}
        for point in points:
            if point.type != "volume" or not point.copy_data:
                continue
            try:
                source = walk(alone, point.destination, ROOT, follow=True).inode
            except FileNotFoundError:
                continue  # a directory on the way is missing, too
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise SystemFailure(f"lstat {point.destination}: {reason}") from None
            volume = self.get(point.name)
            if source is None or volume.options:
                continue  # with options, its content belongs to somebody else, or to memory
            target = self._tree(volume).root()
            if not is_empty(target):
                continue
            if not source.is_directory():
                raise SystemFailure(f"source {point.destination} is not directory")
            await copy_tree(source, target)

    def _tree(self, volume: Volume) -> Tree:
        """The one tree of a volume: owners that one container records show in all."""
        tree = self._trees.get(volume.name)
        if tree is None:
            tree = self._driver.tree(volume.name, volume.options or {})
            self._trees[volume.name] = tree
        return tree

    def mount(self, point: MountPoint, container_id: str, *, announced: bool = True) -> Mount:
        """What the container's file system is to mount for a mount point.

        A missing source of ``-v`` is made. All containers that have a volume mounted at a time
        share one tree. Call :meth:`unmount` when the container stops.

        :param announced: without it nothing is noted: for a look that is over at once.
        """
        from course_lib.engine.fs.mounts import Mount

        read_only = not point.rw
        if point.type == "tmpfs":
            try:
                options = point.options if point.shown else parse_tmpfs(point.mode)
            except InvalidParameter as error:
                raise SystemFailure(str(error)) from None
            return Mount(point.destination, "tmpfs", None, read_only, options)
        source = Path(point.source)
        if point.type == "bind":
            if point.create_source and not os.path.exists(source):
                _make_source(source)
            elif problem := missing_source(point.source):
                raise InvalidParameter(f'invalid mount config for type "bind": {problem}')
            return Mount(point.destination, "bind", source, read_only)
        volume = self.acquire(point.name, container_id)
        tree = self._tree(volume)
        if point.subpath:
            tree = _part(tree, volume, point.subpath)
        if announced:
            self._mounted.setdefault(volume.name, []).append(container_id)
            details = {
                "container": container_id,
                "destination": point.destination,
                "propagation": point.propagation,
                "read/write": "true" if point.rw else "false",
            }
            self._publish("mount", volume, details)
        return Mount(point.destination, "volume", source, read_only, tree=tree)

    def unmount(self, point: MountPoint, container_id: str) -> None:
        """The container does not have it mounted any more."""
        mounted = self._mounted.get(point.name, [])
        if point.type != "volume" or container_id not in mounted:
            return
        mounted.remove(container_id)
        volume = self._volumes().get(point.name)
        if not mounted:
            del self._mounted[point.name]
            if volume is None or volume.options:
                self._trees.pop(point.name).close()  # a tmpfs is gone with its last mount
        if volume is not None:
            self._publish("unmount", volume, {"container": container_id})

    def _publish(
        self, action: str, volume: Volume, details: Mapping[str, str] | None = None
    ) -> None:
        attributes = {"driver": volume.driver, **(details or {})}
        self._events.publish("volume", action, volume.name, attributes)


def _part(tree: Tree, volume: Volume, subpath: str) -> Tree:
    """The part of a volume that ``volume-subpath`` names."""
    from course_lib.engine.fs.subtree import EscapesBase, SubTree, resolve

    try:
        return SubTree(tree, resolve(tree, subpath))
    except EscapesBase:
        raise SystemFailure(
            "path concatenation escapes the base directory, "
            f"base: {volume.mountpoint}, subpath: {subpath}"
        ) from None
    except OSError as error:
        path = volume.mountpoint / subpath
        reason = (error.strerror or str(error)).lower()
        raise SystemFailure(f"cannot access path {path}: lstat {path}: {reason}") from None


def _make_source(path: Path) -> None:
    """Make a missing directory of the host, as dockerd does for ``-v``."""
    try:
        path.mkdir(mode=0o755, parents=True)
    except ValueError:  # NUL
        where, reason = str(path), "invalid argument"
    except OSError as error:
        where, reason = str(error.filename), (error.strerror or str(error)).lower()
    else:
        return
    raise SystemFailure(f"error while creating mount source path '{path}': mkdir {where}: {reason}")


def _prune_all(filters: Filters, default: bool) -> bool:
    """The filter ``all`` as Go's ``strconv.ParseBool`` reads it."""
    values = filters.get("all")
    if "all" not in filters:
        return default
    if len(values) != 1:
        raise InvalidFilter("all", values)
    if values[0] not in _TRUE | _FALSE:
        raise InvalidParameter(
            f"invalid filter 'all': strconv.ParseBool: parsing \"{values[0]}\": invalid syntax"
        )
    return values[0] in _TRUE


@contextmanager
def _about(action: str, name: str) -> Iterator[None]:
    """Say in errors what was tried with which volume: ``create NAME: …``."""
    try:
        yield
    except EngineError as error:
        error.args = (f"{action} {name}: {error}",)
        raise
