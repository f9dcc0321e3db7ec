"""Services: made, changed, rolled back, removed (swarmkit: ``manager/controlapi/service.go``)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from copy import deepcopy

from course_lib.engine.clock import Clock
from course_lib.engine.errdefs import (
    EngineError,
    Forbidden,
    InvalidParameter,
    NotImplementedByEngine,
    SystemFailure,
)
from course_lib.engine.ids import Identities
from course_lib.engine.image.reference import parse as parse_reference
from course_lib.engine.swarm import rpc
from course_lib.engine.swarm.allocator import Allocator
from course_lib.engine.swarm.dispatcher import LOCAL_NETWORKS
from course_lib.engine.swarm.model import Json, Network, Service
from course_lib.engine.swarm.scheduler import parse_constraints
from course_lib.engine.swarm.state import ClusterState
from course_lib.engine.swarm.tokens import new_id

_NAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9])?")

CheckPorts = Callable[[str, Sequence[Json]], None]
"""Refuses ports of a service (its ID, its ports) that this machine does not give."""


class Services:
    """What a user does with services.

    :param is_local: whether this engine has a network of its own by that name.
    """

    def __init__(
        self,
        state: ClusterState,
        clock: Clock,
        ids: Identities,
        allocator: Allocator,
        is_local: Callable[[str], str],
        check_ports: CheckPorts,
    ) -> None:
        self._state = state
        self._clock = clock
        self._ids = ids
        self._allocator = allocator
        self._is_local = is_local
        self._check_ports = check_ports

    # --- acts ----------------------------------------------------------------------------

    def create(self, spec: Json) -> Service:
        """``POST /services/create``.

        :raises EngineError: with dockerd's text.
        """
        spec = self._checked(spec)
        name = spec["Name"]
        if self._state.services.named(name) is not None:
            raise rpc.exists(
                f"name conflicts with an existing object: service {name} already exists"
            )
        service = Service(id=new_id(self._ids.random), spec=spec)
        self._claim(service)
        service.spec_index = self._state.index + 1
        self._state.services.put(service)
        self._state.services.put(service)  # as swarmkit's allocator, when it has done its part
        return service

    def update(self, ref: str, version: int, spec: Json, rollback: str = "") -> None:
        """``POST /services/{id}/update``.

        :param rollback: ``previous`` goes back to the specification before, whatever ``spec`` is.
        :raises EngineError: with dockerd's text.
        """
        service = self._state.services.find(ref)
        if rollback not in {"", "previous"}:
            raise SystemFailure(f"unrecognized rollback option {rollback}")
        checked = self._checked(spec)
        rpc.check_version(service.index, version)
        if checked["Name"] != service.name:
            raise rpc.Unimplemented("renaming services is not supported")
        changed = deepcopy(service)
        if rollback:
            if service.previous is None:
                raise rpc.precondition(f"service {service.id} does not have a previous spec")
            changed.spec, changed.previous = deepcopy(service.previous), None
            changed.update = {
                "State": "rollback_started",
                "Message": "manually requested rollback",
                "started_ns": self._clock.time_ns(),
            }
        else:
            if next(iter(checked["Mode"])) != service.mode:
                raise rpc.Unimplemented("service mode change is not allowed")
            changed.spec, changed.previous = checked, service.spec
            changed.update = None
        changed.spec_index = self._state.index + 1
        self._claim(changed, service)
        self._state.services.put(changed)

    def remove(self, ref: str) -> None:
        """``DELETE /services/{id}``: the service is gone at once, its tasks as they end."""
        service = self._state.services.find(ref)
        for network_id, address in service.vips.items():
            self._allocator.release(network_id, address)
        self._state.services.remove(service.id)

    # --- what is asked for ---------------------------------------------------------------

    def _checked(self, spec: Json) -> Json:
        spec = deepcopy(spec)
        template = spec.setdefault("TaskTemplate", {})
        container = template.get("ContainerSpec")
        runtime = template.get("Runtime") or "container"
        if runtime != "container":
            raise NotImplementedByEngine(f"services of runtime {runtime}")
        if container is None:
            raise InvalidParameter("mismatched Runtime and *Spec fields")
        template["Runtime"] = "container"
        template.setdefault("ForceUpdate", 0)
        container.setdefault("Isolation", "default")
        _check_enumerations(spec, template)
        spec.setdefault("Labels", {})
        mode = spec.setdefault("Mode", {"Replicated": {"Replicas": 1}}) or {}
        if len(mode) > 1:
            raise InvalidParameter("must specify only one service mode")
        if not mode:
            spec["Mode"] = mode = {"Replicated": {"Replicas": 1}}
        if "Replicated" in mode:
            mode["Replicated"].setdefault("Replicas", 1)
        elif "Global" not in mode:
            raise NotImplementedByEngine("a service that is a job")
        if not template.get("Networks") and spec.get("Networks"):
            template["Networks"] = spec.pop("Networks")  # where clients before 1.25 put them
        self._networks(template)
        name = str(spec.get("Name", ""))
        if not name:
            raise rpc.invalid("name must be provided")
        if not _NAME.fullmatch(name):
            raise rpc.invalid("name must be valid as a DNS name component")
        self._image(container)
        parse_constraints((template.get("Placement") or {}).get("Constraints") or ())
        self._references(container)
        _check_ports(spec.get("EndpointSpec") or {})
        return spec

    @staticmethod
    def _image(container: Json) -> None:
        image = container.get("Image", "")
        if not image:
            raise rpc.invalid("ContainerSpec: image reference must be provided")
        try:
            parse_reference(image)
        except EngineError:
            raise rpc.invalid(f'ContainerSpec: "{image}" is not a valid repository/tag') from None

    def _networks(self, template: Json) -> None:
        for entry in template.get("Networks") or ():
            target = entry.get("Target", "")
            network = self._find_network(target)
            if network is not None:
                entry["Target"] = network.id
                continue
            local = self._is_local(target)
            if not local:
                raise SystemFailure(f"network {target} not found")
            if local not in LOCAL_NETWORKS:
                raise Forbidden(
                    f"The network {target} cannot be used with services. Only networks scoped to "
                    "the swarm can be used, such as those created with the overlay driver."
                )
            entry["Target"] = local

    def _find_network(self, ref: str) -> Network | None:
        try:
            return self._state.networks.find(ref)
        except EngineError:
            return None

    def _references(self, container: Json) -> None:
        for kind, table, key in (
            ("secret", self._state.secrets, "SecretID"),
            ("config", self._state.configs, "ConfigID"),
        ):
            for entry in container.get(f"{kind.capitalize()}s") or ():
                if entry.get(key, "") not in table:
                    raise rpc.invalid(f"{kind} not found: {entry.get(f'{kind.capitalize()}Name')}")

    # --- what it gets --------------------------------------------------------------------

    def _claim(self, service: Service, before: Service | None = None) -> None:
        """Networks, virtual addresses and ports of a service that is new or was changed."""
        ports = [dict(port) for port in (service.spec.get("EndpointSpec") or {}).get("Ports") or ()]
        for port in ports:
            port["Protocol"] = port.get("Protocol") or "tcp"
            port["PublishMode"] = port.get("PublishMode") or "ingress"
        meshed = [port for port in ports if port["PublishMode"] == "ingress"]
        networks = [
            entry["Target"]
            for entry in service.template.get("Networks") or ()
            if entry["Target"] not in LOCAL_NETWORKS
        ]
        ingress = next((n for n in self._state.networks if n.ingress), None)
        if meshed:
            if ingress is None:
                raise rpc.precondition(
                    "service needs ingress network, but no ingress network is present"
                )
            if any(port["Protocol"] != "tcp" for port in meshed):
                raise NotImplementedByEngine("publishing anything but TCP by the routing mesh")
            networks.insert(0, ingress.id)
        self._choose_ports(service, meshed, before)
        service.ports = ports
        service.networks = list(dict.fromkeys(networks))
        self._addresses(service)
        try:
            self._check_ports(service.id, meshed)
        except EngineError:
            self._release_new(service, before)
            raise

    def _choose_ports(
        self, service: Service, meshed: Sequence[Json], before: Service | None
    ) -> None:
        taken: dict[int, Service] = {}
        for other in self._state.services:
            if other.id != service.id:
                for port in other.ports:
                    if port.get("PublishMode") == "ingress":
                        taken[port["PublishedPort"]] = other
        had = {
            port["TargetPort"]: port["PublishedPort"]
            for port in (before.ports if before else ())
            if port.get("PublishMode") == "ingress"
        }
        for port in meshed:
            wanted = port.get("PublishedPort") or 0
            if wanted in taken:
                other = taken[wanted]
                raise rpc.invalid(
                    f"port '{wanted}' is already in use by service '{other.name}' ({other.id}) "
                    "as an ingress port"
                )
            if not wanted:
                number = had.get(port["TargetPort"]) or self._allocator.port(set(taken))
                port["PublishedPort"] = number

    def _addresses(self, service: Service) -> None:
        wanted = service.networks if service.endpoint_mode == "vip" else []
        for network_id in list(service.vips):
            if network_id not in wanted:
                self._allocator.release(network_id, service.vips.pop(network_id))
        for network_id in wanted:
            network = self._state.networks.get(network_id)
            if network is not None and network_id not in service.vips and network.pools:
                service.vips[network_id] = self._allocator.address(network)

    def _release_new(self, service: Service, before: Service | None) -> None:
        for network_id, address in service.vips.items():
            if before is None or before.vips.get(network_id) != address:
                self._allocator.release(network_id, address)


def _check_enumerations(spec: Json, template: Json) -> None:
    condition = (template.get("RestartPolicy") or {}).get("Condition")
    if condition not in {None, "", "any", "none", "on-failure"}:
        raise InvalidParameter(f'invalid RestartCondition: "{condition}"')
    mode = (spec.get("EndpointSpec") or {}).get("Mode")
    if mode not in {None, "", "vip", "dnsrr"}:
        raise InvalidParameter(f'invalid resolution mode: "{mode}"')
    for key, word, accepted in (
        ("UpdateConfig", "update", {"", "pause", "continue", "rollback"}),
        ("RollbackConfig", "rollback", {"", "pause", "continue"}),
    ):
        config = spec.get(key) or {}
        action = config.get("FailureAction", "")
        if action not in accepted:
            raise InvalidParameter(f"unrecognized {word} failure action {action}")
        order = config.get("Order", "")
        if order not in {"", "start-first", "stop-first"}:
            raise InvalidParameter(f"unrecognized {word} order {order}")


def _check_ports(endpoint: Json) -> None:
    seen: set[tuple[str, int, str]] = set()
    for port in endpoint.get("Ports") or ():
        mode = port.get("PublishMode") or "ingress"
        if mode == "ingress" and endpoint.get("Mode") == "dnsrr":
            raise rpc.invalid(
                "EndpointSpec: port published with ingress mode can't be used with dnsrr mode"
            )
        published = port.get("PublishedPort") or 0
        key = (port.get("Protocol") or "tcp", published, mode)
        if published and key in seen:
            raise rpc.invalid("EndpointSpec: duplicate published ports provided")
        seen.add(key)
