"""Images, networks and volumes, and ``docker inspect``."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from course_lib.engine.userland.applets.net_options import Options
from course_lib.engine.userland.docker import tables
from course_lib.engine.userland.docker.client import DockerError
from course_lib.engine.userland.docker.command import Command, Context, filters, key_values
from course_lib.engine.userland.docker.template import Template, TemplateError

Write = Callable[[str], Awaitable[None]]

# --- images ------------------------------------------------------------------------------


async def pull_image(context: Context, name: str, write: Write) -> None:
    """Pull an image, telling what comes of it.

    :raises DockerError: the engine could not.
    """
    repository, _, tag = name.rpartition(":")
    if not repository or "/" in tag:
        repository, tag = name, "latest"
        if write is context.out:
            await write(f"Using default tag: {tag}\n")
    params = {"fromImage": repository, "tag": tag}
    rest = b""
    async for piece in context.client.stream("POST", "/images/create", params):
        *lines, rest = (rest + piece).split(b"\n")
        for line in filter(None, lines):
            message = json.loads(line)
            if "error" in message:
                raise DockerError(message["error"])
            status = message.get("status", "")
            if message.get("id") and message.get("progressDetail") is None:
                status = f"{message['id']}: {status}"
            elif message.get("id"):
                if "complete" not in status and "exists" not in status:
                    continue
                status = f"{message['id']}: {status}"
            await write(f"{status}\n")


async def pull(context: Context, options: Options) -> int:
    """Download an image."""
    name = options.words[0]
    if "q" in options:
        await pull_image(context, name, _silently)
    else:
        await pull_image(context, name, context.out)
    prefix = "docker.io/" if "/" in name else "docker.io/library/"
    await context.out(f"{prefix}{name if ':' in name else f'{name}:latest'}\n")
    return 0


async def _silently(_text: str) -> None:
    return


async def images(context: Context, options: Options) -> int:
    """List images."""
    wanted = filters(context, options.all("f"))
    if options.words:
        wanted["reference"] = {options.words[0]: True}
    params: dict[str, Any] = {"filters": wanted}
    if "a" in options:
        params["all"] = 1
    now = context.proc.machine.clock.time_ns() / 1e9
    rows = []
    for entry in await context.client.call("GET", "/images/json", params):
        identity = entry["Id"]
        if "no-trunc" not in options:
            identity = identity.removeprefix("sha256:")[:12]
        digests = {d.partition("@")[0]: d.partition("@")[2] for d in entry["RepoDigests"] or ()}
        for tagged in entry["RepoTags"] or ["<none>:<none>"]:
            repository, _, tag = tagged.rpartition(":")
            rows.append({
                "Repository": repository, "Tag": tag, "ID": identity,
                "Digest": digests.get(repository, "<none>"),
                "CreatedSince": f"{tables.duration(now - entry['Created'])} ago",
                "Size": tables.size(entry["Size"]),
            })  # fmt: skip
    if "q" in options:
        await context.out("".join(f"{i}\n" for i in dict.fromkeys(r["ID"] for r in rows)))
        return 0
    digest = "\t{{.Digest}}" if "digests" in options else ""
    form = "{{.Repository}}\t{{.Tag}}" + digest + "\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
    titles = {
        "Repository": "REPOSITORY", "Tag": "TAG", "ID": "IMAGE ID", "Digest": "DIGEST",
        "CreatedSince": "CREATED", "Size": "SIZE",
    }  # fmt: skip
    await context.out(
        tables.render(rows, options.get("format", ""), form, titles, "*formatter.imageContext")
    )
    return 0


async def rmi(context: Context, options: Options) -> int:
    """Remove images."""
    params = {"force": "1"} if "f" in options else None

    async def act(word: str) -> str:
        gone = await context.client.call("DELETE", f"/images/{word}", params)
        return "\n".join(f"{kind}: {name}" for entry in gone for kind, name in entry.items())

    return await context.each(options.words, act)


async def tag(context: Context, options: Options) -> int:
    """Give an image a further name."""
    source, target = options.words
    repository, _, name = target.rpartition(":")
    if not repository or "/" in name:
        repository, name = target, "latest"
    await context.client.call("POST", f"/images/{source}/tag", {"repo": repository, "tag": name})
    return 0


# --- networks ----------------------------------------------------------------------------


async def network_ls(context: Context, options: Options) -> int:
    """List networks."""
    params = {"filters": filters(context, options.all("f"))}
    rows = []
    found = await context.client.call("GET", "/networks", params)
    for entry in sorted(found, key=lambda network: network["Name"]):
        identity = entry["Id"] if "no-trunc" in options else entry["Id"][:12]
        labels = ",".join(f"{k}={v}" for k, v in sorted((entry["Labels"] or {}).items()))
        rows.append({
            "ID": identity, "Name": entry["Name"], "Driver": entry["Driver"],
            "Scope": entry["Scope"], "Internal": entry["Internal"], "Labels": labels,
        })  # fmt: skip
    if "q" in options:
        await context.out("".join(f"{row['ID']}\n" for row in rows))
        return 0
    form = "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}"
    titles = {
        "ID": "NETWORK ID", "Name": "NAME", "Driver": "DRIVER", "Scope": "SCOPE",
        "Internal": "INTERNAL", "Labels": "LABELS",
    }  # fmt: skip
    await context.out(
        tables.render(rows, options.get("format", ""), form, titles, "*network.networkContext")
    )
    return 0


async def network_create(context: Context, options: Options) -> int:
    """Create a network."""
    body: dict[str, Any] = {
        "Name": options.words[0], "Driver": options.get("d", "bridge"),
        "Internal": "internal" in options, "Attachable": "attachable" in options,
        "Labels": key_values(options.all("label")), "Options": key_values(options.all("o")),
    }  # fmt: skip
    pool: dict[str, Any] = {
        api: options[word]
        for word, api in (("subnet", "Subnet"), ("gateway", "Gateway"), ("ip-range", "IPRange"))
        if word in options
    }
    if "aux-address" in options:
        pool["AuxiliaryAddresses"] = key_values(options.all("aux-address"))
    if pool:
        body["IPAM"] = {"Driver": "default", "Config": [pool]}
    made = await context.client.call("POST", "/networks/create", None, body)
    await context.out(f"{made['Id']}\n")
    return 0


async def network_connect(context: Context, options: Options) -> int:
    """Connect a container to a network."""
    network, container = options.words
    endpoint: dict[str, Any] = {"Aliases": options.all("alias"), "Links": options.all("link")}
    if "ip" in options:
        endpoint["IPAMConfig"] = {"IPv4Address": options["ip"]}
    body = {"Container": container, "EndpointConfig": endpoint}
    await context.client.call("POST", f"/networks/{network}/connect", None, body)
    return 0


async def network_disconnect(context: Context, options: Options) -> int:
    """Disconnect a container from a network."""
    network, container = options.words
    body = {"Container": container, "Force": "f" in options}
    await context.client.call("POST", f"/networks/{network}/disconnect", None, body)
    return 0


# --- volumes -----------------------------------------------------------------------------


async def volume_ls(context: Context, options: Options) -> int:
    """List volumes."""
    params = {"filters": filters(context, options.all("f"))}
    found = (await context.client.call("GET", "/volumes", params))["Volumes"] or ()
    rows = [
        {
            "Name": entry["Name"], "Driver": entry["Driver"], "Scope": entry["Scope"],
            "Mountpoint": entry["Mountpoint"],
            "Labels": ",".join(f"{k}={v}" for k, v in sorted((entry["Labels"] or {}).items())),
        }
        for entry in sorted(found, key=lambda volume: volume["Name"])
    ]  # fmt: skip
    if "q" in options:
        await context.out("".join(f"{row['Name']}\n" for row in rows))
        return 0
    titles = {
        "Name": "VOLUME NAME", "Driver": "DRIVER", "Scope": "SCOPE",
        "Mountpoint": "MOUNTPOINT", "Labels": "LABELS",
    }  # fmt: skip
    form = "{{.Driver}}\t{{.Name}}"
    await context.out(
        tables.render(rows, options.get("format", ""), form, titles, "*formatter.volumeContext")
    )
    return 0


async def volume_create(context: Context, options: Options) -> int:
    """Create a volume."""
    body = {
        "Name": (options.words or [options.get("name", "")])[0],
        "Driver": options.get("d", "local"),
        "DriverOpts": key_values(options.all("o")),
        "Labels": key_values(options.all("label")),
    }
    made = await context.client.call("POST", "/volumes/create", None, body)
    await context.out(f"{made['Name']}\n")
    return 0


# --- both, and inspect -------------------------------------------------------------------


def _removing(kind: str) -> Any:
    async def body(context: Context, options: Options) -> int:
        params = {"force": "1"} if "f" in options else None

        async def act(word: str) -> str:
            await context.client.call("DELETE", f"/{kind}/{word}", params)
            return word

        return await context.each(options.words, act)

    return body


_PLACES = {
    "container": "/containers/{}/json", "image": "/images/{}/json",
    "network": "/networks/{}", "volume": "/volumes/{}",
}  # fmt: skip


def _inspecting(*kinds: str) -> Any:
    async def body(context: Context, options: Options) -> int:
        wanted = (options["type"],) if "type" in options else kinds
        if not set(wanted) <= set(_PLACES):
            raise DockerError(f'"{wanted[0]}" is not a valid value for --type')
        found, code = [], 0
        for word in options.words:
            try:
                found.append(await _look(context, word, wanted))
            except DockerError as error:
                if not error.status:
                    raise
                missing = f"Error: No such object: {word}" if len(wanted) > 1 else str(error)
                await context.err(f"{missing}\n")
                code = 1
        form = options.get("f", "")
        if form and form != "json":
            try:
                template = Template(form.replace("\\t", "\t").replace("\\n", "\n"))
                await context.out("".join(f"{template.render(entry)}\n" for entry in found))
            except TemplateError as error:
                await context.out("" if error.parsing else "\n")
                raise context.template_failed(error) from None
        elif form == "json":
            await context.out(json.dumps(found, separators=(",", ":"), ensure_ascii=False) + "\n")
        else:
            text = json.dumps(found, indent=4, ensure_ascii=False)
            await context.out(f"{text}\n")
        return code

    return body


async def _look(context: Context, word: str, kinds: tuple[str, ...]) -> Any:
    for number, kind in enumerate(kinds, 1):
        try:
            return await context.client.call("GET", _PLACES[kind].format(word))
        except DockerError as error:
            if error.status != 404 or number == len(kinds):
                raise
    raise DockerError(f"Error: No such object: {word}", status=404)


def _pruning(kind: str, what: str, deleted: str) -> Any:
    async def body(context: Context, options: Options) -> int:
        if "f" not in options:
            raise DockerError("docker: prune asks nothing here: say --force.")
        wanted = filters(context, options.all("filter"))
        if "a" in options:
            wanted["all"] = {"true": True}
        gone = await context.client.call("POST", f"/{kind}/prune", {"filters": wanted})
        names = gone.get(deleted) or ()
        if names:
            await context.out(f"Deleted {what}:\n" + "".join(f"{n}\n" for n in names) + "\n")
        if "SpaceReclaimed" in gone:
            await context.out(f"Total reclaimed space: {tables.size(gone['SpaceReclaimed'], 4)}\n")
        return 0

    return body


_LIST = {"filter=": "f", "format=": "format", "quiet": "q", "no-trunc": "no-trunc"}
_INSPECT = {"format=": "f", "type=": "type", "size": "s"}
_PRUNE = {"force": "f", "filter=": "filter", "all": "a"}
_PULL = Command(pull, "[OPTIONS] NAME[:TAG|@DIGEST]", "Download an image from a registry", "q",
                {"quiet": "q"}, least=1, most=1)  # fmt: skip
_IMAGES = Command(images, "[OPTIONS] [REPOSITORY[:TAG]]", "List images", "aqf:",
                  {**_LIST, "all": "a", "digests": "digests"}, most=1)  # fmt: skip
_RMI = Command(rmi, "[OPTIONS] IMAGE [IMAGE...]", "Remove one or more images", "f",
               {"force": "f"}, least=1)  # fmt: skip
_TAG = Command(
    tag,
    "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
    "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
    least=2,
    most=2,
)


def _inspect(*kinds: str) -> Command:
    what = kinds[0].upper() if len(kinds) == 1 else "NAME|ID"
    return Command(
        _inspecting(*kinds), f"[OPTIONS] {what} [{what}...]",
        "Return low-level information on Docker objects" if len(kinds) > 1
        else f"Display detailed information on one or more {kinds[0]}s",
        "f:s", _INSPECT, least=1,
    )  # fmt: skip


COMMANDS: dict[str, Command] = {
    "pull": _PULL, "images": _IMAGES, "rmi": _RMI, "tag": _TAG,
    "inspect": _inspect("container", "image", "network", "volume"),
    "container inspect": _inspect("container"),
    "container prune": Command(_pruning("containers", "Containers", "ContainersDeleted"),
                               "[OPTIONS]", "Remove all stopped containers", "f", _PRUNE, most=0),
    "image ls": _IMAGES, "image rm": _RMI, "image pull": _PULL, "image tag": _TAG,
    "image inspect": _inspect("image"),
    "network ls": Command(network_ls, "[OPTIONS]", "List networks", "qf:", _LIST, most=0),
    "network create": Command(
        network_create, "[OPTIONS] NETWORK", "Create a network", "d:o:",
        {"driver=": "d", "opt=": "o", "internal": "internal", "attachable": "attachable",
         "subnet=": "subnet", "gateway=": "gateway", "ip-range=": "ip-range",
         "aux-address=": "aux-address", "label=": "label"}, least=1, most=1,
    ),
    "network inspect": _inspect("network"),
    "network connect": Command(
        network_connect, "[OPTIONS] NETWORK CONTAINER", "Connect a container to a network", "",
        {"alias=": "alias", "ip=": "ip", "link=": "link"}, least=2, most=2,
    ),
    "network disconnect": Command(
        network_disconnect, "[OPTIONS] NETWORK CONTAINER",
        "Disconnect a container from a network", "f", {"force": "f"}, least=2, most=2,
    ),
    "network rm": Command(_removing("networks"), "NETWORK [NETWORK...]",
                          "Remove one or more networks", "f", {"force": "f"}, least=1),
    "network prune": Command(_pruning("networks", "Networks", "NetworksDeleted"), "[OPTIONS]",
                             "Remove all unused networks", "f", _PRUNE, most=0),
    "volume ls": Command(volume_ls, "[OPTIONS]", "List volumes", "qf:", _LIST, most=0),
    "volume create": Command(
        volume_create, "[OPTIONS] [VOLUME]", "Create a volume", "d:o:",
        {"driver=": "d", "opt=": "o", "label=": "label", "name=": "name"}, most=1,
    ),
    "volume inspect": _inspect("volume"),
    "volume rm": Command(_removing("volumes"), "[OPTIONS] VOLUME [VOLUME...]",
                         "Remove one or more volumes", "f", {"force": "f"}, least=1),
    "volume prune": Command(_pruning("volumes", "Volumes", "VolumesDeleted"), "[OPTIONS]",
                            "Remove unused local volumes", "af", _PRUNE, most=0),
}  # fmt: skip
