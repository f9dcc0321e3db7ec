"""Checks of the lesson ``service-discovery``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from graders import answers
from graders.engine_view import ContainerView, PublishedPort
from graders.expectation import Expectation, Finding, expect, met, missed
from graders.facts import box, exists, itself, listed, made_from, on_network, runs
from graders.http_probe import HttpAnswer
from graders.probe import Probe
from graders.registry import check
from graders.sketch import Shown, Thing

IMAGE = "ahmedgabercod/trainingwheels"
NAME = "redis"
ALIAS = f"alias {NAME}"
DEV = Thing("network", "dev")
START_SECONDS = 10.0
VISITS = 4
"""With two stores behind one name, the third visit at the latest meets one of them again."""
_TAGS = re.compile(r"<(style|script|head)\b.*?</\1>|<[^>]+>", re.IGNORECASE | re.DOTALL)


@check("discovery-broken")
def name_that_failed(probe: Probe) -> Iterator[Expectation]:
    """``error_reason`` is the name that the web server failed to resolve, capitals or not."""
    yield expect(
        "error_reason is the name that the web server could not resolve.",
        2,
        _names_redis(probe.answers.get("error_reason")),
    )


@check("discovery-running")
def application_counts(probe: Probe) -> Iterator[Expectation]:
    """A running ``www`` on ``dev``, published where Docker chose, whose page counts visits."""
    www, dev = probe.container("www"), probe.network("dev")
    running = runs(www)
    yield expect("A container named www is running.", 0.5, running)
    yield expect(
        f"www was made from the image {IMAGE}.",
        0.5,
        running.then(lambda: made_from(probe, www, IMAGE)),
    )
    attached = running.then(lambda: on_network(www, dev), drawn=True)
    yield expect("www is on the network dev.", 1, attached)
    published = running.then(lambda: _published(www))
    yield expect("The port of www is published where Docker chose.", 1, published)
    yield expect(
        "The page of www shows a visit count.",
        2,
        published.then(lambda: attached.then(lambda: _counts(probe, www))),
    )


@check("discovery-alias")
def alias_instead_of_name(probe: Probe) -> Iterator[Expectation]:
    """No container named ``redis``; one on ``dev`` has that alias there; the page counts."""
    www, dev = probe.container("www"), probe.network("dev")
    aliased = exists(dev).also(lambda: _alias_on_dev(probe), drawn=True)
    yield expect("A running container on dev has the alias redis there.", 2, aliased)
    yield expect(
        "No container is named redis any more.", 1, aliased.then(lambda: _name_is_free(probe))
    )
    ready = runs(www).also(lambda: _published_at_all(www))
    counts = aliased.then(lambda: ready.also(lambda: _counts(probe, www)))
    found = counts.also(lambda: _asks_the_alias(probe, www))
    # Where www is, is no expectation of its own; but there the alias has to be known.
    borrowed = www.network_mode.startswith("container:")
    joined = () if borrowed else (*ready.shows, *on_network(www, dev).shows)
    yield expect(
        "The page of www shows a visit count, kept where the alias leads.",
        2,
        replace(found, shows=(*found.shows, *joined)),
    )


# --- findings ------------------------------------------------------------------------------


def _names_redis(answer: object) -> Finding:
    text = answers.as_text(answer)
    if text is None:
        return missed("error_reason is not set", "Set error_reason to the name, in quotes.")
    if text.strip("'\"").rstrip(".").casefold() == NAME:
        return met(f"error_reason is {answers.describe(answer)}")
    return missed(
        f"error_reason is {answers.describe(answer)}",
        "One word: which host does the page, or docker logs www, say it could not find?",
    )


def _published(www: ContainerView) -> Finding:
    chosen = [port for port in www.published if port.chosen_by_docker]
    if chosen:
        return met(f"www is published on host port {_numbers(chosen)}")
    if www.published:
        return missed(
            f"www is published on host port {_numbers(www.published)}, which was given",
            "Let Docker choose: one option of docker run publishes all exposed ports.",
        )
    return _published_at_all(www)


def _published_at_all(www: ContainerView) -> Finding:
    if www.published:
        return met(f"www is published on host port {_numbers(www.published)}")
    return missed(
        "no port of www is published",
        "Ports are published when a container is made. Remove www and start it again with the"
        " option that publishes all exposed ports.",
    )


def _counts(probe: Probe, www: ContainerView) -> Finding:
    """Some visits, one of which shows a higher number than one before."""
    visits: list[HttpAnswer] = []
    for number in range(VISITS):
        seconds = START_SECONDS if number == 0 else 0.1
        visits.append(probe.get_published(www, www.published, service_seconds=seconds))
        if not visits[-1].ok:
            break
        if any(_grew(earlier, visits[-1]) for earlier in visits[:-1]):
            return itself(probe, www, met("the page counts its visits"))
    if visits[-1].ok:
        return missed(
            "the page answers, but no number on it grows from one visit to the next",
            "Is this the page of the application, and does it reach its redis?",
        )
    return missed(
        f"the page of www: {visits[-1]}",
        "While the page is an error page, something that www needs is missing, or has another"
        " name than www looks for. docker logs www tells.",
    )


def _grew(earlier: HttpAnswer, later: HttpAnswer) -> bool:
    pairs = zip(_numbers_in(earlier), _numbers_in(later), strict=False)
    return any(after > before for before, after in pairs)


def _numbers_in(answer: HttpAnswer) -> list[int]:
    """The whole numbers in the text of a page, in their order."""
    text = _TAGS.sub(" ", answer.body)
    return [int(number) for number in re.findall(r"(?<![\w.:-])\d{1,9}(?![\w.:-])", text)]


def _aliased(probe: Probe) -> list[ContainerView]:
    return [
        container
        for container in probe.containers()
        if NAME in container.aliases.get("dev", ()) and container.running
    ]


def _alias_on_dev(probe: Probe) -> Finding:
    stores = _aliased(probe)
    if stores:
        return met(
            f"{listed(container.name for container in stores)} has the alias redis on dev",
            *(Shown("met", box(store), DEV, ALIAS) for store in stores),
        )
    anyone = Thing("container", "of any name")
    nobody = (Shown("missing", anyone), Shown("missing", anyone, DEV, ALIAS))
    elsewhere = [
        (container, network)
        for container in probe.containers()
        for network, aliases in container.aliases.items()
        if NAME in aliases and (network != "dev" or not container.running)
    ]
    if elsewhere:
        where = listed(f"{one.name} on {network}" for one, network in elsewhere)
        stopped = [one for one, network in elsewhere if network == DEV.name]
        return missed(
            f"the alias redis has {where}",
            "It has to run, and to have the alias on dev: aliases count in their network only.",
            *(() if stopped else nobody),
            *(Shown("wrong", box(one), words=one.status) for one in stopped),
            *(Shown("met", box(one), DEV, ALIAS) for one in stopped),
            *(
                Shown("wrong", box(one), Thing("network", network), ALIAS)
                for one, network in elsewhere
                if network != DEV.name
            ),
        )
    return missed(
        "no container has the alias redis on dev",
        "docker run has an option for a further name on the network it joins. A link is none.",
        *nobody,
    )


def _asks_the_alias(probe: Probe, www: ContainerView) -> Finding:
    """The name leads ``www`` to who has the alias: no link or ``/etc/hosts`` leads it elsewhere."""
    own = {address for store in _aliased(probe) for address in store.addresses["dev"]}
    with probe.inside_container(www) as inside:
        given = inside.leads(NAME, inside.ping(NAME))
    if given & own:
        return met("the page counts its visits where the alias leads")
    return missed(
        f"the page counts its visits, but redis is {listed(given)} for www, and the alias leads to"
        f" {listed(own)}",
        "A link, a line of /etc/hosts or another network of www leads it elsewhere. Make www anew"
        " without it.",
    )


def _name_is_free(probe: Probe) -> Finding:
    named = probe.container(NAME)
    if named.status == "missing":
        return met("no container is named redis")
    return missed(
        f"a container named redis is still there ({named.status})",
        "Remove it. The alias does what its name did, and leaves the name free.",
        Shown("wrong", box(named), words="still there"),
    )


def _numbers(ports: list[PublishedPort] | tuple[PublishedPort, ...]) -> str:
    return listed({str(port.host_port) for port in ports})
