"""The stand-ins do what lessons ask of the images whose names they bear."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

import docker
import pytest

from tests.contract.engines import open_engine
from tests.contract.harness import Bench, until

pytestmark = pytest.mark.docker


@pytest.fixture
def bench(real_docker_host: str) -> Iterator[Bench]:
    engine = open_engine("dockerd", real_docker_host.removeprefix("unix://"), "127.0.0.1")
    made = Bench(engine)
    yield made
    made.clean()
    engine.sdk.close()


@pytest.fixture(autouse=True)
def _all_images(real_docker_host: str) -> None:
    """Engines may have but the first few images."""
    client = docker.DockerClient(base_url=real_docker_host)
    tags = {tag for image in client.api.images() for tag in image["RepoTags"] or ()}
    client.close()
    if "tomcat:latest" not in tags:
        pytest.skip(f"load all images: python -m tests.images --host {real_docker_host}")


def redis(bench: Bench, container: str, *words: str) -> str:
    return bench.exec(container, ["redis-cli", *words]).out.strip()


def alive(bench: Bench, container: str) -> bool:
    return redis(bench, container, "ping") == "PONG"


def fetched(bench: Bench, probe: str, address: str) -> str:
    """A page as a container gets it; empty while there is none."""
    return bench.sh(probe, f"wget -qO- http://{address}").out


def test_redis_hands_its_data_on(bench: Bench) -> None:
    """2.8 to 3.0 to the newest, by the volumes of the one before."""
    before = ""
    for tag, version in (("redis:2.8", "2.8."), ("redis:3.0", "3.0."), ("redis", "8.")):
        host = {"VolumesFrom": [before]} if before else {}
        container = bench.run(image=tag, host=host)
        until(partial(alive, bench, container))
        assert f"redis_version:{version}" in redis(bench, container, "info", "server")
        if before:
            assert redis(bench, container, "get", "counter") == "42"
        else:
            redis(bench, container, "set", "counter", "42")
        assert redis(bench, container, "save") == "OK"
        bench.raw.post(f"/containers/{container}/stop", params={"t": "5"})
        before = container


def test_redis_answers_others(bench: Bench) -> None:
    name = bench.network()
    bench.on(name, "redis", image="redis")
    probe = bench.on(name, "probe")
    ask = f"echo PING | nc -w 2 {bench.name('redis')} 6379"
    until(lambda: bench.sh(probe, ask).out == "+PONG\r\n")


def test_trainingwheels_counts_with_redis_alone(bench: Bench) -> None:
    name = bench.network()
    app = "ahmedgabercod/trainingwheels"
    www = bench.on(name, "www", image=app)
    probe = bench.on(name, "probe")
    ask = f"wget -qO- http://{bench.name('www')}:5000/"
    until(lambda: "500" in bench.sh(probe, ask).err)
    alias = {"EndpointsConfig": {name: {"Aliases": ["redis"]}}}
    bench.on(name, "store", image="redis", NetworkingConfig=alias)
    page = until(lambda: bench.sh(probe, ask).out)
    assert f"served by <b>{www[:12]}</b>" in page
    assert "<b>2</b> requests" in bench.sh(probe, ask).out


def test_elasticsearch_names_its_node(bench: Bench) -> None:
    name = bench.network()
    for word in ("one", "two"):
        bench.on(name, word, image="elasticsearch:2")
    probe = bench.on(name, "probe")
    documents = [
        json.loads(until(partial(fetched, bench, probe, f"{bench.name(word)}:9200")))
        for word in ("one", "two")
    ]
    assert all(d["version"]["number"].startswith("2.") and d["name"] for d in documents)
    assert documents[0]["cluster_uuid"] != documents[1]["cluster_uuid"]


def test_tomcat_logs_requests_on_its_volume(bench: Bench) -> None:
    webapp = bench.run(image="tomcat", Volumes={"/usr/local/tomcat/logs": {}})
    reader = bench.run(host={"VolumesFrom": [webapp]})
    address = bench.address(webapp, "bridge")
    until(lambda: "Tomcat" in bench.sh(reader, f"wget -qO- http://{address}:8080/").out)
    logs = bench.sh(reader, "cat /usr/local/tomcat/logs/localhost_access_log.*").out
    assert '"GET / HTTP/1.1" 200' in logs


def test_datavol_serves_its_volume(bench: Bench) -> None:
    container = bench.run(image="training/datavol")
    (mount,) = bench.inspect(container)["Mounts"]
    assert mount["Destination"] == "/var/webapp"
    assert "Data volume" in bench.sh(container, "wget -qO- http://127.0.0.1/").out


def test_docker_talks_to_the_engine_around_it(bench: Bench) -> None:
    host = {"Binds": [f"{bench.engine.socket}:/var/run/docker.sock"]}
    inner = bench.run("inner", image="docker", command=["sleep", "1000"], host=host)
    assert inner[:12] in bench.sh(inner, "docker ps -q").out.split()
