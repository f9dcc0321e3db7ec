"""Containers: ``docker inspect``, ``docker ps``, exec instances."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from course_lib.engine.api.format.times import human_duration, time_text
from course_lib.engine.api.version import Version
from course_lib.engine.container.config import (
    ContainerConfig,
    EndpointConfig,
    HostConfig,
    is_user_defined,
)
from course_lib.engine.container.container import Container
from course_lib.engine.container.exec import Exec
from course_lib.engine.container.networking import EndpointView, NetworkView
from course_lib.engine.container.state import State
from course_lib.engine.volume.mounts import MountPoint

Json = dict[str, Any]

_MASKED_PATHS = [
    "/proc/asound",
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
]
_READONLY_PATHS = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]

_PASSIVE_DEFAULTS: Mapping[str, Any] = {
    "ContainerIDFile": "",
    "ConsoleSize": [0, 0],
    "CapAdd": None,
    "CapDrop": None,
    "CgroupnsMode": "private",
    "IpcMode": "private",
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
_OMITTED_WHEN_EMPTY = frozenset(
    ("Annotations", "StorageOpt", "Sysctls", "KernelMemory", "KernelMemoryTCP")
)


def inspect(
    container: Container,
    network: NetworkView,
    version: Version,
    sizes: tuple[int, int] | None = None,
) -> Json:
    """``GET /containers/{name}/json``.

    :param sizes: bytes of the writable layer and of everything; shown with ``size=1``.
    """
    folder = container.folder
    execs = container.execs or {}
    result: Json = {
        "Id": container.id,
        "Created": time_text(container.created_ns),
        "Path": container.path,
        "Args": container.args,
        "State": _state(container.state),
        "Image": container.image_id,
        "ResolvConfPath": "",  # these three live in the engine's memory
        "HostnamePath": "",
        "HostsPath": "",
        "LogPath": str(container.log_path) if container.host_config.log_driver != "none" else "",
        "Name": f"/{container.name}",
        "RestartCount": container.restart.count,
        "Driver": "overlay2",
        "Platform": "linux",
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": "",
        "ExecIDs": list(execs) or None,
        "HostConfig": host_config(container),
        "GraphDriver": {"Data": {"UpperDir": str(folder / "upper")}, "Name": "overlay2"},
    }
    if sizes is not None:
        result["SizeRw"], result["SizeRootFs"] = sizes
    result["Mounts"] = [mount_point(mount) for mount in container.mounts if mount.shown]
    result["Config"] = config(container.config)
    result["NetworkSettings"] = _network_settings(container, network, version)
    return result


def _state(state: State) -> Json:
    return {
        "Status": state.status,
        "Running": state.running,
        "Paused": state.paused,
        "Restarting": state.restarting,
        "OOMKilled": False,
        "Dead": state.dead,
        "Pid": state.pid,
        "ExitCode": state.exit_code,
        "Error": state.error,
        "StartedAt": time_text(state.started_ns),
        "FinishedAt": time_text(state.finished_ns),
    }


def config(config: ContainerConfig) -> Json:
    """``Config`` of a container."""
    result: Json = {
        "Hostname": config.hostname,
        "Domainname": config.domainname,
        "User": config.user,
        "AttachStdin": config.attach_stdin,
        "AttachStdout": config.attach_stdout,
        "AttachStderr": config.attach_stderr,
    }
    if config.exposed_ports:
        result["ExposedPorts"] = config.exposed_ports
    result |= {
        "Tty": config.tty,
        "OpenStdin": config.open_stdin,
        "StdinOnce": config.stdin_once,
        "Env": config.env,
        "Cmd": config.cmd,
    }
    if config.healthcheck:
        result["Healthcheck"] = config.healthcheck
    result |= {
        "Image": config.image,
        "Volumes": config.volumes,
        "WorkingDir": config.working_dir,
        "Entrypoint": config.entrypoint,
    }
    if config.network_disabled:
        result["NetworkDisabled"] = True
    result |= {"OnBuild": config.on_build, "Labels": config.labels}
    if config.stop_signal:
        result["StopSignal"] = config.stop_signal
    if config.stop_timeout is not None:
        result["StopTimeout"] = config.stop_timeout
    if config.shell:
        result["Shell"] = config.shell
    return result


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
    masked = None if host.privileged else _MASKED_PATHS
    readonly = None if host.privileged else _READONLY_PATHS
    result["MaskedPaths"] = passive.get("MaskedPaths", masked)
    result["ReadonlyPaths"] = passive.get("ReadonlyPaths", readonly)
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
    if not container.host_config.links or is_user_defined(container.host_config.network_mode):
        return container.host_config.links or None
    links = []
    for link in container.host_config.links:
        name, _, alias = link.partition(":")
        target = name.removeprefix("/")
        links.append(f"/{target}:/{container.name}/{alias or target}")
    return links


def mount_point(mount: MountPoint) -> Json:
    """One entry of ``Mounts``."""
    result: Json = {"Type": mount.type}
    if mount.name:
        result["Name"] = mount.name
    result |= {"Source": mount.source, "Destination": mount.destination}
    if mount.driver:
        result["Driver"] = mount.driver
    result |= {"Mode": mount.mode, "RW": mount.rw, "Propagation": mount.propagation}
    return result


# --- networks ----------------------------------------------------------------------------


def _network_settings(container: Container, network: NetworkView, version: Version) -> Json:
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
            name: _endpoint(container, name, config, network.endpoints.get(name), version)
            for name, config in sorted(container.networks.items())
        },
    }


def _ports(network: NetworkView) -> Json:
    result: Json = {}
    for key, bindings in network.ports.items():
        result[key] = [{"HostIp": ip, "HostPort": str(port)} for ip, port in bindings] or None
    return result


def _endpoint(
    container: Container,
    name: str,
    config: EndpointConfig,
    view: EndpointView | None,
    version: Version,
    *,
    listing: bool = False,
) -> Json:
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
        "DNSNames": None if listing else _dns_names(container, name, config),
    }


def _dns_names(container: Container, name: str, config: EndpointConfig) -> list[str] | None:
    if not config.network_id or not is_user_defined(name):
        return None
    names = [container.name, *(config.aliases or ()), container.id[:12], container.config.hostname]
    return list(dict.fromkeys(filter(None, names)))


# --- lists -------------------------------------------------------------------------------


def row(
    container: Container,
    network: NetworkView,
    image: str,
    version: Version,
    now_ns: int,
    sizes: tuple[int, int] | None,
) -> Json:
    """A line of ``docker ps``. ``image``: the name, or the ID where the name has moved on."""
    result: Json = {
        "Id": container.id,
        "Names": [f"/{container.name}"],
        "Image": image,
        "ImageID": container.image_id,
        "Command": command_text([container.path, *container.args]),
        "Created": container.created_ns // 1_000_000_000,
        "Ports": list(_port_rows(network)),
    }
    if sizes is not None:
        if sizes[0]:
            result["SizeRw"] = sizes[0]
        if sizes[1]:
            result["SizeRootFs"] = sizes[1]
    result |= {
        "Labels": container.config.labels,
        "State": container.state.status,
        "Status": status_text(container.state, now_ns),
        "HostConfig": {"NetworkMode": container.host_config.network_mode},
        "NetworkSettings": {
            "Networks": {
                name: _endpoint(
                    container, name, config, network.endpoints.get(name), version, listing=True
                )
                for name, config in sorted(container.networks.items())
            }
        },
        "Mounts": [mount_point(mount) for mount in container.mounts if mount.shown],
    }
    return result


def command_text(argv: Collection[str]) -> str:
    """Arguments with blanks in single quotes, as dockerd joins them."""
    return " ".join(
        f"'{word.replace(chr(39), chr(39) + chr(92) + chr(39) + chr(39))}'" if " " in word else word
        for word in argv
    )


def status_text(state: State, now_ns: int) -> str:
    """``Up 3 minutes``, ``Exited (0) 2 hours ago``."""
    if state.running:
        up = human_duration((now_ns - state.started_ns) / 1e9)
        if state.paused:
            return f"Up {up} (Paused)"
        if state.restarting:
            ago = human_duration((now_ns - state.finished_ns) / 1e9)
            return f"Restarting ({state.exit_code}) {ago} ago"
        return f"Up {up}"
    if state.removing:
        return "Removal In Progress"
    if state.dead:
        return "Dead"
    if not state.started_ns:
        return "Created"
    if not state.finished_ns:
        return ""
    ago = human_duration((now_ns - state.finished_ns) / 1e9)
    return f"Exited ({state.exit_code}) {ago} ago"


def _port_rows(network: NetworkView) -> Collection[Json]:
    rows: list[Json] = []
    for key, bindings in network.ports.items():
        number, _, protocol = key.partition("/")
        if not bindings:
            rows.append({"PrivatePort": int(number), "Type": protocol})
        for address, port in bindings:
            rows.append(
                {
                    "IP": address,
                    "PrivatePort": int(number),
                    "PublicPort": port,
                    "Type": protocol,
                }
            )
    return rows


def exec_instance(instance: Exec) -> Json:
    """``GET /exec/{id}/json``."""
    spec = instance.spec
    process: Json = {
        "arguments": instance.arguments,
        "entrypoint": instance.entrypoint,
        "privileged": spec.privileged,
        "tty": spec.tty,
    }
    if spec.user:
        process["user"] = spec.user
    return {
        "ID": instance.id,
        "Running": instance.running,
        "ExitCode": instance.exit_code,
        "ProcessConfig": process,
        "OpenStdin": spec.attach_stdin,
        "OpenStderr": spec.attach_stderr,
        "OpenStdout": spec.attach_stdout,
        "CanRemove": False,
        "ContainerID": instance.container.id,
        "DetachKeys": "",
        "Pid": instance.pid,
    }
