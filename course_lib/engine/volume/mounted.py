"""Volumes in use: what containers mount of them, and what a new one is filled with."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.engine.errdefs import InvalidParameter, SystemFailure
from course_lib.engine.volume.local import LocalDriver
from course_lib.engine.volume.mounts import MountPoint, missing_source
from course_lib.engine.volume.tmpfs import parse_tmpfs

if TYPE_CHECKING:
    from course_lib.engine.fs.inode import Inode, Tree
    from course_lib.engine.fs.mounts import Mount
    from course_lib.engine.fs.overlay import RootFs
    from course_lib.engine.volume.service import VolumeService
    from course_lib.engine.volume.volume import Volume

_FILLING = ""
"""Who has a volume mounted while it is filled."""


class MountedVolumes:
    """The mounts of all containers; everybody who has a volume mounted has the same tree of it."""

    def __init__(self, driver: LocalDriver, volumes: VolumeService) -> None:
        self._driver = driver
        self._volumes = volumes
        self._trees: dict[str, Tree] = {}
        self._users: dict[str, list[str]] = {}

    async def populate(self, points: Iterable[MountPoint], image: RootFs) -> None:
        """Fill volumes that are empty with what the image has at their places.

        As dockerd does when it creates the container, owner and mode of the directory included.

        :param image: the container's root file system, nothing mounted.
        """
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
            if source is not None:
                await self._fill(self._volumes.get(point.name), point.destination, source)

    async def _fill(self, volume: Volume, destination: str, source: Inode) -> None:
        """Fill a volume that is empty; what is put into memory is gone again at once."""
        from course_lib.engine.fs.copytree import copy_tree, is_empty

        try:
            tree = self._tree(volume)
        except SystemFailure as error:
            raise SystemFailure(f"failed to populate volume: {error}") from None
        self._users.setdefault(volume.name, []).append(_FILLING)
        try:
            if not is_empty(tree.root()):
                return
            if not source.is_directory():
                raise SystemFailure(f"source {destination} is not directory")
            if tree.read_only:
                path = volume.mountpoint
                raise SystemFailure(
                    f"failed to chmod on {path}: chmod {path}: read-only file system"
                )
            await copy_tree(source, tree.root())
        finally:
            self._let_go(volume.name, _FILLING)

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
        volume = self._volumes.acquire(point.name, container_id)
        tree = self._tree(volume)
        if point.subpath:
            tree = _part(tree, volume, point.subpath)
        if announced:
            self._users.setdefault(volume.name, []).append(container_id)
            details = {
                "container": container_id,
                "destination": point.destination,
                "propagation": point.propagation,
                "read/write": "true" if point.rw else "false",
            }
            self._volumes.publish("mount", volume, details)
        return Mount(point.destination, "volume", source, read_only, tree=tree)

    def unmount(self, point: MountPoint, container_id: str) -> None:
        """The container does not have it mounted any more."""
        if point.type != "volume" or container_id not in self._users.get(point.name, ()):
            return
        self._let_go(point.name, container_id)
        volume = self._volumes.find(point.name)
        if volume is not None:
            self._volumes.publish("unmount", volume, {"container": container_id})

    def _let_go(self, name: str, user: str) -> None:
        """One mount less; what a volume with options shows is there only while it is mounted."""
        users = self._users[name]
        users.remove(user)
        if users:
            return
        del self._users[name]
        volume = self._volumes.find(name)
        if volume is None or volume.options:
            self._trees.pop(name).close()

    def forget(self, name: str) -> None:
        """The volume is gone."""
        self._trees.pop(name, None)


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
