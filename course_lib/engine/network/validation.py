"""Checks of what a client asks for, with dockerd's texts.

Moby: ``api/types/network/ipam.go``, ``api/types/network/endpoint.go``,
``daemon/container_operations.go``. dockerd lists all that is wrong, one line each.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence

from course_lib.engine.errdefs import InvalidParameter
from course_lib.engine.network.model import PREDEFINED, EndpointSpec, IpamConfig

_MAC = re.compile(
    r"[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}"
)

_Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface


def is_user_defined(name: str) -> bool:
    """Whether a network of that name is one of the user's own (Moby: ``IsUserDefined``)."""
    return name not in PREDEFINED and name != "default" and not name.startswith("container:")


def normal_mac(text: str) -> str:
    """A hardware address in the form in which Go prints it.

    :raises ValueError: it is not a six-byte address.
    """
    if not _MAC.fullmatch(text):
        raise ValueError(f"invalid MAC address {text}")
    digits = re.sub(r"[-:.]", "", text.lower())
    return ":".join(digits[n : n + 2] for n in range(0, 12, 2))


def is_of_an_interface(mac: str) -> bool:
    """Whether Linux gives an interface that hardware address: no group's, not zero."""
    return not int(mac[:2], 16) & 1 and mac.strip("0:") != ""


def check_ipam(configs: Iterable[IpamConfig], *, enable_ipv6: bool) -> None:
    """Check the pools that are asked for.

    :raises InvalidParameter: something is wrong; the message lists all faults.
    """
    faults: list[str] = []
    for config in configs:
        subnet = _block(config.subnet)
        if subnet is None:
            faults.append(f"invalid subnet {config.subnet}: invalid CIDR block notation")
            continue
        if subnet.version == 6 and not enable_ipv6:
            continue
        if subnet.ip != subnet.network.network_address:
            faults.append(f"invalid subnet {subnet}: it should be {subnet.network}")
        faults += _range_faults(config.ip_range, subnet)
        fault = _address_fault(config.gateway, subnet)
        if fault:
            faults.append(f"invalid gateway {config.gateway}: {fault}")
        for name, address in (config.aux_addresses or {}).items():
            fault = _address_fault(address, subnet)
            if fault:
                faults.append(f"invalid auxiliary address {name}: {fault}")
    if faults:
        raise InvalidParameter("invalid network config:\n" + _joined(faults))


def _joined(faults: Sequence[str]) -> str:
    """One fault as it is, several as a list (Moby: ``internal/multierror``)."""
    return faults[0] if len(faults) == 1 else "\n".join(f"* {fault}" for fault in faults)


def _block(text: str) -> _Interface | None:
    address, slash, length = text.partition("/")
    if not slash or not (length.isascii() and length.isdecimal()):
        return None
    try:
        return ipaddress.ip_interface(f"{address}/{int(length)}")
    except ValueError:
        return None


def _range_faults(text: str, subnet: _Interface) -> list[str]:
    if not text:
        return []
    block = _block(text)
    if block is None:
        return [f"invalid ip-range {text}: invalid CIDR block notation"]
    if block.version != subnet.version:
        return [f"invalid ip-range {text}: parent subnet is an IPv{subnet.version} block"]
    faults = []
    if block.network.prefixlen < subnet.network.prefixlen:
        faults.append(
            f"invalid ip-range {text}: CIDR block is bigger than its parent subnet {subnet}"
        )
    if block.ip != block.network.network_address:
        faults.append(f"invalid ip-range {block}: it should be {block.network}")
    if not block.network.overlaps(subnet.network):
        faults.append(f"invalid ip-range {text}: parent subnet {subnet} doesn't contain ip-range")
    return faults


def _address_fault(text: str, subnet: _Interface) -> str:
    if not text:
        return ""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "invalid address"
    if address.version != subnet.version:
        return f"parent subnet is an IPv{subnet.version} block"
    if address not in subnet.network:
        return f"parent subnet {subnet} doesn't contain this address"
    return ""


def check_endpoint(
    network_name: str, spec: EndpointSpec, subnets: Sequence[IpamConfig] | None
) -> None:
    """Check what is asked of an attachment.

    :param subnets: the pools that the user gave the network; None where it is not known (yet).
    :raises InvalidParameter: something is wrong; the message lists all faults.
    """
    faults: list[str] = []
    if not is_user_defined(network_name):
        if spec.ipv4_address or spec.ipv6_address:
            faults.append("user specified IP address is supported on user defined networks only")
        if spec.aliases:
            faults.append(
                "network-scoped alias is supported only for containers in user defined networks"
            )
    if spec.ipv4_address and not _is_address(spec.ipv4_address, 4):
        faults.append(f"invalid IPv4 address: {spec.ipv4_address}")
    if spec.ipv6_address and not _is_address(spec.ipv6_address, 6):
        faults.append(f"invalid IPv6 address: {spec.ipv6_address}")
    faults += [
        f"invalid link-local IP address: {address}"
        for address in spec.link_local
        if not _is_address(address)
    ]
    if subnets is not None:
        faults += _out_of_subnets(spec.ipv4_address, 4, subnets)
        faults += _out_of_subnets(spec.ipv6_address, 6, subnets)
    if spec.mac_address and not _MAC.fullmatch(spec.mac_address):
        raise InvalidParameter(f"invalid MAC address {spec.mac_address}")
    if faults:
        raise InvalidParameter("invalid endpoint settings:\n" + _joined(faults))


def _is_address(text: str, version: int | None = None) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not address.is_unspecified and version in (None, address.version)


def _out_of_subnets(text: str, version: int, subnets: Sequence[IpamConfig]) -> list[str]:
    if not text:
        return []
    blocks = [ipaddress.ip_network(config.subnet, strict=False) for config in subnets]
    blocks = [block for block in blocks if block.version == version]
    if not blocks:
        return [
            "user specified IP address is supported only when connecting to networks with user "
            "configured subnets"
        ]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        address = None
    if address is not None and any(address in block for block in blocks):
        return []
    return [f"no configured subnet or ip-range contain the IP address {text}"]
