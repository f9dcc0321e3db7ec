"""Checks of the lesson ``custom-networks``."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from graders.engine_view import ContainerView, NetworkView, PoolView
from graders.expectation import Expectation, Finding, expect, met, missed
from graders.facts import box, exists, itself, links, listed, made_from, on_network, runs, runs_on
from graders.networking.names import reached
from graders.probe import Probe
from graders.registry import check
from graders.sketch import Shown, Thing

SUBNET, PINNED = "10.66.0.0/16", "10.66.66.66"
BACKEND = PoolView("10.77.0.0/24", "10.77.0.1", "10.77.0.128/25", {"router": "10.77.0.130"})


@check("custom-fixed-address")
def page_at_a_fixed_address(probe: Probe) -> Iterator[Expectation]:
    """``pubnet`` on 10.66.0.0/16 and a running nginx ``pinned`` at 10.66.66.66."""
    pubnet, pinned = probe.network("pubnet"), probe.container("pinned")
    there = exists(pubnet)
    subnet = there.also(lambda: _has_subnet(pubnet, SUBNET))
    yield expect(f"The network pubnet has the subnet {SUBNET}.", 1, subnet)
    running = runs(pinned)
    yield expect("A container named pinned is running.", 0.5, running)
    yield expect(
        "pinned was made from the image nginx.",
        0.5,
        running.then(lambda: made_from(probe, pinned, "nginx")),
    )
    address = subnet.then(lambda: running).then(
        lambda: _has_address(pinned, pubnet, PINNED), drawn=True
    )
    yield expect(f"pinned has the address {PINNED} on pubnet.", 1.5, address)
    yield expect(
        f"From inside pubnet, the page answers at {PINNED}.",
        1.5,
        address.then(lambda: _page(probe, pinned, pubnet)),
    )


@check("custom-internal")
def backend_without_a_way_out(probe: Probe) -> Iterator[Expectation]:
    """``backend`` as asked for; ``back-1`` and ``back-2`` reach each other and nothing else."""
    backend = probe.network("backend")
    there = exists(backend)
    yield expect("The network backend is internal.", 1, there.also(lambda: _internal(backend)))
    pool = there.then(lambda: _pool(backend))
    yield expect(
        f"backend has the subnet {BACKEND.subnet} and the gateway {BACKEND.gateway}.", 1, pool
    )
    yield expect(
        f"Addresses come from {BACKEND.ip_range} alone.", 1, there.then(lambda: _range(backend))
    )
    yield expect(
        f"{BACKEND.reserved['router']} is reserved as router.",
        1,
        there.then(lambda: _reserved(backend)),
    )
    one, two = probe.container("back-1"), probe.container("back-2")
    both = runs_on(one, backend).also(lambda: runs_on(two, backend), drawn=True)
    joined = there.then(lambda: both, drawn=True)
    mutual = joined.also(lambda: _mutual(probe, backend.name, one, two))
    yield expect("back-1 and back-2 run on backend and reach each other.", 1.5, mutual)
    yield expect(
        "back-1 and back-2 reach nothing outside of backend.",
        1.5,
        mutual.then(lambda: _shut(probe, backend, [one, two])),
    )


# --- findings ------------------------------------------------------------------------------


def _has_subnet(network: NetworkView, subnet: str) -> Finding:
    subnets = [pool.subnet for pool in network.pools]
    if any(_same_block(one, subnet) for one in subnets):
        return met(f"{network.name} has {listed(subnets)}")
    return missed(
        f"{network.name} has {listed(subnets)}",
        "A network's subnet is chosen when it is made: remove the network and make it anew.",
    )


def _has_address(container: ContainerView, network: NetworkView, address: str) -> Finding:
    attached = on_network(container, network)
    if not attached.passed:
        return attached
    own = container.addresses[network.name]
    if not own:
        return missed(
            f"{container.name} has no address on {network.name}",
            f"A container has its address while it runs. Does {container.name} run?",
            *attached.shows,
        )
    there = Thing("network", network.name)
    if address in own:
        shown = Shown("met", box(container), there, address)
        return met(f"{container.name} has {listed(own)} on {network.name}", shown)
    return missed(
        f"{container.name} has {listed(own)} on {network.name}",
        "docker run and docker network connect have an option to ask for an address.",
        Shown("missing", box(container), there, address),
        Shown("wrong", box(container), there, ", ".join(own)),
    )


def _page(probe: Probe, pinned: ContainerView, pubnet: NetworkView) -> Finding:
    url = f"http://{PINNED}/"
    with probe.inside_network(pubnet) as inside:
        answer = probe.settled(pinned, lambda: inside.get(url), lambda answer: answer.ok)
    if answer.ok:
        return itself(probe, pinned, met(f"{url} answers"))
    return missed(f"asking {url} gave: {answer}", "Does nginx run in it? See docker logs pinned.")


def _internal(backend: NetworkView) -> Finding:
    if backend.internal:
        return met("backend is internal")
    return missed(
        "backend is not internal",
        "Whether a network has a way out is decided when it is made, by an option of its own.",
    )


def _pool(backend: NetworkView) -> Finding:
    pools = [pool for pool in backend.pools if _same_block(pool.subnet, BACKEND.subnet)]
    if not pools:
        return _has_subnet(backend, BACKEND.subnet)
    gateways = {pool.gateway.partition("/")[0] or _first_given_out(pool) for pool in pools}
    if BACKEND.gateway in gateways:
        return met(f"subnet {BACKEND.subnet}, gateway {BACKEND.gateway}")
    return missed(f"the gateway is {listed(gateways)}", "The gateway has an option of its own.")


def _first_given_out(pool: PoolView) -> str:
    """What the engine takes for the gateway where none was asked for."""
    first = ipaddress.ip_network(pool.ip_range or pool.subnet, strict=False).network_address
    subnet = ipaddress.ip_network(pool.subnet, strict=False).network_address
    return str(first + 1 if first == subnet else first)


def _range(backend: NetworkView) -> Finding:
    ranges = [pool.ip_range for pool in backend.pools if pool.ip_range]
    if any(_same_block(one, BACKEND.ip_range) for one in ranges):
        return met(f"addresses come from {listed(ranges)}")
    found = f"addresses come from {listed(ranges)}" if ranges else "no range was given"
    return missed(found, "A range narrows down which addresses of the subnet are handed out.")


def _reserved(backend: NetworkView) -> Finding:
    reserved = {name: a for pool in backend.pools for name, a in pool.reserved.items()}
    if reserved.get("router", "").partition("/")[0] == BACKEND.reserved["router"]:
        return met(f"router is {BACKEND.reserved['router']}")
    if not reserved:
        return missed(
            "no address is reserved",
            "An auxiliary address is a name, an equals sign and an address that is not handed out.",
        )
    return missed(
        f"reserved: {listed(f'{name}={address}' for name, address in reserved.items())}",
        "Name and address have to be those of the plan. Remove backend and make it anew.",
    )


def _mutual(probe: Probe, backend: str, one: ContainerView, two: ContainerView) -> Finding:
    for here, there in ((one, two), (two, one)):
        own = there.addresses[backend]
        with probe.inside_container(here) as inside:
            given, ping = reached(probe, inside, there.name, own)
        if given and not given & set(own):
            return missed(
                f"{there.name} is {listed(given)} for {here.name}, and has {listed(own)}",
                "Does another container go by that name, or /etc/hosts name another?",
            )
        if not ping.answered:
            return missed(
                f"{there.name} does not answer {here.name}",
                "Are both on backend? docker network inspect backend shows who is.",
            )
    return met("each answers the other")


def _shut(probe: Probe, backend: NetworkView, containers: list[ContainerView]) -> Finding:
    """No way out: not by another network, and not by backend itself."""
    for container in containers:
        others = set(container.addresses) - {backend.name}
        if others:
            return missed(
                f"{container.name} is on {listed(others)} as well",
                "A second network is a way out.",
                *links("wrong", container, others),
            )
        if not backend.internal:
            with probe.inside_container(container) as inside:
                if inside.has_default_route():
                    return missed(
                        f"{container.name} has a default route", "backend has to be internal."
                    )
    # Internal networks of engines before 25 have a default route, which leads nowhere.
    return met("there is no way out")


def _same_block(one: str, other: str) -> bool:
    try:
        return ipaddress.ip_network(one, strict=False) == ipaddress.ip_network(other, strict=False)
    except ValueError:
        return False
