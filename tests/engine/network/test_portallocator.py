from __future__ import annotations

import pytest

from course_lib.engine.network.portallocator import (
    AllPortsAllocated,
    PortAllocator,
    PortAlreadyAllocated,
)


def test_ephemeral_ports_start_at_32768_and_go_up() -> None:
    ports = PortAllocator()
    assert [ports.request("0.0.0.0", "tcp") for _ in range(3)] == [32768, 32769, 32770]
    ports.release("0.0.0.0", "tcp", 32769)
    assert ports.request("0.0.0.0", "tcp") == 32771


def test_protocols_and_addresses_have_ports_of_their_own() -> None:
    ports = PortAllocator()
    assert ports.request("0.0.0.0", "tcp", 8080) == 8080
    assert ports.request("0.0.0.0", "udp", 8080) == 8080
    assert ports.request("127.0.0.1", "tcp", 8080) == 8080


def test_a_taken_port_is_refused_in_the_words_of_dockerd() -> None:
    ports = PortAllocator()
    ports.request("0.0.0.0", "tcp", 8080, 8080)
    with pytest.raises(PortAlreadyAllocated) as caught:
        ports.request("0.0.0.0", "tcp", 8080)
    assert str(caught.value) == "Bind for 0.0.0.0:8080 failed: port is already allocated"


def test_a_range_gives_its_next_free_port() -> None:
    ports = PortAllocator()
    assert [ports.request("0.0.0.0", "tcp", 8000, 8002) for _ in range(3)] == [8000, 8001, 8002]
    with pytest.raises(AllPortsAllocated, match="all ports are allocated"):
        ports.request("0.0.0.0", "tcp", 8000, 8002)
    ports.release("0.0.0.0", "tcp", 8001)
    assert ports.request("0.0.0.0", "tcp", 8000, 8002) == 8001


def test_ephemeral_ports_wrap_around() -> None:
    ports = PortAllocator(100, 102)
    assert [ports.request("0.0.0.0", "tcp") for _ in range(3)] == [100, 101, 102]
    ports.release("0.0.0.0", "tcp", 100)
    assert ports.request("0.0.0.0", "tcp") == 100
