"""``NetworkSettings`` of a container: its attachments and ports."""

from __future__ import annotations

from typing import Any

from course_lib.engine.api.version import Version
from course_lib.engine.container.config import EndpointConfig, is_user_defined
from course_lib.engine.container.container import Container
from course_lib.engine.container.networkview import EndpointView, NetworkView

Json = dict[str, Any]


def network_settings(container: Container, network: NetworkView, version: Version) -> Json:
    """``NetworkSettings``; the fields outside ``Networks`` are those of the default bridge."""
    default = network.endpoints.get("bridge")
    return {
        "Bridge": "",
        "SandboxID": network.sandbox_id,
        "SandboxKey": network.sandbox_key,
        "Ports": _ports(network),
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "SecondaryIPAddresses": None,
        "SecondaryIPv6Addresses": None,
        "EndpointID": default.endpoint_id if default else "",
        "Gateway": default.gateway if default else "",
        "GlobalIPv6Address": default.address6 if default else "",
        "GlobalIPv6PrefixLen": default.prefix6 if default else 0,
        "IPAddress": default.address if default else "",
        "IPPrefixLen": default.prefix if default else 0,
        "IPv6Gateway": default.gateway6 if default else "",
        "MacAddress": default.mac if default else "",
        "Networks": {
            name: endpoint(container, name, config, network.endpoints.get(name), version)
            for name, config in sorted(container.networks.items())
        },
    }


def _ports(network: NetworkView) -> Json:
    result: Json = {}
    for key, bindings in network.ports.items():
        result[key] = [{"HostIp": ip, "HostPort": str(port)} for ip, port in bindings] or None
    return result


def endpoint(
    container: Container,
    name: str,
    config: EndpointConfig,
    view: EndpointView | None,
    version: Version,
    *,
    listing: bool = False,
) -> Json:
    """One entry of ``Networks``.

    :param view: the attachment as it is; ``None`` while the container does not run.
    :param listing: as ``docker ps`` has it: without names and options.
    """
    aliases = None if listing else config.aliases
    if not listing and version < (1, 45) and is_user_defined(name):
        own = [container.id[:12], container.config.hostname]
        aliases = list(dict.fromkeys([*(aliases or ()), *own]))
    ipam: Json | None = None
    if config.ipam:
        ipam = {}
        if config.address:
            ipam["IPv4Address"] = config.address
        if config.address6:
            ipam["IPv6Address"] = config.address6
        if config.link_local:
            ipam["LinkLocalIPs"] = config.link_local
    return {
        "IPAMConfig": ipam,
        "Links": None if listing else config.links,
        "Aliases": aliases,
        "MacAddress": view.mac if view else config.mac,
        "NetworkID": view.network_id if view else config.network_id,
        "EndpointID": view.endpoint_id if view else "",
        "Gateway": view.gateway if view else "",
        "IPAddress": view.address if view else "",
        "IPPrefixLen": view.prefix if view else 0,
        "IPv6Gateway": view.gateway6 if view else "",
        "GlobalIPv6Address": view.address6 if view else "",
        "GlobalIPv6PrefixLen": view.prefix6 if view else 0,
        "DriverOpts": None if listing else config.driver_options,
        "DNSNames": None if listing else config.dns_names,
    }
