"""What a client asked a container to be, after the image's defaults were added.

``None`` and empty differ where dockerd shows the difference (``null``, ``[]``, ``{}``).
Settings that the embedded engine keeps and shows but has no use for (memory limits, devices,
capabilities …) travel in :attr:`HostConfig.passive` as the client gave them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from course_lib.engine.store import Record

T = TypeVar("T")


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


@dataclass(slots=True)
class ContainerConfig:
    """The portable part: what to run and how."""

    image: str = ""
    hostname: str = ""
    domainname: str = ""
    user: str = ""
    attach_stdin: bool = False
    attach_stdout: bool = False
    attach_stderr: bool = False
    exposed_ports: dict[str, Any] | None = None
    """``{"80/tcp": {}}``."""
    tty: bool = False
    open_stdin: bool = False
    stdin_once: bool = False
    env: list[str] | None = None
    cmd: list[str] | None = None
    healthcheck: dict[str, Any] | None = None
    volumes: dict[str, Any] | None = None
    working_dir: str = ""
    entrypoint: list[str] | None = None
    network_disabled: bool = False
    on_build: list[str] | None = None
    labels: dict[str, str] = field(default_factory=dict)
    stop_signal: str = ""
    stop_timeout: int | None = None
    shell: list[str] | None = None


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """``no``, ``always``, ``on-failure``, ``unless-stopped``; ``maximum`` retries, 0 for any."""

    name: str = "no"
    maximum: int = 0


@dataclass(frozen=True, slots=True)
class HostPort:
    """Where a port is to be published: ``host_port`` may be ``""``, ``"80"``, ``"80-90"``."""

    host_ip: str = ""
    host_port: str = ""


@dataclass(slots=True)
class HostConfig:
    """The part that concerns the host: networks, ports, mounts, policies."""

    network_mode: str = "bridge"
    binds: list[str] | None = None
    mounts: list[dict[str, Any]] | None = None
    """As the client gave them; read by ``volume.parse_mounts``."""
    tmpfs: dict[str, str] | None = None
    volumes_from: list[str] | None = None
    volume_driver: str = ""
    port_bindings: dict[str, list[HostPort] | None] | None = None
    publish_all_ports: bool = False
    restart_policy: RestartPolicy = field(default_factory=RestartPolicy)
    auto_remove: bool = False
    log_driver: str = "json-file"
    log_options: dict[str, str] = field(default_factory=dict)
    dns: list[str] | None = None
    dns_options: list[str] | None = None
    dns_search: list[str] | None = None
    extra_hosts: list[str] | None = None
    group_add: list[str] | None = None
    links: list[str] | None = None
    privileged: bool = False
    readonly_rootfs: bool = False
    init: bool | None = None
    shm_size: int = 0
    ipc_mode: str = "private"
    storage_options: dict[str, str] | None = None
    passive: dict[str, Any] = field(default_factory=dict)

    @property
    def masked_paths(self) -> list[str] | None:
        """Paths of the kernel that the container does not see (moby: ``oci.DefaultSpec``)."""
        found: list[str] | None = self.passive.get("MaskedPaths", self._guarded(_MASKED_PATHS))
        return found

    @property
    def readonly_paths(self) -> list[str] | None:
        """Paths of the kernel that the container cannot write to."""
        found: list[str] | None = self.passive.get("ReadonlyPaths", self._guarded(_READONLY_PATHS))
        return found

    def _guarded(self, paths: list[str]) -> list[str] | None:
        return None if self.privileged else paths


@dataclass(slots=True)
class EndpointConfig:
    """What was asked of one network attachment.

    :param address: ``--ip``; ``mac``: ``--mac-address``; both ``""`` where not asked for.
    :param assigned: what of it a swarm has given and takes back when the container ends:
        ``address``, ``all`` where no configuration was given, ``kept`` where one was in full.
    :param ipam: whether an IPAM configuration was given at all (shown as ``{}`` then).
    :param dns_names: what it answers to, as of the last time that it was connected or renamed.
    """

    network_id: str = ""
    dns_names: list[str] | None = None
    address: str = ""
    address6: str = ""
    link_local: list[str] | None = None
    ipam: bool = False
    links: list[str] | None = None
    aliases: list[str] | None = None
    mac: str = ""
    driver_options: dict[str, str] | None = None
    assigned: str = ""


def to_record(value: Any) -> Record:
    """A flat dataclass as a JSON record without what was not given. Not a copy: write it now."""
    record = {}
    for name in value.__dataclass_fields__:
        entry = getattr(value, name)
        if entry is not None and entry is not False and entry != "":
            record[name] = entry
    return record


def host_config_record(config: HostConfig) -> Record:
    """A host configuration with its nested parts as a JSON record."""
    record = to_record(config)
    record["restart_policy"] = to_record(config.restart_policy)
    if config.port_bindings:
        record["port_bindings"] = {
            port: None if entries is None else [to_record(entry) for entry in entries]
            for port, entries in config.port_bindings.items()
        }
    return record


def from_record(kind: type[T], record: Mapping[str, Any]) -> T:
    """A record back to its dataclass; fields of a newer release are ignored."""
    known = {entry.name for entry in fields(kind)}  # type: ignore[arg-type]
    return kind(**{key: value for key, value in record.items() if key in known})


def host_config_from_record(record: Mapping[str, Any]) -> HostConfig:
    """A host configuration with its nested parts."""
    config = from_record(HostConfig, record)
    config.restart_policy = from_record(RestartPolicy, record["restart_policy"])
    bindings = record.get("port_bindings")
    if bindings is not None:
        config.port_bindings = {
            port: None if entries is None else [from_record(HostPort, item) for item in entries]
            for port, entries in bindings.items()
        }
    return config


def is_user_defined(mode: str) -> bool:
    """Whether a network mode names a network of the user's own (Moby: ``IsUserDefined``)."""
    return mode not in {"default", "bridge", "host", "none"} and not mode.startswith("container:")


def shared_container(mode: str) -> str | None:
    """The container whose network stack is to be shared (``container:NAME``)."""
    return mode.removeprefix("container:") if mode.startswith("container:") else None
