"""``docker version`` and ``docker info``."""

from __future__ import annotations

from typing import Any

from course_lib.engine.userland.applets.net_options import Options
from course_lib.engine.userland.docker import tables
from course_lib.engine.userland.docker.client import API, DockerError
from course_lib.engine.userland.docker.command import Command, Context
from course_lib.engine.userland.docker.template import Template, TemplateError, plain

VERSION = "26.1.4+embedded"
"""Of this client: what the image is tagged, and that it is the embedded engine's own."""


def _client() -> dict[str, Any]:
    return {"Version": VERSION, "APIVersion": API, "Os": "linux", "Arch": "amd64",
            "Context": "default"}  # fmt: skip


async def _formatted(context: Context, options: Options, data: Any) -> bool:
    if "f" not in options:
        return False
    form = "{{json .}}" if options["f"] == "json" else options["f"]
    try:
        await context.out(f"{Template(form).render(data)}\n")
    except TemplateError as error:
        raise context.template_failed(error) from None
    return True


async def version(context: Context, options: Options) -> int:
    """Show the versions of client and engine."""
    failure = None
    server: Any = None
    try:
        server = await context.client.call("GET", "/version")
    except DockerError as error:
        failure = error
    client = _client()
    if await _formatted(context, options, {"Client": client, "Server": server}):
        if failure is not None:
            raise failure
        return 0
    lines = ["Client:"]
    lines += [
        f" {name + ':':<18} {value}"
        for name, value in (
            ("Version", client["Version"]), ("API version", API), ("OS/Arch", "linux/amd64"),
            ("Context", "default"),
        )
    ]  # fmt: skip
    await context.out("\n".join(lines) + "\n")
    if failure is not None:
        raise failure
    platform = server.get("Platform", {}).get("Name", "")
    lines = ["", f"Server: {platform}".rstrip()]
    for part in server["Components"]:
        details = part.get("Details") or {}
        lines.append(f" {part['Name']}:")
        rows = [("Version", part["Version"])]
        if part["Name"] == "Engine":
            api = f"{details.get('ApiVersion')} (minimum version {details.get('MinAPIVersion')})"
            rows += [
                ("API version", api),
                ("Go version", details.get("GoVersion", "")),
                ("Git commit", details.get("GitCommit", "")),
                ("Built", details.get("BuildTime", "")),
                ("OS/Arch", f"{details.get('Os')}/{details.get('Arch')}"),
                ("Experimental", details.get("Experimental", "false")),
            ]
        else:
            rows.append(("GitCommit", details.get("GitCommit", "")))
        lines += [f"  {name + ':':<17} {value}".rstrip() for name, value in rows]
    await context.out("\n".join(lines) + "\n")
    return 0


async def info(context: Context, options: Options) -> int:
    """Show what the engine says of itself."""
    found = await context.client.call("GET", "/info")
    if await _formatted(context, options, found):
        return 0
    rows = [
        ("Containers", "Containers"), (" Running", "ContainersRunning"),
        (" Paused", "ContainersPaused"), (" Stopped", "ContainersStopped"), ("Images", "Images"),
        ("Server Version", "ServerVersion"), ("Storage Driver", "Driver"),
        ("Logging Driver", "LoggingDriver"), ("Cgroup Driver", "CgroupDriver"),
        ("Kernel Version", "KernelVersion"), ("Operating System", "OperatingSystem"),
        ("OSType", "OSType"), ("Architecture", "Architecture"), ("CPUs", "NCPU"),
        ("Name", "Name"), ("ID", "ID"), ("Docker Root Dir", "DockerRootDir"),
    ]  # fmt: skip
    lines = ["Client:", f" Version:    {VERSION}", " Context:    default", "", "Server:"]
    lines += [f" {title}: {plain(found[key])}" for title, key in rows if key in found]
    lines.insert(-2, f" Total Memory: {tables.size(found.get('MemTotal', 0), 4)}")
    swarm = found.get("Swarm", {}).get("LocalNodeState", "inactive")
    lines.insert(-3, f" Swarm: {swarm}")
    await context.out("\n".join(lines) + "\n")
    for warning in found.get("Warnings") or ():
        await context.err(f"{warning}\n")
    return 0


_FORM = {"format=": "f"}
COMMANDS: dict[str, Command] = {
    "version": Command(version, "[OPTIONS]", "Show the Docker version information", "f:", _FORM,
                       most=0),
    "info": Command(info, "[OPTIONS]", "Display system-wide information", "f:", _FORM, most=0),
    "system info": Command(info, "[OPTIONS]", "Display system-wide information", "f:", _FORM,
                           most=0),
}  # fmt: skip
