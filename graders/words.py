"""Words for own exercises: ``network("dev").has("es").answers_ping()``.

Each gives a :class:`~graders.own.Fact`; :meth:`~graders.own.Fact.worth` gives it points. They
look as the course's own checks do: at behaviour, from inside the network or the container, and
what a fact rests on (that the container runs, that it is on the network) is looked at first, so
that a decoy or an absence never counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graders import answers, facts
from graders.engine_view import ContainerView
from graders.expectation import Finding, met, missed
from graders.http_probe import HttpAnswer
from graders.own import Fact
from graders.probe import Probe

START_SECONDS = 3.0
"""How long a service may take from the start of its container to its first answer."""


def network(name: str) -> Network:
    """The network of that name."""
    return Network(name)


def container(name: str) -> Container:
    """The container of that name."""
    return Container(name)


def volume(name: str) -> Volume:
    """The volume of that name."""
    return Volume(name)


def answer(name: str) -> Answer:
    """The variable of that name in the student's notebook."""
    return Answer(name)


def fact(text: str, look: Callable[[Probe], Finding]) -> Fact:
    """A fact in your own words: ``look`` returns ``met(found)`` or ``missed(found, hint)``."""
    return Fact(text, look)


@dataclass(frozen=True, slots=True)
class Network:
    """What can be expected of a network."""

    name: str

    def exists(self) -> Fact:
        """It is there."""
        return Fact(
            f"There is a network named {self.name}.",
            lambda probe: facts.exists(probe.network(self.name)),
        )

    def is_internal(self) -> Fact:
        """It has no way out."""

        def look(probe: Probe) -> Finding:
            seen = probe.network(self.name)
            return facts.exists(seen).also(
                lambda: (
                    met(f"{self.name} is internal")
                    if seen.internal
                    else missed(
                        f"{self.name} is not internal",
                        "Whether a network has a way out is decided when it is made.",
                    )
                )
            )

        return Fact(f"The network {self.name} is internal: it has no way out.", look)

    def has(self, member: str) -> Member:
        """A container of that name runs on it."""
        return Member(
            f"{member} runs on the network {self.name}.",
            lambda probe: _attached(probe, member, self.name),
            network=self.name,
            container=member,
        )

    def has_not(self, stranger: str) -> Fact:
        """A container of that name runs, but not on it."""

        def look(probe: Probe) -> Finding:
            seen = probe.container(stranger)
            there = facts.exists(probe.network(self.name)).also(lambda: facts.runs(seen))
            return there.also(lambda: facts.not_on_network(seen, self.name))

        return Fact(f"{stranger} runs, and is not on the network {self.name}.", look)


@dataclass(frozen=True, slots=True)
class Member(Fact):
    """A container on a network, and how it answers there."""

    network: str = ""
    container: str = ""

    def answers_ping(self) -> Fact:
        """Its name leads to its address from inside the network, and that answers."""
        return Fact(
            f"{self.container} answers a ping by its name on {self.network}.",
            lambda probe: self.look(probe).also(lambda: self._pinged(probe)),
        )

    def answers_http(
        self, port: int, path: str = "/", containing: str = "", within: float = START_SECONDS
    ) -> Fact:
        """A page comes from that port of it, asked for by its name from inside the network.

        :param within: seconds that the service may take to start.
        """
        url = f"http://{self.container}:{port}{path}"
        text = f"{url} answers from inside {self.network}{_with(containing)}."
        return Fact(
            text,
            lambda probe: self.look(probe).also(lambda: self._page(probe, url, containing, within)),
        )

    def _pinged(self, probe: Probe) -> Finding:
        own = set(probe.container(self.container).addresses.get(self.network, ()))
        with probe.inside_network(probe.network(self.network)) as inside:
            ping = probe.soon(lambda: inside.ping(self.container), lambda ping: ping.answered)
        if ping.address is None:
            return missed(
                f"{self.container} does not resolve on {self.network}",
                "Names are known to containers on the same user-defined network only.",
            )
        if ping.address not in own:
            return missed(
                f"{self.container} leads to {ping.address}, which is not the container's address"
                f" ({facts.listed(own)})",
                f"Does another container on {self.network} go by that name?",
            )
        if not ping.answered:
            return missed(f"{ping.address} does not answer", f"Does {self.container} still run?")
        return met(f"{self.container} is {ping.address}, which answers")

    def _page(self, probe: Probe, url: str, containing: str, within: float) -> Finding:
        seen = probe.container(self.container)
        with probe.inside_network(probe.network(self.network)) as inside:
            got = probe.settled(
                seen, lambda: inside.get(url), _good(containing), service_seconds=within
            )
        return _judged(got, url, containing, self.container)


