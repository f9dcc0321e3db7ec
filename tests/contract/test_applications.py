"""The programs of the lessons, as far as a student sees them: pages, answers, logs."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.contract.harness import Bench, until

WHEELS = "ahmedgabercod/trainingwheels"


@pytest.fixture
def town(bench: Bench) -> Bench:
    """A network with somebody on it who has ``curl``."""
    bench.on(bench.network(), "probe", image="centos")
    return bench


def get(bench: Bench, url: str) -> str:
    """A page, asked for on the network; ``""`` where nobody answers."""
    return bench.exec(bench.name("probe"), ["curl", "-s", "-m", "40", url]).out


def answered(bench: Bench, url: str) -> str:
    return str(until(lambda: get(bench, url), 60))


def logged(bench: Bench, container: str, **which: bool) -> str:
    raw = bench.sdk.api.logs(container, **{"stdout": False, "stderr": False, **which})
    assert isinstance(raw, bytes)
    return raw.decode()


def test_elasticsearch_has_a_name_of_its_own_in_each_container(town: Bench) -> None:
    nodes: list[dict[str, Any]] = []
    for word in ("es-1", "es-2"):
        town.on(town.name("net"), word, image="elasticsearch:2")
        nodes.append(json.loads(answered(town, f"{town.name(word)}:9200")))
    for node in nodes:
        assert node["cluster_name"] == "elasticsearch"
        assert node["version"]["number"].startswith("2.")
        assert node["tagline"] == "You Know, for Search"
    assert len({node["name"] for node in nodes}) == 2
    first = town.name("es-1")
    health = json.loads(get(town, f"{first}:9200/_cluster/health?pretty"))
    assert (health["cluster_name"], health["status"]) == ("elasticsearch", "green")
    assert nodes[0]["name"] in get(town, f"{first}:9200/_cat/nodes")
    assert json.loads(get(town, f"{first}:9200/no-such-index"))["status"] == 404
    assert f"[{nodes[0]['name']}] started" in town.logs(first)


def test_the_visit_counter_needs_redis(town: Bench) -> None:
    if town.engine.name == "embedded":
        town.sdk.images.pull(WHEELS, tag="latest")
    network = town.name("net")
    www = town.on(network, "www", image=WHEELS)
    url = f"{town.name('www')}:5000"
    broken = answered(town, url)
    assert "connecting to redis:6379" in broken
    assert "served" not in broken

    def store(word: str) -> str:
        alias = {"EndpointsConfig": {network: {"Aliases": ["redis"]}}}
        return town.on(network, word, image="redis", NetworkingConfig=alias)

    def counted() -> int | None:
        page = get(town, url)
        match = re.search(r"all together <b>(\d+)</b>", page)
        assert not match or f"<b>{www[:12]}</b>" in page
        return int(match[1]) if match else None

    first = store("one")
    count = until(counted, 60)
    assert counted() == count + 1
    town.raw.delete(f"/containers/{first}", params={"force": "1", "v": "1"})
    assert "connecting to redis:6379" in answered(town, url)
    store("two")
    assert until(counted, 60) <= 2  # another Redis counts from the beginning
    lines = logged(town, www, stdout=True, stderr=True)
    assert '"GET / HTTP/1.1" 500 -' in lines
    assert '"GET / HTTP/1.1" 200 -' in lines


def test_nginx_logs(town: Bench) -> None:
    """Access to standard output, errors to standard error: that is how ``docker logs`` has both."""
    server = town.serve("web", town.name("net"))
    get(town, f"{town.name('web')}/?{town.prefix}")
    get(town, f"{town.name('web')}/no-such-page")
    client = town.address(town.name("probe"), town.name("net"))
    access = until(lambda: "no-such" in (text := logged(town, server, stdout=True)) and text)
    line = rf'{client} - - \[[^]]+\] "GET /\?{town.prefix} HTTP/1.1" 200 4 "-" "curl/[\d.]+" "-"\n'
    assert re.search(line, access)
    assert '"GET /no-such-page HTTP/1.1" 404 ' in access
    errors = logged(town, server, stderr=True)
    assert 'open() "/usr/share/nginx/html/no-such-page" failed (2: No such file or' in errors
    assert f"client: {client}, server: localhost, request:" in errors


def test_redis_answers_over_the_network(town: Bench) -> None:
    server = town.on(town.name("net"), "store", image="redis")
    ask = ["redis-cli", "-h", town.name("store")]
    client = town.on(town.name("net"), "client", image="redis", command=["sleep", "1000"])
    until(lambda: town.exec(client, [*ask, "ping"]).out == "PONG\n")
    assert [town.exec(client, [*ask, "incr", "n"]).out for _ in range(3)] == ["1\n", "2\n", "3\n"]
    wrong = town.exec(client, [*ask, "lpush", "n", "x"])
    assert (wrong.code, wrong.out.endswith("wrong kind of value\n\n")) == (0, True)
    refused = town.exec(client, [*ask, "-p", "81", "ping"])
    assert refused.code == 1
    assert refused.err.endswith("Connection refused\n")
    assert "Ready to accept connections" in town.logs(server)


def test_httpd_of_busybox(town: Bench) -> None:
    script = "mkdir /w; echo hello >/w/index.html; exec httpd -f -v -h /w"
    server = town.on(town.name("net"), "web", image="busybox", command=["sh", "-c", script])
    assert answered(town, town.name("web")) == "hello\n"
    head = town.exec(town.name("probe"), ["curl", "-sI", town.name("web")]).out
    assert head.startswith("HTTP/1.1 200 OK\r\nDate: ")
    assert "\r\nConnection: close\r\nContent-type: text/html\r\n" in head
    assert "404 Not Found" in get(town, f"{town.name('web')}/../etc/passwd")
    assert re.search(r"\]:\d+: response:404\n", town.logs(server))
