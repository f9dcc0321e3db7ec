"""Bodies of ``containers/create`` and its kin, turned into the engine's own dataclasses."""

from __future__ import annotations

from typing import Any

from course_lib.engine.api import hostsettings
from course_lib.engine.api.gojson import Decoded
from course_lib.engine.api.limits import check_limits
from course_lib.engine.api.version import Version
from course_lib.engine.container.attach import detach_keys
from course_lib.engine.container.config import (
    ContainerConfig,
    EndpointConfig,
    HostConfig,
    RestartPolicy,
    is_user_defined,
)
from course_lib.engine.container.create import CreateRequest
from course_lib.engine.container.exec import ExecSpec
from course_lib.engine.errdefs import EngineError, InvalidParameter


def create_request(name: str, body: Decoded, version: Version) -> CreateRequest:
    """What ``POST /containers/create`` asks for.

    :raises InvalidParameter: with dockerd's text.
    """
    body = dict(body)
    host = body.pop("HostConfig", {})
    networking = body.pop("NetworkingConfig", {})
    if not body:
        raise InvalidParameter("config cannot be empty in order to create a container")
    host_config = hostsettings.host_config(host, version)
    networks = {
        key: endpoint_config(value or {})
        for key, value in networking.get("EndpointsConfig", {}).items()
    }
    for key, value in networking.get("EndpointsConfig", {}).items():
        if value is None:
            raise InvalidParameter(f"invalid config for network {key}: EndpointsConfig is nil")
    if "default" in networks:
        networks[host_config.network_mode] = networks.pop("default")
    if version < (1, 44) and len(networks) > 1:
        raise InvalidParameter(
            "Container cannot be created with multiple network endpoints: " + ", ".join(networks)
        )
    warnings = check_limits(host) + hostsettings.without_effect(host)
    warnings += _mac_address(body.pop("MacAddress", ""), host_config, networks, version)
    return CreateRequest(name, container_config(body), host_config, networks, warnings)


def container_config(body: Decoded) -> ContainerConfig:
    """The portable part of a container's configuration."""
    check = body.get("Healthcheck")
    _health(check or {})
    return ContainerConfig(
        image=body.get("Image", ""),
        hostname=body.get("Hostname", ""),
        domainname=body.get("Domainname", ""),
        user=body.get("User", ""),
        attach_stdin=body.get("AttachStdin", False),
        attach_stdout=body.get("AttachStdout", False),
        attach_stderr=body.get("AttachStderr", False),
        exposed_ports=_exposed(body.get("ExposedPorts")),
        tty=body.get("Tty", False),
        open_stdin=body.get("OpenStdin", False),
        stdin_once=body.get("StdinOnce", False),
        env=body.get("Env"),
        cmd=body.get("Cmd"),
        healthcheck=check,
        volumes=body.get("Volumes"),
        working_dir=body.get("WorkingDir", ""),
        entrypoint=body.get("Entrypoint"),
        network_disabled=body.get("NetworkDisabled", False),
        on_build=body.get("OnBuild"),
        labels={key: value or "" for key, value in body.get("Labels", {}).items()},
        stop_signal=body.get("StopSignal", ""),
        stop_timeout=body.get("StopTimeout"),
        shell=body.get("Shell"),
    )


def _exposed(ports: dict[str, Any] | None) -> dict[str, Any] | None:
    if ports is None:
        return None
    return {port if "/" in port else f"{port}/tcp": {} for port in ports}


def _health(check: Decoded) -> None:
    for name in ("Interval", "Timeout", "StartPeriod", "StartInterval"):
        if 0 < check.get(name, 0) < 1_000_000 or check.get(name, 0) < 0:
            raise InvalidParameter(f"{name} in Healthcheck cannot be less than 1ms")
    if check.get("Retries", 0) < 0:
        raise InvalidParameter("Retries in Healthcheck cannot be negative")


def _mac_address(
    mac: str, host: HostConfig, networks: dict[str, EndpointConfig], version: Version
) -> list[str]:
    """The container-wide MAC address of older clients (Moby: ``handleMACAddressBC``)."""
    mode = host.network_mode
    on_bridge = mode == "bridge" or is_user_defined(mode)
    if version < (1, 44):
        if not mac:
            for endpoint in networks.values():
                endpoint.mac = ""
            return []
        if not on_bridge:
            raise InvalidParameter("conflicting options: mac-address and the network mode")
        for endpoint in networks.values():
            endpoint.mac = mac
        if not networks:
            networks[mode] = EndpointConfig(mac=mac)
        return []
    if not mac:
        return []
    if on_bridge:
        if networks and mode not in networks:
            raise InvalidParameter(
                "if a container-wide MAC address is supplied, HostConfig.NetworkMode must match "
                "the identity of a network in NetworkSettings.Networks"
            )
        endpoint = networks.setdefault(mode, EndpointConfig())
        if endpoint.mac and endpoint.mac != mac:
            raise InvalidParameter(
                "the container-wide MAC address must match the endpoint-specific MAC address for "
                "the main network, or be left empty"
            )
        endpoint.mac = mac
    return [
        "The container-wide MacAddress field is now deprecated. It should be specified in "
        "EndpointsConfig instead."
    ]


def endpoint_config(body: Decoded) -> EndpointConfig:
    """``EndpointSettings``: what is asked of one attachment."""
    ipam = body.get("IPAMConfig")
    given = ipam or {}
    return EndpointConfig(
        address=given.get("IPv4Address", ""),
        address6=given.get("IPv6Address", ""),
        link_local=given.get("LinkLocalIPs"),
        ipam=ipam is not None,
        links=body.get("Links"),
        aliases=body.get("Aliases"),
        mac=body.get("MacAddress", ""),
        driver_options=body.get("DriverOpts"),
    )


def update_request(body: Decoded) -> tuple[RestartPolicy | None, dict[str, object], list[str]]:
    """``POST /containers/{name}/update``: policy, settings that are only kept, warnings."""
    body = dict(body)
    given = body.pop("RestartPolicy", None)
    policy = None
    if given is not None:
        policy = RestartPolicy(given.get("Name", ""), given.get("MaximumRetryCount", 0))
    passive = {key: value for key, value in body.items() if value}
    return policy, passive, check_limits(passive)


def exec_spec(body: Decoded, version: Version) -> ExecSpec:
    """``POST /containers/{name}/exec``.

    :raises InvalidParameter: no command.
    """
    command = body.get("Cmd")
    if not command:
        raise InvalidParameter("No exec command specified")
    keys = b""
    if body.get("DetachKeys"):
        try:
            keys = detach_keys(body["DetachKeys"])
        except ValueError:
            raise EngineError(f"Invalid escape keys ({body['DetachKeys']}) provided") from None
    return ExecSpec(
        argv=command,
        env=body.get("Env") or [],
        user=body.get("User", ""),
        working_dir=body.get("WorkingDir", ""),
        tty=body.get("Tty", False),
        privileged=body.get("Privileged", False),
        attach_stdin=body.get("AttachStdin", False),
        attach_stdout=body.get("AttachStdout", False),
        attach_stderr=body.get("AttachStderr", False),
        detach_keys=keys,
        console_size=console_size(body) if version >= (1, 42) else None,
    )


def console_size(body: Decoded) -> tuple[int, int] | None:
    """``ConsoleSize``: rows and columns."""
    size = body.get("ConsoleSize")
    return (size[0], size[1]) if size and len(size) >= 2 else None
