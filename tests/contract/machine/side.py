"""One engine in the machine's hands: calls, sessions, and texts that can be compared."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

from tests.contract.harness import Engine, http_get, remove
from tests.contract.machine.session import Session
from tests.contract.machine.texts import SOME_NETWORK, Texts, some_network

Answer = tuple[int, str]
"""Status (or exit code), and the text that came with it, normalised."""

READY = 'read -r me </proc/1/comm && [ "$me" = sleep ]'


class Side:
    """An engine, and the names under which both engines' things are the same.

    :param prefix: what all names begin with; the same on both engines.
    """

    def __init__(self, engine: Engine, prefix: str) -> None:
        self.engine = engine
        self.raw = engine.raw
        self.prefix = prefix
        self._texts = Texts()
        self.normal = self._texts.normal
        self._sessions: dict[str, Session] = {}
        self._any_network: set[str] = set()  # IDs: their last start could fail of any network
        self._failed: set[str] = set()  # IDs: their last start failed
        bridge = self.raw.get("/networks/bridge").json()
        self._texts.learn_network(bridge, "bridge")

    # what is done ------------------------------------------------------------------------------

    def call(
        self, method: str, path: str, body: Any = None, params: Mapping[str, Any] | None = None
    ) -> Answer:
        """One request: its status, and the message of an error."""
        answer = self.raw.request(method, path, body, params=params, timeout=60)
        if answer.status < 400:
            return answer.status, ""
        return answer.status, self.normal(answer.message).strip()

    def act(self, container: str, act: str, params: Mapping[str, Any]) -> Answer:
        """``POST /containers/…/start`` and the like."""
        before = self.raw.get(f"/containers/{container}/json")
        status, text = self.call("POST", f"/containers/{container}/{act}", None, params)
        if before.status == 200 and act in ("start", "restart"):
            found = before.json()
            self._any_network.discard(found["Id"])
            (self._failed.discard if status < 400 else self._failed.add)(found["Id"])
            if len(set(found["NetworkSettings"]["Networks"]) - {"bridge"}) > 1:
                self._any_network.add(found["Id"])
                text = some_network(text)
                status = 400 if text == SOME_NETWORK else status
        return status, text

    def create(self, path: str, label: str, body: Any, name: str | None = None) -> Answer:
        """Creates a container or a network, to be called ``label`` in texts."""
        params = {"name": name} if name else None
        answer = self.raw.post(path, body, params=params, timeout=60)
        if answer.status != 201:
            return answer.status, self.normal(answer.message).strip()
        made = answer.json()
        self._texts.learn(made["Id"], label)
        if "networks" in path:
            self._texts.learn_network(self.raw.get(f"/networks/{made['Id']}").json(), label)
        return answer.status, " ".join(made.get("Warnings") or ())

    def script(self, container: str, script: str) -> Answer:
        """Runs a script in a running container."""
        code, text = self.session(container).run(script)
        return code, self.normal(text)

    def lines(self, container: str, script: str) -> tuple[int, list[str]]:
        """The same where the order of the lines is open: sorted by what can be compared."""
        code, text = self.script(container, script)
        return code, sorted(text.splitlines())

    def session(self, container: str) -> Session:
        """The shell of a running container; one for each time that it runs."""
        state = self.raw.get(f"/containers/{container}/json").json()
        key = f"{state['Id']} {state['State']['StartedAt']}"
        if key not in self._sessions:
            for old in [name for name in self._sessions if name.startswith(state["Id"])]:
                self._sessions.pop(old).close()
            self._sessions[key] = Session(self.raw, state["Id"], READY)
        return self._sessions[key]

    def page(self, container: str) -> str:
        """What each published port of a container answers to a client outside."""
        ports = self.raw.get(f"/containers/{container}/json").json()["NetworkSettings"]["Ports"]
        pages = []
        for port, bindings in sorted((ports or {}).items()):
            for binding in bindings or ():
                if ":" not in binding["HostIp"]:
                    pages.append(f"{port}: {self._fetch(int(binding['HostPort']))}")
        return "; ".join(pages)

    def _fetch(self, port: int) -> str:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with suppress(OSError):
                return http_get(self.engine.address, port).strip()
        return "nobody answers"

    def identity(self, container: str) -> str:
        """A container's ID; any ID where there is no such container."""
        answer = self.raw.get(f"/containers/{container}/json")
        return str(answer.json()["Id"]) if answer.status == 200 else "0123456789abcdef"

    def address(self, container: str, network: str) -> str:
        """A container's address on a network."""
        answer = self.raw.get(f"/containers/{container}/json").json()
        return str(answer["NetworkSettings"]["Networks"][network]["IPAddress"])

    def fixed(self, path: str, offset: int | None) -> dict[str, Any]:
        """The ``IPAMConfig`` of a fixed address, counted from where the network begins.

        None on the default bridge: the words of that refusal depend on whether dockerd found
        ``docker0`` when it started (``test_fixed_address_on_the_default_bridge``).

        :param path: ``/networks/NAME/…``.
        """
        if offset is None or path.startswith("/networks/bridge/"):
            return {}
        base = "10.9.9.0"
        answer = self.raw.get("/".join(path.split("/")[:3]))
        if answer.status == 200 and (answer.json()["IPAM"]["Config"] or ()):
            base = answer.json()["IPAM"]["Config"][0]["Subnet"].partition("/")[0]
        return {"IPAMConfig": {"IPv4Address": str(ip_address(base) + offset)}}

    def close(self) -> None:
        """Hangs up all sessions and removes all that bears the prefix."""
        for session in self._sessions.values():
            session.close()
        wanted = {"label": [self.prefix]}
        for row in self.raw.get("/containers/json", params={"all": "1", "filters": wanted}).json():
            params = {"force": "1", "v": "1"}
            answer = self.raw.delete(f"/containers/{row['Id']}", params=params, timeout=60)
            assert answer.status == 204, answer.body
        for row in self.raw.get("/networks", params={"filters": wanted}).json():
            remove(self.raw, f"/networks/{row['Id']}")
        names = {"name": [self.prefix]}
        for row in self.raw.get("/volumes", params={"filters": names}).json()["Volumes"] or ():
            remove(self.raw, f"/volumes/{row['Name']}")

    # what is seen ------------------------------------------------------------------------------

    def seen(self) -> Any:
        """What the list calls show, in a form that can be compared."""
        wanted = {"label": [self.prefix]}
        containers = self.raw.get(
            "/containers/json", params={"all": "1", "filters": wanted}, timeout=60
        ).json()
        networks = self.raw.get("/networks", params={"filters": wanted}).json()
        volumes = self.raw.get("/volumes", params={"filters": {"name": [self.prefix]}}).json()
        return {
            "containers": [self._container(row) for row in containers],
            "networks": sorted(map(self._network, networks), key=lambda row: str(row["Name"])),
            "volumes": sorted(
                (
                    self._pick(row, "Name", "Driver", "Labels", "Options", "Scope")
                    for row in volumes["Volumes"] or ()
                ),
                key=lambda row: str(row["Name"]),
            ),
        }

    def _container(self, row: dict[str, Any]) -> dict[str, Any]:
        found = self._pick(row, "Id", "Names", "Image", "Command", "State", "Status", "HostConfig")
        found["Networks"] = {
            self.normal(name): self._endpoint(endpoint)
            for name, endpoint in row["NetworkSettings"]["Networks"].items()
            # What refused a running container, dockerd lists from its next change on; inspect
            # has it at once on both.
            if endpoint["NetworkID"] or row["State"] not in ("running", "paused")
        }
        found["Mounts"] = sorted(
            (
                self._pick(
                    mount, "Type", "Name", "Destination", "Driver", "Mode", "RW", "Propagation"
                )
                for mount in row["Mounts"]
            ),
            key=lambda mount: str(mount["Destination"]),
        )
        if row["Id"] in self._failed:
            # dockerd lists what a start that failed had of networks before it failed
            # (``test_list_after_a_start_that_failed``).
            for endpoint in found["Networks"].values():
                for key in ("Gateway", "IPAddress", "MacAddress", "NetworkID"):
                    del endpoint[key]
            return found
        found["Ports"] = sorted(
            (port["PrivatePort"], port["Type"], "PublicPort" in port)
            for port in row["Ports"]
            if ":" not in port.get("IP", "")
        )
        return found

    def _endpoint(self, endpoint: dict[str, Any]) -> dict[str, Any]:
        keys = ("IPAMConfig", "Links", "Aliases", "MacAddress", "NetworkID", "Gateway")
        return self._pick(endpoint, *keys, "IPAddress", "DNSNames", "DriverOpts")

    def _network(self, row: dict[str, Any]) -> dict[str, Any]:
        keys = ("Id", "Name", "Driver", "Scope", "Internal", "Attachable", "Options", "IPAM")
        return self._pick(row, *keys, "EnableIPv6", "Ingress", "ConfigOnly")

    def _pick(self, row: Mapping[str, Any], *keys: str) -> dict[str, Any]:
        return {key: json.loads(self.normal(json.dumps(row.get(key)))) for key in keys}

    def inspect(self, container: str) -> Any:
        """What ``inspect`` says of a container."""
        answer = self.raw.get(f"/containers/{container}/json")
        if answer.status != 200:
            return answer.status, self.normal(answer.message)
        found = answer.json()
        result = self._pick(found, "Id", "Name", "Path", "Args", "RestartCount", "Driver")
        state = found["State"]
        result["State"] = {
            key: state[key]
            for key in ("Status", "Running", "Paused", "Restarting", "Dead", "ExitCode", "Error")
        }
        error = self.normal(state["Error"])
        result["State"]["Error"] = (
            some_network(error) if found["Id"] in self._any_network else error
        )
        result["Config"] = self._pick(found["Config"], "Hostname", "Env", "Labels", "Volumes")
        result["Host"] = self._pick(
            found["HostConfig"], "NetworkMode", "Binds", "Links", "PortBindings", "ReadonlyRootfs"
        )
        network = found["NetworkSettings"]
        result["Ports"] = {
            port: None if bindings is None else len([b for b in bindings if ":" not in b["HostIp"]])
            for port, bindings in network["Ports"].items()
        }
        result["Network"] = self._pick(network, "Gateway", "IPAddress", "MacAddress")
        result["Networks"] = {
            self.normal(name): self._endpoint(endpoint)
            for name, endpoint in network["Networks"].items()
        }
        return result

    def inspect_network(self, network: str) -> Any:
        """What ``inspect`` says of a network."""
        answer = self.raw.get(f"/networks/{network}")
        if answer.status != 200:
            return answer.status, self.normal(answer.message)
        found = answer.json()
        result = self._network(found)
        result["Containers"] = sorted(
            (
                str(self._pick(row, "Name", "MacAddress", "IPv4Address", "IPv6Address"))
                for row in found["Containers"].values()
                if row["Name"].startswith(self.prefix)
            ),
        )
        return result
