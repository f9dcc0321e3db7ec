"""Elasticsearch, Tomcat, the visit counter, httpd, and the images they come in."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from course_lib.engine.image.recipe import read_recipe
from course_lib.engine.userland import applets
from course_lib.engine.userland.servers.nodenames import node_name
from tests.engine.userland.net_world import CATALOGUE, Node, Running, World, until


class Lab:
    """Containers on one network, and a client among them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world = World()
        self.running: list[Running] = []
        self.client = Node(self.world, folder / "client", "centos", name="client")
        self.count = 10

    async def start(
        self, image: str, name: str, *words: str, files: dict[str, str] | None = None, seed: int = 1
    ) -> tuple[Node, Running]:
        self.count += 1
        node = Node(
            self.world, self.folder / name, image, name=name, address=f"172.18.0.{self.count}",
            files=files, seed=seed,
        )  # fmt: skip
        running = await node.start(*(words or node.recipe.config.cmd or ()))
        self.running.append(running)
        address = node.net.address
        await until(lambda: any(host == address for host, _ in self.world.listeners), running.err)
        return node, running

    async def curl(self, *words: str) -> str:
        code, out, err = await self.client.run("curl", "-sS", *words)
        assert code == 0, err
        return out


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    lab = Lab(tmp_path)
    yield lab
    for running in lab.running:
        running.process.kill(9)
        await running.finish()


# --- Elasticsearch -------------------------------------------------------------------------------


async def test_a_node_tells_its_name(lab: Lab) -> None:
    _, running = await lab.start("elasticsearch", "es")
    text = await lab.curl("es:9200")
    assert text.startswith('{\n  "name" : "')
    banner = json.loads(text)
    assert banner["cluster_name"] == "elasticsearch"
    assert banner["version"]["number"].startswith("2.4.")
    assert banner["tagline"] == "You Know, for Search"
    assert f"[{banner['name']}] started\n" in running.out


async def test_two_nodes_have_two_names(lab: Lab) -> None:
    await lab.start("elasticsearch", "one", seed=1)
    await lab.start("elasticsearch", "two", seed=2)
    one = json.loads(await lab.curl("one:9200"))["name"]
    two = json.loads(await lab.curl("two:9200"))["name"]
    assert one != two


def test_names_are_many_and_repeat_with_their_seed() -> None:
    random = Random(3)
    assert len({node_name(random) for _ in range(300)}) > 280
    assert node_name(Random(3)) == node_name(Random(3))


async def test_names_may_be_given(lab: Lab) -> None:
    await lab.start("elasticsearch", "es", "elasticsearch", "-Des.node.name=mine")
    assert json.loads(await lab.curl("es:9200"))["name"] == "mine"
    config = {
        "/usr/share/elasticsearch/config/elasticsearch.yml": "cluster.name: c\nnode.name: n\n"
    }
    await lab.start("elasticsearch", "other", files=config)
    banner = json.loads(await lab.curl("other:9200"))
    assert (banner["name"], banner["cluster_name"]) == ("n", "c")


async def test_health_and_troubles(lab: Lab) -> None:
    await lab.start("elasticsearch", "es")
    health = json.loads(await lab.curl("es:9200/_cluster/health?pretty"))
    assert (health["status"], health["number_of_nodes"]) == ("green", 1)
    assert " elasticsearch green 1 1 " in await lab.curl("es:9200/_cat/health")
    assert (await lab.curl("es:9200/_cat/nodes?v")).startswith("host ip heap.percent ")
    missing = json.loads(await lab.curl("es:9200/nosuch"))
    assert missing["status"] == 404
    assert missing["error"]["type"] == "index_not_found_exception"
    refused = json.loads(await lab.curl("-X", "PUT", "-d", "{}", "es:9200/index/type/1"))
    assert "not supported by the embedded engine" in refused["error"]
    code = await lab.curl("-o", "/dev/null", "-w", "%{http_code}", "es:9200/_nosuch")
    assert code == "400"
    assert await lab.curl("-I", "es:9200") != ""


async def test_both_ports_are_open_and_close(lab: Lab) -> None:
    node, running = await lab.start("elasticsearch", "es")
    stream = await node.net.connect(node.net.address, 9300)
    await stream.write(b"hello?")
    assert await asyncio.wait_for(stream.read(), 60) == b""
    running.process.kill(15)
    code, out, _ = await running.finish()
    assert code == 143
    assert out.endswith("closed\n")


# --- Tomcat --------------------------------------------------------------------------------------


