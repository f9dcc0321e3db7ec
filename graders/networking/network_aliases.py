"""Checks of the lesson ``network-aliases``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from graders import answers
from graders.at_once import at_once
from graders.engine_view import ContainerView, NetworkView
from graders.expectation import Expectation, Finding, expect, met, missed
from graders.facts import box, exists, links, listed, made_from, on_network, runs, runs_on
from graders.http_probe import HttpAnswer, in_url
from graders.probe import Probe
from graders.registry import check
from graders.sketch import Shown, Thing

IMAGE = "elasticsearch:2"
NODES = ("prod-es-1", "prod-es-2")
ANSWER_SECONDS = 15.0
_ANEW = "A node that was started anew has a new one."


@check("aliases-two-answers")
def both_behind_one_alias(probe: Probe) -> Iterator[Expectation]:
    """``prod-es-1`` and ``prod-es-2`` on ``prod``; ``es`` there gives exactly their addresses."""
    prod = probe.network("prod")
    there = exists(prod)
    yield expect("A network named prod exists.", 0.5, there)
    nodes = [probe.container(name) for name in NODES]
    ready = [_node(probe, node, prod) for node in nodes]
    for node, finding in zip(nodes, ready, strict=True):
        yield expect(f"{node.name} runs {IMAGE} on prod.", 1, finding)
    both = there.then(lambda: ready[0].then(lambda: ready[1]))
    yield expect(
        "On prod, the name es leads to the addresses of both, and to no other.",
        2.5,
        both.then(lambda: _exactly(probe, prod, nodes)),
    )


@check("aliases-isolation")
def networks_keep_apart(probe: Probe) -> Iterator[Expectation]:
    """On ``dev`` the name and the address of ``es`` answer; on ``prod`` neither leads there."""
    dev, prod = probe.network("dev"), probe.network("prod")
    es = probe.container("es")
    ready = exists(dev).also(lambda: runs_on(es, dev), drawn=True)
    yield expect("A container named es is running on dev.", 1, ready)
    # What does not answer on prod takes its time while others answer on dev.
    (named, addressed), on_prod = at_once(
        lambda: _on_dev(probe, es, dev, ready),
        lambda: _on_prod(probe, es, prod, ready.then(lambda: exists(prod))),
    )
    yield expect("On dev, the name es leads to it and answers.", 1.5, named)
    yield expect("On dev, its address answers.", 1, addressed)
    name_apart, address_apart = on_prod
    yield expect(
        "On prod, the name es does not lead to the es of dev.",
        1.5,
        addressed.then(lambda: name_apart),
    )
    yield expect(
        "On prod, the address of es does not answer.", 1, addressed.then(lambda: address_apart)
    )


@check("aliases-who-answered")
def node_names_collected(probe: Probe) -> Iterator[Expectation]:
    """``answers`` is the set of node names that ``es:9200`` on ``prod`` gives."""
    answer = probe.answers.get("answers")
    prod = probe.network("prod")
    nodes = [probe.container(name) for name in NODES]
    ready = exists(prod)
    for node in nodes:
        ready = ready.also(partial(runs_on, node, prod))
    told = missed("answers is not set", "Set answers to a set of the names, such as {'A', 'B'}.")
    blank = isinstance(answer, str) and not answer.strip()
    names = told if answer is None or answer is ... or blank else ready
    behind = _behind_es(probe, prod, nodes) if names.passed else _Behind()
    given = _as_set(answer)
    seen = names.also(lambda: _some_right(answer, given, behind))
    yield expect("answers holds a name of a node behind es on prod.", 1, seen)
    yield expect(
        "answers holds the names of both nodes, and no other.",
        2,
        seen.then(lambda: _all_right(given, behind)),
    )


# --- findings ------------------------------------------------------------------------------


def _node(probe: Probe, node: ContainerView, prod: NetworkView) -> Finding:
    return (
        runs(node)
        .also(lambda: made_from(probe, node, IMAGE))
        .also(lambda: on_network(node, prod), drawn=True)
    )


def _exactly(probe: Probe, prod: NetworkView, nodes: list[ContainerView]) -> Finding:
    own = {address for node in nodes for address in node.addresses[prod.name]}
    known = [
        Shown(
            "met" if "es" in node.aliases.get(prod.name, ()) else "missing",
            box(node), Thing("network", prod.name), "name es",
        )
        for node in nodes
    ]  # fmt: skip
    with probe.inside_network(prod) as inside:
        given = probe.soon(lambda: inside.addresses("es"), lambda given: given == own)
    if given == own:
        return met(f"es is {listed(given)} on prod")
    if not given:
        return missed(
            "es does not resolve on prod",
            "A container gets a further name on a network with an option of docker run, or of"
            " docker network connect.",
            *known,
        )
    if given < own:
        return missed(
            f"es is {listed(given)} on prod, the two nodes have {listed(own)}",
            "Both nodes need the alias. It is given when a container joins the network.",
            *known,
        )
    strangers = [
        Shown("wrong", box(one), Thing("network", prod.name), "name es")
        for one in probe.containers()
        if one.name not in NODES and given & set(one.addresses.get(prod.name, ()))
    ]
    return missed(
        f"es is {listed(given)} on prod, the two nodes have {listed(own)}",
        "Another container on prod goes by the name es, too: docker network inspect prod.",
        *known,
        *strangers,
    )


def _on_dev(
    probe: Probe, es: ContainerView, dev: NetworkView, ready: Finding
) -> tuple[Finding, Finding]:
    if not ready.passed:
        blocked = ready.then(lambda: ready)
        return blocked, blocked
    own = set(es.addresses["dev"])
    with probe.inside_network(dev) as inside:
        by_name = probe.soon(lambda: inside.ping("es"), lambda ping: ping.answered)
        given = inside.addresses("es")
        by_address = probe.soon(lambda: inside.ping(min(own)), lambda ping: ping.answered)
    if not given & own:
        named = missed(
            f"on dev, es leads to {listed(given)}" if given else "es does not resolve on dev",
            "Is the container es on dev, and does no other there have its name?",
        )
    elif by_name.answered:
        named = met(f"es answers on dev, at {listed(given & own)}")
    else:
        named = missed("es resolves on dev, but does not answer a ping", "Is es running?")
    if by_address.answered:
        return named, met(f"{min(own)} answers on dev")
    return named, missed(f"{min(own)} does not answer on dev", "Is es running, and on dev?")


def _on_prod(
    probe: Probe, es: ContainerView, prod: NetworkView, ready: Finding
) -> tuple[Finding, Finding]:
    """An absence: it counts once ``es`` and ``prod`` exist (``ready``)."""
    if not ready.passed:
        # That there is no prod is told here, and nowhere above.
        return ready, ready.then(lambda: ready)
    hint = "es must not be on prod. Remove it, and start it on dev alone."
    own = set(es.all_addresses)
    with probe.inside_network(prod) as inside:
        given = inside.addresses("es")
        reached = [address for address in sorted(own) if inside.answers(address)]
    led = given & own
    named = (
        missed(
            f"on prod, es leads to {listed(led)}, the es of dev",
            hint,
            *links("wrong", es, {prod.name} & es.addresses.keys()),
        )
        if led
        else met(f"on prod, es is {listed(given)}" if given else "es does not resolve on prod")
    )
    if reached:
        return named, missed(f"{listed(reached)} answers from prod", hint)
    return named, met(f"{listed(own)} does not answer from prod")


def _as_set(answer: object) -> frozenset[str]:
    """The names in a set, list or tuple (a JSON array, lines captured by IPython)."""
    if isinstance(answer, str):
        try:
            decoded = json.loads(answer)
        except (ValueError, RecursionError):
            decoded = None
        answer = decoded if isinstance(decoded, list) else [answer]
    if not isinstance(answer, list | tuple | set | frozenset):
        return frozenset()
    return frozenset(item.strip() for item in answer if isinstance(item, str) and item.strip())


@dataclass(frozen=True, slots=True)
class _Behind:
    """What answers as ``es`` on ``prod``."""

    missing: frozenset[str] = frozenset(NODES)
    """Those of the nodes to which the name does not lead."""
    strangers: frozenset[str] = frozenset()
    """Addresses to which it leads, and which are of no node."""
    names: tuple[str, ...] = ()
    """What each node that answers says its name is: two can have drawn, or been given, the same."""


def _behind_es(probe: Probe, prod: NetworkView, nodes: list[ContainerView]) -> _Behind:
    own = {node.name: frozenset(node.addresses[prod.name]) for node in nodes}
    names = list[str]()
    with probe.inside_network(prod) as inside:
        led = probe.soon(
            lambda: inside.addresses("es"), lambda led: all(led & own[name] for name in NODES)
        )
        missing = frozenset(name for name in NODES if not led & own[name])
        for name in sorted(own.keys() - missing):
            # Of a node with both kinds the one that elasticsearch:2 surely listens at.
            address = min(own[name], key=lambda one: (":" in one, one))
            url = f"http://{in_url(address)}:9200/"
            # Both run, so each has an answer to give; a busy machine may need a while for it.
            answer = probe.within(ANSWER_SECONDS, partial(inside.get, url), _names_node)
            if _names_node(answer):
                names.append(_node_name(answer))
    return _Behind(missing, led - frozenset().union(*own.values()), tuple(names))


def _names_node(answer: HttpAnswer) -> bool:
    return answer.ok and bool(_node_name(answer))


def _node_name(answer: HttpAnswer) -> str:
    try:
        document: Any = json.loads(answer.body)
    except ValueError:
        return ""
    name = document.get("name") if isinstance(document, dict) else None
    return name if isinstance(name, str) else ""


def _some_right(answer: object, given: frozenset[str], behind: _Behind) -> Finding:
    right = given.intersection(behind.names)
    if right:
        return met(f"answers holds {listed(right)}")
    if len(behind.missing) == len(NODES):
        return missed(
            "on prod, the name es leads to neither node",
            "es:9200 is asked for, so both need that alias on prod.",
        )
    if not behind.names:
        return missed(
            "no node behind es answers at port 9200",
            "Elasticsearch takes some seconds to start: docker logs prod-es-1.",
        )
    around = {text for text in given if any(name in text for name in behind.names)}
    if around:
        return missed(
            f"answers holds {listed(map(repr, around))}",
            "Each name has to be a text of its own, without anything around it, as in {'A', 'B'}.",
        )
    if given or (isinstance(answer, list | tuple | set | frozenset) and not answer):
        return missed(
            f"answers holds {listed(given)}" if given else "answers holds no name",
            f'Ask es:9200 from a container on prod, and take the value of "name". {_ANEW}',
        )
    return missed(
        f"answers is {answers.describe(answer, 'a set of texts')}",
        "Set answers to a set of the names, such as {'A', 'B'}.",
    )


def _all_right(given: frozenset[str], behind: _Behind) -> Finding:
    if behind.missing:
        return missed(
            f"on prod, the name es does not lead to {listed(behind.missing)}",
            "es:9200 is asked for, so both nodes need that alias on prod.",
        )
    if len(behind.names) < len(NODES):
        return missed("only one node answers", "Are both running? See docker ps.")
    if wrong := given.difference(behind.names):
        return missed(
            f"{listed(wrong)} is the name of neither node",
            f"A third container goes by the name es on prod, at {listed(behind.strangers)}."
            if behind.strangers
            else f"Ask on prod, not on dev, and take only names that come back. {_ANEW}",
        )
    if given == set(behind.names):
        return met(f"answers is {listed(given)}")
    return missed(
        f"answers holds {listed(given)} alone",
        "Ask a few times more: which of the two answers is left to chance.",
    )
