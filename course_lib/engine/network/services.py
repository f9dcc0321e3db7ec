"""Services of a swarm as one network sees them: names, virtual addresses, balancing.

libnetwork: ``service_common.go``, ``Network.addSvcRecords``. ``hello`` stands for the virtual
address, ``tasks.hello`` for the addresses of the tasks; without a virtual address (DNS round
robin) both do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from course_lib.engine.network.addresses import to_int
from course_lib.engine.network.network import Network


@dataclass(frozen=True, slots=True)
class ServiceBinding:
    """A service on a network.

    :param vip: its virtual address, ``""`` for DNS round robin.
    :param backends: (task ID, address) of the tasks that run.
    """

    service_id: str
    name: str
    aliases: Sequence[str]
    vip: str
    backends: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One row in the table of names: who put it there, under which names, for which address."""

    key: str
    names: tuple[str, ...]
    address: str
    reverse: bool


class NetworkServices:
    """The services of one network, kept in step with what the manager says."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._entries: set[_Entry] = set()
        self._vips: set[str] = set()
        self._bindings: dict[str, ServiceBinding] = {}

    @property
    def bindings(self) -> Iterable[ServiceBinding]:
        """As last told."""
        return self._bindings.values()

    def set(self, bindings: Sequence[ServiceBinding]) -> None:
        """All services of the network as they are now."""
        self._bindings = {binding.service_id: binding for binding in bindings}
        wanted = {entry for binding in bindings for entry in _entries(binding)}
        names = self._network.names
        for entry in self._entries - wanted:
            names.remove(entry.key, entry.names, entry.address)
        for entry in sorted(wanted - self._entries, key=lambda e: e.key):
            names.add(entry.key, entry.names, entry.address, reverse=entry.reverse)
        self._entries = wanted
        self._balance()

    def _balance(self) -> None:
        balancer = self._network.balancer
        if balancer is None:
            return
        # With its last task an address goes, too (libnetwork: ``rmLBBackend``).
        served = {b.vip: b for b in self._bindings.values() if b.vip and b.backends}
        for vip in self._vips - served.keys():
            balancer.forget(to_int(vip))
        for vip, binding in served.items():
            balancer.serve(to_int(vip), [to_int(address) for _, address in binding.backends])
        self._vips = set(served)


def _entries(binding: ServiceBinding) -> Iterable[_Entry]:
    names = (binding.name, *binding.aliases)
    if binding.vip and binding.backends:
        yield _Entry(f"service {binding.service_id}", names, binding.vip, True)
    for task_id, address in binding.backends:
        tasks = tuple(f"tasks.{name}" for name in names)
        own = tasks if binding.vip else (*names, *tasks)
        yield _Entry(f"task {task_id}", own, address, False)
