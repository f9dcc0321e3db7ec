"""Plugging endpoints in and out: address, interface, names, files and ports of an attachment.

libnetwork: ``Endpoint.sbJoin`` and ``sbLeave``. A step that fails undoes those before it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Protocol

from course_lib.engine.errdefs import (
    EngineError,
    InvalidParameter,
    NotImplementedByEngine,
    SystemFailure,
)
from course_lib.engine.network import resolvconf
from course_lib.engine.network.addresses import LINK_LOCAL4, to_int
from course_lib.engine.network.balancer import Balancer
from course_lib.engine.network.drivers.bridge import HOST_BINDING, interface_prefix
from course_lib.engine.network.endpoint import Endpoint
from course_lib.engine.network.errors import InterfaceRefused
from course_lib.engine.network.ipam.allocator import NoAvailableAddresses
from course_lib.engine.network.model import EndpointOwner, EndpointSpec
from course_lib.engine.network.network import Network
from course_lib.engine.network.publisher import Publisher
from course_lib.engine.network.sandbox import Sandbox
from course_lib.engine.network.validation import (
    is_of_an_interface,
    is_user_defined,
    normal_mac,
)


def make_endpoint(
    endpoint_id: str, owner: EndpointOwner, network: Network, spec: EndpointSpec
) -> Endpoint:
    """An endpoint with its address reserved.

    :raises EngineError: the address asked for, or any, is not to be had.
    """
    _check_link_local(network, spec.link_local)
    endpoint = Endpoint(endpoint_id, owner.name, network, owner.id, spec)
    if network.pools:
        endpoint.address = _take_address(network, spec.ipv4_address)
        if network.subnet6 is not None:
            try:
                endpoint.address6 = _take_address(network, spec.ipv6_address, ipv6=True)
            except EngineError:
                network.give_back(endpoint)
                raise
        if not network.internal and network.driver.gives_way_out:
            endpoint.gateway_address = network.gateway
            endpoint.gateway_address6 = network.gateway6
    if spec.mac_address:
        endpoint.mac = normal_mac(spec.mac_address)
        if not is_of_an_interface(endpoint.mac):
            network.give_back(endpoint)
            veth = f"veth{endpoint_id[:7]}"
            raise InterfaceRefused(
                f'failed to add interface {veth} to sandbox: error setting interface "{veth}" '
                f'MAC to "{endpoint.mac}": cannot assign requested address'
            )
    if is_user_defined(network.name):
        endpoint.dns_names = dns_names(owner, spec.aliases)
    return endpoint


def _check_link_local(network: Network, addresses: Iterable[str]) -> None:
    for address in addresses:
        if ":" in address or network.driver_name != "bridge":
            raise NotImplementedByEngine("--link-local-ip but for IPv4 on a bridge network")
        if to_int(address) not in LINK_LOCAL4:
            raise InvalidParameter(f"invalid link local IP address: {address}")


def dns_names(owner: EndpointOwner, aliases: Iterable[str]) -> tuple[str, ...]:
    """What a container answers to; the first one is its reverse name."""
    names = [owner.name, *aliases, owner.id[:12], owner.hostname]
    return tuple(dict.fromkeys(name for name in names if name))


def _take_address(network: Network, wanted: str, *, ipv6: bool = False) -> int:
    address = to_int(wanted) if wanted else None
    for pool in network.pools:
        if pool.subnet.is_ipv6 != ipv6 or (address is not None and address not in pool.subnet):
            continue
        try:
            return pool.request(address)
        except NoAvailableAddresses:
            continue
    if wanted:
        raise InvalidParameter(
            f"invalid address {wanted}: It does not belong to any of this network's subnets"
        )
    raise SystemFailure(
        f"no available IPv{6 if ipv6 else 4} addresses on this network's address pools: "
        f"{network.name} ({network.id})"
    )


class EndpointWatcher(Protocol):
    """Who tells other engines of the endpoints on networks that they have too."""

    def changed(self, endpoint: Endpoint | Balancer) -> None:
        """It has come, or has other names now."""

    def gone(self, endpoint: Endpoint | Balancer) -> None:
        """It goes, or could not come."""


class Attachments:
    """Connects endpoints with sandboxes, and moves published ports with the default route.

    :ivar watcher: told of every endpoint on a network that is shared with other engines.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self.watcher: EndpointWatcher | None = None

    def attach(self, sandbox: Sandbox, endpoint: Endpoint) -> None:
        """Plug an endpoint in.

        :raises EngineError: a port is not to be had, or a file not to be written; the endpoint
            is gone then and its address free.
        """
        network = endpoint.network
        network.add(endpoint)
        if endpoint.dns_names is not None:
            for key, address in endpoint.names_by_address():
                network.names.add(key, endpoint.dns_names, address)
        if network.driver.has_addresses:
            name = sandbox.interface_name(interface_prefix(network))
            network.driver.join(endpoint, sandbox.stack, name)
        before = sandbox.gateway_endpoint
        sandbox.add(endpoint)
        moved = sandbox.gateway_endpoint is not before
        try:
            _update_files(sandbox, endpoint)
            if moved:
                self.unpublish(sandbox)
                self.program(sandbox, endpoint)
        except (EngineError, OSError) as error:
            self.detach(sandbox, endpoint)
            if moved and before is not None:
                self.program_again(sandbox, before)
            if isinstance(error, OSError):
                raise SystemFailure(f"cannot write {error.filename}: {error.strerror}") from error
            raise
        self.tell(endpoint)

    def detach(self, sandbox: Sandbox, endpoint: Endpoint) -> None:
        """Unplug an endpoint; its ports close, its connections stand still, its address is free."""
        network = endpoint.network
        if self.watcher is not None and network.shared:
            self.watcher.gone(endpoint)
        if sandbox.publishing is endpoint:
            self.unpublish(sandbox)
        if endpoint.dns_names is not None:
            sandbox.files.remove_hosts(
                lambda hosts: hosts in network.names and hosts.split(".")[0] != endpoint.name
            )
            for key, address in endpoint.names_by_address():
                network.names.remove(key, endpoint.dns_names, address)
        network.driver.leave(endpoint, sandbox.stack)
        sandbox.remove(endpoint)
        network.remove(endpoint)
        network.give_back(endpoint)
        with contextlib.suppress(OSError):  # the folder may be gone with its container
            sandbox.files.flush()

    def tell(self, endpoint: Endpoint) -> None:
        """Tell other engines of an endpoint, or of its new names."""
        if self.watcher is not None and endpoint.network.shared:
            self.watcher.changed(endpoint)

    def program(self, sandbox: Sandbox, endpoint: Endpoint) -> None:
        """Publish the ports of a sandbox by an endpoint.

        :raises SystemFailure: with dockerd's text; nothing is published.
        """
        if not sandbox.requests or endpoint.link is None:
            return
        default_ip = endpoint.network.settings.options.get(HOST_BINDING) or "0.0.0.0"
        try:
            sandbox.published = self._publisher.publish(sandbox.requests, endpoint.link, default_ip)
        except EngineError as error:
            raise SystemFailure(
                "driver failed programming external connectivity on endpoint "
                f"{endpoint.name} ({endpoint.id}): {error}"
            ) from error
        sandbox.publishing = endpoint

    def program_again(self, sandbox: Sandbox, endpoint: Endpoint) -> None:
        """Publish by another network than before.

        Where that fails, dockerd writes it to its log and the container goes on without ports.
        """
        with contextlib.suppress(EngineError):
            self.program(sandbox, endpoint)

    def unpublish(self, sandbox: Sandbox) -> None:
        """Close the published ports of a sandbox; established connections go on."""
        self._publisher.unpublish(sandbox.published)
        sandbox.published = ()
        sandbox.publishing = None


def _update_files(sandbox: Sandbox, endpoint: Endpoint) -> None:
    files = sandbox.files
    if endpoint.address and not endpoint.hidden:
        addresses = [address for _, address in endpoint.names_by_address()]
        files.add_hosts([(address, sandbox.names) for address in addresses])
    if endpoint.dns_names is not None and not sandbox.resolving:
        # From now on for good, as in libnetwork, whatever networks it leaves later.
        sandbox.resolving = True
        files.set_resolv_conf(resolvconf.for_internal_server(sandbox.conf).text())
    files.flush()
