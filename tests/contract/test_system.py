"""Ping, version, info, and which API versions an engine answers."""

from __future__ import annotations

import re
import socket
from contextlib import closing

import pytest

from tests.contract.harness import Bench, Engine
from tests.contract.rawhttp import open_socket


def test_ping_says_ok_and_names_the_api(engine: Engine) -> None:
    answer = engine.raw.get("/_ping", version="")
    assert (answer.status, answer.body) == (200, b"OK")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["cache-control"] == "no-cache, no-store, must-revalidate"
    assert answer.headers["pragma"] == "no-cache"
    assert answer.headers["ostype"] == "linux"
    assert answer.headers["docker-experimental"] == "false"
    assert answer.headers["swarm"] == "inactive"
    assert tuple(map(int, answer.headers["api-version"].split("."))) >= (1, 45)


def test_ping_head_has_headers_alone(engine: Engine) -> None:
    answer = engine.raw.request("HEAD", "/_ping", version="")
    assert (answer.status, answer.body) == (200, b"")
    assert "api-version" in answer.headers


@pytest.mark.parametrize("version", ["v1.24", "v1.30", "v1.41", "v1.44", "v1.45"])
def test_ping_answers_under_every_version(engine: Engine, version: str) -> None:
    answer = engine.raw.get("/_ping", version=version)
    assert (answer.status, answer.body) == (200, b"OK")


@pytest.mark.parametrize("path", ["/_ping", "/version", "/containers/json", "/nowhere/at/all"])
def test_version_too_new_is_refused(engine: Engine, path: str) -> None:
    newest = engine.raw.get("/_ping", version="").headers["api-version"]
    answer = engine.raw.get(path, version="v1.99")
    if path == "/nowhere/at/all":
        assert (answer.status, answer.message) == (404, "page not found")
    else:
        assert answer.status == 400
        assert answer.message == (
            f"client version 1.99 is too new. Maximum supported API version is {newest}"
        )


def test_version_too_old_is_refused(engine: Engine) -> None:
    answer = engine.raw.get("/version", version="v1.12")
    assert answer.status == 400
    assert answer.message == (
        "client version 1.12 is too old. Minimum supported API version is 1.24, "
        "please upgrade your client to a newer version"
    )


@pytest.mark.parametrize("version", ["vabc", "v", "1.45", "v1"])
def test_version_that_is_none_is_an_unknown_page(engine: Engine, version: str) -> None:
    answer = engine.raw.get("/version", version=version)
    assert answer.status in ({404} if version != "v1" else {400, 404})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/nope"),
        ("POST", "/_ping"),
        ("DELETE", "/version"),
        ("PUT", "/containers/json"),
        ("GET", "/containers/json/"),
        ("GET", "/containers/create"),
        ("PATCH", "/networks"),
    ],
)
def test_unknown_page(engine: Engine, method: str, path: str) -> None:
    answer = engine.raw.request(method, path)
    assert (answer.status, answer.message) == (404, "page not found")
    assert answer.headers["content-type"] == "application/json"


def test_unversioned_path_is_the_newest(engine: Engine) -> None:
    plain, newest = engine.raw.get("/version", version="").json(), engine.raw.get("/version").json()
    assert plain == newest


@pytest.mark.parametrize("version", ["v1.24", "v1.45"])
def test_version_document(engine: Engine, version: str) -> None:
    document = engine.raw.get("/version", version=version).json()
    assert document["MinAPIVersion"] == "1.24"
    assert tuple(map(int, document["ApiVersion"].split("."))) >= (1, 45)
    assert document["Os"] == "linux"
    assert document["Arch"] in ("amd64", "arm64")
    assert set(document) >= {"Version", "GitCommit", "KernelVersion", "Platform", "BuildTime"}
    (engine_part,) = (c for c in document["Components"] if c["Name"] == "Engine")
    assert engine_part["Version"] == document["Version"]
    assert engine_part["Details"]["ApiVersion"] == document["ApiVersion"]


