"""Volumes: making, finding and removing them (moby: ``volume/service``)."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.engine.errdefs import Conflict, EngineError, InvalidParameter, NotFound
from course_lib.engine.filters import Filters
from course_lib.engine.store import StateError
from course_lib.engine.truth import parse_bool
from course_lib.engine.volume.local import LocalDriver, check_name, check_options
from course_lib.engine.volume.mounted import MountedVolumes
from course_lib.engine.volume.mounts import ANONYMOUS_LABEL, DEFAULT_DRIVER, MountPoint
from course_lib.engine.volume.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Iterator

    from course_lib.engine.clock import Clock
    from course_lib.engine.events import Events
    from course_lib.engine.ids import Identities
    from course_lib.engine.store import Store

_KIND = "volumes"
_LIST_FILTERS = ("dangling", "name", "driver", "label")
_PRUNE_FILTERS = ("label", "label!", "all")


class VolumeService:
    """All volumes. Files lie at ``ROOT/NAME/_data``; what else is known is a durable record.

    Who uses a volume is not recorded: after a restart the containers say so again
    (:meth:`acquire`).

    :ivar mounted: those that containers have mounted.
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
        self.mounted = MountedVolumes(self._driver, self)

    def _volumes(self) -> dict[str, Volume]:
        if self._known is None:
            self._known = {}
            for name, record in self._store.all(_KIND).items():
                self._known[name] = Volume.from_record(name, self._driver.data(name), record)
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
        try:
            self._store.write(_KIND, name, volume.to_record())
        except StateError:  # the disk is full
            self._driver.remove(name)
            self._driver.sweep()
            raise
        volumes[name] = volume
        self.publish("create", volume)
        return volume

    def get(self, name: str) -> Volume:
        """The volume of that name.

        Raises ``NotFound("get NAME: no such volume")``.
        """
        volume = self._volumes().get(name)
        if volume is None:
            raise NotFound(f"get {name}: no such volume")
        return volume

    def find(self, name: str) -> Volume | None:
        """The volume of that name, if there is one."""
        return self._volumes().get(name)

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
        self.mounted.forget(name)
        self._driver.sweep()
        self.publish("destroy", volume)

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

    def publish(
        self, action: str, volume: Volume, details: Mapping[str, str] | None = None
    ) -> None:
        """Tell that something happened to a volume."""
        attributes = {"driver": volume.driver, **(details or {})}
        self._events.publish("volume", action, volume.name, attributes)


def _prune_all(filters: Filters, default: bool) -> bool:
    """The filter ``all``."""
    values = filters.get("all")
    if not values:
        return default
    if len(values) > 1:
        raise InvalidParameter(
            f"invalid filter 'all=[{' '.join(values)}]': only one value is expected"
        )
    try:
        return parse_bool(values[0])
    except ValueError as error:
        raise InvalidParameter(f"invalid filter 'all': {error}") from None


@contextmanager
def _about(action: str, name: str) -> Iterator[None]:
    """Say in errors what was tried with which volume: ``create NAME: …``."""
    try:
        yield
    except EngineError as error:
        error.args = (f"{action} {name}: {error}",)
        raise