async def test_tomcat_serves_and_logs(lab: Lab) -> None:
    node, running = await lab.start("tomcat", "tc")
    assert "<title>Apache Tomcat/" in await lab.curl("tc:8080")
    node.fs.mkdir("/usr/local/tomcat/webapps/app")
    node.fs.write_bytes("/usr/local/tomcat/webapps/app/page.html", b"mine")
    assert await lab.curl("tc:8080/app/page.html") == "mine"
    assert "HTTP Status 404" in await lab.curl("tc:8080/nosuch")
    assert "HTTP Status 404" in await lab.curl("tc:8080/app/WEB-INF/web.xml")
    node.fs.write_bytes("/usr/local/tomcat/webapps/app/a.jsp", b"<%= 1 %>")
    assert "not supported by the embedded engine" in await lab.curl("tc:8080/app/a.jsp")
    logs = node.fs.listdir("/usr/local/tomcat/logs")
    access = next(name for name in logs if name.startswith("localhost_access_log."))
    lines = node.fs.read_bytes(f"/usr/local/tomcat/logs/{access}").decode().splitlines()
    assert len(lines) == 5
    assert re.fullmatch(
        r'172\.18\.0\.3 - - \[[^]]+ \+0000\] "GET /app/page.html HTTP/1.1" 200 4', lines[1]
    )
    assert "Server startup in [" in running.err
    running.process.kill(15)
    assert (await running.finish())[0] == 143


async def test_tomcat_words(lab: Lab) -> None:
    node = Node(lab.world, lab.folder / "tc", "tomcat", name="tc", address="172.18.0.9")
    assert (await node.run("catalina.sh", "version"))[1].startswith(
        "Server version: Apache Tomcat/"
    )
    assert (await node.run("catalina.sh"))[0] == 1


# --- the visit counter ---------------------------------------------------------------------------


async def test_visits_are_counted_once_redis_is_there(lab: Lab) -> None:
    await lab.start("trainingwheels", "www")
    alone = await lab.curl("www:5000")
    assert "Error -2 connecting to redis:6379. Name or service not known." in alone
    _, redis = await lab.start("redis", "redis")
    assert "www served <b>1</b> request so far" in await lab.curl("www:5000")
    assert "www served <b>2</b> requests so far" in await lab.curl("www:5000")
    redis.process.kill(9)
    await redis.finish()
    assert "Error 111 connecting to redis:6379. Connection refused." in await lab.curl("www:5000")
    code = await lab.curl("-o", "/dev/null", "-w", "%{http_code}", "www:5000/nosuch")
    assert code == "404"


async def test_a_redis_that_wants_a_password(lab: Lab) -> None:
    await lab.start("trainingwheels", "www")
    await lab.start("redis", "redis", "redis-server", "--requirepass", "x")
    assert "Redis says: NOAUTH" in await lab.curl("www:5000")


async def test_its_python_runs_nothing_else(lab: Lab) -> None:
    node = Node(lab.world, lab.folder / "www", "trainingwheels", name="www", address="172.18.0.9")
    code, _, err = await node.run("python3", "-c", "print(1)")
    assert (code, err) == (
        1, "python3: only trainingwheels.py is supported by the embedded engine\n",
    )  # fmt: skip


# --- httpd ---------------------------------------------------------------------------------------


async def test_httpd_serves_a_volume(lab: Lab) -> None:
    node, _ = await lab.start("datavol", "data")
    assert "<h1>Data volume</h1>" in await lab.curl("data")
    node.fs.write_bytes("/var/webapp/x.txt", b"12345")
    assert await lab.curl("-r", "1-2", "data/x.txt") == "23"
    for words, code in (
        (["data/nosuch"], "404"), (["-X", "PUT", "data/"], "501"), (["data/%zz"], "400"),
    ):  # fmt: skip
        shown = await lab.curl("-o", "/dev/null", "-w", "%{http_code}", *words)
        assert shown == code, words


async def test_httpd_words(lab: Lab) -> None:
    node = Node(lab.world, lab.folder / "box", "busybox", name="box", address="172.18.0.9")
    code, _, err = await node.run("httpd", "-f", "-h", "/nosuch")
    assert (code, err) == (
        1, "httpd: can't change directory to '/nosuch': No such file or directory\n",
    )  # fmt: skip
    assert "Usage: httpd" in (await node.run("httpd", "-z"))[2]


# --- the images ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "folder",
    ["debian", "nginx", "elasticsearch", "redis", "redis-2.8", "redis-3.0", "tomcat",
     "trainingwheels", "datavol"],
)  # fmt: skip
def test_every_program_of_an_image_is_there(folder: str) -> None:
    recipe = read_recipe(CATALOGUE / folder)
    programs = [entry["program"] for entry in recipe.paths.values() if "program" in entry]
    for program in programs:
        assert applets.find(program) is not None, program
    for script in (CATALOGUE / folder / "files").rglob("*"):
        if script.is_file() and script.suffix in {".sh", ".envsh"}:
            assert script.read_bytes().startswith(b"#!/bin/")
