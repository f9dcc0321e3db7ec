"""Many clients at the same things at once: every answer is one that dockerd may give.

What is left afterwards is consistent: one winner for a name, no address or endpoint lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.contract.harness import IDLE, Bench, until
from tests.contract.rawhttp import Response

CLIENTS = 8


def _at_once(*works: Callable[[], Response], times: int = 1) -> Counter[int]:
    """How often each status came, every work done by a client of its own."""
    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = list(clients.map(lambda work: work(), works * times))
    return Counter(answer.status for answer in answers)


def _gone(bench: Bench, path: str) -> bool:
    return bench.raw.get(f"{path}/json").status == 404


def test_one_name_many_creators(bench: Bench) -> None:
    body = {"Image": "alpine", "Cmd": IDLE}
    for word in "abc":
        seen = _at_once(*[partial(bench.create_raw, body, bench.name(word))] * CLIENTS)
        assert seen == {201: 1, 409: CLIENTS - 1}


def test_one_network_name_many_creators(bench: Bench) -> None:
    body = {"Name": bench.name("net")}
    seen = _at_once(*[lambda: bench.create_network_raw(body)] * CLIENTS)
    assert seen == {201: 1, 409: CLIENTS - 1}


def test_many_start_one_container(bench: Bench) -> None:
    container = bench.create("c")
    seen = _at_once(*[lambda: bench.raw.post(f"/containers/{container}/start")] * CLIENTS)
    assert seen == {204: 1, 304: CLIENTS - 1}


def test_connect_and_disconnect_at_once(bench: Bench) -> None:
    network = bench.network()
    container = bench.run("c")
    seen = _at_once(
        lambda: bench.connect(network, container),
        lambda: bench.disconnect(network, container),
        times=12,
    )
    assert set(seen) <= {200, 403, 500}  # done; there already; not there
    bench.disconnect(network, container)
    assert bench.inspect_network(network)["Containers"] == {}
    assert set(bench.inspect(container)["NetworkSettings"]["Networks"]) == {"bridge"}
    # Every address came back: the next one is the first again.
    first = bench.address(bench.on(network, "d"), network)
    assert first.rpartition(".")[2] == "2"


def test_start_stop_and_remove_at_once(bench: Bench) -> None:
    network = bench.network()
    for word in "abcd":
        container = bench.create(word, host={"NetworkMode": network})
        at = f"/containers/{container}"
        seen = _at_once(
            partial(bench.raw.post, f"{at}/start"),
            partial(bench.raw.post, f"{at}/stop", params={"t": "0"}),
            partial(bench.raw.post, f"{at}/restart", params={"t": "0"}),
            partial(bench.raw.delete, at, params={"force": "1"}),
            times=2,
        )
        assert set(seen) <= {204, 304, 404, 409, 500}
        bench.raw.delete(at, params={"force": "1"})
        until(partial(_gone, bench, at))
    assert bench.inspect_network(network)["Containers"] == {}
    assert bench.raw.delete(f"/networks/{network}").status == 204


def test_one_volume_many_users(bench: Bench) -> None:
    volume = bench.name("v")
    body = {"Image": "alpine", "Cmd": IDLE, "HostConfig": {"Binds": [f"{volume}:/data"]}}
    seen = _at_once(
        *[lambda: bench.create_raw(body)] * 4,
        *[lambda: bench.raw.delete(f"/volumes/{volume}")] * 4,
        times=2,
    )
    assert seen[201] == 8
    assert set(seen) <= {201, 204, 404, 409}
    users = bench.raw.get("/containers/json", params={"all": "1", "filters": {"volume": [volume]}})
    assert len(users.json()) == 8
    bench.clean()
    bench.raw.delete(f"/volumes/{volume}", params={"force": "1"})
    assert bench.raw.get(f"/volumes/{volume}").status == 404
