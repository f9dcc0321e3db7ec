"""The files of a container: image, writable layer, volumes, binds, and the engine's own files."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.engine.clock import Clock
from course_lib.engine.container.config import from_record
from course_lib.engine.container.container import Container
from course_lib.engine.container.enginefiles import placed_trees
from course_lib.engine.container.registry import Registry
from course_lib.engine.errdefs import (
    Conflict,
    EngineError,
    InvalidParameter,
    NotFound,
    SystemFailure,
)

if TYPE_CHECKING:
    from course_lib.engine.fs.containerfs import ContainerFs
    from course_lib.engine.fs.inode import Tree
    from course_lib.engine.fs.mounts import Mount
    from course_lib.engine.fs.overlay import RootFs
    from course_lib.engine.image.model import Image
    from course_lib.engine.image.store import ImageStore
    from course_lib.engine.volume.mounts import MountPoint
    from course_lib.engine.volume.service import VolumeService

INIT = "/sbin/docker-init"
DEFAULT_SHM_SIZE = 64 << 20


class ContainerMounts:
    """Makes, restores and releases what containers mount."""

    def __init__(
        self,
        root: Path,
        images: ImageStore,
        volumes: VolumeService,
        registry: Registry,
        clock: Clock,
        socket: Path | None = None,
    ) -> None:
        self._socket = socket
        self._root = root
        self._images = images
        self._volumes = volumes
        self._registry = registry
        self._clock = clock
        self._host_memory: Tree | None = None

    async def create(self, container: Container, image: Image | None) -> None:
        """At creation: parse what was asked for, make volumes, fill them from the image.

        :raises InvalidParameter: with dockerd's text for a bad specification.
        """
        host = container.host_config
        wanted = (host.binds, host.mounts, host.tmpfs, host.volumes_from, container.config.volumes)
        container.image = image
        if not any(wanted):
            return
        from course_lib.engine.volume.mounts import parse_mounts

        points = parse_mounts(
            binds=host.binds or (),
            mounts=host.mounts or (),
            tmpfs=host.tmpfs,
            volumes_from=host.volumes_from or (),
            volumes=container.config.volumes or (),
            volume_driver=host.volume_driver,
            mounts_of=self._mounts_of,
        )
        container.mounts = list(self._volumes.prepare(points, container.id))
        try:
            if any(point.copy_data for point in container.mounts):
                await self._volumes.mounted.populate(container.mounts, self.rootfs(container))
        except BaseException:
            self._volumes.discard(container.mounts, container.id, remove_anonymous=True)
            raise

    def _mounts_of(self, reference: str) -> Sequence[MountPoint]:
        return self._registry.get(reference).mounts

    def rootfs(self, container: Container) -> RootFs:
        """Its image and writable layer, nothing mounted."""
        if container.runtime is not None:
            return container.runtime.fs.rootfs
        image = self._image(container)
        read_only = container.host_config.readonly_rootfs
        if image is None:
            from course_lib.engine.fs.initlayer import init_layer
            from course_lib.engine.fs.overlay import RootFs

            return RootFs([init_layer()], container.upper, read_only=read_only)
        return self._images.rootfs(image, container.upper, read_only, container.created_ns)

    def _image(self, container: Container) -> Image | None:
        if container.image is None and container.image_id:
            try:
                container.image = self._images.get(container.image_id)
            except NotFound:
                raise SystemFailure(
                    f"the image of container {container.id} is gone: {container.image_id}"
                ) from None
        return container.image

    def file_system(self, container: Container) -> ContainerFs:
        """At start: everything mounted. Call :meth:`unmount` when it has ended.

        :raises EngineError: something cannot be mounted.
        """
        from course_lib.engine.fs.containerfs import ContainerFs
        from course_lib.engine.fs.mounts import Mount

        shm = self._shared_memory(container)
        mounts = self._own_files(container)
        if container.host_config.init:
            mounts.append(Mount(INIT, "bind", self._init_file(), read_only=True))
        try:
            for point in container.mounts:
                mounts.append(self._mount(container, point))
            return ContainerFs(
                self.rootfs(container),
                mounts,
                clock=self._clock,
                shm=shm,
                read_only_paths=container.host_config.readonly_paths or (),
                masked_paths=container.host_config.masked_paths or (),
            )
        except OSError as error:
            self.unmount(container)
            raise SystemFailure(_mount_failure(error)) from None
        except BaseException:
            self.unmount(container)
            raise

    def _own_files(self, container: Container) -> list[Mount]:
        """What the engine itself puts into a container."""
        from course_lib.engine.fs.mounts import Mount

        mounts: list[Mount] = []
        taken = {point.destination for point in container.mounts}
        read_only = container.host_config.readonly_rootfs
        for target, tree in container.files.trees().items() if container.files else ():
            if target not in taken:
                mounts.append(Mount(target, "bind", None, read_only, tree=tree))
        for target, tree in placed_trees(container.placed, self._clock).items():
            mounts.append(Mount(target, "bind", None, True, tree=tree))
        return mounts

    def _mount(self, container: Container, point: MountPoint, *, announced: bool = True) -> Mount:
        return self._volumes.mounted.mount(self._real(point), container.id, announced=announced)

    def _real(self, point: MountPoint) -> MountPoint:
        """The mount point, with the engine's own socket for the path at which Docker's lies.

        Who writes ``-v /var/run/docker.sock:…`` means the engine that gets the request.
        """
        from course_lib.engine.volume.mounts import DOCKER_SOCKETS

        if point.type != "bind" or point.source not in DOCKER_SOCKETS or self._socket is None:
            return point
        return replace(point, source=str(self._socket))

    def _shared_memory(self, container: Container) -> Tree | int | None:
        """What is to be ``/dev/shm`` (``--ipc``): a size, another container's, or nothing."""
        mode = container.host_config.ipc_mode
        if mode == "none":
            return None
        if mode == "host":
            if self._host_memory is None:
                from course_lib.engine.fs.tmpfs import TmpTree, default_size

                self._host_memory = TmpTree(self._clock, size=default_size())
            return self._host_memory
        if not mode.startswith("container:"):
            return container.host_config.shm_size or DEFAULT_SHM_SIZE
        try:
            donor = self._registry.get(mode.removeprefix("container:"))
        except EngineError as error:
            raise InvalidParameter(f"failed to join IPC namespace: {error}") from None
        if donor.runtime is None:
            raise Conflict(f"failed to join IPC namespace: container {donor.id} is not running")
        if donor.host_config.ipc_mode != "shareable":
            raise InvalidParameter(
                f"failed to join IPC namespace: container {donor.id}: non-shareable IPC "
                "(hint: use IpcMode:shareable for the donor container)"
            )
        return donor.runtime.fs.shm

    @contextmanager
    def files(self, container: Container, *, announced: bool = True) -> Iterator[ContainerFs]:
        """The container's files as ``docker cp`` sees them, whether it runs or not.

        Volumes and binds are mounted for it once more, as dockerd does, in a mount namespace of
        its own: what is in memory and what the kernel shows (``/proc``, ``/dev``) is the
        container's alone.

        :param announced: whether there are events of the volumes being mounted.
        :raises EngineError: something cannot be mounted.
        """
        from course_lib.engine.fs.containerfs import ContainerFs

        mounts = self._own_files(container)
        mounted: list[MountPoint] = []
        try:
            for point in container.mounts:
                if point.type != "tmpfs":
                    mounts.append(self._mount(container, point, announced=announced))
                    mounted.append(point)
            fs = ContainerFs(
                self.rootfs(container), mounts, clock=self._clock, shm=None, kernel=False
            )
            try:
                yield fs
            finally:
                fs.close()
        finally:
            for point in mounted if announced else ():
                self._volumes.mounted.unmount(point, container.id)

    def _init_file(self) -> Path:
        """The program that ``--init`` puts before the container's own."""
        path = self._root / "docker-init"
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_text("#!embedded docker-init\n", encoding="ascii")
            path.chmod(0o755)
        return path

    def unmount(self, container: Container) -> None:
        """It has ended: its volumes are not mounted any more."""
        for point in container.mounts:
            self._volumes.mounted.unmount(point, container.id)

    def release(self, container: Container, *, remove_anonymous: bool) -> None:
        """It is being removed: give its volumes back."""
        self._volumes.discard(container.mounts, container.id, remove_anonymous=remove_anonymous)

    def upper_size(self, container: Container) -> int:
        """Bytes in the writable layer."""
        total = 0
        for folder, _, files in os.walk(container.upper):
            for name in files:
                try:
                    total += os.lstat(os.path.join(folder, name)).st_size
                except OSError:
                    continue
        return total

    # --- records -------------------------------------------------------------------------

    def restore(self, container: Container, records: Sequence[dict[str, Any]]) -> None:
        """After a restart of the engine: who uses which volume."""
        if not records:
            return
        from course_lib.engine.volume.mounts import MountPoint

        container.mounts = [from_record(MountPoint, record) for record in records]
        for point in container.mounts:
            if point.type == "volume":
                try:
                    self._volumes.acquire(point.name, container.id)
                except EngineError:
                    # Its files are gone; the start will say so. The rest stays usable.
                    continue


def _mount_failure(error: OSError) -> str:
    reason = f"{(error.strerror or str(error)).lower()}: unknown"
    if error.errno == errno.ENOTDIR:
        reason += (
            ": Are you trying to mount a directory onto a file (or vice-versa)? Check if the "
            "specified host path exists and is the expected type"
        )
    return (
        "failed to create task for container: failed to create shim task: OCI runtime create "
        "failed: runc create failed: unable to start container process: error during container "
        f'init: error mounting "{error.filename2}" to rootfs at "{error.filename}": {reason}'
    )
