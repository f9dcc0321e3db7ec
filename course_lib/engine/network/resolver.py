"""The DNS server inside the engine, at 127.0.0.11 in every container on a user-defined network.

Follows libnetwork's ``resolver.go`` and ``Sandbox.ResolveName``: the networks of the container
are asked in the order of its endpoints and the first that knows the name answers;
``name.network`` asks that network alone; several addresses come in random order; a name that
exists without the kind of record asked for gives an empty answer; what nobody knows goes to the
host's servers. Those are the edge of the emulated world: they know no name (``NXDOMAIN``). A
container without a way out gets ``SERVFAIL``, as does one that was given other servers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Protocol

from course_lib.engine.interfaces import DnsAnswer, DnsRecord
from course_lib.engine.network.addresses import is_address, to_int, to_text
from course_lib.engine.network.names import NameTable

TTL = 600
"""Seconds that answers may be kept (libnetwork: ``respTTL``)."""

_REVERSE = ".in-addr.arpa"
_REVERSE6 = ".ip6.arpa"


class Named(Protocol):
    """A network endpoint as the resolver sees it.

    :ivar links: private names: alias → name on that network (``--link``).
    """

    @property
    def network_name(self) -> str: ...
    @property
    def names(self) -> NameTable: ...
    @property
    def links(self) -> Mapping[str, str]: ...


class Resolver:
    """Answers questions of one container."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def answer(
        self, endpoints: Sequence[Named], name: str, rtype: str, *, upstream: bool
    ) -> DnsAnswer:
        """Answer one question.

        :param upstream: whether the host's servers can be asked about what is not ours.
        """
        question = name.removesuffix(".")
        records: tuple[DnsRecord, ...] | None = None
        if rtype in {"A", "AAAA", "MX"}:
            addresses = self._lookup(endpoints, question)
            if addresses is not None:
                self._rng.shuffle(addresses)
                family = {"A": False, "AAAA": True}.get(rtype)
                records = tuple(
                    DnsRecord(question, "AAAA" if ":" in address else "A", TTL, address)
                    for address in addresses
                    if (":" in address) == family
                )
        elif rtype == "PTR":
            host = self._reverse(endpoints, question)
            if host:
                records = (DnsRecord(question, "PTR", TTL, host),)
        if records is not None:
            return DnsAnswer("NOERROR", records)
        return DnsAnswer("NXDOMAIN" if upstream else "SERVFAIL")

    @staticmethod
    def _lookup(endpoints: Sequence[Named], question: str) -> list[str] | None:
        for name, network in _splits(question):
            for lookup_alias in (True, False):
                for endpoint in endpoints:
                    if network and network != endpoint.network_name:
                        continue
                    linked = endpoint.links.get(name)
                    if (linked is not None) != lookup_alias:
                        continue
                    addresses = endpoint.names.addresses(linked or name)
                    if addresses:
                        return addresses
        return None

    @staticmethod
    def _reverse(endpoints: Sequence[Named], question: str) -> str:
        if question.lower().endswith(_REVERSE):
            parts = question[: -len(_REVERSE)].split(".")
            address = ".".join(reversed(parts))
        elif question.lower().endswith(_REVERSE6):
            digits = "".join(reversed(question[: -len(_REVERSE6)].split(".")))
            groups = ":".join(digits[n : n + 4] for n in range(0, len(digits), 4))
            address = to_text(to_int(groups)) if is_address(groups) else question
        else:  # an address that was not turned round
            return ""
        for endpoint in endpoints:
            name = endpoint.names.name(address)
            if name:
                return f"{name}.{endpoint.network_name}"
        return ""


def _splits(question: str) -> Iterator[tuple[str, str]]:
    """``a.b.c`` as (a.b.c, any network), (a.b, network c), (a, network b.c)."""
    yield question, ""
    position = question.rfind(".")
    while position != -1:
        yield question[:position], question[position + 1 :]
        position = question.rfind(".", 0, position)
