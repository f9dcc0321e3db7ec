"""Checks of the lesson ``connect-and-disconnect``."""

from __future__ import annotations

from collections.abc import Iterator

from graders import answers
from graders.engine_view import ContainerView
from graders.expectation import Expectation, Finding, expect, met, missed
from graders.facts import exists, links, listed, made_from, on_network, runs, runs_on
from graders.probe import Probe
from graders.registry import check

LOOPBACK = "lo"
JOIN = "A container may be on several networks: docker network can let it join one more."


@check("connect-roamer")
def on_two_networks(probe: Probe) -> Iterator[Expectation]:
    """A running alpine ``roamer`` on the default bridge and on ``dev``; ``es`` answers it."""
    roamer = probe.container("roamer")
    running = runs(roamer)
    yield expect(
        "A container named roamer runs the image alpine.",
        0.5,
        running.also(lambda: made_from(probe, roamer, "alpine")),
    )
    bridge = running.then(lambda: on_network(roamer, probe.network("bridge"), JOIN), drawn=True)
    dev = running.then(lambda: on_network(roamer, probe.network("dev"), JOIN), drawn=True)
    yield expect("roamer is on the default bridge.", 0.5, bridge)
    yield expect("roamer is on dev.", 1, dev)
    both = bridge.then(lambda: dev)
    interfaces, answered = _seen_from(probe, roamer, both)
    yield expect("roamer has two interfaces besides lo.", 1, interfaces)
    yield expect("From roamer, es answers a ping.", 1, answered)


@check("connect-left")
def left_the_network(probe: Probe) -> Iterator[Expectation]:
    """A running alpine ``leaver`` that was on ``dev`` and no longer is."""
    leaver = probe.container("leaver")
    running = runs(leaver)
    yield expect(
        "A container named leaver runs the image alpine.",
        0.5,
        running.also(lambda: made_from(probe, leaver, "alpine")),
    )
    was = running.then(lambda: _was_on_dev(probe, leaver))
    yield expect("leaver was on dev.", 1, was)
    gone = was.then(lambda: _is_off_dev(leaver))
    yield expect("leaver is no longer on dev.", 1.5, gone)
    yield expect(
        "From leaver, es does not resolve, although it runs on dev.",
        1,
        gone.then(lambda: _es_runs_on_dev(probe).also(lambda: _knows_no_es(probe, leaver))),
    )


@check("connect-both")
def both_names_lead_home(probe: Probe) -> Iterator[Expectation]:
    """A running ``between`` on ``dev`` and ``prod`` for which es.dev and es.prod differ."""
    between = probe.container("between")
    running = runs(between)
    yield expect("A container named between is running.", 0.5, running)
    dev = running.then(lambda: on_network(between, probe.network("dev"), JOIN), drawn=True)
    prod = running.then(lambda: on_network(between, probe.network("prod"), JOIN), drawn=True)
    yield expect("between is on dev.", 0.5, dev)
    yield expect("between is on prod.", 0.5, prod)
    both = dev.then(lambda: prod)
    yield expect(
        "From between, es.dev leads to the es of dev.",
        1.25,
        both.then(lambda: _leads(probe, between, "es.dev", _es_on(probe, "dev"))),
    )
    yield expect(
        "From between, es.prod leads to the es of prod.",
        1.25,
        both.then(lambda: _leads(probe, between, "es.prod", _es_on(probe, "prod"))),
    )


@check("connect-reverse")
def name_behind_the_address(probe: Probe) -> Iterator[Expectation]:
    """``ptr_name`` is what a reverse lookup of the address of ``prod-es-1`` gives on ``prod``."""
    yield expect(
        "ptr_name is the name behind the address of prod-es-1 on prod.",
        2,
        _reverse(probe, probe.answers.get("ptr_name")),
    )


# --- findings ------------------------------------------------------------------------------


def _seen_from(probe: Probe, roamer: ContainerView, both: Finding) -> tuple[Finding, Finding]:
    if not both.passed:
        blocked = both.then(lambda: both)
        return blocked, blocked
    own = _es_on(probe, "dev")
    with probe.inside_container(roamer) as inside:
        interfaces = set(inside.interfaces()) - {LOOPBACK}
        ping = probe.soon(lambda: inside.ping("es"), lambda ping: ping.answered)
    counted = (
        met(f"roamer has {listed(interfaces)}")
        if len(interfaces) == 2
        else missed(
            f"roamer has {listed(interfaces)} besides lo",
            "There is one interface for each network that a container is on.",
            *links("wrong", roamer, roamer.addresses.keys() - {"bridge", "dev"}),
        )
    )
    if ping.answered and ping.address in own:
        return counted, met(f"es answers, at {ping.address}")
    if ping.address:
        return counted, missed(
            f"es is {ping.address} for roamer, and does not answer as the es of dev",
            "Does another container go by that name, or /etc/hosts of roamer name another?"
            if own
            else "Is es running on dev?",
        )
    return counted, missed("es does not resolve", "Does a container on dev go by the name es?")


