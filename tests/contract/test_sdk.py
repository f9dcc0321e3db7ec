"""The Docker SDK for Python, used as lessons and checks use it."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from docker.errors import APIError, ContainerError, ImageNotFound, NotFound
from docker.models.containers import Container
from docker.types import EndpointConfig, IPAMConfig, IPAMPool, Mount

from tests.contract.addressing import subnet
from tests.contract.harness import Bench, host_ports, until

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """The SDK leaves the sockets of streams to the garbage collector: let it be here, not later."""
    yield
    gc.collect()


def run(
    bench: Bench, image: str = "alpine", command: str = "sleep 1000", **words: object
) -> Container:
    container = bench.sdk.containers.run(image, command or None, detach=True, **words)
    bench.adopt(container.id)
    return container


def test_run_gives_the_output(bench: Bench) -> None:
    assert bench.sdk.containers.run("alpine", "echo hello", remove=True) == b"hello\n"


def test_run_raises_for_an_exit_code(bench: Bench) -> None:
    with pytest.raises(ContainerError, match="returned non-zero exit status 3: b'oops") as caught:
        bench.sdk.containers.run("alpine", ["sh", "-c", "echo oops >&2; exit 3"], remove=True)
    assert caught.value.exit_status == 3


def test_run_of_an_unknown_image(bench: Bench) -> None:
    with pytest.raises(APIError) as caught:
        bench.sdk.containers.create("no-such-image")
    assert isinstance(caught.value, ImageNotFound)
    assert caught.value.explanation == "No such image: no-such-image:latest"


def test_ports(bench: Bench) -> None:
    container = run(bench, "nginx", "", ports={"80/tcp": None}, name=bench.name("web"))
    container.reload()
    assert container.status == "running"
    shown = {int(p["HostPort"]) for p in container.ports["80/tcp"]}
    assert host_ports(container.attrs) <= shown


def test_get_and_list(bench: Bench) -> None:
    container = run(bench, name=bench.name("c"), labels={bench.prefix: "x"})
    assert bench.sdk.containers.get(bench.name("c")).id == container.id
    assert bench.sdk.containers.get(container.short_id).name == bench.name("c")
    found = bench.sdk.containers.list(filters={"label": f"{bench.prefix}=x"})
    assert [c.id for c in found] == [container.id]
    assert container.image.tags == ["alpine:latest"]
    with pytest.raises(NotFound):
        bench.sdk.containers.get("no-such-one")


A_WHILE = "sleep 0.5"
"""The SDK loses what is written before it has read the head of the answer (course_lib.sdk)."""


def test_exec(bench: Bench) -> None:
    container = run(bench)
    script = f"{A_WHILE}; echo out; echo err >&2; exit 2"
    result = container.exec_run(["sh", "-c", script], demux=True)
    assert (result.exit_code, result.output) == (2, (b"out\n", b"err\n"))
    result = container.exec_run(f"sh -c '{A_WHILE}; echo $A; pwd; id -un'",
                                environment={"A": "1"}, workdir="/tmp", user="nobody")  # fmt: skip
    assert result.output == b"1\n/tmp\nnobody\n"
    result = container.exec_run(f"sh -c '{A_WHILE}; tty'", tty=True)
    assert result.output.startswith(b"/dev/pts/")


def test_exec_stream(bench: Bench) -> None:
    container = run(bench)
    _, stream = container.exec_run(
        ["sh", "-c", f"{A_WHILE}; echo a; sleep 0.2; echo b"], stream=True
    )
    assert b"".join(stream) == b"a\nb\n"


def test_logs_stream(bench: Bench) -> None:
    container = run(bench, command="sh -c 'echo a; sleep 0.2; echo b'")
    assert b"".join(container.logs(stream=True, follow=True)) == b"a\nb\n"


def test_attach_stream(bench: Bench) -> None:
    container = bench.sdk.containers.create("alpine", ["sh", "-c", "echo a; sleep 0.2; echo b"])
    bench.adopt(container.id)
    stream = container.attach(stream=True, stdout=True)
    container.start()
    assert b"".join(stream) == b"a\nb\n"


def test_lifecycle(bench: Bench) -> None:
    script = "trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done"
    container = run(bench, command=f'sh -c "{script}"')
    until(lambda: b"ready" in container.logs())
    container.pause()
    container.reload()
    assert container.status == "paused"
    container.unpause()
    container.stop(timeout=10)
    assert container.wait()["StatusCode"] == 3
    container.start()
    container.kill()
    assert container.wait()["StatusCode"] == 137
    container.rename(bench.name("renamed"))
    container.remove()
    with pytest.raises(NotFound):
        container.reload()


def test_top_and_diff(bench: Bench) -> None:
    container = run(bench)
    assert container.top()["Processes"][0][-1] == "sleep 1000"
    container.exec_run("touch /made")
    assert {"Path": "/made", "Kind": 1} in container.diff()


def test_stats_once(bench: Bench) -> None:
    stats = run(bench).stats(stream=False)
    assert stats["networks"]["eth0"]["rx_bytes"] >= 0
    assert stats["memory_stats"]["usage"] > 0


def test_prune(bench: Bench) -> None:
    container = run(bench, command="true", labels={bench.prefix: ""})
    container.wait()
    until(lambda: bench.listed(container.id)["State"] == "exited")
    pruned = bench.sdk.containers.prune(filters={"label": bench.prefix})
    assert pruned["ContainersDeleted"] == [container.id]


def test_network_with_addresses(bench: Bench) -> None:
    net = subnet(bench)
    pool = IPAMPool(subnet=str(net), gateway=str(net[1]), aux_addresses={"r": str(net[2])})
    network = bench.sdk.networks.create(
        bench.name("net"), driver="bridge", internal=True, ipam=IPAMConfig(pool_configs=[pool]),
        labels={"a": "b"},
    )  # fmt: skip
    bench.adopt_network(network.id)
    network.reload()
    assert network.attrs["Labels"] == {"a": "b"}
    container = run(bench)
    network.connect(container, ipv4_address=str(net[9]), aliases=["db"])
    network.reload()
    assert [c.id for c in network.containers] == [container.id]
    container.reload()
    endpoint = container.attrs["NetworkSettings"]["Networks"][network.name]
    assert (endpoint["IPAddress"], endpoint["Aliases"]) == (str(net[9]), ["db"])
    network.disconnect(container)
    network.remove()
    with pytest.raises(NotFound):
        network.reload()


def test_network_of_a_run_with_alias(bench: Bench) -> None:
    name = bench.network()
    config = {name: EndpointConfig("1.44", aliases=["db"])}
    run(bench, network=name, networking_config=config)
    probe = run(bench, network=name)
    assert probe.exec_run("ping -c1 -w2 db").exit_code == 0


def test_network_list(bench: Bench) -> None:
    name = bench.network()
    assert [n.name for n in bench.sdk.networks.list(names=[name])] == [name]
    (greedy,) = bench.sdk.networks.list(names=[name], greedy=True)
    assert greedy.containers == []


def test_images(bench: Bench) -> None:
    image = bench.sdk.images.get("nginx")
    assert "nginx:latest" in image.tags
    assert image.attrs["Config"]["ExposedPorts"] == {"80/tcp": {}}
    assert image.history()[0]["Id"] == image.id
    assert image.id in [i.id for i in bench.sdk.images.list("nginx")]
    with pytest.raises(ImageNotFound):
        bench.sdk.images.get("no-such-image")


def test_mounts(bench: Bench) -> None:
    mounts = [Mount("/scratch", None, type="tmpfs", tmpfs_size=1000000)]
    container = run(bench, mounts=mounts, volumes=["/data"])
    types = {m["Destination"]: m["Type"] for m in bench.inspect(container.id)["Mounts"]}
    assert types["/data"] == "volume"
    assert container.exec_run("touch /data/a /scratch/b").exit_code == 0


def test_read_only_root(bench: Bench) -> None:
    container = run(bench, read_only=True)
    result = container.exec_run(f"sh -c '{A_WHILE}; touch /file'")
    assert result.exit_code == 1
    assert b"Read-only file system" in result.output


def test_many_at_once(bench: Bench) -> None:
    """Calls of several clients do not get into each other's way."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        outputs = list(
            pool.map(
                lambda i: bench.sdk.containers.run("alpine", f"echo {i}", remove=True), range(8)
            )
        )
    assert outputs == [f"{i}\n".encode() for i in range(8)]
