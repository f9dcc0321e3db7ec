from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from graders.http_probe import get


@contextmanager
def server(answer: bytes, *, hold: bool = False) -> Iterator[int]:
    """Takes one connection, reads a little, says ``answer``; then hangs up, or holds on."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)
                if hold:
                    done.wait()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            done.set()
            thread.join()


def test_get_reads_a_page() -> None:
    with server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi") as port:
        answer = get("127.0.0.1", port)
    assert (answer.ok, answer.body) == (True, "hi")


@pytest.mark.parametrize("status", [204, 302, 404, 500])
def test_get_of_anything_but_200_is_not_the_page(status: int) -> None:
    with server(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status) as port:
        answer = get("127.0.0.1", port)
    assert not answer.ok
    assert str(status) in str(answer)


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-x\r\n"])
def test_get_of_something_that_is_no_web_server_is_a_finding(answer: bytes) -> None:
    with server(answer) as port:
        seen = get("127.0.0.1", port)
    assert not seen.ok
    assert "no web page" in str(seen)


def test_get_waits_no_longer_than_told() -> None:
    with server(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", hold=True) as port:
        answer = get("127.0.0.1", port, timeout=0.05)
    assert not answer.ok
    assert "within" in str(answer)


def test_get_where_nobody_listens_is_a_finding() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert "nobody listens" in str(get("127.0.0.1", port))
