from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.engine.errdefs import InvalidParameter, NotFound
from course_lib.engine.network.addresses import (
    Subnet,
    link_local_of_mac,
    mac_of_address,
    parse_subnet,
    to_int,
    to_text,
)
from course_lib.engine.network.ipam import Allocator
from course_lib.engine.network.ipam.addressset import AddressSet
from course_lib.engine.network.ipam.allocator import (
    AddressInUse,
    NoAvailableAddresses,
    PoolOverlaps,
    default_pools,
)


def test_default_pools_come_in_the_order_of_libnetwork() -> None:
    allocator = Allocator()
    pools = [str(allocator.request_pool().subnet) for _ in range(31)]
    assert pools[:2] == ["172.17.0.0/16", "172.18.0.0/16"]
    assert pools[14:17] == ["172.31.0.0/16", "192.168.0.0/20", "192.168.16.0/20"]
    assert pools[-1] == "192.168.240.0/20"
    with pytest.raises(NotFound, match="could not find an available, non-overlapping IPv4"):
        allocator.request_pool()


def test_default_pools_search_goes_on_behind_the_last_one() -> None:
    allocator = Allocator()
    first = allocator.request_pool()
    second = allocator.request_pool()
    allocator.release_pool(first)
    allocator.release_pool(second)
    assert str(allocator.request_pool().subnet) == "172.19.0.0/16"


def test_default_pools_wrap_around() -> None:
    allocator = Allocator()
    pools = [allocator.request_pool() for _ in range(31)]
    allocator.release_pool(pools[4])
    assert str(allocator.request_pool().subnet) == str(default_pools()[4])


def test_default_pools_skip_what_the_user_has_taken() -> None:
    allocator = Allocator()
    allocator.request_pool(parse_subnet("172.17.8.0/24"))
    assert str(allocator.request_pool().subnet) == "172.18.0.0/16"


@pytest.mark.parametrize("other", ["10.0.0.0/24", "10.0.0.0/16", "10.0.0.128/25", "0.0.0.0/0"])
def test_pools_may_not_overlap(other: str) -> None:
    allocator = Allocator()
    allocator.request_pool(parse_subnet("10.0.0.0/24"))
    with pytest.raises(PoolOverlaps, match=r"^Pool overlaps with other one on this address space$"):
        allocator.request_pool(parse_subnet(other))


def test_addresses_are_handed_out_lowest_first_and_again_after_release() -> None:
    pool = Allocator().request_pool(parse_subnet("10.0.0.0/29"))
    taken = [to_text(pool.request()) for _ in range(6)]
    assert taken == [f"10.0.0.{n}" for n in range(1, 7)]
    with pytest.raises(NoAvailableAddresses, match="no available addresses on this pool"):
        pool.request()
    pool.release(to_int("10.0.0.4"))
    pool.release(to_int("10.0.0.2"))
    assert to_text(pool.request()) == "10.0.0.2"
    assert to_text(pool.request()) == "10.0.0.4"


def test_addresses_asked_for_are_not_handed_out_again() -> None:
    pool = Allocator().request_pool(parse_subnet("10.0.0.0/24"))
    pool.request(to_int("10.0.0.1"))
    pool.request(to_int("10.0.0.3"))
    with pytest.raises(AddressInUse, match=r"^Address already in use$"):
        pool.request(to_int("10.0.0.3"))
    assert [to_text(pool.request()) for _ in range(2)] == ["10.0.0.2", "10.0.0.4"]
    with pytest.raises(InvalidParameter, match="requested address is out of range"):
        pool.request(to_int("10.0.1.1"))


def test_addresses_come_from_the_range_alone() -> None:
    pool = Allocator().request_pool(parse_subnet("10.0.0.0/24"), parse_subnet("10.0.0.252/30"))
    assert [to_text(pool.request()) for _ in range(3)] == ["10.0.0.252", "10.0.0.253", "10.0.0.254"]
    with pytest.raises(NoAvailableAddresses):
        pool.request()
    assert to_text(pool.request(to_int("10.0.0.9"))) == "10.0.0.9"


