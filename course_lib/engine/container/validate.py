"""What dockerd refuses in a container's configuration, in its words.

Covers Moby's ``runconfig`` (conflicts with the network mode) and
``daemon.verifyContainerSettings``.
"""

from __future__ import annotations

import ipaddress
import json
import posixpath

from course_lib.engine.container.config import ContainerConfig, HostConfig, shared_container
from course_lib.engine.container.restart import check_policy
from course_lib.engine.container.signals import parse_signal
from course_lib.engine.errdefs import InvalidParameter, NotImplementedByEngine, SystemFailure

MAX_PORT = 65535
_LOG_OPTIONS = {
    "json-file": {
        "max-file",
        "max-size",
        "compress",
        "labels",
        "labels-regex",
        "env",
        "env-regex",
        "tag",
        "mode",
        "max-buffer-size",
    },
    "local": {"max-file", "max-size", "compress", "mode", "max-buffer-size"},
}
_FOREIGN_LOG_DRIVERS = {
    "awslogs",
    "fluentd",
    "gcplogs",
    "gelf",
    "journald",
    "splunk",
    "syslog",
}


def validate(config: ContainerConfig, host: HostConfig) -> list[str]:
    """Check both configurations; what is merely odd comes back as warnings.

    :raises InvalidParameter: with dockerd's text.
    """
    _network_mode(config, host)
    _config(config)
    return validate_host(host)


def validate_host(host: HostConfig) -> list[str]:
    """The checks of the host's part alone, which dockerd repeats at every start.

    :raises InvalidParameter: with dockerd's text.
    """
    _host_config(host)
    if host.network_mode == "host" and host.port_bindings:
        return ["Published ports are discarded when using host network mode"]
    return []


def _network_mode(config: ContainerConfig, host: HostConfig) -> None:
    mode = host.network_mode
    shared = shared_container(mode)
    if mode == "container" or shared == "":
        raise InvalidParameter("Invalid network mode: invalid container format container:<name|id>")
    if shared is not None:
        conflicts: tuple[tuple[object, str], ...] = (
            (config.hostname, "hostname and the network mode"),
            (
                host.links,
                "container type network can't be used with links. "
                "This would result in undefined behavior",
            ),
            (host.dns, "dns and the network mode"),
            (host.extra_hosts, "custom host-to-IP mapping and the network mode"),
            (
                host.port_bindings or host.publish_all_ports,
                "port publishing and the container type network mode",
            ),
            (config.exposed_ports, "port exposing and the container type network mode"),
        )
        for given, text in conflicts:
            if given:
                raise InvalidParameter(f"conflicting options: {text}")
    if mode == "host" and host.links:
        raise InvalidParameter(
            "conflicting options: host type networking can't be used with links. "
            "This would result in undefined behavior"
        )


def _config(config: ContainerConfig) -> None:
    if config.working_dir:
        if not config.working_dir.startswith("/"):
            raise InvalidParameter(
                f"the working directory '{config.working_dir}' is invalid, "
                "it needs to be an absolute path"
            )
        config.working_dir = posixpath.normpath("/" + config.working_dir.lstrip("/"))
    if config.stop_signal:
        parse_signal(config.stop_signal)
    for entry in config.env or ():
        if not entry or entry.startswith("="):
            raise InvalidParameter(f"invalid environment variable: {entry}")


def _host_config(host: HostConfig) -> None:
    if host.auto_remove and host.restart_policy.name not in {"", "no"}:
        raise InvalidParameter("can't create 'AutoRemove' container with restart policy")
    for entry in host.extra_hosts or ():
        _extra_host(entry)
    for port, bindings in (host.port_bindings or {}).items():
        number = port.partition("/")[0]
        if parse_port(number) is None:
            raise InvalidParameter(f"invalid port specification: {json.dumps(number)}")
        for binding in bindings or ():
            if parse_port_range(binding.host_port.partition("/")[0]) is None:
                raise InvalidParameter(
                    f"invalid port specification: {json.dumps(binding.host_port)}"
                )
    check_policy(host.restart_policy)
    for option in host.storage_options or ():
        if option.lower() != "size":
            raise SystemFailure(f"Unknown option {option}")
        raise SystemFailure(
            "--storage-opt is supported only for overlay over xfs with 'pquota' mount option"
        )
    if host.shm_size < 0:
        raise InvalidParameter("SHM size can not be less than 0")
    _log(host)


def _extra_host(entry: str) -> None:
    name, _, address = entry.partition(":")
    if not name or not address:
        raise InvalidParameter(f"bad format for add-host: {json.dumps(entry)}")
    if address == "host-gateway":
        return
    try:
        ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        raise InvalidParameter(f"invalid IP address in add-host: {json.dumps(address)}") from None


def _log(host: HostConfig) -> None:
    driver = host.log_driver
    if driver in _FOREIGN_LOG_DRIVERS:
        raise NotImplementedByEngine(f"log driver {driver!r}")
    if driver == "none":
        return
    mode = host.log_options.get("mode", "")
    if mode not in {"", "blocking", "non-blocking"}:
        raise InvalidParameter(f"logger: logging mode not supported: {mode}")
    if "max-buffer-size" in host.log_options and mode != "non-blocking":
        raise InvalidParameter(
            "logger: max-buffer-size option is only supported with 'mode=non-blocking'"
        )
    if driver not in _LOG_OPTIONS:
        raise InvalidParameter(
            f'error looking up logging plugin {driver}: plugin "{driver}" not found'
        )
    for name in host.log_options:
        if name not in _LOG_OPTIONS[driver]:
            raise InvalidParameter(f"unknown log opt '{name}' for {driver} log driver")


def parse_port(text: str) -> int | None:
    """A port number 0 to 65535; ``None`` for anything else."""
    if not (text.isascii() and text.isdigit()) or int(text) > MAX_PORT:
        return None
    return int(text)


def parse_port_range(text: str) -> tuple[int, int] | None:
    """``""`` → (0, 0), ``80`` → (80, 80), ``80-90`` → (80, 90); ``None`` for anything else."""
    if not text:
        return 0, 0
    first, dash, last = text.partition("-")
    start, end = parse_port(first), parse_port(last if dash else first)
    if start is None or end is None or end < start:
        return None
    return start, end
