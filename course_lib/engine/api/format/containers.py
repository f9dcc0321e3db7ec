"""Containers: ``docker inspect``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from course_lib.engine.api.format.endpoints import network_settings
from course_lib.engine.api.format.hostconfig import host_config
from course_lib.engine.api.format.times import time_text
from course_lib.engine.api.version import Version
from course_lib.engine.container.config import ContainerConfig
from course_lib.engine.container.container import Container
from course_lib.engine.container.networkview import NetworkView
from course_lib.engine.container.state import State
from course_lib.engine.volume.mounts import MountPoint

if TYPE_CHECKING:
    from course_lib.engine.container.health import Health

Json = dict[str, Any]


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
    result["Config"] = config(container.config, _mac_address(container))
    result["NetworkSettings"] = network_settings(container, network, version)
    return result


def _state(state: State) -> Json:
    result: Json = {
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
    if state.health is not None:
        result["Health"] = _health(state.health)
    return result


def _health(health: Health) -> Json:
    return {
        "Status": health.status,
        "FailingStreak": health.failing_streak,
        "Log": [
            {
                "Start": time_text(result.start_ns),
                "End": time_text(result.end_ns),
                "ExitCode": result.exit_code,
                "Output": result.output,
            }
            for result in health.results
        ],
    }


def _mac_address(container: Container) -> str:
    """The one asked for on the network of the container's mode (Moby: ``getInspectData``)."""
    mode = container.host_config.network_mode
    first = container.networks.get("bridge" if mode == "default" else mode)
    return first.mac if first is not None and mode not in {"host", "none"} else ""


def config(config: ContainerConfig, mac: str) -> Json:
    """``Config`` of a container.

    :param mac: MAC address that was asked for, ``""`` for none.
    """
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
    if mac:
        result["MacAddress"] = mac
    result |= {"OnBuild": config.on_build, "Labels": config.labels}
    if config.stop_signal:
        result["StopSignal"] = config.stop_signal
    if config.stop_timeout is not None:
        result["StopTimeout"] = config.stop_timeout
    if config.shell:
        result["Shell"] = config.shell
    return result


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
