"""What inspect and list show of a container's network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from course_lib.engine.network.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class EndpointView:
    """One attachment as it is now; of a running container."""

    network_id: str = ""
    endpoint_id: str = ""
    gateway: str = ""
    address: str = ""
    prefix: int = 0
    mac: str = ""
    gateway6: str = ""
    address6: str = ""
    prefix6: int = 0


@dataclass(frozen=True, slots=True)
class NetworkView:
    """What inspect and list show.

    :param endpoints: network name → attachment, of a running container only.
    :param ports: ``80/tcp`` → (host address, host port), empty for exposed ones.
    """

    sandbox_id: str = ""
    sandbox_key: str = ""
    endpoints: Mapping[str, EndpointView] = field(default_factory=dict)
    ports: Mapping[str, Sequence[tuple[str, int]]] = field(default_factory=dict)


def view_of(endpoint: Endpoint) -> EndpointView:
    """An endpoint of the network part as inspect shows it."""
    return EndpointView(
        endpoint.network_id,
        endpoint.id,
        endpoint.gateway,
        endpoint.ip_address,
        endpoint.prefix_length,
        endpoint.mac,
        endpoint.gateway6,
        endpoint.ipv6_address,
        endpoint.prefix_length6,
    )
