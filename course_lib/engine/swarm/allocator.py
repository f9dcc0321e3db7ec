"""Addresses, subnets and published ports of the swarm (swarmkit: ``manager/allocator``).

Addresses go upwards, each behind the last one, and are used again only after all others: a name
that somebody has looked up a moment ago must not lead to a stranger.
"""

from __future__ import annotations

from collections.abc import Iterable

from course_lib.engine.errdefs import EngineError, Forbidden, SystemFailure
from course_lib.engine.network.addresses import Subnet, parse_subnet, to_int, to_text
from course_lib.engine.swarm.model import Network, Task
from course_lib.engine.swarm.state import ClusterState

DEFAULT_POOLS = ["10.0.0.0/8"]
"""Where the subnets of a swarm's networks come from unless said otherwise."""
_FIRST_VNI = 4096
_PORTS = range(30000, 32768)


class _Pool:
    """One subnet: which addresses are taken, and which was given last."""

    def __init__(self, subnet: Subnet, ip_range: Subnet | None) -> None:
        self.subnet = subnet
        self.range = ip_range or subnet
        self.taken = {subnet.base, subnet.broadcast}
        self.last = self.range.base - 1

    def take(self, wanted: int = 0) -> int:
        if wanted:
            if wanted in self.taken:
                raise Forbidden("Address already in use")
            self.taken.add(wanted)
            return wanted
        size = self.range.size
        for step in range(1, size + 1):
            address = self.range.base + (self.last - self.range.base + step) % size
            if address not in self.taken:
                self.taken.add(address)
                self.last = address
                return address
        raise SystemFailure("no available IPv4 addresses on this network's address pools")


class Allocator:
    """Gives out what must be unique in the swarm; what is in the state counts as taken."""

    def __init__(self, state: ClusterState) -> None:
        self._state = state
        self._pools: dict[str, _Pool] = {}
        self._next_subnet = 0
        self._last_vni = _FIRST_VNI - 1
        self._last_port = _PORTS.start - 1

    # --- start ---------------------------------------------------------------------------

    def load(self) -> None:
        """Take what the state says is in use."""
        state = self._state
        for network in state.networks:
            self._last_vni = max(self._last_vni, network.vni)
            self._add(network)
        in_use = [(n, a) for service in state.services for n, a in service.vips.items()]
        in_use += [(n, a) for t in state.tasks if not t.ended for n, a in t.addresses.items()]
        in_use += [(a.network_id, a.address) for a in state.attachments]
        in_use += [(n, a) for node in state.nodes for n, a in node.balancers.items()]
        for network_id, address in in_use:
            pool = self._pools.get(network_id)
            if pool is not None:
                number = to_int(address.partition("/")[0])
                pool.taken.add(number)
                pool.last = max(pool.last, number)

    def _add(self, network: Network) -> None:
        if not network.pools:
            return
        config = network.pools[0]
        ip_range = config.get("IPRange")
        pool = _Pool(parse_subnet(config["Subnet"]), parse_subnet(ip_range) if ip_range else None)
        pool.taken.add(to_int(config["Gateway"]))
        self._pools[network.id] = pool

    # --- networks ------------------------------------------------------------------------

    def network(self, network: Network) -> None:
        """Choose the subnet, the gateway and the VXLAN of a network that is new.

        One whose subnet others use stays without: swarmkit accepts it, and never allocates it.
        """
        wanted = [
            pool
            for pool in (network.spec.get("IPAM") or {}).get("Config") or ()
            if pool and ":" not in pool.get("Subnet", "")
        ]
        config = dict(wanted[0]) if wanted else {}
        if config.get("Subnet"):
            subnet = parse_subnet(config["Subnet"])
            if any(subnet.overlaps(used) for used in self._subnets()):
                return
        else:
            free = self._free_subnet()
            if free is None:
                return
            subnet = free
        gateway = config.get("Gateway") or to_text(
            (parse_subnet(config["IPRange"]).base if config.get("IPRange") else subnet.base) + 1
        )
        pool = {"Subnet": str(subnet), "Gateway": gateway}
        if config.get("IPRange"):
            pool["IPRange"] = config["IPRange"]
        network.pools = [pool]
        options = network.spec.get("Options") or {}
        listed = options.get("com.docker.network.driver.overlay.vxlanid_list", "")
        if listed.isdecimal():
            network.vni = int(listed)
        else:
            self._last_vni += 1
            network.vni = self._last_vni
        self._add(network)
        for address in (config.get("AuxiliaryAddresses") or {}).values():
            self._pools[network.id].taken.add(to_int(address))

    def _subnets(self) -> Iterable[Subnet]:
        return [pool.subnet for pool in self._pools.values()]

    def _free_subnet(self) -> Subnet | None:
        cluster = self._state.cluster
        assert cluster is not None
        # As in swarmkit, a size that was asked for without pools is shown, and not used.
        size = (cluster.subnet_size if cluster.pools else 0) or 24
        blocks = [parse_subnet(text) for text in cluster.pools or DEFAULT_POOLS]
        counts = [1 << max(0, size - block.prefix) for block in blocks]
        used = list(self._subnets())
        total = sum(counts)
        for step in range(total):
            number = (self._next_subnet + step) % total
            index = number
            for block, count in zip(blocks, counts, strict=True):
                if index < count:
                    candidate = Subnet(block.base + (index << (32 - size)), size)
                    break
                index -= count
            if not any(candidate.overlaps(other) for other in used):
                self._next_subnet = number + 1
                return candidate
        return None

    def forget(self, network: Network) -> None:
        """A network is no more."""
        self._pools.pop(network.id, None)

    # --- addresses -----------------------------------------------------------------------

    def address(self, network: Network, wanted: str = "") -> str:
        """An address on a network, with prefix length.

        :raises EngineError: that one, or any, is not to be had.
        """
        pool = self._pools.get(network.id)
        if pool is None:
            raise SystemFailure(f"network {network.id} is not allocated")
        if wanted and to_int(wanted) not in pool.subnet:
            raise SystemFailure("requested address is out of range")
        return f"{to_text(pool.take(to_int(wanted) if wanted else 0))}/{pool.subnet.prefix}"

    def release(self, network_id: str, address: str) -> None:
        """Give an address back."""
        pool = self._pools.get(network_id)
        if pool is not None and address:
            pool.taken.discard(to_int(address.partition("/")[0]))

    def task(self, task: Task, network_ids: Iterable[str]) -> str:
        """Give a task its addresses; what is wrong, ``""`` where all went well."""
        for network_id in network_ids:
            network = self._state.networks.get(network_id)
            if network is None or network_id in task.addresses:
                continue
            try:
                task.addresses[network_id] = self.address(network)
            except EngineError as error:
                return str(error)
        return ""

    def release_task(self, task: Task) -> None:
        """A task has ended: others may have its addresses."""
        for network_id, address in task.addresses.items():
            self.release(network_id, address)

    # --- ports ---------------------------------------------------------------------------

    def port(self, taken: set[int]) -> int:
        """A port for the routing mesh that nobody has (30000 to 32767)."""
        for _ in _PORTS:
            following = self._last_port + 1
            self._last_port = following if following in _PORTS else _PORTS.start
            if self._last_port not in taken:
                return self._last_port
        raise SystemFailure("no available ports")
