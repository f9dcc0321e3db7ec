from __future__ import annotations

import pytest

from course_lib.engine.errdefs import InvalidParameter
from course_lib.engine.network import EndpointSpec, IpamConfig
from course_lib.engine.network.validation import check_endpoint, check_ipam, normal_mac

USER_SUBNET = [IpamConfig("10.66.0.0/16")]


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        (IpamConfig("bad"), "invalid subnet bad: invalid CIDR block notation"),
        (IpamConfig("10.0.0.0"), "invalid subnet 10.0.0.0: invalid CIDR block notation"),
        (IpamConfig("10.0.0.5/24"), "invalid subnet 10.0.0.5/24: it should be 10.0.0.0/24"),
        (
            IpamConfig("10.0.0.0/24", "10.0.0.0/16"),
            "invalid ip-range 10.0.0.0/16: CIDR block is bigger than its parent subnet 10.0.0.0/24",
        ),
        (
            IpamConfig("10.0.0.0/24", "10.0.1.0/25"),
            "invalid ip-range 10.0.1.0/25: parent subnet 10.0.0.0/24 doesn't contain ip-range",
        ),
        (
            IpamConfig("10.0.0.0/24", "10.0.0.3/25"),
            "invalid ip-range 10.0.0.3/25: it should be 10.0.0.0/25",
        ),
        (
            IpamConfig("10.0.0.0/24", "nonsense"),
            "invalid ip-range nonsense: invalid CIDR block notation",
        ),
        (
            IpamConfig("10.0.0.0/24", "fe80::/64"),
            "invalid ip-range fe80::/64: parent subnet is an IPv4 block",
        ),
        (
            IpamConfig("10.0.0.0/24", gateway="10.1.0.1"),
            "invalid gateway 10.1.0.1: parent subnet 10.0.0.0/24 doesn't contain this address",
        ),
        (
            IpamConfig("10.0.0.0/24", gateway="x"),
            "invalid gateway x: invalid address",
        ),
        (
            IpamConfig("10.0.0.0/24", aux_addresses={"router": "10.1.0.1"}),
            "invalid auxiliary address router: parent subnet 10.0.0.0/24 doesn't contain this "
            "address",
        ),
        (
            IpamConfig("10.0.0.0/24", gateway="fe80::1"),
            "invalid gateway fe80::1: parent subnet is an IPv4 block",
        ),
    ],
)
def test_pool_faults_are_worded_as_dockerd_words_them(config: IpamConfig, fault: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        check_ipam([config], enable_ipv6=False)
    lines = str(caught.value).splitlines()
    assert lines[0] == "invalid network config:"
    assert fault in lines


def test_several_pool_faults_are_listed() -> None:
    with pytest.raises(InvalidParameter) as caught:
        check_ipam([IpamConfig("x"), IpamConfig("10.0.0.1/8")], enable_ipv6=False)
    assert str(caught.value) == (
        "invalid network config:\n"
        "* invalid subnet x: invalid CIDR block notation\n"
        "* invalid subnet 10.0.0.1/8: it should be 10.0.0.0/8"
    )


def test_good_pools_pass() -> None:
    check_ipam(
        [
            IpamConfig("10.0.0.0/24", "10.0.0.128/25", "10.0.0.1", {"a": "10.0.0.130"}),
            IpamConfig("fd00::1/64"),  # not looked at while IPv6 is off
        ],
        enable_ipv6=False,
    )


@pytest.mark.parametrize(
    ("network", "spec", "subnets", "fault"),
    [
        (
            "bridge",
            EndpointSpec(ipv4_address="172.17.0.9"),
            None,
            "user specified IP address is supported on user defined networks only",
        ),
        (
            "bridge",
            EndpointSpec(aliases=["a"]),
            [],
            "network-scoped alias is supported only for containers in user defined networks",
        ),
        (
            "dev",
            EndpointSpec(ipv4_address="1.2.3.4"),
            [],
            "user specified IP address is supported only when connecting to networks with user "
            "configured subnets",
        ),
        (
            "dev",
            EndpointSpec(ipv4_address="1.2.3.4"),
            USER_SUBNET,
            "no configured subnet or ip-range contain the IP address 1.2.3.4",
        ),
        ("dev", EndpointSpec(ipv4_address="1.2.3"), None, "invalid IPv4 address: 1.2.3"),
        ("dev", EndpointSpec(ipv4_address="0.0.0.0"), None, "invalid IPv4 address: 0.0.0.0"),
        ("dev", EndpointSpec(ipv6_address="10.0.0.1"), None, "invalid IPv6 address: 10.0.0.1"),
        ("dev", EndpointSpec(link_local=["x"]), None, "invalid link-local IP address: x"),
    ],
)
def test_endpoint_faults_are_worded_as_dockerd_words_them(
    network: str, spec: EndpointSpec, subnets: list[IpamConfig] | None, fault: str
) -> None:
    with pytest.raises(InvalidParameter) as caught:
        check_endpoint(network, spec, subnets)
    assert str(caught.value) == f"invalid endpoint settings:\n{fault}"


def test_several_endpoint_faults_are_listed() -> None:
    with pytest.raises(InvalidParameter) as caught:
        check_endpoint("bridge", EndpointSpec(ipv4_address="1.2.3.4"), [])
    assert str(caught.value) == (
        "invalid endpoint settings:\n"
        "* user specified IP address is supported on user defined networks only\n"
        "* user specified IP address is supported only when connecting to networks with user "
        "configured subnets"
    )


def test_endpoint_with_an_address_of_the_subnet_passes() -> None:
    check_endpoint("dev", EndpointSpec(ipv4_address="10.66.66.66"), USER_SUBNET)


def test_macs_are_checked_and_made_uniform() -> None:
    assert normal_mac("02-42-AC-11-00-02") == "02:42:ac:11:00:02"
    for text in ("", "02:42:ac:11:00", "02:42-ac:11:00:02", "zz:42:ac:11:00:02"):
        with pytest.raises(ValueError, match="invalid MAC address"):
            normal_mac(text)
    with pytest.raises(InvalidParameter, match=r"^invalid MAC address nonsense$"):
        check_endpoint("dev", EndpointSpec(mac_address="nonsense"), None)
