"""Checks of the lesson ``publish-a-service``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graders import answers
from graders.engine_view import ContainerView, PublishedPort
from graders.expectation import Expectation, Finding, expect, met, missed
from graders.facts import box, itself, listed, made_from, port_links, runs
from graders.probe import Probe
from graders.registry import check
from graders.sketch import Shown, Thing

HTTP = "80/tcp"


@check("publish-any-port")
def page_on_port_chosen_by_docker(probe: Probe) -> Iterator[Expectation]:
    """A running nginx ``web``, port 80 published where Docker chose; the page answers there."""
    web = probe.container("web")
    running = runs(web)
    yield expect("A container named web is running.", 1, running)
    yield expect(
        "web was made from the image nginx.",
        0.5,
        running.then(lambda: made_from(probe, web, "nginx")),
    )
    # (Of a container that is there, but has stopped, nobody can say.)
    published = running.then(lambda: _published_by_docker(web), drawn=not web.exists)
    yield expect("Port 80 of web is published on a host port that Docker chose.", 1.5, published)
    yield expect(
        "The page answers on that host port.",
        1,
        published.then(lambda: _answers(probe, web, _chosen(web))),
    )


@check("publish-find-port")
def port_found(probe: Probe) -> Iterator[Expectation]:
    """``web_port`` is the host port on which port 80 of ``web`` is published, digits alone."""
    answer = probe.answers.get("web_port")
    right = _names_port(answer, probe.container("web"))
    yield expect("web_port leads to port 80 of web.", 1, right)
    yield expect(
        "web_port is the port alone: digits and nothing else.",
        1,
        right.then(lambda: _digits_alone(answer)),
    )


@check("publish-two-ports")
def site_on_two_ports(probe: Probe) -> Iterator[Expectation]:
    """A running nginx ``site`` that answers on host ports 8080 and 8888 alike."""
    site = probe.container("site")
    running = runs(site)
    yield expect("A container named site is running.", 0.5, running)
    yield expect(
        "site was made from the image nginx.",
        0.5,
        running.then(lambda: made_from(probe, site, "nginx")),
    )
    first = running.then(lambda: _answers_on(probe, site, 8080), drawn=not site.exists)
    yield expect("site answers on host port 8080.", 1.5, first)
    # A server that answers on one port has started; there is nothing more to wait for.
    seconds = 0.1 if first.passed else None
    second = running.then(lambda: _answers_on(probe, site, 8888, seconds), drawn=not site.exists)
    yield expect("site answers on host port 8888.", 1.5, second)


@check("publish-address")
def address_found(probe: Probe) -> Iterator[Expectation]:
    """``web_address`` is an address of ``web`` on one of its networks, without prefix length."""
    answer = probe.answers.get("web_address")
    right = _names_address(answer, probe.container("web"))
    yield expect("web_address is an address of web on one of its networks.", 1, right)
    yield expect(
        "web_address is the address alone, without a prefix length.",
        1,
        right.then(lambda: _address_alone(answer)),
    )


# --- findings ------------------------------------------------------------------------------


def _chosen(container: ContainerView) -> list[PublishedPort]:
    return [port for port in container.ports_of(HTTP) if port.chosen_by_docker]


def _published_by_docker(web: ContainerView) -> Finding:
    chosen = _chosen(web)
    if chosen:
        shown = port_links("met", web, (port.host_port for port in chosen))
        return met(f"port 80 is published on {_ports(chosen)}", *shown)
    missing = Shown("missing", box(web), Thing("port", "that Docker chose"))
    fixed = web.ports_of(HTTP)
    if fixed:
        return missed(
            f"port 80 is published on {_ports(fixed)}, which was given on the command line",
            "Let Docker choose: one option of docker run publishes all exposed ports.",
            missing,
            *port_links("wrong", web, (port.host_port for port in fixed)),
        )
    if web.published:
        others = listed({port.container_port for port in web.published})
        return missed(
            f"published are {others}, not 80/tcp",
            "On which port does nginx listen?",
            missing,
            *(
                Shown("wrong", box(web), Thing("port", str(p.host_port)), f"to {p.container_port}")
                for p in web.published
            ),
        )
    return missed(
        f"no port of {web.name} is published",
        "Ports are published when the container is made. Remove web and start it again with"
        " the option that publishes all exposed ports.",
        missing,
    )


def _answers(probe: Probe, web: ContainerView, ports: Sequence[PublishedPort]) -> Finding:
    answer = probe.get_published(web, ports)
    if answer.ok:
        return itself(probe, web, met(f"the page answers on {_ports(ports)}"))
    return missed(
        str(answer),
        f"Port 80 is forwarded, but does anything listen there? See docker logs {web.name}.",
    )


def _answers_on(
    probe: Probe, site: ContainerView, host_port: int, seconds: float | None = None
) -> Finding:
    ports = [p for p in site.published if p.host_port == host_port and p.protocol == "tcp"]
    if not ports:
        where = _ports(site.published) if site.published else "no port at all"
        return missed(
            f"site is published on {where}",
            f"Host port {host_port} has to lead to the port on which nginx listens;"
            " one option per host port, host port first.",
            *port_links("missing", site, [host_port]),
            *port_links("other", site, (port.host_port for port in site.published)),
        )
    answer = probe.get_published(site, ports, service_seconds=seconds)
    if answer.ok:
        shown = port_links("met", site, [host_port])
        return itself(probe, site, met(f"the page answers on {_ports(ports)}", *shown))
    inner = listed({port.container_port for port in ports})
    return missed(
        str(answer),
        f"Host port {host_port} leads to port {inner} of site. On which port does nginx listen?",
        Shown("wrong", box(site), Thing("port", str(host_port)), f"to {inner}"),
    )


def _names_port(answer: object, web: ContainerView) -> Finding:
    text = answers.as_text(answer)
    if text is None:
        return missed("web_port is not set", "Set web_port to the host port, for example 12345.")
    running = runs(web)
    if not running.passed:
        return running
    ports = web.ports_of(HTTP)
    if not ports:
        return missed("port 80 of web is not published", "Do the exercise before this one first.")
    port = answers.port_in(text)
    if port in {published.host_port for published in ports}:
        return met(f"web_port is {answers.describe(answer)}")
    if port is None:
        return missed(
            f"web_port is {answers.describe(answer)}",
            "Set web_port to the number of the port and nothing else, for example 12345.",
        )
    if port == 80:
        given = "80" if text == "80" else f"{answers.describe(answer)}, at the end of it 80"
        return missed(
            f"web_port is {given}, the port inside the container",
            "Which port of the host leads there? In the PORTS column it stands before the arrow.",
        )
    if inner := {one.container_port for one in web.published if one.host_port == port}:
        return missed(
            f"web_port is {answers.describe(answer)}, which leads to {listed(inner)} of web",
            f"nginx listens on {HTTP}: which port of the host leads there?",
        )
    return missed(
        f"web_port is {answers.describe(answer)}",
        "That is not where port 80 of web is published now. A container that is made anew gets"
        " a new port: ask docker port again.",
    )


def _digits_alone(answer: object) -> Finding:
    text = answers.as_text(answer) or ""
    if answers.is_digits(text):
        return met(f"web_port is {text}")
    return missed(f"web_port is {answers.describe(answer)}", "Cut off everything but the port.")


def _names_address(answer: object, web: ContainerView) -> Finding:
    text = answers.as_text(answer)
    if text is None:
        return missed("web_address is not set", "Set web_address to the address, in quotes.")
    running = runs(web)
    if not running.passed:
        return running
    address = answers.address_in(text)
    if address is None:
        return missed(
            f"web_address is {answers.describe(answer)}",
            "Set web_address to one address and nothing else: four numbers with dots between, such"
            " as 192.0.2.7. A container on several networks has one on each.",
        )
    own = {answers.address_in(one) for one in web.all_addresses}
    if not own:
        return missed("web has no address of its own", "Start web on a bridge network.")
    if address in own:
        return met(f"web_address is {answers.describe(answer)}")
    return missed(
        f"web_address is {answers.describe(answer)}, which is no address of web",
        "docker inspect shows the addresses of a container under NetworkSettings, Networks."
        " A gateway is not one of them.",
    )


def _address_alone(answer: object) -> Finding:
    text = answers.as_text(answer) or ""
    if answers.is_address(text):
        return met(f"web_address is {text}")
    return missed(
        f"web_address is {answers.describe(answer)}", "Cut off the slash and what follows."
    )


def _ports(ports: Sequence[PublishedPort]) -> str:
    numbers = sorted({port.host_port for port in ports})
    return f"host port{'s' * (len(numbers) > 1)} {listed(str(number) for number in numbers)}"
