"""Checks of the lesson ``container-network-model``."""

from __future__ import annotations

import json
from collections.abc import Iterator

from graders.engine_view import ContainerView, NetworkView
from graders.expectation import Expectation, Finding, expect, met, missed
from graders.facts import exists, itself, listed, made_from, not_on_network, on_network, runs
from graders.http_probe import HttpAnswer, in_url
from graders.networking.names import reached
from graders.probe import Probe
from graders.probe_container import Ping
from graders.registry import check

API = "http://es:9200/"
START_SECONDS = 20.0
"""Elasticsearch brings up a Java machine first."""


@check("model-network")
def user_defined_bridge(probe: Probe) -> Iterator[Expectation]:
    """A user-defined bridge network ``dev``, not internal."""
    dev = probe.network("dev")
    there = exists(dev)
    yield expect("There is a network named dev.", 1, there)
    yield expect("The driver of dev is bridge.", 1, there.then(lambda: _is_bridge(dev)))
    yield expect(
        "dev is not internal: it may reach the world outside.",
        1,
        there.then(lambda: _is_open(dev)),
    )


@check("model-named")
def named_container_answers(probe: Probe) -> Iterator[Expectation]:
    """A running elasticsearch:2 ``es`` on ``dev``; its API answers at es:9200 inside ``dev``."""
    es, dev = probe.container("es"), probe.network("dev")
    running = runs(es)
    yield expect("A container named es is running.", 1, running)
    image = running.then(lambda: made_from(probe, es, "elasticsearch:2"))
    yield expect("es was made from the image elasticsearch:2.", 0.5, image)
    attached = running.then(lambda: on_network(es, dev), drawn=True)
    yield expect("es is on the network dev.", 1, attached)
    yield expect(
        "Its HTTP API answers at es:9200 from inside dev.",
        1.5,
        attached.then(lambda: _api_answers(probe, es, dev, START_SECONDS if image.passed else 1)),
    )


@check("model-reach")
def name_resolves_and_answers(probe: Probe) -> Iterator[Expectation]:
    """A running alpine ``probe`` on ``dev`` alone, from which ``es`` resolves and answers."""
    container, dev = probe.container("probe"), probe.network("dev")
    running = runs(container)
    yield expect("A container named probe is running.", 0.5, running)
    yield expect(
        "probe was made from the image alpine.",
        0.5,
        running.then(lambda: made_from(probe, container, "alpine")),
    )
    attached = running.then(lambda: on_network(container, dev), drawn=True)
    yield expect("probe is on the network dev.", 1, attached)
    yield expect(
        "probe is not on the default bridge.",
        0.5,
        running.then(lambda: not_on_network(container, "bridge")),
    )
    resolved, answered = _reach(probe, container, dev, attached)
    yield expect("From probe, the name es resolves to the address of es.", 1.5, resolved)
    yield expect("From probe, es answers a ping.", 1, answered)


# --- findings ------------------------------------------------------------------------------


def _is_bridge(network: NetworkView) -> Finding:
    if network.driver == "bridge":
        return met("driver bridge")
    return missed(
        f"the driver of {network.name} is {network.driver}",
        "bridge is what docker network create takes when no driver is named.",
    )


def _is_open(network: NetworkView) -> Finding:
    if not network.internal:
        return met(f"{network.name} is not internal")
    return missed(
        f"{network.name} is internal",
        "An internal network has no way out. Remove it and make it without that option.",
    )


def _api_answers(
    probe: Probe, es: ContainerView, dev: NetworkView, start_seconds: float
) -> Finding:
    with probe.inside_network(dev) as inside:
        answer = probe.settled(
            es, lambda: inside.get(API), lambda answer: answer.ok, service_seconds=start_seconds
        )
        if answer.ok and not _is_elasticsearch(answer):
            return missed(
                "what answers at es:9200 is not Elasticsearch",
                "Is es the container you think it is? See docker ps and docker logs es.",
            )
        if not answer.ok:
            return missed(
                f"asking {API} from inside dev gave: {answer}",
                "Elasticsearch takes some seconds to start: docker logs es tells when it has."
                " Did you let it run its own program?",
            )
        given, own = inside.addresses("es"), set(es.addresses[dev.name])
        if own < given and not any(inside.get(_url(address)).ok for address in own):
            return missed(
                f"another container on dev goes by the name es and answers, at"
                f" {listed(given - own)}; the container es does not",
                "docker logs es tells what it does. Did you let it run its own program?",
            )
    if own & given:
        return itself(probe, es, met(f"es:9200 answers from inside dev, at {listed(own & given)}"))
    return missed(
        f"es leads to {listed(given)} on dev, which is not the container es",
        "Another container on dev goes by the name es. docker network inspect dev lists them.",
    )


def _url(address: str) -> str:
    return f"http://{in_url(address)}:9200/"


def _is_elasticsearch(answer: HttpAnswer) -> bool:
    try:
        document = json.loads(answer.body)
    except ValueError:
        return False
    return isinstance(document, dict) and {"name", "version"} <= document.keys()


def _reach(
    probe: Probe, container: ContainerView, dev: NetworkView, attached: Finding
) -> tuple[Finding, Finding]:
    """Whether ``es`` resolves to its address from ``container``, and whether it answers."""
    if not attached.passed:
        blocked = attached.then(lambda: attached)
        return blocked, blocked
    es = probe.container("es")
    own = set(es.addresses.get(dev.name, ()))
    if not es.running or not own:
        state = f"es is {es.status}" if not es.running else f"es is on {listed(es.addresses)}"
        gone = missed(state, "es has to run on dev first: see the exercise before this one.")
        return gone, gone
    with probe.inside_container(container) as inside:
        given, ping = reached(probe, inside, "es", own)
    resolved = _resolved(given, own)
    return resolved, resolved.then(lambda: _answered(ping))


def _resolved(given: frozenset[str], own: set[str]) -> Finding:
    if given & own:
        return met(f"es is {listed(given & own)}")
    if given:
        return missed(
            f"es resolves to {listed(given)}, but the container es has {listed(own)}",
            "Does another container on dev go by that name, or /etc/hosts of probe name another?",
        )
    return missed(
        "es does not resolve",
        "Names are known to containers on the same user-defined network only.",
    )


def _answered(ping: Ping) -> Finding:
    if ping.answered:
        return met(f"{ping.address} answers")
    return missed(f"{ping.address} does not answer", "Is es running, and on dev?")
