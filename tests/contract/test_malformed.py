"""Requests that no client should send: one clear error each, and the engine goes on."""

from __future__ import annotations

from contextlib import closing, suppress

import pytest

from tests.contract.harness import Bench, Engine
from tests.contract.rawhttp import open_socket

CREATE = "/containers/create"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "invalid JSON: unexpected EOF"),
        (b"", "invalid JSON: got EOF while reading request body"),
        (b'{"Image":"alpine"} x', "unexpected content after JSON"),
        (b'{"Image":"alpine"}{}', "unexpected content after JSON"),
        (b"xxx", "invalid JSON: invalid character 'x' looking for beginning of value"),
        (b"null", "config cannot be empty in order to create a container"),
        (b"{}", "config cannot be empty in order to create a container"),
    ],
)
@pytest.mark.parametrize("path", [CREATE])
def test_malformed_json(engine: Engine, path: str, body: bytes, message: str) -> None:
    answer = engine.raw.post(path, body)
    assert (answer.status, answer.message) == (400, message)


@pytest.mark.parametrize("path", [CREATE, "/networks/create", "/networks/bridge/connect"])
def test_malformed_json_wherever_a_body_is_read(engine: Engine, path: str) -> None:
    answer = engine.raw.post(path, b"{")
    assert (answer.status, answer.message) == (400, "invalid JSON: unexpected EOF")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CREATE, b"[]"),
        (CREATE, b'"text"'),
        (CREATE, b'{"Image": 1}'),
        (CREATE, b'{"Image":"alpine","Labels":{"a":1}}'),
        (CREATE, b'{"Image":"alpine","Env":"A=1"}'),
        (CREATE, b'{"Image":"alpine","Cmd":{"a":1}}'),
        (CREATE, b'{"Image":"alpine","HostConfig":[]}'),
        (CREATE, b'{"Image":"alpine","HostConfig":{"PortBindings":[]}}'),
        (CREATE, b'{"Image":"alpine","HostConfig":{"Binds":"/a:/b"}}'),
        (CREATE, b'{"Image":"alpine","Tty":"yes"}'),
        (CREATE, b'{"Image":"alpine","ExposedPorts":["80/tcp"]}'),
        ("/networks/create", b'{"Name": 1}'),
        ("/networks/create", b'{"Name":"x","IPAM":{"Config":{}}}'),
        ("/networks/create", b'{"Name":"x","Internal":"yes"}'),
        ("/networks/create", b'{"Name":"x","Options":{"a":1}}'),
        ("/networks/bridge/connect", b'{"Container":[]}'),
    ],
)
def test_wrong_type_is_refused(engine: Engine, path: str, body: bytes) -> None:
    answer = engine.raw.post(path, body)
    assert answer.status == 400
    assert answer.message.startswith("invalid JSON: json: cannot unmarshal ")


def test_wrong_content_type_is_refused(engine: Engine) -> None:
    headers = {"Content-Type": "text/plain"}
    answer = engine.raw.post(CREATE, b'{"Image":"alpine"}', headers=headers)
    assert answer.status == 400
    assert answer.message == (
        "unsupported Content-Type header (text/plain): must be 'application/json'"
    )


def test_content_type_may_have_parameters(bench: Bench) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert bench.create_raw({"Image": "alpine"}, headers=headers).status == 201


def test_unknown_keys_are_ignored(bench: Bench) -> None:
    assert bench.create_raw({"Image": "alpine", "NoSuchKey": {"a": [1]}}).status == 201


def test_keys_match_whatever_their_case(bench: Bench) -> None:
    """Go's decoder matches object keys without regard to case, and clients rely on it."""
    answer = bench.create_raw({"image": "alpine", "hostname": "lower"})
    assert answer.status == 201
    assert bench.inspect(answer.json()["Id"])["Config"]["Hostname"] == "lower"


def test_huge_garbage_body_is_one_error(engine: Engine) -> None:
    """100 MB that are not JSON: refused, or cut off, and the engine still answers."""
    size = 100 * 2**20
    head = (
        "POST /v1.45/containers/create HTTP/1.1\r\nHost: docker\r\n"
        f"Content-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
    )
    with closing(open_socket(engine.socket)) as stream:
        stream.sendall(head.encode())
        answer = b""
        piece = b"x" * 2**20
        with suppress(ConnectionError):  # it may stop reading once it knows enough
            for _ in range(100):
                stream.sendall(piece)
        with suppress(ConnectionError):
            answer = stream.recv(65536)
    assert answer == b"" or answer.split(b" ", 2)[1] in (b"400", b"413")
    assert engine.raw.get("/_ping").status == 200


@pytest.mark.parametrize(
    "text",
    [
        b"\x00\x01\x02\x03 garbage\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /_ping HTTP/1.1\r\n\r\n",  # no Host
        b"POST /v1.45/containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1.45/containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: x\r\n\r\n",
        b"GET /_ping HTTP/1.1\r\nHost: d\r\nbad header\r\n\r\n",
    ],
)
def test_broken_http_is_refused(engine: Engine, text: bytes) -> None:
    with closing(open_socket(engine.socket)) as stream:
        stream.sendall(text)
        answer = b"".join(iter(lambda: stream.recv(65536), b""))
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert engine.raw.get("/_ping").status == 200


