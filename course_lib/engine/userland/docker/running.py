"""``docker run``, ``create``, ``exec`` and ``attach``."""

from __future__ import annotations

from typing import Any

from course_lib.engine.userland import tty
from course_lib.engine.userland.applets.net_options import Options
from course_lib.engine.userland.docker.client import DockerError
from course_lib.engine.userland.docker.command import Command, Context, key_values
from course_lib.engine.userland.docker.objects import pull_image
from course_lib.engine.userland.docker.streams import join

_RUN_LONG = {
    "detach": "d", "interactive": "i", "tty": "t", "publish-all": "P", "publish=": "p",
    "env=": "e", "volume=": "v", "user=": "u", "workdir=": "w", "hostname=": "h", "label=": "l",
    "name=": "name", "network=": "net", "net=": "net", "network-alias=": "alias",
    "net-alias=": "alias", "link=": "link", "entrypoint=": "entrypoint", "rm": "rm",
    "restart=": "restart", "volumes-from=": "from", "tmpfs=": "tmpfs", "read-only": "read-only",
    "ip=": "ip", "add-host=": "add-host", "expose=": "expose", "privileged": "privileged",
    "init": "init", "mount=": "mount", "pull=": "pull", "quiet": "q",
}  # fmt: skip


def _ports(words: list[str]) -> tuple[dict[str, Any], dict[str, list[dict[str, str]]]]:
    """``-p`` words as the API has them: ``[[ip:]host:]container[/proto]``."""
    exposed: dict[str, Any] = {}
    bound: dict[str, list[dict[str, str]]] = {}
    for word in words:
        front, _, kind = word.partition("/")
        address, _, private = front.rpartition(":")
        host_ip, _, host_port = address.rpartition(":")
        if "-" in word or not private.isdigit() or (host_port and not host_port.isdigit()):
            raise DockerError(f"docker: ranges and names of ports are not taken here: {word}.", 125)
        key = f"{private}/{kind or 'tcp'}"
        exposed[key] = {}
        bound.setdefault(key, []).append({"HostIp": host_ip, "HostPort": host_port})
    return exposed, bound


def _mount(word: str) -> dict[str, Any]:
    """A ``--mount`` word as the API has it."""
    found = key_values(word.split(","))
    mount: dict[str, Any] = {"Type": found.get("type", "volume")}
    for key, value in found.items():
        if key in ("source", "src"):
            mount["Source"] = value
        elif key in ("target", "dst", "destination"):
            mount["Target"] = value
        elif key in ("readonly", "ro"):
            mount["ReadOnly"] = value in ("", "true", "1")
        elif key != "type":
            raise DockerError(f"docker: --mount {key} is not taken here.", 125)
    return mount


def _config(options: Options) -> dict[str, Any]:
    image, *command = options.words
    exposed, bound = _ports(options.all("p"))
    exposed.update({w if "/" in w else f"{w}/tcp": {} for w in options.all("expose")})
    network = options.get("net", "default")
    detached, interactive = "d" in options, "i" in options
    policy, _, retries = options.get("restart", "no").partition(":")
    volumes = options.all("v")
    host: dict[str, Any] = {
        "AutoRemove": "rm" in options, "NetworkMode": network, "PortBindings": bound,
        "PublishAllPorts": "P" in options, "Binds": [v for v in volumes if ":" in v],
        "Links": options.all("link"), "VolumesFrom": options.all("from"),
        "ReadonlyRootfs": "read-only" in options, "ExtraHosts": options.all("add-host"),
        "Privileged": "privileged" in options, "Init": True if "init" in options else None,
        "Mounts": [_mount(word) for word in options.all("mount")],
        "Tmpfs": {w.partition(":")[0]: w.partition(":")[2] for w in options.all("tmpfs")},
        "RestartPolicy": {"Name": policy, "MaximumRetryCount": int(retries or 0)},
    }  # fmt: skip
    config: dict[str, Any] = {
        "Image": image, "Cmd": command or None, "Tty": "t" in options, "OpenStdin": interactive,
        "StdinOnce": interactive and not detached, "AttachStdin": interactive and not detached,
        "AttachStdout": not detached, "AttachStderr": not detached, "Env": options.all("e"),
        "ExposedPorts": exposed, "Hostname": options.get("h", ""), "User": options.get("u", ""),
        "WorkingDir": options.get("w", ""), "Labels": key_values(options.all("l")),
        "Volumes": {v: {} for v in volumes if ":" not in v}, "HostConfig": host,
    }  # fmt: skip
    if "entrypoint" in options:
        config["Entrypoint"] = [options["entrypoint"]] if options["entrypoint"] else [""]
    endpoint: dict[str, Any] = {}
    if "alias" in options:
        endpoint["Aliases"] = options.all("alias")
    if "ip" in options:
        endpoint["IPAMConfig"] = {"IPv4Address": options["ip"]}
    if endpoint:
        config["NetworkingConfig"] = {"EndpointsConfig": {network: endpoint}}
    return config


async def _create(context: Context, options: Options) -> str:
    config = _config(options)
    params = {"name": options["name"]} if "name" in options else None
    config["Env"] = [
        word if "=" in word else f"{word}={context.proc.env[word]}"
        for word in config["Env"]
        if "=" in word or word in context.proc.env
    ]
    try:
        made = await context.client.call("POST", "/containers/create", params, config)
    except DockerError as error:
        image = config["Image"]
        if error.status != 404 or "No such image" not in str(error):
            raise
        if options.get("pull", "missing") == "never":
            raise
        tagged = image if ":" in image or "@" in image else f"{image}:latest"
        await context.err(f"Unable to find image '{tagged}' locally\n")
        await pull_image(context, image, context.err)
        made = await context.client.call("POST", "/containers/create", params, config)
    for warning in made.get("Warnings") or ():
        await context.err(f"WARNING: {warning}\n")
    identity: str = made["Id"]
    return identity


