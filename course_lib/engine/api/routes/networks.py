"""``/networks``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from course_lib.engine.api import requested, schemas
from course_lib.engine.api.bodies import read_json
from course_lib.engine.api.format import networks as show
from course_lib.engine.api.gojson import Decoded
from course_lib.engine.api.messages import Request, Response, json_response, no_content
from course_lib.engine.api.routes.containers import until_filter
from course_lib.engine.engine import Engine
from course_lib.engine.errdefs import (
    Conflict,
    InvalidParameter,
    NotFound,
    NotImplementedByEngine,
)
from course_lib.engine.filters import Filters
from course_lib.engine.network import Network
from course_lib.engine.network.errors import AmbiguousNetwork
from course_lib.engine.network.model import IpamConfig, IpamSpec, NetworkSpec

if TYPE_CHECKING:
    from course_lib.engine.swarm.manager import Manager


class Handlers:
    """Handlers of ``/networks``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._networks = engine.networks

    async def get_networks(self, request: Request) -> Response:
        filters = Filters.parse(request.text("filters"))
        detailed = request.version < (1, 28)
        found = self._networks.list(filters)
        rows = [show.inspect(network.info(detailed=detailed)) for network in found]
        manager = self._manager
        if manager is not None:
            rows += self._of_the_swarm(manager, filters)
        return json_response(rows)

    @property
    def _manager(self) -> Manager | None:
        return self._engine.swarm.manager if self._engine.in_swarm else None

    def _of_the_swarm(self, manager: Manager, filters: Filters) -> list[dict[str, Any]]:
        """The networks of the swarm that nothing here uses."""
        from course_lib.engine.api.format import swarmnetworks
        from course_lib.engine.network.registry import passes

        rows = []
        for network in manager.state.networks:
            labels = network.spec.get("Labels") or {}
            known = self._local(network.id)
            if known is None and passes(
                network.name, network.id, network.driver, "swarm", labels, filters
            ):
                rows.append(swarmnetworks.unused(network))
        return rows

    def _local(self, ref: str) -> Network | None:
        try:
            return self._networks.get(ref)
        except NotFound:
            return None

    async def get_network(self, request: Request) -> Response:
        request.truth("verbose")  # alike for networks of one host
        try:
            return self._inspect(request)
        except AmbiguousNetwork as error:
            found = f"{error.matches} matches found based on ID prefix"
            raise InvalidParameter(f"{found}: network {error.ref} is ambiguous") from None

    def _inspect(self, request: Request) -> Response:
        ref, scope = request.variables["id"], request.text("scope")
        manager = self._manager
        if manager is None:
            network = self._networks.get(ref, scope=scope)
            result = show.inspect(network.info(detailed=True))
            if network.shared:
                from course_lib.engine.api.format import swarmnetworks

                peers = self._engine.overlay_peers(network.id)
                result["Peers"] = swarmnetworks.peers(peers)
            return json_response(result)
        verbose = request.text("verbose") in {"1", "true", "True"}
        return json_response(self._inspect_in_swarm(manager, ref, scope, verbose=verbose))

    def _inspect_in_swarm(
        self, manager: Manager, ref: str, scope: str, *, verbose: bool
    ) -> dict[str, Any]:
        from course_lib.engine.api.format import swarmnetworks
        from course_lib.engine.swarm.dispatcher import LOCAL_NETWORKS

        swarm_network = self._engine.swarm.network(ref) if scope != "local" else None
        local = self._local(swarm_network.id if swarm_network is not None else ref)
        if swarm_network is None:
            if scope == "swarm" and local is not None and ref in LOCAL_NETWORKS:
                return swarmnetworks.predefined(show.inspect(local.info(detailed=False)))
            return show.inspect(self._networks.get(ref, scope=scope).info(detailed=True))
        if local is None:
            return swarmnetworks.unused(swarm_network)
        result = show.inspect(local.info(detailed=True))
        result["Peers"] = swarmnetworks.peers(self._engine.overlay_peers(local.id))
        if verbose:
            endpoints = {endpoint.ip_address: endpoint.id for endpoint in local.endpoints()}
            result["Services"] = swarmnetworks.services(local.id, manager, endpoints)
        return result

    async def post_networks_create(self, request: Request) -> Response:
        body = await read_json(request, schemas.NETWORK_CREATE)
        spec = _spec(body)
        if spec.driver == "overlay" and spec.name not in {"host", "none"}:
            network_id = self._engine.swarm.create_network(body).id
        elif spec.scope == "swarm" and self._engine.in_swarm:
            raise NotImplementedByEngine(f"a network of driver {spec.driver} for a whole swarm")
        else:
            if self._manager is not None and self._engine.swarm.network(spec.name) is not None:
                raise Conflict(f"network with name {spec.name} already exists")
            network_id = self._networks.create(spec).id
        return json_response({"Id": network_id, "Warning": ""}, 201)

    async def post_network_connect(self, request: Request) -> Response:
        body = await read_json(request, schemas.NETWORK_CONNECT)
        config = requested.endpoint_config(body.get("EndpointConfig") or {})
        container = self._engine.containers.get(body.get("Container", ""))
        name = request.variables["id"]
        if self._engine.in_swarm and self._local(name) is None:
            network = self._engine.swarm.network(name)
            name = network.name if network is not None else name
        await self._engine.containers.connections.connect(container, name, config)
        return Response(200)

    async def post_network_disconnect(self, request: Request) -> Response:
        body = await read_json(request, schemas.NETWORK_DISCONNECT)
        await self._engine.containers.connections.disconnect(
            body.get("Container", ""), request.variables["id"], force=body.get("Force", False)
        )
        return Response(200)

    async def delete_network(self, request: Request) -> Response:
        ref = request.variables["id"]
        local = self._local(ref) if self._engine.in_swarm else None
        if self._engine.in_swarm and (
            self._engine.swarm.network(ref) is not None
            or (local is not None and local.driver_name == "overlay")
        ):
            self._engine.swarm.remove_network(ref)
        else:
            self._networks.remove(ref)
        return no_content()

    async def post_networks_prune(self, request: Request) -> Response:
        filters = Filters.parse(request.text("filters"))
        until = until_filter(filters, self._engine.clock.time_ns())
        deleted = list(self._networks.prune(filters, until))
        if self._manager is not None:
            deleted += self._engine.swarm.prune_networks(filters, until)
        return json_response({"NetworksDeleted": deleted or None})


def _spec(body: Decoded) -> NetworkSpec:
    ipam = body.get("IPAM")
    spec = None
    if ipam is not None:
        spec = IpamSpec(
            driver=ipam.get("Driver", "") or "default",
            options=ipam.get("Options"),
            config=[
                IpamConfig(
                    subnet=pool.get("Subnet", ""),
                    ip_range=pool.get("IPRange", ""),
                    gateway=pool.get("Gateway", ""),
                    aux_addresses=pool.get("AuxiliaryAddresses"),
                )
                for pool in ipam.get("Config") or ()
                if pool is not None
            ],
        )
    return NetworkSpec(
        name=body.get("Name", ""),
        driver=body.get("Driver", ""),
        ipam=spec,
        internal=body.get("Internal", False),
        attachable=body.get("Attachable", False),
        ingress=body.get("Ingress", False),
        enable_ipv6=body.get("EnableIPv6", False),
        config_only=body.get("ConfigOnly", False),
        config_from=(body.get("ConfigFrom") or {}).get("Network", ""),
        scope=body.get("Scope", ""),
        options=body.get("Options"),
        labels=body.get("Labels"),
    )