@dataclass(frozen=True, slots=True)
class Container:
    """What can be expected of a container."""

    name: str

    def runs(self) -> Fact:
        """It is there and runs."""
        return Fact(f"A container named {self.name} is running.", self._running)

    def made_from(self, image: str) -> Fact:
        """It was made from that image, however it was called."""
        return self._if_running(
            f"{self.name} was made from the image {image}.",
            lambda probe, seen: facts.made_from(probe, seen, image),
        )

    def reaches(self, target: str) -> Fact:
        """From inside of it, a name or an address answers a ping."""

        def look(probe: Probe, seen: ContainerView) -> Finding:
            with probe.inside_container(seen) as inside:
                ping = probe.soon(lambda: inside.ping(target), lambda ping: ping.answered)
            if ping.answered:
                return met(f"{target} is {ping.address}, which answers")
            if ping.address is None:
                return missed(
                    f"from {self.name}, {target} does not resolve",
                    "Names are known to containers on the same user-defined network only.",
                )
            return missed(
                f"from {self.name}, {target} ({ping.address}) does not answer",
                "Do the two share a network?",
            )

        return self._if_running(f"From {self.name}, {target} answers a ping.", look)

    def answers_on(
        self, port: int, path: str = "/", containing: str = "", within: float = START_SECONDS
    ) -> Fact:
        """A page comes from it at a port of the host.

        :param within: seconds that its service may take to start.
        """

        def look(probe: Probe, seen: ContainerView) -> Finding:
            ports = [published for published in seen.published if published.host_port == port]
            if not ports:
                others = facts.listed({str(p.host_port) for p in seen.published})
                return missed(
                    f"{self.name} is not published on host port {port}"
                    + (f", but on {others}" if seen.published else ""),
                    "The host's port stands first in -p HOST:CONTAINER, and is chosen when a"
                    " container is made.",
                )
            got = probe.get_published(
                seen, ports, path=path, good=_good(containing), service_seconds=within
            )
            return _judged(got, f"http://localhost:{port}{path}", containing, self.name)

        text = f"{self.name} answers on host port {port}{_with(containing)}."
        return self._if_running(text, look)

    def has_volume(self, volume: str, at: str) -> Fact:
        """That volume is mounted at the path ``at``."""
        return self._if_running(
            f"The volume {volume} is at {at} of {self.name}.",
            lambda probe, seen: facts.has_volume_at(seen, at, probe.volume(volume)),
        )

    def _running(self, probe: Probe) -> Finding:
        return facts.runs(probe.container(self.name))

    def _if_running(self, text: str, look: Callable[[Probe, ContainerView], Finding]) -> Fact:
        def whole(probe: Probe) -> Finding:
            seen = probe.container(self.name)
            return facts.runs(seen).also(lambda: look(probe, seen))

        return Fact(text, whole)


@dataclass(frozen=True, slots=True)
class Volume:
    """What can be expected of a volume."""

    name: str

    def exists(self) -> Fact:
        """It is there."""
        return Fact(
            f"There is a volume named {self.name}.",
            lambda probe: facts.volume_there(probe.volume(self.name)),
        )

    def has_file(self, path: str, containing: str = "") -> Fact:
        """It has a file at that path, counted from its own top."""
        path = path.lstrip("/")

        def look(probe: Probe) -> Finding:
            seen = probe.volume(self.name)
            return facts.volume_there(seen).also(lambda: content(probe))

        def content(probe: Probe) -> Finding:
            with probe.files_of_volume(probe.volume(self.name)) as files:
                file = files.read(f"/volume/{path}")
            if not file.is_file:
                return missed(
                    f"there is no file {path} in {self.name}",
                    f"Mount {self.name} somewhere in a container, and write the file there.",
                )
            if containing not in file.text:
                return missed(
                    f"{path} in {self.name} does not say {containing!r}",
                    "docker run --rm with the volume and cat shows what it says.",
                )
            return met(f"{path} is there{_with(containing)}")

        return Fact(f"The volume {self.name} has the file {path}{_with(containing)}.", look)


@dataclass(frozen=True, slots=True)
class Answer:
    """What can be expected of a value that the student sets."""

    name: str

    def equals(self, value: str | int) -> Fact:
        """It is that text or number; ``80`` and ``"80"`` are the same."""

        def look(probe: Probe) -> Finding:
            given = probe.answers.get(self.name)
            text = answers.as_text(given)
            if text is None:
                return missed(f"{self.name} is not set", f"Set it: {self.name} = …, and run it.")
            if text == str(value):
                return met(f"{self.name} is {answers.describe(given)}")
            return missed(f"{self.name} is {answers.describe(given)}", "Look once more.")

        return Fact(f"{self.name} is right.", look, answers=(self.name,))


def _attached(probe: Probe, name: str, network: str) -> Finding:
    seen = probe.container(name)
    view = probe.network(network)
    return facts.exists(view).also(lambda: facts.runs_on(seen, view), drawn=True)


def _good(containing: str) -> Callable[[HttpAnswer], bool]:
    return lambda got: got.ok and containing in got.body


def _judged(got: HttpAnswer, url: str, containing: str, name: str) -> Finding:
    if not got.ok:
        return missed(
            f"asking {url} gave: {got}", f"docker logs {name} tells what its program says."
        )
    if containing not in got.body:
        return missed(
            f"{url} answers, but not with {containing!r}", f"Is {name} the container you mean?"
        )
    return met(f"{url} answers{_with(containing)}")


def _with(containing: str) -> str:
    return f" with {containing!r}" if containing else ""
