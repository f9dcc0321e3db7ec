"""Networks: ``docker network inspect`` and ``ls``."""

from __future__ import annotations

from typing import Any

from course_lib.engine.api.format.times import time_text
from course_lib.engine.network.model import IpamConfig, NetworkInfo

Json = dict[str, Any]


def inspect(network: NetworkInfo) -> Json:
    """``GET /networks/{id}``."""
    return {
        "Name": network.name,
        "Id": network.id,
        "Created": time_text(network.created_ns),
        "Scope": network.scope,
        "Driver": network.driver,
        "EnableIPv6": network.enable_ipv6,
        "IPAM": {
            "Driver": network.ipam_driver,
            "Options": None if network.ipam_options is None else dict(network.ipam_options),
            "Config": None
            if network.ipam_config is None
            else [_pool(config) for config in network.ipam_config],
        },
        "Internal": network.internal,
        "Attachable": network.attachable,
        "Ingress": network.ingress,
        "ConfigFrom": {"Network": network.config_from},
        "ConfigOnly": network.config_only,
        "Containers": {
            container_id: {
                "Name": row.name,
                "EndpointID": row.endpoint_id,
                "MacAddress": row.mac_address,
                "IPv4Address": row.ipv4_address,
                "IPv6Address": row.ipv6_address,
            }
            for container_id, row in sorted(network.containers.items())
        },
        "Options": dict(network.options),
        "Labels": dict(network.labels),
    }


def _pool(config: IpamConfig) -> Json:
    result: Json = {"Subnet": config.subnet}
    if config.ip_range:
        result["IPRange"] = config.ip_range
    if config.gateway:
        result["Gateway"] = config.gateway
    if config.aux_addresses:
        result["AuxiliaryAddresses"] = dict(config.aux_addresses)
    return result
