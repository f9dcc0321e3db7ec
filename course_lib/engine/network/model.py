"""What is asked of the network part and what it shows, as plain data.

Addresses are dotted strings; ``""`` stands for "not asked for" or "has none", as in dockerd's
answers. The JSON of the API is made elsewhere; every field that it needs is here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

DEFAULT_NETWORK = "bridge"
PREDEFINED = frozenset({"bridge", "host", "none"})
"""Networks that exist always and can be neither created nor removed."""


@dataclass(frozen=True, slots=True)
class IpamConfig:
    """One address pool of a network.

    :param subnet: CIDR; :param ip_range: CIDR from which containers get addresses, ``""`` for
        the whole subnet; :param aux_addresses: name → address that is never handed out.
    """

    subnet: str
    ip_range: str = ""
    gateway: str = ""
    aux_addresses: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class IpamSpec:
    """Address management as asked for; ``options`` keeps ``None`` apart from ``{}``."""

    driver: str = "default"
    options: Mapping[str, str] | None = None
    config: Sequence[IpamConfig] = ()


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """A network to be created. ``driver`` ``""`` means ``bridge``."""

    name: str
    driver: str = ""
    ipam: IpamSpec | None = None
    internal: bool = False
    attachable: bool = False
    ingress: bool = False
    enable_ipv6: bool = False
    config_only: bool = False
    config_from: str = ""
    scope: str = ""
    options: Mapping[str, str] | None = None
    labels: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class EndpointResource:
    """A row of ``Containers`` in ``docker network inspect``; addresses carry their prefix."""

    name: str
    endpoint_id: str
    mac_address: str
    ipv4_address: str
    ipv6_address: str = ""


@dataclass(frozen=True, slots=True)
class NetworkInfo:
    """Everything that ``docker network inspect`` shows.

    :param ipam_config: ``None`` where dockerd shows ``null`` (networks without addresses).
    :param containers: container ID → row; empty in listings that are not detailed.
    """

    id: str
    name: str
    created_ns: int
    scope: str
    driver: str
    enable_ipv6: bool
    ipam_driver: str
    ipam_options: Mapping[str, str] | None
    ipam_config: Sequence[IpamConfig] | None
    internal: bool
    attachable: bool
    ingress: bool
    config_from: str
    config_only: bool
    options: Mapping[str, str]
    labels: Mapping[str, str]
    containers: Mapping[str, EndpointResource] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EndpointOwner:
    """The container that joins a network. ``hostname`` is that of its configuration."""

    id: str
    name: str
    hostname: str = ""


@dataclass(frozen=True, slots=True)
class EndpointSpec:
    """What was asked of one attachment (``EndpointSettings`` of the API).

    :param links: ``NAME`` or ``NAME:ALIAS``, private names on a user-defined network.
    :param priority: the highest provides the default route; equal ones go by network name.
    """

    ipv4_address: str = ""
    ipv6_address: str = ""
    link_local: Sequence[str] = ()
    mac_address: str = ""
    aliases: Sequence[str] = ()
    links: Sequence[str] = ()
    driver_options: Mapping[str, str] | None = None
    priority: int = 0


@dataclass(frozen=True, slots=True)
class DnsConfig:
    """``--dns``, ``--dns-search`` and ``--dns-opt``; empty means the host's own."""

    servers: Sequence[str] = ()
    search: Sequence[str] = ()
    options: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class PortRequest:
    """A container port to be published.

    :param host_port: first port of the range asked for, 0 for one that the engine picks.
    :param host_port_end: last port of the range; 0 or ``host_port`` for that port alone.
    """

    port: int
    protocol: str = "tcp"
    host_ip: str = ""
    host_port: int = 0
    host_port_end: int = 0


@dataclass(frozen=True, slots=True)
class PublishedPort:
    """A published port as it is: ``0.0.0.0:32768->80/tcp``."""

    port: int
    protocol: str
    host_ip: str
    host_port: int
