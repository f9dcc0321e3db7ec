"""``docker ps`` and what is done to containers that are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from course_lib.engine.userland.applets.net_options import Options
from course_lib.engine.userland.docker import tables
from course_lib.engine.userland.docker.client import DockerError
from course_lib.engine.userland.docker.command import Command, Context, filters
from course_lib.engine.userland.docker.streams import unframe

_PS = "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}"
_TITLES = {
    "ID": "CONTAINER ID", "Image": "IMAGE", "Command": "COMMAND", "RunningFor": "CREATED",
    "CreatedAt": "CREATED AT", "Status": "STATUS", "State": "STATE", "Ports": "PORTS",
    "Names": "NAMES", "Labels": "LABELS", "Mounts": "MOUNTS", "Networks": "NETWORKS",
    "LocalVolumes": "LOCAL VOLUMES", "Size": "SIZE",
}  # fmt: skip


def _row(context: Context, entry: dict[str, Any], whole: bool) -> dict[str, Any]:
    now = context.proc.machine.clock.time_ns() / 1e9
    names = [name.removeprefix("/") for name in entry["Names"]]
    if not whole:
        names = [name for name in names if "/" not in name]
    image = entry["Image"]
    if not whole and image.startswith("sha256:"):
        image = image.removeprefix("sha256:")[:12]
    mounts = [mount.get("Name") or mount["Source"] for mount in entry["Mounts"]]
    return {
        "ID": entry["Id"] if whole else entry["Id"][:12],
        "Image": image,
        "Command": f'"{entry["Command"] if whole else tables.ellipsis(entry["Command"], 20)}"',
        "RunningFor": f"{tables.duration(now - entry['Created'])} ago",
        "CreatedAt": _moment(entry["Created"]),
        "Status": entry["Status"],
        "State": entry["State"],
        "Ports": tables.ports(entry["Ports"]),
        "Names": ",".join(names),
        "Labels": ",".join(f"{k}={v}" for k, v in sorted((entry["Labels"] or {}).items())),
        "Mounts": ",".join(m if whole else tables.ellipsis(m, 15) for m in mounts),
        "Networks": ",".join(sorted(entry["NetworkSettings"]["Networks"])),
        "LocalVolumes": str(sum(m.get("Driver") == "local" for m in entry["Mounts"])),
        "Size": tables.size(entry.get("SizeRw", 0)),
    }


def _moment(seconds: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S +0000 UTC")


async def ps(context: Context, options: Options) -> int:
    """List containers."""
    params: dict[str, Any] = {"filters": filters(context, options.all("f"))}
    if "a" in options or "n" in options or "l" in options:
        params["all"] = 1
    if "n" in options or "l" in options:
        params["limit"] = options.get("n", "1")
    if "s" in options:
        params["size"] = 1
    entries = await context.client.call("GET", "/containers/json", params)
    whole = "no-trunc" in options
    rows = [_row(context, entry, whole) for entry in entries]
    if "q" in options:
        await context.out("".join(f"{row['ID']}\n" for row in rows))
        return 0
    default = _PS + ("\t{{.Size}}" if "s" in options else "")
    form = options.get("format", "")
    await context.out(tables.render(rows, form, default, _TITLES, "*formatter.ContainerContext"))
    return 0


def _posting(verb: str, query: Callable[[Options], dict[str, str]] = lambda _: {}) -> Any:
    """A command that posts the same to each container and prints its name."""

    async def body(context: Context, options: Options) -> int:
        params = query(options)

        async def act(word: str) -> str:
            await context.client.call("POST", f"/containers/{word}/{verb}", params)
            return word

        return await context.each(options.words, act)

    return body


def _seconds(options: Options) -> dict[str, str]:
    found = {"t": options["t"]} if "t" in options else {}
    return {**found, "signal": options["s"]} if "s" in options else found


async def rm(context: Context, options: Options) -> int:
    """Remove containers."""
    params = {"v": "v" in options, "force": "f" in options, "link": "l" in options}
    wanted = {key: "1" for key, value in params.items() if value}

    async def act(word: str) -> str | None:
        try:
            await context.client.call("DELETE", f"/containers/{word.strip('/')}", wanted)
        except DockerError as error:
            if "f" in options and error.status == 404:
                await context.err(f"{error}\n")
                return None
            raise
        return word

    return await context.each(options.words, act)


async def wait(context: Context, options: Options) -> int:
    """Wait for containers to stop, and print their exit codes."""

    async def act(word: str) -> str:
        answer = await context.client.call("POST", f"/containers/{word}/wait")
        return str(answer["StatusCode"])

    return await context.each(options.words, act)


async def port(context: Context, options: Options) -> int:
    """List the published ports of a container, or where one of them is."""
    details = await context.client.call("GET", f"/containers/{options.words[0]}/json")
    bound = details["NetworkSettings"]["Ports"] or {}
    if len(options.words) > 1:
        wanted = options.words[1] if "/" in options.words[1] else f"{options.words[1]}/tcp"
        if not bound.get(wanted):
            name, asked = options.words
            raise DockerError(f"Error: No public port '{asked}' published for {name}")
        bound = {"": bound[wanted]}
    for inside, places in sorted(bound.items()):
        for place in places or ():
            address = place["HostIp"]
            shown = f"[{address}]" if ":" in address else address
            before = f"{inside} -> " if inside else ""
            await context.out(f"{before}{shown}:{place['HostPort']}\n")
    return 0


async def top(context: Context, options: Options) -> int:
    """Show the processes of a container."""
    params = {"ps_args": " ".join(options.words[1:])} if options.words[1:] else None
    found = await context.client.call("GET", f"/containers/{options.words[0]}/top", params)
    lines = ["\t".join(row) for row in (found["Titles"], *found["Processes"])]
    widths = [max(len(cell) for cell in column) for column in
              zip(*(line.split("\t") for line in lines), strict=True)]  # fmt: skip
    for line in lines:
        cells = line.split("\t")
        padded = (c.ljust(max(20, w + 3)) for c, w in zip(cells[:-1], widths, strict=False))
        await context.out("".join(padded) + cells[-1] + "\n")
    return 0


async def logs(context: Context, options: Options) -> int:
    """Show what a container has printed."""
    name = options.words[0]
    details = await context.client.call("GET", f"/containers/{name}/json")
    params = {"stdout": "1", "stderr": "1", "tail": options.get("n", "all")}
    for letter, key in (("f", "follow"), ("t", "timestamps")):
        if letter in options:
            params[key] = "1"
    rest = b""
    async for piece in context.client.stream("GET", f"/containers/{name}/logs", params):
        if details["Config"]["Tty"]:
            await context.proc.out(piece)
        else:
            rest = await unframe(context, rest + piece)
    return 0


async def rename(context: Context, options: Options) -> int:
    """Give a container another name."""
    old, new = options.words
    await context.client.call("POST", f"/containers/{old}/rename", {"name": new})
    return 0


_MANY = "[OPTIONS] CONTAINER [CONTAINER...]"
COMMANDS: dict[str, Command] = {
    "ps": Command(
        ps, "[OPTIONS]", "List containers", "aqlsn:f:",
        {"all": "a", "quiet": "q", "latest": "l", "size": "s", "last=": "n", "filter=": "f",
         "format=": "format", "no-trunc": "no-trunc"}, most=0,
    ),
    "start": Command(_posting("start"), _MANY, "Start one or more stopped containers", least=1),
    "stop": Command(_posting("stop", _seconds), _MANY, "Stop one or more running containers",
                    "t:s:", {"time=": "t", "signal=": "s"}, least=1),
    "restart": Command(_posting("restart", _seconds), _MANY, "Restart one or more containers",
                       "t:s:", {"time=": "t", "signal=": "s"}, least=1),
    "kill": Command(
        _posting("kill", lambda o: {"signal": o["s"]} if "s" in o else {}), _MANY,
        "Kill one or more running containers", "s:", {"signal=": "s"}, least=1,
    ),
    "pause": Command(_posting("pause"), "CONTAINER [CONTAINER...]",
                     "Pause all processes within one or more containers", least=1),
    "unpause": Command(_posting("unpause"), "CONTAINER [CONTAINER...]",
                       "Unpause all processes within one or more containers", least=1),
    "rm": Command(rm, _MANY, "Remove one or more containers", "fvl",
                  {"force": "f", "volumes": "v", "link": "l"}, least=1),
    "wait": Command(wait, "CONTAINER [CONTAINER...]",
                    "Block until one or more containers stop, then print their exit codes",
                    least=1),
    "port": Command(port, "CONTAINER [PRIVATE_PORT[/PROTO]]",
                    "List port mappings or a specific mapping for the container", least=1, most=2),
    "top": Command(top, "CONTAINER [ps OPTIONS]",
                   "Display the running processes of a container", least=1, permute=False),
    "logs": Command(
        logs, "[OPTIONS] CONTAINER", "Fetch the logs of a container", "ftn:",
        {"follow": "f", "timestamps": "t", "tail=": "n"}, least=1, most=1,
    ),
    "rename": Command(rename, "CONTAINER NEW_NAME", "Rename a container", least=2, most=2),
}  # fmt: skip
