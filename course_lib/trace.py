"""A packet's way from a container to a name or an address: who is asked, where it goes out, who
gets it, or where it stops and why.

:func:`look` alone talks to an engine: it asks from inside, with real look-ups, routes and packets.
:func:`way` makes steps of what it saw and of the topology, and is pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Literal

from course_lib import inside
from course_lib.errors import EngineUnavailable
from course_lib.topology import Container, Interface, Network, Topology

RESOLVER = "127.0.0.11"
"""Where the engine's own name server is asked, in each container on a network of one's own."""

_ADDRESS = re.compile(r"^Address(?: \d+)?:\s*([0-9a-fA-F.:]+)$", re.MULTILINE)

Kind = Literal["sender", "resolver", "interface", "network", "endpoint"]


@dataclass(frozen=True, slots=True)
class Route:
    """What ``ip route get`` says; ``gateway`` is empty where the neighbour is reached at once."""

    interface: str
    source: str = ""
    gateway: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen from inside.

    :param asked: the name server asked, ``/etc/hosts`` where that knew, empty for an address.
    :param answers: the addresses it gave.
    :param route: None where there is none, or nowhere to go.
    :param answered: an echo came back, or the port took a connection.
    :param refused: the port said that nobody listens.
    """

    asked: str = ""
    answers: tuple[str, ...] = ()
    route: Route | None = None
    answered: bool = False
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A station; ``network`` gives its colour, what is not ``reached`` lies behind the stop."""

    kind: Kind
    title: str
    facts: tuple[str, ...] = ()
    network: str = ""
    reached: bool = True


@dataclass(frozen=True, slots=True)
class Trace:
    """The whole way. ``arrived`` says whether an answer came; ``verdict`` says it in words."""

    source: str
    target: str
    port: int | None
    steps: tuple[Step, ...]
    arrived: bool
    verdict: str

    @property
    def title(self) -> str:
        port = "" if self.port is None else f", port {self.port}"
        return f"from {self.source} to {self.target}{port}"

    def __str__(self) -> str:
        lines = [self.title]
        for step in self.steps:
            way = "" if step.reached else " [not reached]"
            lines.append(f"  {step.kind} {step.title}: {', '.join(step.facts)}{way}")
        return "\n".join([*lines, self.verdict])


def is_address(text: str) -> bool:
    """Whether it is an IP address, which no name server need be asked for."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


# --- looking -----------------------------------------------------------------------------


def look(api: Any, image: str, mode: str, target: str, port: int | None = None) -> Seen:
    """Ask from inside the network stack that ``mode`` names (``container:ID``, ``host``).

    :param image: has BusyBox's ``nslookup``, ``ip``, ``ping`` and ``nc``.
    :raises docker.errors.DockerException: where the engine does not let us.
    :raises EngineUnavailable: where it is too slow for a true answer.
    """
    helper = inside.make(api, image, mode)
    try:
        return _look(api, helper, target, port)
    finally:
        inside.remove(api, helper)


def _look(api: Any, helper: str, target: str, port: int | None) -> Seen:
    def run(*command: str) -> tuple[int, str, str]:
        return inside.run(api, helper, command)

    def read(*command: str) -> tuple[int, str]:
        """What answers at once on a machine that is not overloaded; guesses would be untrue."""
        code, out, _ = run(*command)
        if code == inside.TIMED_OUT:
            raise EngineUnavailable(f"{command[0]} took too long inside", "run the cell again")
        return code, out

    asked: str
    answers: tuple[str, ...]
    if is_address(target):
        asked, answers = "", (target,)
    else:
        asked, answers = "/etc/hosts", tuple(_in_hosts(read("cat", "/etc/hosts")[1], target))
        if not answers:
            asked = _name_server(read("cat", "/etc/resolv.conf")[1])
            # The first block tells of the name server itself.
            _, _, answer = run("nslookup", "-type=a", target)[1].partition("\n\n")
            answers = tuple(dict.fromkeys(_ADDRESS.findall(answer)))
    if not answers:
        return Seen(asked)
    code, out = read("ip", "route", "get", answers[0])
    route = None if code else _route(out)
    if route is None:
        return Seen(asked, answers)
    if port is None:
        return Seen(asked, answers, route, inside.answers(api, helper, answers[0]))
    # What is run on a connection ends at once, so nc does: its exit code tells of the connection.
    code, _, err = run("nc", "-w", "2", answers[0], str(port), "-e", "true")
    return Seen(asked, answers, route, code == 0, "refused" in err)


def _in_hosts(text: str, name: str) -> Iterator[str]:
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if name in names:
            yield address


def _name_server(text: str) -> str:
    found = re.search(r"^nameserver\s+(\S+)", text, re.MULTILINE)
    return found[1] if found else ""


def _route(text: str) -> Route | None:
    def after(word: str) -> str:
        found = re.search(rf"\b{word} (\S+)", text)
        return found[1] if found else ""

    return Route(after("dev"), after("src"), after("via")) if after("dev") else None


# --- steps -------------------------------------------------------------------------------


def owner_of(topology: Topology, container: Container) -> Container:
    """Whose network stack it uses: its own, or with ``--net container:…`` another's."""
    shared = topology.container(container.shares) if container.shares else None
    return shared or container


