"""``HostConfig`` of a request: what is used, what is only kept, and what is refused."""

from __future__ import annotations

from typing import Any

from course_lib.engine.api.gojson import Decoded
from course_lib.engine.api.security import check_security
from course_lib.engine.api.version import Version
from course_lib.engine.container.config import HostConfig, HostPort, RestartPolicy
from course_lib.engine.errdefs import InvalidParameter, NotImplementedByEngine, SystemFailure

_ACTIVE = frozenset(
    [
        "Binds",
        "LogConfig",
        "NetworkMode",
        "PortBindings",
        "RestartPolicy",
        "AutoRemove",
        "VolumeDriver",
        "VolumesFrom",
        "Dns",
        "DnsOptions",
        "DnsSearch",
        "ExtraHosts",
        "GroupAdd",
        "Links",
        "Privileged",
        "PublishAllPorts",
        "ReadonlyRootfs",
        "Tmpfs",
        "ShmSize",
        "IpcMode",
        "StorageOpt",
        "Mounts",
        "Init",
    ]
)


def host_config(host: Decoded, version: Version) -> HostConfig:
    """What ``HostConfig`` asks for.

    :raises InvalidParameter: a value makes no sense.
    :raises NotImplementedByEngine: this engine cannot do it.
    """
    _refuse(host)
    policy = host.get("RestartPolicy", {})
    log = host.get("LogConfig", {})
    mode = host.get("NetworkMode", "")
    passive = {key: value for key, value in host.items() if key not in _ACTIVE}
    if version < (1, 42):
        passive.pop("ConsoleSize", None)
    if passive.get("PidsLimit", 1) <= 0:
        del passive["PidsLimit"]
    _mounts(host.get("Mounts") or (), version)
    return HostConfig(
        network_mode="bridge" if mode in {"", "default"} else mode,
        binds=host.get("Binds"),
        mounts=host.get("Mounts"),
        tmpfs=host.get("Tmpfs"),
        volumes_from=host.get("VolumesFrom"),
        volume_driver=host.get("VolumeDriver", ""),
        port_bindings=_bindings(host.get("PortBindings")),
        publish_all_ports=host.get("PublishAllPorts", False),
        restart_policy=RestartPolicy(
            policy.get("Name", "") or "no", policy.get("MaximumRetryCount", 0)
        ),
        auto_remove=host.get("AutoRemove", False) and version >= (1, 25),
        log_driver=log.get("Type", "") or "json-file",
        log_options=log.get("Config", {}),
        dns=host.get("Dns"),
        dns_options=host.get("DnsOptions"),
        dns_search=host.get("DnsSearch"),
        extra_hosts=host.get("ExtraHosts"),
        group_add=host.get("GroupAdd"),
        links=host.get("Links"),
        privileged=host.get("Privileged", False),
        readonly_rootfs=host.get("ReadonlyRootfs", False),
        init=host.get("Init"),
        shm_size=host.get("ShmSize", 0) or 64 * 1024 * 1024,
        ipc_mode=host.get("IpcMode", "") or "private",
        storage_options=host.get("StorageOpt"),
        passive=passive,
    )


def _bindings(ports: dict[str, Any] | None) -> dict[str, list[HostPort] | None] | None:
    if ports is None:
        return None
    result: dict[str, list[HostPort] | None] = {}
    for port, bindings in ports.items():
        key = port if "/" in port else f"{port}/tcp"
        result[key] = (
            None
            if bindings is None
            else [
                HostPort((entry or {}).get("HostIp", ""), (entry or {}).get("HostPort", ""))
                for entry in bindings
            ]
        )
    return result


def _refuse(host: Decoded) -> None:
    """What cannot be done here is refused, not pretended."""
    check_security(host)
    ipc = host.get("IpcMode", "")
    if ipc not in {"", "none", "private", "shareable", "host"} and not ipc.startswith("container:"):
        raise InvalidParameter(f"invalid IPC mode: {ipc}")
    pid = host.get("PidMode", "")
    if pid not in {"", "host"} and not pid.startswith("container:"):
        raise InvalidParameter(f"invalid PID mode: {pid}")
    if pid:
        raise NotImplementedByEngine(f"PID mode {pid!r}")
    if host.get("UTSMode", "") not in {"", "host"}:
        raise InvalidParameter(f"invalid UTS mode: {host['UTSMode']}")
    if not -1000 <= host.get("OomScoreAdj", 0) <= 1000:
        raise InvalidParameter(
            f"Invalid value {host['OomScoreAdj']}, range for oom score adj is [-1000, 1000]"
        )
    isolation = host.get("Isolation", "")
    if isolation.lower() not in {"", "default"}:
        raise SystemFailure(f"Invalid isolation: \"{isolation}\" - linux only supports 'default'")
    if host.get("CgroupnsMode", "") not in {"", "private", "host"}:
        raise InvalidParameter(f"invalid cgroup namespace mode: {host['CgroupnsMode']}")
    if "" in (host.get("Annotations") or {}):
        raise InvalidParameter(
            "invalid Annotations: the empty string is not permitted as an annotation key"
        )
    if host.get("Runtime", "") not in {"", "runc", "io.containerd.runc.v2"}:
        raise InvalidParameter(f"unknown or invalid runtime name: {host['Runtime']}")
    for request in host.get("DeviceRequests") or ():
        wanted = " ".join(f"[{' '.join(group)}]" for group in request.get("Capabilities") or ())
        raise InvalidParameter(
            f'could not select device driver "{request.get("Driver", "")}" with capabilities: '
            f"[{wanted}]"
        )
    if host.get("Devices"):
        raise NotImplementedByEngine("giving a container a device of the host")


def without_effect(host: Decoded) -> list[str]:
    """What is kept and shown, but does nothing here."""
    warnings = []
    if host.get("Sysctls"):
        warnings.append("The embedded engine has no kernel parameters. Sysctls discarded.")
    if {"NET_ADMIN", "CAP_NET_ADMIN"} & {name.upper() for name in host.get("CapAdd") or ()}:
        warnings.append(
            "On the embedded engine no container changes interfaces or routes. NET_ADMIN discarded."
        )
    if host.get("CapDrop"):
        warnings.append(
            "The embedded engine takes no capability from a container. CapDrop discarded."
        )
    if {"max-size", "max-file"} & set((host.get("LogConfig") or {}).get("Config") or ()):
        warnings.append("The embedded engine keeps logs whole. max-size and max-file discarded.")
    others = {limit.get("Name", "") for limit in host.get("Ulimits") or ()} - {"nofile"}
    if others:
        names = ", ".join(sorted(others))
        warnings.append(f"The embedded engine limits open files alone. Ulimits discarded: {names}.")
    return warnings


def _mounts(mounts: Any, version: Version) -> None:
    for mount in mounts:
        kind = mount.get("Type", "")
        if version < (1, 45) and (mount.get("VolumeOptions") or {}).get("Subpath"):
            raise InvalidParameter("VolumeOptions.Subpath needs API v1.45 or newer")
        for option, owner in (
            ("VolumeOptions", "volume"),
            ("BindOptions", "bind"),
            ("TmpfsOptions", "tmpfs"),
        ):
            if option in mount and kind != owner:
                if version >= (1, 42):
                    raise InvalidParameter(f'{option} must not be specified on mount type "{kind}"')
                del mount[option]