def test_server_header_names_the_engine(engine: Engine) -> None:
    answer = engine.raw.get("/version")
    assert re.fullmatch(r"Docker/\S+ \(linux\)", answer.headers["server"])
    assert answer.headers["api-version"] == answer.json()["ApiVersion"]


def test_info_document(engine: Engine) -> None:
    info = engine.raw.get("/info").json()
    assert info["OSType"] == "linux"
    assert info["Architecture"] in ("x86_64", "aarch64")
    parts = info["ContainersRunning"] + info["ContainersPaused"] + info["ContainersStopped"]
    assert info["Containers"] == parts
    assert {"bridge", "host", "null"} <= set(info["Plugins"]["Network"])
    assert "local" in info["Plugins"]["Volume"]
    assert "json-file" in info["Plugins"]["Log"]
    assert info["LoggingDriver"] == "json-file"
    assert info["Swarm"]["LocalNodeState"] == "inactive"
    assert info["ServerVersion"] == engine.raw.get("/version").json()["Version"]
    assert info["NCPU"] >= 1
    assert info["MemTotal"] > 2**20
    assert info["Images"] >= 6
    assert info["IndexServerAddress"] == "https://index.docker.io/v1/"


def test_info_keeps_its_identity(engine: Engine) -> None:
    first, second = (engine.raw.get("/info").json() for _ in range(2))
    assert first["ID"] == second["ID"] != ""
    assert first["Name"]


def test_info_has_a_key_for_what_clients_read(engine: Engine) -> None:
    keys = (
        "ID Containers Images Driver DriverStatus Plugins MemoryLimit SwapLimit CpuCfsPeriod "
        "CPUShares PidsLimit IPv4Forwarding Debug NFd NGoroutines SystemTime CgroupDriver "
        "CgroupVersion NEventsListener KernelVersion OperatingSystem OSVersion RegistryConfig "
        "DockerRootDir HttpProxy Labels ExperimentalBuild Runtimes DefaultRuntime "
        "LiveRestoreEnabled Isolation InitBinary ContainerdCommit RuncCommit InitCommit "
        "SecurityOptions Warnings"
    )
    assert set(keys.split()) <= set(engine.raw.get("/info").json())


def test_one_connection_serves_many_requests(engine: Engine) -> None:
    request = b"GET /v1.45/_ping HTTP/1.1\r\nHost: docker\r\n\r\n"
    with closing(open_socket(engine.socket)) as stream:
        for _ in range(3):
            stream.sendall(request)
            assert _read_answer(stream).startswith(b"HTTP/1.1 200 OK\r\n")


def test_pipelined_requests_are_answered_in_order(engine: Engine) -> None:
    first = b"GET /v1.45/_ping HTTP/1.1\r\nHost: docker\r\n\r\n"
    last = b"GET /v1.45/nope HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n"
    with closing(open_socket(engine.socket)) as stream:
        stream.sendall(first + last)
        data = b"".join(iter(lambda: stream.recv(65536), b""))
    assert re.findall(rb"HTTP/1.1 (\d+)", data) == [b"200", b"404"]


def test_http_1_0_client_gets_its_answer(engine: Engine) -> None:
    with closing(open_socket(engine.socket)) as stream:
        stream.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        data = b"".join(iter(lambda: stream.recv(65536), b""))
    assert re.match(rb"HTTP/1\.[01] 200 OK\r\n", data)
    assert data.endswith(b"\r\n\r\nOK")


def test_sdk_negotiates_a_version(engine: Engine) -> None:
    assert engine.sdk.ping() is True
    assert engine.sdk.version()["ApiVersion"]


def _read_answer(stream: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\r\n\r\nOK"):
        piece = stream.recv(65536)
        assert piece, data
        data += piece
    return data


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "json"),
        ("POST", "enable"),
        ("POST", "disable"),
        ("DELETE", ""),
    ],
)
def test_a_plugin_that_there_is_not(bench: Bench, method: str, path: str) -> None:
    name = bench.name()
    answer = bench.raw.request(
        method, f"/plugins/{name}/{path}".rstrip("/"), params={"timeout": "1"}
    )
    assert (answer.status, answer.message) == (404, f'plugin "{name}" not found')