@pytest.mark.parametrize(("prefix", "usable"), [(32, 1), (31, 2), (30, 2), (29, 6)])
def test_tiny_pools_have_no_network_and_broadcast_address(prefix: int, usable: int) -> None:
    pool = Allocator().request_pool(parse_subnet(f"10.0.0.0/{prefix}"))
    for _ in range(usable):
        pool.request()
    with pytest.raises(NoAvailableAddresses):
        pool.request()


@given(
    st.lists(st.tuples(st.sampled_from(["take", "lowest", "range", "release"]), st.integers(0, 15)))
)
def test_address_set_behaves_as_a_plain_list_of_free_numbers(steps: list[tuple[str, int]]) -> None:
    addresses = AddressSet(16)
    free = set(range(16))
    for action, number in steps:
        if action == "take":
            assert addresses.take(number) == (number in free)
            free.discard(number)
        elif action == "release":
            addresses.release(number)
            free.add(number)
        else:
            start, end = (0, 15) if action == "lowest" else (4, 11)
            expected = min((n for n in free if start <= n <= end), default=None)
            assert addresses.take_lowest(start, end) == expected
            free.discard(-1 if expected is None else expected)
        assert len(addresses) == 16 - len(free)


@given(st.integers(0, 2**32 - 1), st.integers(0, 32))
def test_subnet_knows_its_addresses(address: int, prefix: int) -> None:
    subnet = parse_subnet(f"{to_text(address)}/{prefix}")
    assert address in subnet
    assert subnet.base in subnet
    assert subnet.broadcast in subnet
    assert subnet.base - 1 not in subnet
    assert subnet.broadcast + 1 not in subnet
    assert parse_subnet(str(subnet)) == subnet


@given(st.integers(0, 2**32 - 1), st.integers(0, 32), st.integers(0, 2**32 - 1), st.integers(0, 32))
def test_subnets_overlap_when_one_holds_the_other(a: int, p: int, b: int, q: int) -> None:
    one, two = parse_subnet(f"{to_text(a)}/{p}"), parse_subnet(f"{to_text(b)}/{q}")
    larger, smaller = sorted((one, two), key=lambda subnet: subnet.prefix)
    assert one.overlaps(two) == (smaller.base in larger)
    assert one.overlaps(two) == two.overlaps(one)


@pytest.mark.parametrize(
    "text", ["", "10.0.0.0", "10.0.0.0/33", "10.0.0/24", "10.0.0.0/x", "fe80::/129"]
)
def test_parse_subnet_refuses_other_texts(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        parse_subnet(text)


def test_addresses_of_both_kinds_do_not_mix() -> None:
    six = parse_subnet("fd00::/64")
    assert str(six) == "fd00::/64"
    assert six.is_ipv6
    assert to_text(to_int("fd00::2")) == "fd00::2"
    assert to_int("fd00::2") in six
    assert to_int("::1") != to_int("0.0.0.1")
    assert to_int("0.0.0.1") not in parse_subnet("::/0")
    assert to_int("::1") not in parse_subnet("0.0.0.0/0")


def test_link_local_address_follows_from_the_mac() -> None:
    assert to_text(link_local_of_mac("02:42:c0:a8:60:03")) == "fe80::42:c0ff:fea8:6003"


def test_pool_of_ipv6_has_no_broadcast_address() -> None:
    pool = Allocator().request_pool(parse_subnet("fd00::/126"))
    assert [to_text(pool.request()) for _ in range(3)] == ["fd00::1", "fd00::2", "fd00::3"]
    with pytest.raises(NoAvailableAddresses):
        pool.request()


def test_mac_follows_from_the_address() -> None:
    assert mac_of_address(to_int("172.17.0.2")) == "02:42:ac:11:00:02"


def test_allocation_does_not_slow_down_as_the_pool_fills() -> None:
    pool = Allocator().request_pool(Subnet(to_int("172.20.0.0"), 16))
    for _ in range(5000):
        pool.request()
    addresses = pool._addresses
    assert len(addresses) == 5002
    [(_, state)] = addresses._ranges.items()
    assert (state.cursor, state.freed) == (5001, [])
