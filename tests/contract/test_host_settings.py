"""Limits, security options and logging of ``HostConfig``: which values are refused, and how."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.harness import Bench

_CFS_PERIOD = "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)"


@pytest.mark.parametrize(
    ("settings", "status", "text"),
    [
        ({"NanoCpus": -5}, 400, "Range of CPUs is from 0.01 to "),
        ({"CpuPeriod": 1}, 400, _CFS_PERIOD),
        ({"CpuPeriod": -1}, 400, _CFS_PERIOD),
        ({"CpuQuota": 999}, 400, "CPU cfs quota can not be less than 1ms (i.e. 1000)"),
        ({"CpusetCpus": "x"}, 400, "Invalid value x for cpuset cpus: invalid format: x"),
        ({"CpusetCpus": "1-0"}, 400, "Invalid value 1-0 for cpuset cpus: invalid format: 1-0"),
        ({"CpusetCpus": "8000"}, 400, "Requested CPUs are not available - requested 8000, avai"),
        (
            {"CpusetCpus": "0,9999"},
            400,
            "Invalid value 0,9999 for cpuset cpus: value of out range, maximum is 8192",
        ),
        ({"CpusetMems": "-1"}, 400, "Invalid value -1 for cpuset mems: invalid format: -1"),
        ({"CpusetMems": "700"}, 400, "Requested memory nodes are not available - requested 700,"),
        ({"MemorySwappiness": 101, "MemoryReservation": 1}, 400, "Invalid value: 101, valid memo"),
        ({"CgroupnsMode": "x"}, 400, "invalid cgroup namespace mode: x"),
        (
            {"Annotations": {"": "x"}},
            400,
            "invalid Annotations: the empty string is not permitted as an annotation key",
        ),
        ({"Isolation": "hyperv"}, 500, 'Invalid isolation: "hyperv" - linux only supports \'def'),
        ({"SecurityOpt": ["foo"]}, 500, 'invalid --security-opt 1: "foo"'),
        ({"SecurityOpt": ["foo=bar"]}, 500, 'invalid --security-opt 2: "foo=bar"'),
        (
            {"SecurityOpt": ["no-new-privileges=maybe"]},
            500,
            'invalid --security-opt 2: "no-new-privileges=maybe"',
        ),
        (
            {"LogConfig": {"Type": "json-file", "Config": {"mode": "nope"}}},
            400,
            "logger: logging mode not supported: nope",
        ),
        (
            {"LogConfig": {"Type": "json-file", "Config": {"max-buffer-size": "1m"}}},
            400,
            "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_values_that_are_refused(
    bench: Bench, settings: dict[str, Any], status: int, text: str
) -> None:
    answer = bench.create_raw({"Image": "alpine", "HostConfig": settings})
    assert (answer.status, answer.message[: len(text)]) == (status, text)


@pytest.mark.parametrize(
    "settings",
    [
        {"CpuQuota": -1},
        {"CpusetCpus": "0,0-0", "CpusetMems": "0"},
        {"MemorySwappiness": -1},
        {"Isolation": "DEFAULT"},
        {"SecurityOpt": ["no-new-privileges", "label:disable", "seccomp=unconfined"]},
        {"LogConfig": {"Type": "none", "Config": {"whatever": "x"}}},
        {"LogConfig": {"Config": {"mode": "non-blocking", "max-buffer-size": "1m"}}},
    ],
    ids="-".join,
)
def test_values_that_are_taken(bench: Bench, settings: dict[str, Any]) -> None:
    answer = bench.create_raw({"Image": "alpine", "HostConfig": settings})
    assert answer.status == 201, answer.message


def test_limit_of_open_files(bench: Bench) -> None:
    limit = {"Name": "nofile", "Soft": 100, "Hard": 200}
    container = bench.run(host={"Ulimits": [limit]})
    shown = bench.sh(container, "ulimit -n; ulimit -Hn; grep -o '^Max open.*' /proc/self/limits")
    assert shown.out.split() == ["100", "200", *"Max open files 100 200 files".split()]


def test_soft_limit_above_the_hard_one(bench: Bench) -> None:
    limit = {"Name": "nofile", "Soft": 200, "Hard": 100}
    container = bench.create(host={"Ulimits": [limit]})
    answer = bench.raw.post(f"/containers/{container}/start")
    assert answer.status == 500
    assert "error setting rlimit type 7: invalid argument" in answer.message


def test_groups_are_sorted(bench: Bench) -> None:
    container = bench.run(User="1000:1000", host={"GroupAdd": ["2000", "5", "7"]})
    shown = bench.sh(container, "id | tr -dc '0-9=, '; echo; grep Groups /proc/self/status")
    assert shown.out.split("\n")[0].split("=")[-1] == "5,7,1000,2000"
    assert bench.exec(container, ["id", "-G"]).out == "1000 5 7 2000\n"


@pytest.mark.parametrize("during_exec", [False, True])
def test_directory_as_a_program(bench: Bench, during_exec: bool) -> None:
    if during_exec:
        container = bench.run()
        text = bench.exec(container, ["/etc"]).out
    else:
        container = bench.create(Entrypoint=["/etc"])
        text = bench.raw.post(f"/containers/{container}/start").message
    assert 'exec: "/etc": is a directory: unknown: permission denied' in text
