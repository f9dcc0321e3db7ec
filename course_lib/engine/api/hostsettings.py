"""``HostConfig`` of a request: what is used, what is only kept, and what is refused."""

from __future__ import annotations

import os
from typing import Any

from course_lib.engine.api.gojson import Decoded
from course_lib.engine.api.version import Version
from course_lib.engine.container.config import HostConfig, HostPort, RestartPolicy
from course_lib.engine.errdefs import InvalidParameter, NotImplementedByEngine

_MIN_MEMORY = 6 * 1024 * 1024
_CAPABILITIES = frozenset(
    [
        "AUDIT_CONTROL",
        "AUDIT_READ",
        "AUDIT_WRITE",
        "BLOCK_SUSPEND",
        "BPF",
        "CHECKPOINT_RESTORE",
        "CHOWN",
        "DAC_OVERRIDE",
        "DAC_READ_SEARCH",
        "FOWNER",
        "FSETID",
        "IPC_LOCK",
        "IPC_OWNER",
        "KILL",
        "LEASE",
        "LINUX_IMMUTABLE",
        "MAC_ADMIN",
        "MAC_OVERRIDE",
        "MKNOD",
        "NET_ADMIN",
        "NET_BIND_SERVICE",
        "NET_BROADCAST",
        "NET_RAW",
        "PERFMON",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYSLOG",
        "SYS_ADMIN",
        "SYS_BOOT",
        "SYS_CHROOT",
        "SYS_MODULE",
        "SYS_NICE",
        "SYS_PACCT",
        "SYS_PTRACE",
        "SYS_RAWIO",
        "SYS_RESOURCE",
        "SYS_TIME",
        "SYS_TTY_CONFIG",
        "WAKE_ALARM",
        "ALL",
    ]
)
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
_UNLIMITED = (
    ("Memory", "memory"),
    ("NanoCpus", "CPU time"),
    ("CpuQuota", "CPU time"),
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
    for add in ("CapAdd", "CapDrop"):
        for name in host.get(add) or ():
            plain = name.upper().removeprefix("CAP_")
            if plain not in _CAPABILITIES:
                raise InvalidParameter(f'invalid {add}: unknown capability: "CAP_{plain}"')
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


def limits(host: Decoded) -> list[str]:
    """Ranges as dockerd checks them; limits are kept and shown, not enforced, which we say."""
    memory, swap = host.get("Memory", 0), host.get("MemorySwap", 0)
    if memory and memory < _MIN_MEMORY:
        raise InvalidParameter("Minimum memory limit allowed is 6MB")
    if memory > 0 and 0 < swap < memory:
        raise InvalidParameter(
            "Minimum memoryswap limit should be larger than memory limit, see usage"
        )
    if memory == 0 and swap > 0:
        raise InvalidParameter(
            "You should always set the Memory limit when using Memoryswap limit, see usage"
        )
    reservation = host.get("MemoryReservation", 0)
    if 0 < reservation < _MIN_MEMORY:
        raise InvalidParameter("Minimum memory reservation allowed is 6MB")
    if memory > 0 and reservation > 0 and memory < reservation:
        raise InvalidParameter(
            "Minimum memory limit can not be less than memory reservation limit, see usage"
        )
    nano = host.get("NanoCpus", 0)
    if nano and host.get("CpuPeriod", 0) > 0:
        raise InvalidParameter("Conflicting options: Nano CPUs and CPU Period cannot both be set")
    if nano and host.get("CpuQuota", 0) > 0:
        raise InvalidParameter("Conflicting options: Nano CPUs and CPU Quota cannot both be set")
    # Counting the processors reads a file: only for a request that limits them.
    if nano and not 0 < nano <= (cpus := os.cpu_count() or 1) * 10**9:
        raise InvalidParameter(
            f"Range of CPUs is from 0.01 to {cpus}.00, as there are only {cpus} CPUs available"
        )
    if not 0 <= host.get("MemorySwappiness", 0) <= 100 and host["MemorySwappiness"] != -1:
        raise InvalidParameter(
            f"Invalid value: {host['MemorySwappiness']}, valid memory swappiness range is 0-100"
        )
    warnings = {
        f"The embedded engine does not limit {what}. Limitation discarded."
        for name, what in _UNLIMITED
        if host.get(name, 0) > 0
    }
    return sorted(warnings)


def without_effect(host: Decoded) -> list[str]:
    """What is kept and shown, but does nothing here."""
    warnings = []
    if host.get("Sysctls"):
        warnings.append("The embedded engine has no kernel parameters. Sysctls discarded.")
    if {"NET_ADMIN", "CAP_NET_ADMIN"} & {name.upper() for name in host.get("CapAdd") or ()}:
        warnings.append(
            "On the embedded engine no container changes interfaces or routes. NET_ADMIN discarded."
        )
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
