"""What the state machine does: the rules, and what is compared after each."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.contract.machine.both import Both
from tests.contract.machine.side import Side
from tests.contract.pairs import Pair

NAMES = ("c0", "c1", "c2", "c3", "c4")
NETWORKS = ("n0", "n1", "n2", "n3")
VOLUMES = ("v0", "v1", "v2")
ALIASES = ("web", "db")
AT_MOST = 4
"""Containers at a time."""

# The main program: a page that names the container, then idle. Where port 80 is taken (another
# container's network) there is no page.
PROGRAM = (
    "mkdir /dev/shm/www; echo page-of-$ME > /dev/shm/www/index.html; "
    "httpd -p 80 -h /dev/shm/www 2>/dev/null; exec sleep 1000"
)

anyone = st.integers(0, 59)
"""Drawn first; an existing thing mostly, else any name: see :meth:`Machine._pick`."""

places = st.sampled_from(
    [*["there"] * 12, *NETWORKS, "bridge", "bridge", "none", "container", "no-such-network"]
)
"""A network; ``there``: one of those that exist, if any does."""
address = st.sampled_from([None, None, None, None, None, None, 0, 1, 2, 3, 5, 130, 255, 300])
mounts = st.lists(
    st.sampled_from(
        ["v0:/data", "v1:/data", "v1:/data/sub", "v0:/ro:ro", "v2:/far/deep", "/anon", "tmpfs"]
    ),
    unique_by=lambda words: words.removesuffix(":ro").rpartition(":")[2],  # the target
    max_size=3,
)


class Machine(RuleBasedStateMachine):
    """Random networks, containers and volumes on both engines.

    The state that rules choose from is what both engines list: there is no model beside them,
    dockerd is the model.
    """

    pair: ClassVar[Pair]
    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.made = 0
        self.shuffled: set[str] = set()
        self.both = Both(self.pair)

    def teardown(self) -> None:
        self.both.close()

    # what there is -----------------------------------------------------------------------------

    @property
    def prefix(self) -> str:
        return self.both.prefix

    @property
    def containers(self) -> dict[str, dict[str, Any]]:
        """What is listed of each container, by its short name, the oldest first."""
        rows = reversed(self.both.seen["containers"])
        return {row["Names"][0].removeprefix(f"/{self.prefix}-"): row for row in rows}

    @property
    def running(self) -> list[str]:
        return [name for name, row in self.containers.items() if row["State"] == "running"]

    @property
    def networks(self) -> list[str]:
        return [row["Name"].removeprefix(f"{self.prefix}-") for row in self.both.seen["networks"]]

    def _full(self, word: str) -> str:
        return f"{self.prefix}-{word}"

    def _pick(self, number: int, there: list[str], every: tuple[str, ...]) -> str:
        if there and number < 55:
            return there[number % len(there)]
        return every[number % len(every)]

    def _container(self, number: int) -> str:
        return self._full(self._pick(number, list(self.containers), NAMES))

    def _network(self, place: str, number: int = 0) -> str:
        if place == "there":
            place = self._pick(number, self.networks, NETWORKS)
        return self._full(place) if place in NETWORKS else place

    def _do(self, what: str, work: Callable[[Side], Any], *, look: bool = True) -> Any:
        type(self).steps += 1
        result = self.both.do(what, work)
        if look:
            self.both.look(what)
        return result

    def _post(self, path: str, body: Any = None, **params: str) -> Any:
        return self._do(f"POST {path} {body or ''}", lambda s: s.call("POST", path, body, params))

    # networks ----------------------------------------------------------------------------------

    @rule(
        name=st.sampled_from(NETWORKS),
        internal=st.sampled_from([False, False, False, True]),
        subnet=st.sampled_from([None, None, 0, 1, 2]),
        gateway=st.sampled_from([None, None, None, 1, 254, 300]),
        narrow=st.sampled_from([False, False, True]),
    )
    def create_network(
        self,
        name: str,
        internal: bool,
        subnet: int | None,
        gateway: int | None,
        narrow: bool,
    ) -> None:
        body: dict[str, Any] = {
            "Name": self._full(name),
            "Driver": "bridge",
            "Internal": internal,
            "Labels": {self.prefix: ""},
        }
        if subnet is not None:
            base = f"10.{160 + int(self.prefix[2:4], 16) % 32}.{int(self.prefix[4:6], 16)}"
            config = {"Subnet": f"{base}.{64 * subnet}/26"}
            if gateway is not None:
                config["Gateway"] = f"{base}.{(64 * subnet + gateway) % 256}"
            if narrow:
                config["IPRange"] = f"{base}.{64 * subnet + 32}/29"
            body["IPAM"] = {"Config": [config]}
        self.made += 1
        label = f"N{self.made}"
        self._do(
            f"network create {body}", lambda side: side.create("/networks/create", label, body)
        )

    @rule(number=anyone)
    def remove_network(self, number: int) -> None:
        path = f"/networks/{self._network('there', number)}"
        self._do(f"DELETE {path}", lambda side: side.call("DELETE", path))

    @rule(place=places, who=anyone, aliases=st.sets(st.sampled_from(ALIASES)), ip=address)
    def connect(self, place: str, who: int, aliases: set[str], ip: int | None) -> None:
        self._connect(place, who, aliases, ip)

    @rule(who=anyone, aliases=st.sets(st.sampled_from(ALIASES)))
    def connect_plainly(self, who: int, aliases: set[str]) -> None:
        self._connect("there", who, aliases, None)

    def _connect(self, place: str, who: int, aliases: set[str], ip: int | None) -> None:
        network = self._network(place, who // 4)
        name = self._container(who)
        row = self.containers.get(name.removeprefix(f"{self.prefix}-"))
        shares = row is not None and row["HostConfig"]["NetworkMode"].startswith("container:")
        known = ("bridge", "none", *map(self._full, self.networks))
        if shares and network not in known:
            return  # dockerd 26.1 panics of it ("assignment to entry in nil map")
        path = f"/networks/{network}/connect"
        config: dict[str, Any] = {"Aliases": sorted(aliases)} if aliases else {}
        self._do(
            f"POST {path} {name} {config} ip {ip}",
            lambda side: side.call(
                "POST",
                path,
                {"Container": name, "EndpointConfig": {**config, **side.fixed(path, ip)}},
            ),
        )

    @rule(place=places, who=anyone, force=st.sampled_from([False, False, True]))
    def disconnect(self, place: str, who: int, force: bool) -> None:
        body = {"Container": self._container(who), "Force": force}
        self._post(f"/networks/{self._network(place, who // 4)}/disconnect", body)

    # containers --------------------------------------------------------------------------------

    @precondition(lambda self: len(self.containers) < AT_MOST)
    @rule(
        name=st.sampled_from(NAMES),
        place=places,
        other=anyone,
        aliases=st.sets(st.sampled_from(ALIASES)),
        ip=address,
        publish=st.booleans(),
        options=st.sampled_from(["", "", "", "hostname", "link", "readonly", "volumes-from"]),
        mounts=mounts,
        start=st.sampled_from([True, True, True, True, False]),
    )
    def create_container(
        self,
        name: str,
        place: str,
        other: int,
        aliases: set[str],
        ip: int | None,
        publish: bool,
        options: str,
        mounts: list[str],
        start: bool,
    ) -> None:
        self.made += 1
        label = f"C{self.made}"
        mode = self._network(place, other // 4)
        if place == "container":
            mode = f"container:{self._container(other)}"
        host: dict[str, Any] = {
            "NetworkMode": mode,
            "Dns": ["127.0.0.1"],  # nobody there: unknown names are unknown at once
            "Binds": [self._full(words) for words in mounts if words.startswith("v")],
            "Tmpfs": {"/tmpfs": ""} if "tmpfs" in mounts else {},
        }
        body: dict[str, Any] = {
            "Image": "busybox",
            "Cmd": ["sh", "-c", PROGRAM],
            "Env": [f"ME={label}"],
            "Labels": {self.prefix: ""},
            "HostConfig": host,
            "Volumes": {"/anon": {}} if "/anon" in mounts else {},
        }
        if publish:
            host["PortBindings"] = {"80/tcp": [{"HostPort": ""}]}
            body["ExposedPorts"] = {"80/tcp": {}}
        if options == "hostname":
            body["Hostname"] = "box"
        elif options == "readonly":
            host["ReadonlyRootfs"] = True
        elif options == "volumes-from":
            host["VolumesFrom"] = [self._container(other)]
        elif options == "link":
            host["Links"] = [f"{self._container(other)}:linked"]
        if place == "container":
            del host["Dns"]

        def create(side: Side) -> Any:
            config = {"Aliases": sorted(aliases), **side.fixed(f"/networks/{mode}/", ip)}
            sent = body
            if aliases or ip is not None:
                sent = {**body, "NetworkingConfig": {"EndpointsConfig": {mode: config}}}
            return side.create("/containers/create", label, sent, self._full(name))

        what = f"create {name} on {place}, {sorted(aliases)}, ip {ip}: {body}"
        status, _ = self._do(what, create)
        if status == 201 and start:
            self._act(self._full(name), "start")

    @rule(
        who=anyone,
        act=st.sampled_from(["start", "start", "start", "stop", "kill", "restart", "pause"]),
    )
    def act(self, who: int, act: str) -> None:
        self._act(self._container(who), act)

    def _act(self, name: str, act: str) -> None:
        params = {"t": "0"} if act in ("stop", "restart") else {}
        path = f"/containers/{name}/{act}"
        status, _ = self._do(f"POST {path}", lambda s: s.act(name, act, params), look=False)
        row = self.containers.get(name.removeprefix(f"{self.prefix}-"))
        if row is None or act not in ("start", "restart"):
            self.both.look(f"POST {path}")
            return
        # dockerd joins several networks in the order of a Go map: nobody can tell which is eth0,
        # nor which it had joined when another one failed.
        several = len(set(row["Networks"]) - {"bridge"}) > 1
        if status == 204:
            (self.shuffled.add if several else self.shuffled.discard)(row["Id"])
        elif several and status != 304:
            gone, params = f"/containers/{name}", {"force": "1"}
            self._do(
                f"DELETE {gone}", lambda side: side.call("DELETE", gone, None, params), look=False
            )
        self.both.look(f"POST {path}")

    @rule(who=anyone)
    def unpause(self, who: int) -> None:
        paused = [name for name, row in self.containers.items() if row["State"] == "paused"]
        self._post(f"/containers/{self._full(self._pick(who, paused, NAMES))}/unpause")

    @rule(who=anyone, name=st.sampled_from(NAMES))
    def rename(self, who: int, name: str) -> None:
        self._post(f"/containers/{self._container(who)}/rename", name=self._full(name))

    @rule(who=anyone, force=st.sampled_from([True, True, False]), volumes=st.booleans())
    def remove(self, who: int, force: bool, volumes: bool) -> None:
        path = f"/containers/{self._container(who)}"
        params = {"force": str(int(force)), "v": str(int(volumes))}
        self._do(f"DELETE {path} {params}", lambda side: side.call("DELETE", path, None, params))

    # looking -----------------------------------------------------------------------------------

    @rule(who=anyone)
    def inspect(self, who: int) -> None:
        name = self._container(who)
        self._do(f"inspect {name}", lambda side: side.inspect(name), look=False)

    @rule(place=places, number=anyone)
    def inspect_network(self, place: str, number: int) -> None:
        name = self._network(place, number)
        self._do(f"inspect {name}", lambda side: side.inspect_network(name), look=False)

    def _script(self, who: int, script: str, *, sort: bool = False) -> None:
        """:param sort: compare the lines in whatever order (sorted after normalising)."""
        name = self._full(self.running[who % len(self.running)])
        look = Side.lines if sort else Side.script
        self._do(f"exec {name} {script}", lambda side: look(side, name, script), look=False)

    @precondition(lambda self: self.running)
    @rule(who=anyone)
    def interfaces(self, who: int) -> None:
        name = self.running[who % len(self.running)]
        script = "ip -o -4 addr; ip -o link; ip route"
        if self.containers[name]["Id"] not in self.shuffled:
            self._script(who, script)
            return

        def look(side: Side) -> Any:
            code, text = side.script(self._full(name), script)
            return code, sorted(re.sub(r"eth\d", "ethN", text).splitlines())

        self._do(f"exec {name} {script}", look, look=False)

    @precondition(lambda self: self.running)
    @rule(who=anyone)
    def name_files(self, who: int) -> None:
        # dockerd joins the networks of a container that starts in the order of a Go map: any.
        script = "hostname; cat /etc/hostname /etc/hosts; grep -v '^#' /etc/resolv.conf"
        self._script(who, script, sort=True)

    @precondition(lambda self: self.running)
    @rule(
        who=anyone,
        other=anyone,
        form=st.sampled_from(["", "", "alias", "name.network", "linked", "nobody"]),
        alias=st.sampled_from(ALIASES),
        network=st.sampled_from(NETWORKS),
    )
    def look_up(self, who: int, other: int, form: str, alias: str, network: str) -> None:
        name = {
            "": self._container(other),
            "alias": alias,
            "name.network": f"{self._container(other)}.{self._full(network)}",
        }.get(form, form)
        tool = self._resolving(self.running[who % len(self.running)])
        self._script(who, f"{tool} {name}", sort=True)

    def _resolving(self, name: str) -> str:
        """A program that looks a name up.

        Where nobody serves names, BusyBox' nslookup hangs at times; its ping does not.
        """
        own = set(self.containers[name]["Networks"]) - {"bridge", "none", "host"}
        return "nslookup -type=a" if own else "ping -c 1 -W 1"

    @precondition(lambda self: self.running)
    @rule(who=anyone, other=anyone)
    def look_up_short_id(self, who: int, other: int) -> None:
        short = self.running[who % len(self.running)]
        name, tool = self._full(short), self._resolving(short)
        target = self._container(other)

        def look_up(side: Side) -> Any:
            identity = side.identity(target)
            return side.lines(name, f"{tool} {identity[:12]}")

        self._do(f"exec {name} nslookup ID of {target}", look_up, look=False)

    @precondition(lambda self: self._neighbours())
    @rule(
        which=anyone,
        how=st.sampled_from(["name", "name", "address"]),
        tool=st.sampled_from(
            ["ping -c 1 -W 3", "wget -T 3 -q -O-", "nslookup", "nslookup -type=ptr"]
        ),
    )
    def reach_a_neighbour(self, which: int, how: str, tool: str) -> None:
        there = self._neighbours()
        who, target, network = there[which % len(there)]
        if "nslookup" not in tool or "nslookup" in self._resolving(who):
            self._reach(who, target, network, how, tool)

    @precondition(lambda self: self._strangers())
    @rule(which=anyone, tool=st.sampled_from(["ping -c 1 -W 1", "wget -T 1 -q -O-"]))
    def fail_to_reach_a_stranger(self, which: int, tool: str) -> None:
        there = self._strangers()
        who, target, network = there[which % len(there)]
        self._reach(who, target, network, "address", tool)

    def _reach(self, who: str, target: str, network: str, how: str, tool: str) -> None:
        def reach(side: Side) -> Any:
            side.session(self._full(target))  # its page is up by then
            word = self._full(target)
            if how == "address" or "nslookup" in tool:
                word = side.address(self._full(target), network)
            return side.lines(self._full(who), f"{tool} {word}")

        self._do(f"exec {who} {tool} {target} by {how} on {network}", reach, look=False)

    def _attached(self) -> dict[str, set[str]]:
        """The networks of each running container."""
        return {name: set(self.containers[name]["Networks"]) - {"none"} for name in self.running}

    def _neighbours(self) -> list[tuple[str, str, str]]:
        on = self._attached()
        return [
            (who, target, network)
            for who in on
            for target in on
            for network in sorted(on[who] & on[target])
        ]

    def _strangers(self) -> list[tuple[str, str, str]]:
        on = self._attached()
        return [
            (who, target, min(on[target]))
            for who in on
            for target in on
            if on[target] and not on[who] & on[target]
        ]

    @precondition(lambda self: self.running)
    @rule(who=anyone)
    def fetch_from_outside(self, who: int) -> None:
        name = self._full(self.running[who % len(self.running)])

        def fetch(side: Side) -> str:
            side.session(name)
            return side.page(name)

        self._do(f"published pages of {name}", fetch, look=False)

    # volumes and files -------------------------------------------------------------------------

    @rule(name=st.sampled_from(VOLUMES), labels=st.sampled_from([None, {"a": "b"}]))
    def create_volume(self, name: str, labels: dict[str, str] | None) -> None:
        self._post("/volumes/create", {"Name": self._full(name), "Labels": labels})

    @rule(name=st.sampled_from(VOLUMES), force=st.booleans())
    def remove_volume(self, name: str, force: bool) -> None:
        path = f"/volumes/{self._full(name)}"
        params = {"force": str(int(force))}

        def remove(side: Side) -> Any:
            status, text = side.call("DELETE", path, None, params)
            return status, sorted(re.split(r"[][, ]+", text))  # users in the order of a Go map

        self._do(f"DELETE {path}", remove)

    @precondition(lambda self: self.running)
    @rule(
        who=anyone,
        folder=st.sampled_from(["/data", "/data/sub", "/ro", "/far/deep", "/anon", "/tmpfs", "/"]),
        act=st.sampled_from(
            [
                "echo one >> f",
                "echo one >> f",
                "mkdir -p d/e && echo two > d/e/g",
                "rm -r f d",
                "mv f f2",
                "ln -s f link; ln f hard",
                "chmod 600 f; chown 1000:1000 f",
            ]
        ),
    )
    def write(self, who: int, folder: str, act: str) -> None:
        self._script(who, f"cd {folder} && {act}")

    @precondition(lambda self: self.running)
    @rule(who=anyone)
    def read(self, who: int) -> None:
        self._script(
            who,
            "for m in /data /ro /far/deep /anon /tmpfs; do [ -d $m ] || continue; "
            "find $m | sort | while read -r f; do stat -c '%n %A %u %g' $f; "
            "[ ! -f $f ] || cat $f; done; done; grep -E ' /(data|ro|far|anon|tmpfs)' /proc/mounts "
            "| cut -d' ' -f2 | sort",
        )

    @rule(who=anyone)
    def changes(self, who: int) -> None:
        path = f"/containers/{self._container(who)}/changes"

        def look(side: Side) -> Any:
            answer = side.raw.get(path)
            if answer.status != 200:
                return answer.status, side.normal(answer.message)
            return sorted((row["Path"], row["Kind"]) for row in answer.json() or ())

        self._do(f"GET {path}", look, look=False)
