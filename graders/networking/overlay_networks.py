"""Checks of the lesson ``overlay-networks``."""

from __future__ import annotations

from collections.abc import Iterator

from graders.engine_view import NetworkView
from graders.expectation import Expectation, Finding, expect, met, missed
from graders.facts import exists, listed
from graders.probe import Probe
from graders.registry import check
from graders.sketch import Shown, Thing
from graders.swarm_view import ServiceView, TaskView

NAME, NETWORK, REPLICAS = "hello", "mynet", 2
START_SECONDS = 15.0
SERVICE = Thing("service", NAME)


@check("overlay-service")
def service_on_an_overlay(probe: Probe) -> Iterator[Expectation]:
    """Swarm mode, an attachable overlay ``mynet``, a service ``hello`` with two tasks on it."""
    on = _swarm_is_on(probe)
    network = probe.network(NETWORK)
    # (The lesson's own cells have turned it on: that alone is nothing done.)
    made = on.also(lambda: exists(network))
    yield expect("Swarm mode is on, and there is a network mynet.", 1, made)
    overlay = made.then(lambda: _is_overlay(network))
    yield expect("mynet is an overlay network, and attachable.", 1, overlay)
    service = probe.service(NAME) if on.passed else ServiceView.missing(NAME)
    there = on.then(lambda: _is_there(service), drawn=True)
    yield expect(
        "There is a service named hello from the image nginx.",
        1,
        there.also(lambda: _image(probe, service)),
    )
    attached = overlay.then(lambda: there).then(lambda: _on_network(service, network), drawn=True)
    yield expect("hello is on mynet.", 0.5, attached)
    running = there.then(lambda: _two_running(probe, service))
    yield expect("Two replicas of hello are running.", 1.5, running)
    yield expect(
        "On mynet, the name hello resolves.",
        1,
        attached.then(lambda: running).then(lambda: _resolves(probe, network)),
    )


# --- findings ------------------------------------------------------------------------------


def _swarm_is_on(probe: Probe) -> Finding:
    state, manager = probe.swarm_state()
    if state == "active" and manager:
        return met("this engine is a manager of a swarm")
    if state == "active":
        return missed("this engine is a worker of a swarm", "Services are made on a manager.")
    return missed(f"swarm mode is {state}", "One docker swarm command turns it on.")


def _is_overlay(network: NetworkView) -> Finding:
    if network.driver != "overlay":
        return missed(
            f"mynet has the driver {network.driver}",
            "The driver is chosen when a network is made. Remove mynet and make it anew.",
            Shown("wrong", Thing("network", NETWORK), words=f"driver {network.driver}"),
        )
    if not network.attachable:
        return missed(
            "mynet is not attachable",
            "Without a further option of docker network create only services may join. Remove"
            " mynet (and hello, if it is on it) and make it anew.",
            Shown("wrong", Thing("network", NETWORK), words="not attachable"),
        )
    return met("mynet is an attachable overlay network")


def _is_there(service: ServiceView) -> Finding:
    if service.exists:
        return met(f"service hello, image {service.image}", Shown("met", SERVICE))
    return missed(
        "there is no service named hello",
        "docker service create makes one, docker service ls shows those that there are.",
        Shown("missing", SERVICE),
    )


def _image(probe: Probe, service: ServiceView) -> Finding:
    if probe.is_reference_to(service.image, "nginx"):
        return met(f"image {service.image}")
    return missed(f"hello was made from {service.image}", "It has to be the image nginx.")


def _on_network(service: ServiceView, network: NetworkView) -> Finding:
    shown = exists(network).shows
    link = Thing("network", network.name)
    if network.exists and {network.id, network.name} & set(service.networks):
        return met("hello is on mynet", *shown, Shown("met", SERVICE, link))
    return missed(
        "hello is not on mynet",
        "docker service create has the option that docker run has.",
        *shown,
        Shown("missing", SERVICE, link),
    )


def _two_running(probe: Probe, service: ServiceView) -> Finding:
    if service.replicas is None:
        return missed(
            "hello has no number of replicas: it is one on each node, or a job",
            "The mode of a service is chosen when it is made. Remove hello and make it anew.",
        )
    if service.replicas != REPLICAS:
        return missed(
            f"hello is to have {service.replicas} replica{'s' * (service.replicas != 1)}",
            "docker service scale changes how many there are to be.",
        )

    def running() -> list[TaskView]:
        return [task for task in probe.tasks(service) if task.running]

    seen = probe.within(START_SECONDS, running, lambda tasks: len(tasks) == REPLICAS)
    if len(seen) == REPLICAS:
        return met(f"running: {listed(f'hello.{task.slot}' for task in seen)}")
    return missed(
        f"{len(seen)} of {REPLICAS} replicas are running", "docker service ps hello tells why."
    )


def _resolves(probe: Probe, network: NetworkView) -> Finding:
    with probe.inside_network(network) as inside:
        given = probe.soon(lambda: inside.addresses(NAME), bool)
    if given:
        return met(f"hello is {listed(given)} on mynet")
    return missed("hello does not resolve on mynet", "Is the service on mynet?")