def test_header_without_end_is_refused(engine: Engine) -> None:
    """2 MB of header: dockerd allows 1 MB."""
    with closing(open_socket(engine.socket)) as stream:
        answer = b""
        with suppress(ConnectionError):
            stream.sendall(b"GET /_ping HTTP/1.1\r\nHost: d\r\nX-Long: " + b"a" * 2 * 2**20)
            stream.sendall(b"\r\n\r\n")
        with suppress(ConnectionError):
            answer = stream.recv(65536)
    assert answer == b"" or b" 431 " in answer.split(b"\r\n")[0]
    assert engine.raw.get("/_ping").status == 200


def test_client_that_hangs_up_in_a_request(bench: Bench) -> None:
    name = bench.name()
    with closing(open_socket(bench.engine.socket)) as stream:
        stream.sendall(
            f"POST /v1.45/containers/create?name={name} HTTP/1.1\r\nHost: d\r\n"
            "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
            '{"Image":"alpine"'.encode()
        )
    assert bench.raw.get("/_ping").status == 200
    assert bench.raw.get(f"/containers/{name}/json").status == 404


@pytest.mark.parametrize(
    "request_line",
    [
        "GET /v1.45/containers/{}/logs?follow=1&stdout=1",
        "POST /v1.45/containers/{}/wait",
        "POST /v1.45/containers/{}/attach?stream=1&stdout=1&stdin=1",
        "GET /v1.45/containers/{}/stats",
    ],
)
def test_client_that_hangs_up_in_an_answer(bench: Bench, request_line: str) -> None:
    container = bench.run()
    with closing(open_socket(bench.engine.socket)) as stream:
        stream.sendall(f"{request_line.format(container)} HTTP/1.1\r\nHost: d\r\n\r\n".encode())
        if "wait" not in request_line:
            assert stream.recv(12) == b"HTTP/1.1 200"
    assert bench.state(container)["Status"] == "running"


def test_chunked_body_is_read(bench: Bench) -> None:
    body = b'{"Image":"alpine"}'
    with closing(open_socket(bench.engine.socket)) as stream:
        stream.sendall(
            f"POST /v1.45/containers/create?name={bench.name()} HTTP/1.1\r\nHost: d\r\n"
            "Connection: close\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
        )
        for part in (body[:5], body[5:]):
            stream.sendall(b"%x\r\n%s\r\n" % (len(part), part))
        stream.sendall(b"0\r\n\r\n")
        answer = b"".join(iter(lambda: stream.recv(65536), b""))
    bench.adopt(bench.name())
    assert answer.startswith(b"HTTP/1.1 201 Created\r\n")


def test_expect_continue_is_honoured(bench: Bench) -> None:
    """curl sends this before a long body."""
    body = b'{"Image":"alpine"}'
    bench.adopt(bench.name())
    with closing(open_socket(bench.engine.socket)) as stream:
        stream.sendall(
            f"POST /v1.45/containers/create?name={bench.name()} HTTP/1.1\r\nHost: d\r\n"
            "Connection: close\r\nContent-Type: application/json\r\n"
            f"Expect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        )
        assert stream.recv(65536).startswith(b"HTTP/1.1 100 Continue")
        stream.sendall(body)
        assert b"HTTP/1.1 201" in b"".join(iter(lambda: stream.recv(65536), b""))


UNKNOWN = [
    ("GET", "json"),
    ("POST", "start"),
    ("POST", "stop"),
    ("POST", "restart"),
    ("POST", "pause"),
    ("POST", "unpause"),
    ("POST", "wait"),
    ("GET", "logs?stdout=1"),
    ("GET", "top"),
    ("GET", "stats?stream=0"),
    ("GET", "changes"),
    ("POST", "rename?name=other"),
    ("POST", "resize?h=1&w=1"),
]


@pytest.mark.parametrize(("method", "call"), UNKNOWN)
def test_unknown_container(engine: Engine, method: str, call: str) -> None:
    path, _, query = call.partition("?")
    params = dict(pair.split("=") for pair in query.split("&")) if query else None
    answer = engine.raw.request(method, f"/containers/no-such-one/{path}", params=params)
    assert (answer.status, answer.message) == (404, "No such container: no-such-one")


def test_unknown_container_to_kill_and_remove(engine: Engine) -> None:
    answer = engine.raw.post("/containers/no-such-one/kill")
    assert answer.status == 404
    assert answer.message == ("cannot kill container: no-such-one: No such container: no-such-one")
    answer = engine.raw.delete("/containers/no-such-one")
    assert (answer.status, answer.message) == (404, "No such container: no-such-one")
    answer = engine.raw.delete("/containers/no-such-one", params={"force": "1"})
    assert (answer.status, answer.message) == (404, "No such container: no-such-one")


def test_unknown_container_to_exec_and_attach(engine: Engine) -> None:
    answer = engine.raw.post("/containers/no-such-one/exec", {"Cmd": ["ls"]})
    assert (answer.status, answer.message) == (404, "No such container: no-such-one")
    answer = engine.raw.post("/containers/no-such-one/attach", params={"stream": "1"})
    assert answer.status == 404
    assert b"No such container: no-such-one" in answer.body


def test_unknown_exec_instance(engine: Engine) -> None:
    message = "No such exec instance: no-such-one"
    for method, call in (("GET", "json"), ("POST", "start"), ("POST", "resize?h=1&w=1")):
        path, _, query = call.partition("?")
        answer = engine.raw.request(
            method,
            f"/exec/no-such-one/{path}",
            {} if path == "start" else None,
            params=dict(pair.split("=") for pair in query.split("&")) if query else None,
        )
        assert (answer.status, answer.message) == (404, message)
