"""Removing containers (Moby: ``daemon/delete.go``, ``daemon/prune.go``)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from course_lib.engine.container.container import Container, NotRunning
from course_lib.engine.container.lifecycle import Lifecycle
from course_lib.engine.container.mounting import ContainerMounts
from course_lib.engine.container.registry import Registry
from course_lib.engine.errdefs import Conflict, EngineError, SystemFailure
from course_lib.engine.events import Events
from course_lib.engine.filters import Filters
from course_lib.engine.store import Store

ACCEPTED = frozenset({"label", "label!", "until"})


class Remover:
    """Takes containers away with all that belongs to them."""

    def __init__(
        self,
        store: Store,
        events: Events,
        registry: Registry,
        lifecycle: Lifecycle,
        mounts: ContainerMounts,
    ) -> None:
        self._store = store
        self._events = events
        self._registry = registry
        self._lifecycle = lifecycle
        self._mounts = mounts

    async def remove(
        self,
        container: Container,
        reference: str,
        *,
        force: bool = False,
        volumes: bool = False,
    ) -> None:
        """Remove a container.

        :param reference: what the client called it, for error texts.
        :param force: kill it first. :param volumes: also its anonymous volumes.
        :raises Conflict: it runs, or is being removed already.
        """
        state = container.state
        if state.removing:
            raise Conflict(f"removal of container {reference} is already in progress")
        if state.removed:
            return
        state.removing = True
        try:
            await self._remove(container, force=force, volumes=volumes)
        finally:
            state.removing = False

    async def _remove(self, container: Container, *, force: bool, volumes: bool) -> None:
        state = container.state
        if state.running:
            if not force:
                status = state.status
                advice = (
                    "and must be unpaused first"
                    if status == "paused"
                    else ": stop the container before removing or force remove"
                )
                joint = f"container is {status}"
                text = f"{joint} {advice}" if status == "paused" else f"{joint}{advice}"
                raise Conflict(f'cannot remove container "/{container.name}": {text}')
            with contextlib.suppress(NotRunning):  # it may end by itself just now
                await self._lifecycle.kill(container)
        async with container.lock:
            pass  # whoever ends it is through
        state.dead = True
        try:
            await _delete(container.folder, container.upper)
        except OSError as error:
            raise SystemFailure(
                f"unable to remove filesystem for {container.id}: {error.strerror}"
            ) from None
        self._store.delete("containers", container.id)
        self._store.delete("container-states", container.id)
        self._registry.remove(container)
        self._mounts.release(container, remove_anonymous=volumes)
        state.set_removed()
        self._lifecycle.publish(container, "destroy")

    async def remove_automatically(self, container: Container) -> None:
        """What ``--rm`` asks for."""
        await self.remove(container, container.id, force=True, volumes=True)

    async def prune(
        self, filters: Filters, until_ns: int | None, size: Callable[[Container], int]
    ) -> tuple[list[str], int]:
        """Remove all that do not run; gives their IDs and the bytes won.

        :param until_ns: only those made before.
        """
        filters.validate(ACCEPTED)
        deleted: list[str] = []
        reclaimed = 0
        for container in self._registry:
            if container.state.running:
                continue
            if until_ns is not None and container.created_ns > until_ns:
                continue
            if not matches_labels(filters, container.config.labels):
                continue
            won = size(container)
            try:
                await self.remove(container, container.id)
            except EngineError:
                continue
            deleted.append(container.id)
            reclaimed += won
        self._events.publish("container", "prune", "", {"reclaimed": str(reclaimed)})
        return deleted, reclaimed


def matches_labels(filters: Filters, labels: dict[str, str]) -> bool:
    """The ``label`` and ``label!`` filters of all prune calls."""
    if not filters.labels("label", labels):
        return False
    return not filters.get("label!") or not filters.labels("label!", labels)


async def _delete(folder: Path, upper: Path) -> None:
    if os.path.isdir(upper):  # noqa: ASYNC240 (one stat)
        await asyncio.to_thread(_delete_tree, folder)  # may be large: off the loop
    else:
        _delete_tree(folder)


def _delete_tree(folder: Path) -> None:
    if not folder.exists():
        return

    def again(function: Callable[..., Any], path: str, _: object) -> None:
        # A directory that a program has made unreadable keeps its files from us too.
        parent = os.path.dirname(path)
        for place in (parent, path):
            if not os.path.islink(place) and os.path.isdir(place):
                os.chmod(place, stat.S_IRWXU)
        if function is os.open or function is os.scandir:
            shutil.rmtree(path)
        else:
            function(path)

    if sys.version_info >= (3, 12):
        shutil.rmtree(folder, onexc=again)
    else:
        shutil.rmtree(folder, onerror=again)
