"""The bridge driver: a bridge on the host for each network, a veth pair for each container."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from course_lib.engine.errdefs import (
    Forbidden,
    InvalidParameter,
    NotImplementedByEngine,
    SystemFailure,
)
from course_lib.engine.network.addresses import is_address, mac_of_address, random_mac, to_int
from course_lib.engine.network.stack import Link, Segment
from course_lib.engine.truth import parse_bool

if TYPE_CHECKING:
    from course_lib.engine.network.endpoint import Endpoint
    from course_lib.engine.network.host import HostStack
    from course_lib.engine.network.network import Network
    from course_lib.engine.network.stack import Stack

BRIDGE_NAME = "com.docker.network.bridge.name"
ENABLE_ICC = "com.docker.network.bridge.enable_icc"
MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade"
HOST_BINDING = "com.docker.network.bridge.host_binding_ipv4"
DEFAULT_BRIDGE = "com.docker.network.bridge.default_bridge"
INHIBIT_IPV4 = "com.docker.network.bridge.inhibit_ipv4"
MTU = "com.docker.network.driver.mtu"
IFACE_PREFIX = "com.docker.network.container_iface_prefix"

_LONGEST_NAME = 15
"""Characters of an interface's name (``IFNAMSIZ`` without its end)."""


class BridgeDriver:
    """Networks of this host, each a bridge with its own subnet."""

    name = "bridge"
    has_addresses = True
    shares_host = False
    gives_way_out = True

    def __init__(self, host: HostStack, rng: Random) -> None:
        self._host = host
        self._rng = rng
        self._by_name: dict[str, str] = {}  # of the bridge -> network ID

    def create_network(self, network: Network) -> None:
        options = network.settings.options
        mtu = _mtu(options.get(MTU, "1500"))
        icc = _boolean(options, ENABLE_ICC, True)
        for key in (MASQUERADE, DEFAULT_BRIDGE, INHIBIT_IPV4):
            _boolean(options, key, True)
        if INHIBIT_IPV4 in options and _boolean(options, INHIBIT_IPV4, False):
            raise NotImplementedByEngine(f"the option {INHIBIT_IPV4}")
        host_ip = options.get(HOST_BINDING)
        if host_ip is not None and not is_address(host_ip):
            raise InvalidParameter(f"failed to parse {HOST_BINDING} value: {host_ip} (nil ip)")
        name = options.get(BRIDGE_NAME) or f"br-{network.id[:12]}"
        subnet = network.subnet
        if subnet is None:
            raise InvalidParameter("ipv4 pool is empty")
        if len(network.pools) > (1 if network.subnet6 is None else 2):
            raise Forbidden("bridge driver doesn't support multiple subnets")
        self._check_name(network, name)
        segment = Segment(name, subnet, network.gateway, icc=icc)
        segment.subnet6, segment.gateway6 = network.subnet6, network.gateway6
        bridge = Link(
            self._host,
            self._host.next_index(),
            name,
            "bridge",
            random_mac(self._rng),
            mtu=mtu,
            address=network.gateway,
            address6=network.gateway6,
            segment=segment,
        )
        bridge.up = False  # no carrier until a container is plugged in
        self._host.add_link(bridge)
        network.segment = segment
        self._by_name[name] = network.id

    def _check_name(self, network: Network, name: str) -> None:
        other = self._by_name.get(name)
        if other is not None:
            raise Forbidden(
                f"cannot create network {network.id} ({name}): conflicts with network {other} "
                f"({name}): networks have same bridge name"
            )
        if name == "lo" or any(link.name == name for link in self._host.links):
            raise SystemFailure(f"existing interface {name} is not a bridge")
        # Then the kernel's words.
        if len(name.encode()) > _LONGEST_NAME:
            raise SystemFailure("numerical result out of range")
        if "/" in name or ":" in name or any(map(str.isspace, name)):
            raise SystemFailure("invalid argument")

    def delete_network(self, network: Network) -> None:
        segment = network.segment
        if segment is not None:
            self._host.remove_link(segment.members[segment.gateway])
            self._by_name.pop(segment.name, None)

    def join(self, endpoint: Endpoint, stack: Stack, name: str) -> Link | None:
        network = endpoint.network
        segment = network.segment
        assert segment is not None
        if not endpoint.mac:
            endpoint.mac = mac_of_address(endpoint.address)
        bridge = segment.members[segment.gateway]
        # The kernel numbers the container's end of the pair first.
        inner, outer = self._host.next_index(), self._host.next_index()
        link = Link(
            stack,
            inner,
            name,
            "veth",
            endpoint.mac,
            mtu=bridge.mtu,
            address=endpoint.address,
            segment=segment,
            gateway=endpoint.gateway_address,
            address6=endpoint.address6,
            gateway6=endpoint.gateway_address6,
            link_local=tuple(map(to_int, endpoint.spec.link_local)),
        )
        host_end = Link(
            self._host,
            outer,
            f"veth{self._rng.getrandbits(28):07x}",
            "veth",
            random_mac(self._rng),
            mtu=bridge.mtu,
        )
        host_end.master = segment.name
        link.peer, host_end.peer = host_end, link
        stack.add_link(link)
        self._host.add_link(host_end)
        bridge.up = True
        endpoint.link = link
        return link

    def leave(self, endpoint: Endpoint, stack: Stack) -> None:
        link = endpoint.link
        if link is None:
            return
        endpoint.link = None
        stack.remove_link(link)
        if link.peer is not None:
            self._host.remove_link(link.peer)
        segment = link.segment
        if segment is not None and len(segment.members) == 1:
            segment.members[segment.gateway].up = False


def interface_prefix(network: Network) -> str:
    """What interfaces of containers on that network are called, before their number."""
    return network.settings.options.get(IFACE_PREFIX) or "eth"


def _mtu(text: str) -> int:
    try:
        mtu = int(text)
    except ValueError:
        raise InvalidParameter(
            f'failed to parse {MTU} value: {text} (strconv.Atoi: parsing "{text}": invalid syntax)'
        ) from None
    if mtu < 0:
        raise InvalidParameter(f"invalid MTU number: {mtu}")
    return mtu or 1500


def _boolean(options: dict[str, str], key: str, default: bool) -> bool:
    if key not in options:
        return default
    try:
        return parse_bool(options[key])
    except ValueError as error:
        raise InvalidParameter(f"failed to parse {key} value: {options[key]} ({error})") from None
