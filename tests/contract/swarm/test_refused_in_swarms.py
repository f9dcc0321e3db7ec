"""What Docker's swarms do and the embedded engine refuses: rows of the table of differences."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.harness import Bench

TASK = {"ContainerSpec": {"Image": "alpine:latest", "Args": ["true"]}}
UDP = {"Ports": [{"Protocol": "udp", "TargetPort": 53}]}


@pytest.mark.usefixtures("alone")
def test_managers_can_be_locked(bench: Bench) -> None:
    spec = {"EncryptionConfig": {"AutoLockManagers": True}}
    body = {"ListenAddr": "127.0.0.1", "AdvertiseAddr": "127.0.0.1", "Spec": spec}
    assert bench.raw.post("/swarm/init", body).status == 200
    assert bench.raw.get("/swarm/unlockkey").json()["UnlockKey"].startswith("SWMKEY-1-")


@pytest.mark.usefixtures("swarm")
def test_a_config_can_be_a_template(bench: Bench) -> None:
    body = {"Name": bench.name(), "Data": "e30=", "Templating": {"Name": "golang"}}
    answer = bench.raw.post("/configs/create", body)
    assert answer.status == 201
    assert bench.raw.delete(f"/configs/{answer.json()['ID']}").status == 204


@pytest.mark.usefixtures("swarm")
@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"Mode": {"ReplicatedJob": {"TotalCompletions": 1}}}, id="replicated job"),
        pytest.param({"Mode": {"GlobalJob": {}}}, id="global job"),
        pytest.param({"EndpointSpec": UDP}, id="UDP by the routing mesh"),
    ],
)
def test_services_of_other_kinds(bench: Bench, spec: dict[str, Any]) -> None:
    body = {"Name": bench.name(), "TaskTemplate": TASK, **spec}
    assert bench.raw.post("/services/create", body).status == 201
