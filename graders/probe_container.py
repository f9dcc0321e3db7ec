"""What a check asks from inside a network or another container, through ``course_lib.inside``.

The container that looks is removed on every path.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import docker.errors
import requests.exceptions

from course_lib import inside
from course_lib.errors import EngineError
from course_lib.inside import LABEL, TIMED_OUT
from graders.expectation import ObservationError
from graders.http_probe import HttpAnswer

__all__ = ["LABEL", "TIMED_OUT", "Ping", "ProbeContainer", "observing", "probe_container"]
_PINGED = re.compile(r"^PING \S+ \(([0-9a-fA-F.:]+)\)", re.MULTILINE)
_ADDRESS = re.compile(r"^Address(?: \d+)?:\s*([0-9a-fA-F.:]+)", re.MULTILINE)
_POINTER = re.compile(r"\bname = (\S+)")
_INTERFACE = re.compile(r"^\d+: ([^\s@]+)(?:@(\S+))?: <")
_INTERFACE_ADDRESS = re.compile(r"^\s+inet6? ([0-9a-fA-F.:]+)")
_STATUS = re.compile(r"HTTP/\d\S* (\d{3})")


@dataclass(frozen=True, slots=True)
class Ping:
    """Which address a name led to (None: to none), and whether it answered."""

    address: str | None
    answered: bool


@dataclass(frozen=True, slots=True)
class ProbeContainer:
    """The tools of the lesson's alpine image, run where the probe container stands."""

    api: Any
    id: str

    def ping(self, target: str) -> Ping:
        """Resolve ``target`` as programs there do, and ask it once or twice for an echo."""
        _, out, _ = self._run("ping", "-c", "1", "-W", "1", target)
        pinged = _PINGED.search(out)
        return Ping(pinged[1] if pinged else None, bool(inside.REPLY.search(out)))

    def answers(self, address: str) -> bool:
        """Whether an address answers an echo request; silence is told sooner than by a ping."""
        with observing():
            return inside.answers(self.api, self.id, address)

    def addresses(self, name: str) -> frozenset[str]:
        """All addresses that the name server there gives for ``name``."""
        _, out, _ = self._run("nslookup", name)
        # The first block tells of the name server itself.
        _, _, answer = out.partition("\n\n")
        return frozenset(_ADDRESS.findall(answer))

    def leads(self, name: str, pinged: Ping) -> frozenset[str]:
        """All addresses that programs there get for ``name``, of which ``pinged`` is one.

        A line of ``/etc/hosts``, of which a name server knows nothing, comes before all of its.
        """
        served = self.addresses(name)
        if pinged.address and pinged.address not in served:
            return frozenset({pinged.address})
        return served

    def names_of(self, address: str) -> frozenset[str]:
        """The names that a reverse lookup of ``address`` gives there, without a final dot."""
        _, out, _ = self._run("nslookup", address)
        return frozenset(name.rstrip(".") for name in _POINTER.findall(out))

    def interfaces(self) -> dict[str, frozenset[str]]:
        """The interfaces there, and their IPv4 and IPv6 addresses.

        Without the tunnels that some kernels add to every network namespace: ``tunl0@NONE``.
        """
        code, out, err = self._run("ip", "address")
        if code:
            raise ObservationError(f"ip address does not work in the probe: {err.strip()}")
        found: dict[str, set[str]] = {}
        addresses: set[str] = set()
        for line in out.splitlines():
            if interface := _INTERFACE.match(line):
                addresses = set()
                if interface[2] != "NONE":
                    found[interface[1]] = addresses
            elif address := _INTERFACE_ADDRESS.match(line):
                addresses.add(address[1])
        return {name: frozenset(own) for name, own in found.items()}

    def has_default_route(self) -> bool:
        """Whether packets to the world have a way out from there."""
        _, out, _ = self._run("ip", "route")
        return any(line.startswith("default") for line in out.splitlines())

    def does(self, script: str) -> bool:
        """Whether a shell script succeeds there in time, as root."""
        with observing():
            code, _, _ = inside.run(self.api, self.id, ["/bin/sh", "-c", script], user="0")
        return code == 0

    def say(self, host: str, port: int, text: str) -> str:
        """What a TCP server answers to ``text`` before it or a short time-out ends the talk.

        Our side of the talk stays open for a while (that is the ``sleep``): some servers, as
        Redis up to 3.0, hang up when it ends, whether they have answered or not.
        """
        script = '{ printf "%s" "$3"; sleep 2 2> /dev/null & } | nc -w 2 "$1" "$2"'
        _, out, _ = self._run("sh", "-c", script, "sh", host, str(port), text)
        return out

    def get(self, url: str) -> HttpAnswer:
        """``GET url`` from there."""
        code, out, err = self._run("wget", "-q", "-O", "-", url)
        if code == 0:
            return HttpAnswer(200, out)
        status = _STATUS.search(err)
        if status:
            return HttpAnswer(int(status[1]))
        lines = err.strip().splitlines()
        return HttpAnswer(0, problem=lines[-1].removeprefix("wget: ") if lines else "no answer")

    def _run(self, *command: str) -> tuple[int, str, str]:
        """Exit code, output and errors of a command there."""
        with observing():
            code, out, err = inside.run(self.api, self.id, command)
        if code in (126, 127):
            raise ObservationError(f"the image for looking inside has no command {command[0]}")
        return code, out, err


@contextmanager
def probe_container(
    api: Any,
    image: str,
    network_mode: str,
    *,
    command: Sequence[str] = inside.SLEEP,
    binds: Sequence[str] = (),
    start: bool = True,
) -> Iterator[ProbeContainer]:
    """Start one in ``network_mode`` (a network's name or ``container:ID``); gone afterwards.

    :param binds: as for ``docker run -v``.
    :param start: False makes it without starting it: enough for looking at its files.
    :raises ObservationError: it cannot be made or started.
    """
    with observing():
        made = inside.make(api, image, network_mode, command=command, binds=binds, start=start)
    try:
        yield ProbeContainer(api, made)
    finally:
        with observing():
            inside.remove(api, made)


@contextmanager
def observing() -> Iterator[None]:
    """Turns what goes wrong between us and the engine into :class:`ObservationError`."""
    try:
        yield
    except EngineError as error:
        raise ObservationError(error.message, error.hint) from error
    except docker.errors.APIError as error:
        said = error.explanation or str(error)
        raise ObservationError(f"the engine answered: {said}") from error
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
        raise ObservationError(
            "the engine does not answer", "run the lesson's first cell again: it starts the engine"
        ) from error
