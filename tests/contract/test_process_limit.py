"""``--pids-limit``: a container has as many processes as it may, and the engine goes on."""

from __future__ import annotations

import pytest

from tests.contract.harness import Bench

TWENTY = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 60 & done; echo all"
REFUSED = "can't fork: Resource temporarily unavailable"


def test_a_shell_is_told_that_it_cannot_fork(bench: Bench) -> None:
    container = bench.run(None, ["sh", "-c", TWENTY], host={"PidsLimit": 12})
    assert bench.finish(container) == 2
    assert REFUSED in bench.logs(container)


@pytest.mark.parametrize("number", [0, -1])
def test_zero_or_less_is_no_limit(bench: Bench, number: int) -> None:
    assert bench.output("sh", "-c", TWENTY, host={"PidsLimit": number}) == "all\n"


def test_a_limit_is_given_to_a_container_that_runs(bench: Bench) -> None:
    container = bench.run("host")
    answer = bench.raw.post(f"/containers/{container}/update", {"PidsLimit": 8})
    assert (answer.status, answer.json()["Warnings"]) == (200, None)
    found = bench.sh(container, TWENTY)
    assert found.code == 2
    assert REFUSED in found.err


def test_who_forks_without_end_leaves_the_others_theirs(bench: Bench) -> None:
    bomb = ["sh", "-c", "b() { b | b & }; b"]
    bench.run(None, bomb, host={"PidsLimit": 100})
    assert bench.output("echo", "still here") == "still here\n"
