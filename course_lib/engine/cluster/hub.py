"""This engine's place among those of its swarm: it listens, is linked, shares its overlays."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable

from course_lib.engine.clock import Clock
from course_lib.engine.cluster.address import HOST, Place
from course_lib.engine.cluster.dataplane import DataPlane
from course_lib.engine.cluster.handshake import Credentials, Secrets
from course_lib.engine.cluster.link import Link
from course_lib.engine.cluster.listener import Listener
from course_lib.engine.cluster.mesh import Member, Mesh
from course_lib.engine.cluster.methods import Methods
from course_lib.engine.errdefs import SystemFailure
from course_lib.engine.network import NetworkController


class Hub:
    """Everything of a member that is the same for managers and workers.

    :param node: its own node ID. :param cluster: fingerprint of the swarm.
    :param allowed: who may call. :param credentials: what is shown to a member that is called.
    :ivar methods: where questions of the others are answered.
    """

    def __init__(
        self,
        node: str,
        cluster: str,
        allowed: Secrets,
        credentials: Callable[[Member], Credentials],
        networks: NetworkController,
        clock: Clock,
    ) -> None:
        self.methods = Methods()
        self.mesh = Mesh(node, credentials, self.methods, clock)
        self._listener = Listener(cluster, allowed, self.methods, clock, self._welcome)
        self._networks = networks
        self._plane = DataPlane(
            self.mesh,
            self.methods,
            networks.remotes,
            networks.arrivals,
            networks.shared_endpoints,
            clock,
        )
        networks.watch(self._plane)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self._listener.address

    async def listen(self, place: Place) -> None:
        """Listen there, or on any port where another will do.

        :raises SystemFailure: the port is not to be had, with Go's text.
        """
        try:
            await self._listener.start(place.host, place.port)
        except OSError as error:
            if place.chosen or error.errno not in {errno.EADDRINUSE, errno.EADDRNOTAVAIL}:
                raise SystemFailure(
                    f"listen tcp {place.host}:{place.port}: bind: {_go_text(error)}"
                ) from None
            # Not every system has more than one loopback address.
            host = HOST if error.errno == errno.EADDRNOTAVAIL else place.host
            await self._listener.start(host, 0)

    def _welcome(self, link: Link) -> None:
        if link.peer.purpose != "join":
            self.mesh.add(link)

    async def close(self) -> None:
        """Be no member any more."""
        self._networks.watch(None)
        await self.mesh.close()
        with contextlib.suppress(OSError):
            await self._listener.close()
        await self._plane.close()


def _go_text(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