def way(
    topology: Topology, source: Container, target: str, port: int | None, seen: Seen | None
) -> Trace:
    """The steps of the way.

    :param seen: None where nobody could look, because the sender does not run.
    """
    owner = owner_of(topology, source)
    steps = [_sender(source, owner)]

    def ends(verdict: str, *, arrived: bool = False) -> Trace:
        return Trace(source.name, target, port, tuple(steps), arrived, verdict)

    on_port = "" if port is None else f" on port {port}"

    def reaches(name: str, looked: Seen) -> Trace:
        if looked.answered:
            return ends(f"{name} answers{on_port}.", arrived=True)
        if looked.refused:
            return ends(f"Nothing listens on port {port} of {name}: the connection is refused.")
        return ends(f"No answer from {name}{on_port}.")

    if seen is None:
        who = source if not source.running else owner
        return ends(f"{who.name} does not run ({who.state}): {source.name} cannot send anything.")
    if seen.asked:
        answer = ", ".join(seen.answers) or "no answer"
        steps.append(Step("resolver", seen.asked, (f"{target}: {answer}",)))
    if not seen.answers:
        meant = _by_name(topology, target)
        if meant is not None:
            steps.append(_endpoint(meant, None, reached=False))
        return ends(_why_unknown(source, owner, target, meant, seen.asked))
    address = seen.answers[0]
    if seen.route is None:
        alone = "only its loopback" if owner.mode == "none" else "no network that leads there"
        steps.append(Step("interface", "no way out", (f"no route to {address}",)))
        return ends(f"No route to {address}: {source.name} has {alone}.")
    route = seen.route
    through = f"via gateway {route.gateway}" if route.gateway else "straight to the neighbour"
    local = route.interface == "lo"
    facts = ("stays inside",) if local else (f"from {route.source}", through)
    left = next((i for i in owner.interfaces if i.address == route.source), None)
    network = next(
        (
            n
            for n in topology.networks
            if (n.name == left.network if left else n.bridge == route.interface)
        ),
        None,
    )
    steps.append(Step("interface", route.interface, facts, network.name if network else ""))
    if local:
        steps.append(_endpoint(owner, None, address=address))
        return reaches(owner.name, seen)
    steps.append(_network(network))
    found = _holder(topology, address)
    if found is not None:
        holder, there = found
        if (network and there.network == network.name) or seen.answered or seen.refused:
            steps.append(_endpoint(holder, there))
            return reaches(holder.name, seen)
        steps.append(_endpoint(holder, there, reached=False))
        return ends(
            f"{holder.name} is on {there.network}, {source.name} is not: networks are kept apart, "
            "and what is sent to another one is thrown away."
        )
    of = next((n for n in topology.networks for s in n.subnets if s.gateway == address), None)
    name = f"the host (gateway of {of.name})" if of else "outside" if route.gateway else "nobody"
    if name == "nobody" and not seen.answered and not seen.refused:
        where = network.name if network else "the host's networks"
        return ends(f"Nobody on {where} has the address {address}.")
    name = address if name == "nobody" else name
    steps.append(Step("endpoint", name, (address,), reached=seen.answered or seen.refused))
    return reaches(address, seen)


def _sender(source: Container, owner: Container) -> Step:
    facts = [source.image]
    if not source.running:
        facts.append(source.state)
    if owner is not source:
        facts.append(f"in the stack of {owner.name}")
    elif source.mode in ("none", "host"):
        facts.append(f"--net {source.mode}")
    return Step("sender", source.name, tuple(facts))


def _network(network: Network | None) -> Step:
    if network is None:
        return Step("network", "the host's", ("no network of its own",))
    ranges = [subnet.cidr for subnet in network.subnets]
    bridge = [f"bridge {network.bridge}"] if network.bridge else [f"driver {network.driver}"]
    internal = ["internal"] if network.internal else []
    return Step("network", network.name, (*bridge, *ranges, *internal), network.name)


def _endpoint(
    container: Container, at: Interface | None, *, address: str = "", reached: bool = True
) -> Step:
    address = at.address if at else address
    networks = [at.network] if at else [i.network for i in container.interfaces]
    facts = [address] if address else []
    if networks:
        facts.append(f"on {', '.join(networks)}")
    if not container.running:
        facts.append(container.state)
    return Step("endpoint", container.name, tuple(facts), networks[0] if networks else "", reached)


def _holder(topology: Topology, address: str) -> tuple[Container, Interface] | None:
    return next(
        ((c, i) for c in topology.containers for i in c.interfaces if i.address == address), None
    )


def _by_name(topology: Topology, name: str) -> Container | None:
    """Who has that name or alias, on whichever network."""
    aliases = (c for c in topology.containers for i in c.interfaces if name in i.aliases)
    return topology.container(name) or next(aliases, None)


def _why_unknown(
    source: Container, owner: Container, target: str, meant: Container | None, asked: str
) -> str:
    on = [interface.network for interface in owner.interfaces]
    where = " and ".join(on)
    if not on and owner.mode == "none":
        return f"{source.name} is on no network: the name server {asked} cannot be asked."
    if asked != RESOLVER:
        default = f"is on {where}, where containers have no names" if on else "has the host's names"
        return f"{source.name} {default}, and the host's name server knows no {target}."
    if meant is None:
        return f"Nobody on {where} has the name {target}, and no answer came from outside."
    if not meant.running:
        return f"{meant.name} does not run ({meant.state}): only those that run are found by name."
    other = " and ".join(i.network for i in meant.interfaces) or "no network"
    return (
        f"{meant.name} is on {other}, {source.name} on {where}: "
        "a name is known only to those who share a network with it."
    )
