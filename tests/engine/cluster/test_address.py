"""Where engines of a swarm listen and call."""

from __future__ import annotations

import pytest

from course_lib.engine.cluster.address import (
    HOST,
    PORT,
    Place,
    manager_place,
    remote_address,
    worker_place,
)
from course_lib.engine.errdefs import InvalidParameter, NotImplementedByEngine


@pytest.mark.parametrize(
    ("listen", "advertise", "manager", "worker"),
    [
        ("", "", Place(HOST, PORT, False), Place(HOST, 0, False)),
        ("0.0.0.0:2377", "", Place(HOST, PORT, False), Place(HOST, 0, False)),
        ("0.0.0.0:2377", "127.0.0.1", Place(HOST, PORT, False), Place(HOST, 0, False)),
        ("0.0.0.0:2377", "localhost", Place(HOST, PORT, False), Place(HOST, 0, False)),
        ("0.0.0.0:2377", "127.0.0.1:4000", Place(HOST, 4000, True), Place(HOST, 4000, True)),
        ("", "127.0.0.2", Place("127.0.0.2", PORT, False), Place("127.0.0.2", 0, False)),
        ("127.0.0.3:4001", "", Place("127.0.0.3", 4001, True), Place("127.0.0.3", 4001, True)),
        ("0.0.0.0:4002", "", Place(HOST, 4002, True), Place(HOST, 4002, True)),
        ("0.0.0.0:2377", "192.168.1.2", Place(HOST, PORT, False), Place(HOST, 0, False)),
        ("0.0.0.0:2377", "10.0.0.1:4003", Place(HOST, 4003, True), Place(HOST, 4003, True)),
    ],
)  # fmt: skip
def test_where_to_listen(listen: str, advertise: str, manager: Place, worker: Place) -> None:
    assert manager_place(listen, advertise) == manager
    assert worker_place(listen, advertise) == worker


@pytest.mark.parametrize("text", ["192.168.1.2", "eth0", "10.0.0.1:2377", "example.org", "8.8.8.8"])
def test_nothing_beyond_this_machine(text: str) -> None:
    with pytest.raises(NotImplementedByEngine, match="embedded engine"):
        remote_address(text)


def test_the_manager_to_call() -> None:
    assert remote_address("127.0.0.1") == (HOST, PORT)
    assert remote_address("127.0.0.9:81") == ("127.0.0.9", 81)
    for text in ("127.0.0.1:", "127.0.0.1:x", "127.0.0.1:99999", "127.0.0.1:0"):
        with pytest.raises(InvalidParameter):
            remote_address(text)
