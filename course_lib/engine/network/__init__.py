"""Networks, endpoints, addresses, names and published ports.

Built as libnetwork is: a controller, networks with drivers and address pools, sandboxes (network
stacks) and the endpoints between them; under them an emulated wire instead of the kernel's.
"""

from course_lib.engine.network.controller import NetworkController
from course_lib.engine.network.endpoint import Endpoint
from course_lib.engine.network.model import (
    DnsConfig,
    EndpointOwner,
    EndpointResource,
    EndpointSpec,
    IpamConfig,
    IpamSpec,
    NetworkInfo,
    NetworkSpec,
    PortRequest,
    PublishedPort,
)
from course_lib.engine.network.network import Network
from course_lib.engine.network.sandbox import SandboxHandle

__all__ = [
    "DnsConfig",
    "Endpoint",
    "EndpointOwner",
    "EndpointResource",
    "EndpointSpec",
    "IpamConfig",
    "IpamSpec",
    "Network",
    "NetworkController",
    "NetworkInfo",
    "NetworkSpec",
    "PortRequest",
    "PublishedPort",
    "SandboxHandle",
]
