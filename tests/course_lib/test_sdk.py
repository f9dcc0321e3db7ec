"""What a process writes arrives, however quickly it does."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from course_lib.sdk import exec_output

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"
FRAMES = b"".join(
    struct.pack(">BxxxL", stream, len(text)) + text
    for stream, text in ((1, b"one\n"), (2, b"err\n"), (1, b""), (1, b"two\n"))
)


class AtOnce(socketserver.StreamRequestHandler):
    """Answers with head and output in one piece, and hangs up."""

    def handle(self) -> None:
        length = 0
        while (line := self.rfile.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        self.rfile.read(length)
        self.wfile.write(HEAD + FRAMES)


@pytest.fixture
def quick_engine(tmp_path: Path) -> Iterator[str]:
    """``DOCKER_HOST`` of something whose processes have ended before anybody can look."""
    path = str(tmp_path / "s")
    with socketserver.UnixStreamServer(path, AtOnce) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"unix://{path}"
        server.shutdown()
        thread.join()


def test_output_that_comes_with_the_head_of_the_answer_is_not_lost(quick_engine: str) -> None:
    client = docker.APIClient(base_url=quick_engine, version="1.45")
    assert exec_output(client, "0" * 64) == (b"one\ntwo\n", b"err\n")
    client.close()