def _refused(error: DockerError, name: str) -> DockerError:
    """That a container cannot be created, as ``docker run`` shows it."""
    text = str(error)
    if "invalid reference format" in text:  # the real client finds that out by itself
        text = text.removeprefix("Error response from daemon: ")
    return DockerError(f"docker: {text.removesuffix('.')}.\nSee 'docker {name} --help'.", 125)


async def create(context: Context, options: Options) -> int:
    """Create a container."""
    await context.out(f"{await _create(context, options)}\n")
    return 0


async def run(context: Context, options: Options) -> int:
    """Create a container and start it; unless detached, stay with it to its end."""
    detached, interactive, terminal = "d" in options, "i" in options, "t" in options
    if detached and not interactive:
        terminal_here = None
    else:
        terminal_here = tty.terminal_of(context.proc.stdin)
        if terminal and interactive and terminal_here is None:
            raise DockerError("the input device is not a TTY")
    try:
        container = await _create(context, options)
    except DockerError as error:
        raise _refused(error, context.name) from None
    where = f"/containers/{container}"
    if detached:
        await _start(context, where)
        await context.out(f"{container}\n")
        return 0
    params = {
        "stream": "1",
        "stdout": "1",
        "stderr": "1",
        **({"stdin": "1"} if interactive else {}),
    }
    raw = await context.client.hijack(f"{where}/attach", params)
    until = {"condition": "removed" if "rm" in options else "next-exit"}
    ended = await context.client.begin("POST", f"{where}/wait", until)
    try:
        await _start(context, where)
        if terminal and terminal_here is not None:
            rows, columns = terminal_here.size
            await context.client.call("POST", f"{where}/resize", {"h": rows, "w": columns})
        await join(context, raw, stdin=interactive, terminal=terminal)
        return int((await ended.result())["StatusCode"])
    finally:
        raw.close()
        ended.close()


async def _start(context: Context, where: str) -> None:
    try:
        await context.client.call("POST", f"{where}/start")
    except DockerError as error:
        text = str(error)
        code = 125
        if "executable file not found" in text or "no such file or directory" in text:
            code = 127
        elif "permission denied" in text or "is a directory" in text:
            code = 126
        raise DockerError(f"docker: {text.removesuffix('.')}.", code) from None


async def exec_(context: Context, options: Options) -> int:
    """Run a program in a container that runs."""
    container, *command = options.words
    detached, interactive, terminal = "d" in options, "i" in options, "t" in options
    local = tty.terminal_of(context.proc.stdin)
    if terminal and interactive and local is None:
        raise DockerError("the input device is not a TTY")
    config = {
        "Cmd": command, "Tty": terminal, "AttachStdin": interactive and not detached,
        "AttachStdout": not detached, "AttachStderr": not detached, "Env": options.all("e"),
        "User": options.get("u", ""), "WorkingDir": options.get("w", ""),
        "Privileged": "privileged" in options, "Detach": detached,
    }  # fmt: skip
    made = await context.client.call("POST", f"/containers/{container}/exec", None, config)
    where = f"/exec/{made['Id']}"
    start: dict[str, Any] = {"Detach": detached, "Tty": terminal}
    if detached:
        await context.client.call("POST", f"{where}/start", None, start)
        return 0
    if terminal and local is not None:
        start["ConsoleSize"] = list(local.size)
    raw = await context.client.hijack(f"{where}/start", None, start)
    await join(context, raw, stdin=interactive, terminal=terminal)
    return int((await context.client.call("GET", f"{where}/json"))["ExitCode"] or 0)


async def attach(context: Context, options: Options) -> int:
    """Join the streams of a container that runs."""
    where = f"/containers/{options.words[0]}"
    details = await context.client.call("GET", f"{where}/json")
    if not details["State"]["Running"]:
        raise DockerError("You cannot attach to a stopped container, start it first")
    stdin = details["Config"]["OpenStdin"] and "no-stdin" not in options
    params = {"stream": "1", "stdout": "1", "stderr": "1", **({"stdin": "1"} if stdin else {})}
    ended = await context.client.begin("POST", f"{where}/wait")
    try:
        raw = await context.client.hijack(f"{where}/attach", params)
        await join(context, raw, stdin=stdin, terminal=details["Config"]["Tty"])
        return int((await ended.result())["StatusCode"])
    finally:
        ended.close()


_RUN = "ditPp:e:v:u:w:h:l:q"
COMMANDS: dict[str, Command] = {
    "run": Command(run, "[OPTIONS] IMAGE [COMMAND] [ARG...]",
                   "Create and run a new container from an image", _RUN, _RUN_LONG,
                   least=1, permute=False),
    "create": Command(create, "[OPTIONS] IMAGE [COMMAND] [ARG...]", "Create a new container",
                      _RUN, _RUN_LONG, least=1, permute=False),
    "exec": Command(
        exec_, "[OPTIONS] CONTAINER COMMAND [ARG...]", "Execute a command in a running container",
        "dite:u:w:",
        {"detach": "d", "interactive": "i", "tty": "t", "env=": "e", "user=": "u",
         "workdir=": "w", "privileged": "privileged"}, least=2, permute=False,
    ),
    "attach": Command(
        attach, "[OPTIONS] CONTAINER",
        "Attach local standard input, output, and error streams to a running container",
        "", {"no-stdin": "no-stdin"}, least=1, most=1,
    ),
}  # fmt: skip
