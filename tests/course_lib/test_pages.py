from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from course_lib import pages
from course_lib.errors import CourseError, DeadPort, UsageError
from course_lib.topology import Container, PublishedPort, Topology
from tests.course_lib.servers import answering, http

WEB = Container("a" * 64, "web", "nginx", ports=(PublishedPort(80, "tcp", 8080),))
QUIET = Container("b" * 64, "quiet", "alpine")
STOPPED = Container("c" * 64, "stopped", "nginx", "exited", 1)
TOPOLOGY = Topology(containers=(WEB, QUIET, STOPPED))


@pytest.mark.parametrize(
    ("wanted", "port"),
    [(8080, 8080), (" 8080 ", 8080), ("0.0.0.0:32768", 32768), ("[::]:80", 80), ("web", 8080)],
)
def test_find_port(wanted: int | str, port: int) -> None:
    assert pages.find_port(wanted, TOPOLOGY) == port


@pytest.mark.parametrize(
    ("wanted", "error", "says"),
    [
        ("nowhere", UsageError, "'nowhere' is neither a port"),
        (0, UsageError, "'0' is neither"),
        (65536, UsageError, "'65536' is neither"),
        ("-1", UsageError, "'-1' is neither"),
        ("٨٠", UsageError, "neither a port"),
        ("", UsageError, "neither a port"),
        ("quiet", DeadPort, "quiet publishes no port$"),
        ("stopped", DeadPort, r"stopped publishes no port \(it is exited\)"),
    ],
)
def test_find_port_refuses(wanted: int | str, error: type[CourseError], says: str) -> None:
    with pytest.raises(error) as caught:
        pages.find_port(wanted, TOPOLOGY)
    import re

    assert re.search(says, caught.value.message)


def test_fetch_tells_status_and_title() -> None:
    body = b"<html><TITLE lang=en>Welcome\n to &quot;nginx&quot;!</title>"
    with answering(http(body)) as port:
        page = pages.fetch(port)
    assert str(page) == f'http://localhost:{port}/ → 200 OK: Welcome to "nginx"!'


def test_fetch_shows_an_error_page_as_well() -> None:
    with answering(http(b"no such page", "404 Not Found")) as port:
        assert pages.fetch(port).status == 404


def test_fetch_waits_for_a_server_that_is_still_starting() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    waits: list[float] = []
    with pytest.raises(ConnectionError):
        pages.fetch(port, patience=1.0, clock=lambda: 0.3 * len(waits), sleep=waits.append)
    assert len(waits) == 4


def test_fetch_tells_what_is_no_web_server() -> None:
    with answering(b"-ERR unknown command\r\n") as port, pytest.raises(pages.NotHttp):
        pages.fetch(port)


@pytest.mark.parametrize(
    ("port", "error", "says"),
    [
        (9999, OSError(), "nothing answers on port 9999: no container publishes it"),
        (9999, pages.NotHttp(), "what answers on port 9999 is no web server"),
        (8080, OSError(), "web publishes port 8080, but nothing in it answers on its port 80"),
        (8080, pages.NotHttp(), "web answers on port 8080, but it is no web server"),
        (8080, TimeoutError(), "web takes connections on port 8080, but has not answered for 30 s"),
    ],
)
def test_explain_says_what_the_engine_knows(port: int, error: Exception, says: str) -> None:
    assert pages.explain(port, TOPOLOGY, error).message == says


def test_explain_lists_what_is_published_and_what_does_not_run() -> None:
    hint = pages.explain(9999, TOPOLOGY, OSError()).hint
    assert hint == "published now: 8080 (web); not running: stopped"
    assert pages.explain(1, Topology(), OSError()).hint == "no port is published now"


def test_explain_names_a_container_that_does_not_run() -> None:
    paused = Container("d" * 64, "web", "nginx", "paused", ports=(PublishedPort(80, "tcp", 81),))
    found = pages.explain(81, Topology(containers=(paused,)), OSError())
    assert found.message == "nothing answers on port 81: the container web is paused"


def test_base_url_comes_from_the_hub_or_from_the_servers_own_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(home))
    assert pages.server_base_url({"JUPYTERHUB_SERVICE_PREFIX": "/user/ann/"}) == "/user/ann/"
    assert pages.server_base_url({}) == "/"
    (home / "jpserver-7.json").write_text(json.dumps({"base_url": "/lab/here/"}))
    assert pages.server_base_url({}, parent=7) == "/lab/here/"
    (home / f"jpserver-{os.getppid()}.json").write_text("broken")
    assert pages.server_base_url({}) == "/"


def test_framed_page_goes_through_the_proxy_and_is_escaped() -> None:
    page = pages.Page(8080, 200, "<OK>", "Welcome")
    exhibit = pages.framed(page, '/user/"ann"/')
    assert 'src="/user/&quot;ann&quot;/proxy/8080/"' in exhibit.html
    assert "&lt;OK&gt;" in exhibit.html
    assert exhibit.text == "http://localhost:8080/ → 200 <OK>: Welcome"
