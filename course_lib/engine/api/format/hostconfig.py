"""``HostConfig`` of a container, complete with what was not asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from course_lib.engine.container.config import HostConfig
from course_lib.engine.container.container import Container

Json = dict[str, Any]

_PASSIVE_DEFAULTS: Mapping[str, Any] = {
    "ContainerIDFile": "",
    "ConsoleSize": [0, 0],
    "CapAdd": None,
    "CapDrop": None,
    "CgroupnsMode": "private",
    "Cgroup": "",
    "OomScoreAdj": 0,
    "PidMode": "",
    "SecurityOpt": None,
    "UTSMode": "",
    "UsernsMode": "",
    "Runtime": "runc",
    "Isolation": "",
    "CpuShares": 0,
    "Memory": 0,
    "NanoCpus": 0,
    "CgroupParent": "",
    "BlkioWeight": 0,
    "BlkioWeightDevice": None,
    "BlkioDeviceReadBps": None,
    "BlkioDeviceWriteBps": None,
    "BlkioDeviceReadIOps": None,
    "BlkioDeviceWriteIOps": None,
    "CpuPeriod": 0,
    "CpuQuota": 0,
    "CpuRealtimePeriod": 0,
    "CpuRealtimeRuntime": 0,
    "CpusetCpus": "",
    "CpusetMems": "",
    "Devices": None,
    "DeviceCgroupRules": None,
    "DeviceRequests": None,
    "MemoryReservation": 0,
    "MemorySwap": 0,
    "MemorySwappiness": None,
    "OomKillDisable": False,
    "PidsLimit": None,
    "Ulimits": None,
    "CpuCount": 0,
    "CpuPercent": 0,
    "IOMaximumIOps": 0,
    "IOMaximumBandwidth": 0,
}
_OMITTED_WHEN_EMPTY = frozenset(("Annotations", "Sysctls", "KernelMemory", "KernelMemoryTCP"))


def host_config(container: Container) -> Json:
    """``HostConfig`` of a container."""
    host: HostConfig = container.host_config
    passive = host.passive
    result: Json = {
        "Binds": host.binds,
        "LogConfig": {"Type": host.log_driver, "Config": host.log_options},
        "NetworkMode": host.network_mode,
        "PortBindings": _port_bindings(host),
        "RestartPolicy": {
            "Name": host.restart_policy.name,
            "MaximumRetryCount": host.restart_policy.maximum,
        },
        "AutoRemove": host.auto_remove,
        "VolumeDriver": host.volume_driver,
        "VolumesFrom": host.volumes_from,
        "Dns": host.dns,
        "DnsOptions": host.dns_options,
        "DnsSearch": host.dns_search,
        "ExtraHosts": host.extra_hosts,
        "GroupAdd": host.group_add,
        "Links": _links(container),
        "Privileged": host.privileged,
        "PublishAllPorts": host.publish_all_ports,
        "ReadonlyRootfs": host.readonly_rootfs,
        "ShmSize": host.shm_size,
        "IpcMode": host.ipc_mode,
    }
    result |= _PASSIVE_DEFAULTS
    for key, value in passive.items():
        if value or (value is not None and value != "" and key not in _OMITTED_WHEN_EMPTY):
            result[key] = value
    if host.tmpfs:
        result["Tmpfs"] = host.tmpfs
    if host.mounts:
        result["Mounts"] = host.mounts
    if host.init is not None:
        result["Init"] = host.init
    if host.privileged and result["SecurityOpt"] is None:
        result["SecurityOpt"] = ["label=disable"]
    result["MaskedPaths"] = host.masked_paths
    result["ReadonlyPaths"] = host.readonly_paths
    if result["Memory"] > 0 and not result["MemorySwap"]:
        result["MemorySwap"] = 2 * result["Memory"]
    return result


def _port_bindings(host: HostConfig) -> Json | None:
    if host.port_bindings is None:
        return None
    return {
        port: None
        if bindings is None
        else [{"HostIp": entry.host_ip, "HostPort": entry.host_port} for entry in bindings]
        for port, bindings in host.port_bindings.items()
    }


def _links(container: Container) -> list[str] | None:
    links = [
        f"/{child.name}:/{container.name}/{alias}"
        for alias, child in (container.links or {}).items()
    ]
    return links or None
