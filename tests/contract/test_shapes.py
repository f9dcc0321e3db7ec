"""Documents of both engines have the same keys and the same types of values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.harness import Bench
from tests.contract.pairs import Pair, differences

pytestmark = pytest.mark.docker

# Labels and Env are the image's, GraphDriver is the storage's own business.
IMAGE = r"\.Config\.(Labels|Env)|\.GraphDriver\.Data|\.Labels"


def _on_a_network(bench: Bench, **words: Any) -> str:
    name = bench.network()
    config = {"EndpointsConfig": {name: {"Aliases": ["alias"]}}}
    return bench.on(name, "c", NetworkingConfig=config, **words)


def _exec(bench: Bench) -> Any:
    body = {"Cmd": ["true"], "AttachStdout": True, "Env": ["A=1"], "User": "nobody"}
    answer = bench.raw.post(f"/containers/{bench.run()}/exec", body)
    instance = answer.json()["Id"]
    bench.raw.post(f"/exec/{instance}/start", {})
    return bench.raw.get(f"/exec/{instance}/json").json()


def _configured(bench: Bench) -> Any:
    host = {
        "Binds": [f"{bench.name('vol')}:/v:ro"],
        "CapAdd": ["NET_ADMIN"],
        "Dns": ["192.0.2.1"],
        "ExtraHosts": ["a:192.0.2.2"],
        "Memory": 10000000,
        "Init": True,
        "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3},
        "Tmpfs": {"/t": ""},
        "Ulimits": [{"Name": "nofile", "Soft": 10, "Hard": 20}],
        "Mounts": [{"Type": "tmpfs", "Target": "/m"}],
        "ReadonlyRootfs": True,
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
    }
    container = bench.create(
        host=host,
        Tty=True,
        OpenStdin=True,
        User="nobody",
        Env=["A=1"],
        Labels={"a": "b"},
        ExposedPorts={"80/tcp": {}},
        Volumes={"/data": {}},
        Entrypoint=["sh"],
        Hostname="h",
        StopTimeout=3,
        StopSignal="USR1",
        Healthcheck={"Test": ["CMD", "true"]},
    )
    document = bench.inspect(container)
    document["Mounts"].sort(key=lambda mount: mount["Destination"])  # dockerd has no order
    bench.raw.delete(f"/containers/{container}", params={"force": "1", "v": "1"})
    bench.raw.delete(f"/volumes/{bench.name('vol')}")
    return document


def _failed(bench: Bench) -> Any:
    container = bench.create(command=["no-such-program"])
    bench.raw.post(f"/containers/{container}/start")
    return [bench.inspect(container), bench.listed(container)]


def _published(bench: Bench, version: str) -> Any:
    container = bench.run(image="nginx", host={"PublishAllPorts": True})
    return bench.inspect(container, version=version)


def _get(path: str, **words: Any) -> Callable[[Bench], Any]:
    return lambda bench: bench.raw.get(path, **words).json()


CASES: dict[str, tuple[Callable[[Bench], Any], str]] = {
    "created": (lambda b: b.inspect(b.create()), IMAGE),
    "configured": (_configured, IMAGE),
    "running": (lambda b: b.inspect(_on_a_network(b)), IMAGE),
    "failed": (_failed, IMAGE),
    "published": (lambda b: _published(b, "v1.45"), IMAGE),
    "published-1.24": (lambda b: _published(b, "v1.24"), IMAGE),
    "published-1.41": (lambda b: _published(b, "v1.41"), IMAGE),
    "published-1.43": (lambda b: _published(b, "v1.43"), IMAGE),
    "host": (lambda b: b.inspect(b.on("host", "c")), IMAGE),
    "none": (lambda b: b.inspect(b.on("none", "c")), IMAGE),
    "container": (lambda b: b.inspect(b.on(f"container:{b.run()}", "c")), IMAGE),
    "listed": (lambda b: b.listed(_on_a_network(b)), ""),
    "listed-1.24": (
        lambda b: b.raw.get(
            "/containers/json", params={"filters": {"id": [b.run()]}}, version="v1.24"
        ).json(),
        "",
    ),
    "exec": (_exec, ""),
    "network": (
        lambda b: list(b.inspect_network(_network_of(b))["Containers"].values()),
        "",
    ),
    "networks": (
        lambda b: b.raw.get("/networks", params={"filters": {"name": [b.network()]}}).json(),
        "",
    ),
    "bridge": (_get("/networks/bridge"), r"\.Containers"),
    "host-network": (_get("/networks/host"), r"\.Containers"),
    "none-network": (_get("/networks/none"), r"\.Containers"),
    "version": (_get("/version"), r"\.Components"),
    "info": (_get("/info"), r"\.(Runtimes|SecurityOptions|Warnings|DriverStatus)"),
    "image": (_get("/images/nginx/json"), IMAGE),
    "image-history": (_get("/images/nginx/history"), ""),
    "images": (_get("/images/json", params={"filters": {"reference": ["nginx"]}}), IMAGE),
}


def _network_of(bench: Bench) -> str:
    container = _on_a_network(bench)
    (name,) = bench.inspect(container)["NetworkSettings"]["Networks"]
    assert isinstance(name, str)
    return name


@pytest.mark.parametrize("case", CASES)
def test_same_shape(pair: Pair, case: str) -> None:
    work, ignore = CASES[case]
    theirs, ours = pair.on_both(work)
    assert list(differences(ours, theirs, ignore)) == []
