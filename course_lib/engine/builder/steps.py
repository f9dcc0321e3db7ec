"""The containers of a build: one for each step, made, run, and taken away again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.engine.builder.commit import container_config
from course_lib.engine.builder.options import BuildFailed, BuildOptions, Room, Said, Say
from course_lib.engine.container.config import HostConfig
from course_lib.engine.container.create import CreateRequest
from course_lib.engine.errdefs import EngineError, NotFound

if TYPE_CHECKING:
    from course_lib.engine.container.container import Container
    from course_lib.engine.container.service import ContainerService
    from course_lib.engine.image.model import ImageConfig

_RED, _PLAIN = "\x1b[91m", "\x1b[0m"


def short(some_id: str) -> str:
    """The twelve digits that the output shows."""
    return some_id.removeprefix("sha256:")[:12]


class StepContainers:
    """Makes containers for steps and remembers which there are."""

    def __init__(
        self, containers: ContainerService, options: BuildOptions, say: Say, room: Room
    ) -> None:
        self._containers = containers
        self._options = options
        self._say = say
        self._room = room
        self._made: list[Container] = []

    async def create(self, config: ImageConfig) -> Container:
        """A container for one step; its image is the one of the step before."""
        options = self._options
        network = options.network
        host = HostConfig(
            network_mode="bridge" if network in {"", "default"} else network,
            extra_hosts=list(options.extra_hosts) if options.extra_hosts else None,
            shm_size=options.shm_size,
            log_driver="none",
            passive=dict(options.passive),
        )
        request = CreateRequest("", container_config(config), host)
        container, warnings = await self._containers.creator.create(request)
        self._made.append(container)
        for warning in warnings:
            self._print(f" ---> [Warning] {warning}\n")
        self._print(f" ---> Running in {short(container.id)}\n")
        return container

    async def run(self, container: Container) -> None:
        """Run it to its end; its output becomes the build's.

        :raises BuildFailed: it ended with another code than 0.
        """
        attachment = container.streams.attach(stdout=True, stderr=True)
        self._containers.lifecycle.publish(container, "attach")
        try:
            await self._containers.start(container)
            while (piece := await attachment.next()) is not None:
                text = piece[1].decode("utf-8", "replace")
                if piece[0] == "stderr":
                    self._say(Said("stderr", f"{_RED}{text}{_PLAIN}"))
                else:
                    self._print(text)
                await self._room()
            code, error = await container.state.wait("not-running")
        finally:
            container.streams.detach(attachment)
        async with container.lock:
            pass  # its files are put away
        if code:
            command = " ".join(container.config.cmd or ())
            text = f"The command '{command}' returned a non-zero code: {code}"
            raise BuildFailed(f"{text}: {error}" if error else text, code)

    async def remove_all(self, *, quiet: bool = False) -> None:
        """Take away what the steps left, with their volumes."""
        for container in list(self._made):
            try:
                await self._containers.remover.remove(
                    container, container.id, force=True, volumes=True
                )
            except NotFound:
                pass
            except EngineError as error:
                if not quiet:
                    self._print(f"Removing intermediate container {short(container.id)}: {error}\n")
                continue
            self._made.remove(container)
            if not quiet:
                self._print(f" ---> Removed intermediate container {short(container.id)}\n")

    async def cancel(self) -> None:
        """The client has gone: what runs for it ends and goes."""
        running = [container for container in self._made if container.state.running]
        for container in running:
            await self._containers.remover.remove(container, container.id, force=True, volumes=True)
            self._made.remove(container)

    def _print(self, text: str) -> None:
        self._say(Said("stdout", text))
