"""What is there together with what went since an earlier picture. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from course_lib.topology import Container, Difference, Network, Topology, Volume, diff


@dataclass(frozen=True, slots=True)
class Since:
    """A topology, an earlier one, and what differs.

    What was made anew under the same name is there once, as new.
    """

    now: Topology
    was: Topology
    changes: Difference

    @classmethod
    def of(cls, now: Topology, was: Topology | None) -> Since:
        """Without an earlier one nothing differs."""
        if was is None:
            return cls(now, Topology(), Difference())
        return cls(now, was, diff(was, now))

    @property
    def containers(self) -> list[Container]:
        """Those that are there, then those that went."""
        names = {container.name for container in self.now.containers}
        gone = (
            container
            for container in self.was.containers
            if self.changes.of("container", container.id) == "removed"
            and container.name not in names
        )
        return [*self.now.containers, *gone]

    @property
    def networks(self) -> list[Network]:
        """Those that are there, then those that went."""
        names = {network.name for network in self.now.networks}
        gone = (
            network
            for network in self.was.networks
            if self.changes.of("network", network.id) == "removed" and network.name not in names
        )
        return [*self.now.networks, *gone]

    @property
    def volumes(self) -> list[Volume]:
        """Those that are there, then those that went."""
        gone = (v for v in self.was.volumes if self.changes.of("volume", v.name) == "removed")
        return [*self.now.volumes, *gone]