def _was_on_dev(probe: Probe, leaver: ContainerView) -> Finding:
    if "dev" in leaver.addresses:
        return met("leaver is on dev now")
    for event in probe.events():
        actor = event.get("Actor") or {}
        attributes = actor.get("Attributes") or {}
        if (
            event.get("Type") == "network"
            and event.get("Action") == "connect"
            and attributes.get("name") == "dev"
            and attributes.get("container") == leaver.id
        ):
            return met("leaver was connected to dev")
    return missed(
        "this leaver was never on dev since the lesson started",
        "Start it on dev, or connect it to dev; then take it off again while it runs.",
        *links("other", leaver, leaver.addresses),
    )


def _is_off_dev(leaver: ContainerView) -> Finding:
    if "dev" not in leaver.addresses:
        return met(f"leaver is on {listed(leaver.addresses)}")
    return missed(
        "leaver is still on dev",
        "There is a command for leaving a network.",
        *links("wrong", leaver, ["dev"]),
    )


def _es_runs_on_dev(probe: Probe) -> Finding:
    own = _es_on(probe, "dev")
    if own:
        return met(f"es on dev is {listed(own)}")
    return missed("nobody on dev goes by the name es", "Start es on dev: there it must resolve.")


def _knows_no_es(probe: Probe, leaver: ContainerView) -> Finding:
    with probe.inside_container(leaver) as inside:
        ping = inside.ping("es")
    if ping.address is None:
        return met("es does not resolve")
    return missed(
        f"es is {ping.address} for leaver",
        "Another network that leaver is on has an es, or its /etc/hosts names one.",
    )


def _es_on(probe: Probe, network: str) -> dict[str, str]:
    """Addresses of the running containers that are ``es`` on a network, by name or alias."""
    return {
        address: container.name
        for container in probe.containers()
        if container.running
        and ("es" in container.aliases.get(network, ()) or container.name == "es")
        for address in container.addresses.get(network, ())
    }


def _leads(probe: Probe, between: ContainerView, name: str, own: dict[str, str]) -> Finding:
    network = name.partition(".")[2]
    there = exists(probe.network(network))
    if not there.passed:
        return there
    if not own:
        return missed(
            f"nobody on {network} goes by the name es",
            f"Start one there: on {network}, with the name or the alias es.",
        )
    with probe.inside_container(between) as inside:
        ping = probe.soon(lambda: inside.ping(name), lambda ping: ping.answered)
        given = inside.leads(name, ping)
    if given and given <= set(own):
        return met(f"{name} is {listed(given)}, {listed({own[a] for a in given})}")
    if not given:
        return missed(f"{name} does not resolve from between", f"Is between on {network}?")
    return missed(
        f"{name} is {listed(given)}, but es on {network} is {listed(own)}",
        "Does another container go by that name, or /etc/hosts of between name another?",
    )


def _reverse(probe: Probe, answer: object) -> Finding:
    text = answers.as_text(answer)
    if text is None:
        return missed("ptr_name is not set", "Set ptr_name to the name, in quotes.")
    node, prod = probe.container("prod-es-1"), probe.network("prod")
    ready = exists(prod).also(lambda: runs_on(node, prod, JOIN), drawn=True)
    if not ready.passed:
        return ready
    with probe.inside_network(prod) as inside:
        names = frozenset().union(*(inside.names_of(a) for a in node.addresses["prod"]))
    described = f"ptr_name is {answers.describe(answer, 'a text')}"
    if text.rstrip(".").casefold() in {name.casefold() for name in names}:
        return met(described)
    if any(name in line for name in names for line in _lines(answer)):
        return missed(described, "Set ptr_name to the name alone, without what stands around it.")
    return missed(
        described,
        "Look up the address of prod-es-1 from a container on prod, and take the whole name that"
        " comes back: a name, a dot, the network.",
    )


def _lines(answer: object) -> list[str]:
    """What the answer consists of: a text, or lines captured by IPython."""
    parts = answer if isinstance(answer, list) else [answer]
    return [part for part in parts if isinstance(part, str)]
