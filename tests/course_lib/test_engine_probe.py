from __future__ import annotations

import socket
from pathlib import Path

import pytest

from course_lib.engine_probe import Answer, Silence, ask, ask_socket
from tests.course_lib.servers import ENGINE, answering, http


def test_an_engine_is_recognised_by_its_version(home: Path) -> None:
    with answering(http(ENGINE), home / "s"):
        assert ask_socket(home / "s") == Answer("docker", "27.0", "1.46")


def test_podman_is_called_by_its_name(home: Path) -> None:
    body = b'{"Version": "5.4.2", "ApiVersion": "1.41", "Components": [{"Name": "Podman Engine"}]}'
    with answering(http(body), home / "s"):
        assert ask_socket(home / "s") == Answer("docker", "5.4.2", "1.41", "Podman")


def test_the_embedded_engine_says_so_in_its_platform(embedded_host: str) -> None:
    found = ask({"DOCKER_HOST": embedded_host})
    assert isinstance(found, Answer)
    assert found.kind == "embedded"


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (b"220 mail.example ESMTP\r\n", "no HTTP"),
        (http(b"<html>"), "Expecting value"),
        (http(b"{}"), "no Docker engine"),
        (http(b"[]"), "no Docker engine"),
        (http(ENGINE, "500 Oops"), "answered 500"),
    ],
)
def test_something_else_is_foreign(home: Path, answer: bytes, detail: str) -> None:
    with answering(answer, home / "s"):
        found = ask_socket(home / "s")
    assert isinstance(found, Silence)
    assert found.reason == "foreign"
    assert detail in found.detail


def test_a_silent_server_is_foreign_after_a_moment(home: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(home / "s"))
        server.listen()
        found = ask_socket(home / "s", timeout=0.05)
    assert isinstance(found, Silence)
    assert found.reason == "foreign"


def test_absent_stale_and_plain_files_are_told_apart(home: Path) -> None:
    assert ask_socket(home / "s") == Silence("absent")
    (home / "file").write_text("")
    assert ask_socket(home / "file") == Silence("foreign", "it is no socket")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(home / "stale"))
    assert ask_socket(home / "stale") == Silence("refused")


def test_a_tcp_address_where_nobody_listens_is_refused() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = ask({"DOCKER_HOST": f"tcp://127.0.0.1:{port}"})
    assert isinstance(found, Silence)
    assert found.reason == "refused"
