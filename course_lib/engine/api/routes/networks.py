"""``/networks``."""

from __future__ import annotations

from course_lib.engine.api import requested, schemas
from course_lib.engine.api.bodies import read_json
from course_lib.engine.api.format import networks as show
from course_lib.engine.api.gojson import Decoded
from course_lib.engine.api.messages import Request, Response, json_response, no_content
from course_lib.engine.api.routes.containers import until_filter
from course_lib.engine.engine import Engine
from course_lib.engine.errdefs import InvalidParameter
from course_lib.engine.filters import Filters
from course_lib.engine.network.model import IpamConfig, IpamSpec, NetworkSpec


class Handlers:
    """Handlers of ``/networks``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._networks = engine.networks

    async def get_networks(self, request: Request) -> Response:
        filters = Filters.parse(request.text("filters"))
        detailed = request.version < (1, 28)
        found = self._networks.list(filters)
        return json_response([show.inspect(network.info(detailed=detailed)) for network in found])

    async def get_network(self, request: Request) -> Response:
        if request.text("verbose") not in {"", "0", "1", "true", "false", "True", "False"}:
            raise InvalidParameter(
                f"invalid value for verbose: {request.text('verbose')}: strconv.ParseBool: parsing "
                f'"{request.text("verbose")}": invalid syntax'
            )
        network = self._networks.get(request.variables["id"])
        result = show.inspect(network.info(detailed=True))
        return json_response(result)

    async def post_networks_create(self, request: Request) -> Response:
        body = await read_json(request, schemas.NETWORK_CREATE)
        network = self._networks.create(_spec(body))
        return json_response({"Id": network.id, "Warning": ""}, 201)

    async def post_network_connect(self, request: Request) -> Response:
        body = await read_json(request, schemas.NETWORK_CONNECT)
        config = requested.endpoint_config(body.get("EndpointConfig") or {})
        network = self._networks.get(request.variables["id"])
        container = self._engine.containers.get(body.get("Container", ""))
        await self._engine.containers.networks.connect(container, network.name, config)
        return Response(200)

    async def post_network_disconnect(self, request: Request) -> Response:
        body = await read_json(request, schemas.NETWORK_DISCONNECT)
        await self._engine.containers.networks.disconnect(
            body.get("Container", ""), request.variables["id"], force=body.get("Force", False)
        )
        return Response(200)

    async def delete_network(self, request: Request) -> Response:
        self._networks.remove(request.variables["id"])
        return no_content()

    async def post_networks_prune(self, request: Request) -> Response:
        filters = Filters.parse(request.text("filters"))
        until = until_filter(filters, self._engine.clock.time_ns())
        deleted = self._networks.prune(filters, until)
        return json_response({"NetworksDeleted": list(deleted) or None})


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
