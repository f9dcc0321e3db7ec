"""The engine as a process: how it starts, refuses, ends, and what a crash leaves."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.contract.harness import until

DEADLINE = 60
FEW = 64
"""Open files of an engine that shall run out of them."""


class UnixConnection(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("engine", timeout=DEADLINE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(DEADLINE)
        self.sock.connect(str(self._path))


def ask(path: Path, method: str, target: str, body: Any = None) -> tuple[int, Any]:
    connection = UnixConnection(path)
    try:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        text = None if body is None else json.dumps(body)
        connection.request(method, f"/v1.45{target}", text, headers)
        response = connection.getresponse()
        data = response.read()
        try:
            return response.status, json.loads(data)
        except ValueError:
            return response.status, data.decode()
    finally:
        connection.close()


def command(folder: Path, *more: str) -> list[str]:
    words = [sys.executable, "-m", "course_lib.engine", "--socket", str(folder / "s")]
    return [*words, "--state", str(folder / "state"), *more]


@contextmanager
def running(
    folder: Path, *more: str, under: Sequence[str] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """An engine that answers; killed in the end if it still runs.

    :param under: a command that becomes the engine, given the engine's own as its last words.
    """
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [*under, *command(folder, "--ready-fd", str(writer), *more)],
        pass_fds=[writer],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    os.close(writer)
    try:
        with os.fdopen(reader) as ready:
            line = ready.readline()
        assert line == f"READY unix://{folder / 's'}\n", process.communicate(timeout=DEADLINE)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=DEADLINE)


def refusal(folder: Path, *more: str) -> str:
    """What an engine says that does not start."""
    result = subprocess.run(
        command(folder, *more), capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert result.returncode == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) == 1
    return result.stderr


def test_starts_answers_and_ends_gracefully(tmp_path: Path) -> None:
    with running(tmp_path) as process:
        assert ask(tmp_path / "s", "GET", "/_ping") == (200, "OK")
        ask(tmp_path / "s", "POST", "/images/create?fromImage=alpine&tag=latest")
        made = {"Image": "alpine", "Cmd": ["sleep", "1000"]}
        status, answer = ask(tmp_path / "s", "POST", "/containers/create?name=web", made)
        assert status == 201
        assert ask(tmp_path / "s", "POST", "/containers/web/start")[0] == 204
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=DEADLINE)
        assert (process.returncode, output) == (0, b"")
    assert not (tmp_path / "s").exists()
    with running(tmp_path):
        _, found = ask(tmp_path / "s", "GET", "/containers/web/json")
        assert found["Id"] == answer["Id"]
        assert found["State"]["Status"] == "exited"
        assert found["State"]["ExitCode"] == 137  # asked to end, PID 1 did not care


def test_second_engine_on_the_same_state_or_socket(tmp_path: Path) -> None:
    with running(tmp_path):
        assert "in use by another embedded engine" in refusal(tmp_path)
        other = tmp_path / "other"
        assert "s: in use by another process" in refusal(tmp_path, "--state", str(other))
        assert ask(tmp_path / "s", "GET", "/_ping")[0] == 200


def test_broken_state_is_one_clear_error_and_left_alone(tmp_path: Path) -> None:
    with running(tmp_path):
        ask(tmp_path / "s", "POST", "/networks/create", {"Name": "dev"})
    path = tmp_path / "state" / "records" / "networks.jsonl"
    broken = path.read_bytes()[:-5] + b"\n"
    path.write_bytes(broken)
    assert "networks.jsonl: line" in refusal(tmp_path)
    assert path.read_bytes() == broken


def test_newer_state_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "format.json").write_text('{"format": 99}')
    assert "state format 99 is not one that this release reads" in refusal(tmp_path)
    assert os.listdir(tmp_path / "state") == ["format.json"]


def test_other_peoples_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "thesis.txt").write_text("mine")
    assert "not empty and not the state directory" in refusal(tmp_path)
    assert os.listdir(tmp_path / "state") == ["thesis.txt"]


def test_file_in_place_of_the_socket_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("mine")
    assert "exists and is not a socket" in refusal(tmp_path)
    assert (tmp_path / "s").read_text() == "mine"


def test_ends_when_idle(tmp_path: Path) -> None:
    with running(tmp_path, "--idle-exit", "0.2") as process:
        assert process.wait(DEADLINE) == 0


def test_seed_repeats_names_and_ids(tmp_path: Path) -> None:
    def transcript(folder: Path) -> list[Any]:
        folder.mkdir()
        with running(folder, "--seed", "7"):
            ask(folder / "s", "POST", "/images/create?fromImage=alpine&tag=latest")
            body = {"Image": "alpine", "Cmd": ["true"]}
            made = [ask(folder / "s", "POST", "/containers/create", body) for _ in range(3)]
            _, listed = ask(folder / "s", "GET", "/containers/json?all=1")
            _, networks = ask(folder / "s", "GET", "/networks")
            return [made, [row["Names"] for row in listed], [row["Id"] for row in networks]]

    assert transcript(tmp_path / "a") == transcript(tmp_path / "b")


def test_goes_on_after_it_had_no_descriptor_left(tmp_path: Path) -> None:
    few = ["sh", "-c", f'ulimit -n {FEW}; exec "$@"', "sh"]
    with running(tmp_path, under=few) as process, contextlib.ExitStack() as clients:
        for _ in range(FEW):
            client = clients.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(str(tmp_path / "s"))
        until(lambda: len(os.listdir(f"/proc/{process.pid}/fd")) == FEW)
        assert process.poll() is None
        clients.close()
        assert ask(tmp_path / "s", "GET", "/_ping") == (200, "OK")
        assert process.poll() is None


def test_names_of_files_in_a_locale_without_utf_8(tmp_path: Path) -> None:
    # As where a locale is Latin-1: Python itself turns to UTF-8 in the locale C alone.
    ascii_only = ["env", "LC_ALL=C", "PYTHONUTF8=0", "PYTHONCOERCECLOCALE=0"]
    folder = tmp_path / "bound"
    folder.mkdir()
    with running(tmp_path, under=ascii_only):
        ask(tmp_path / "s", "POST", "/images/create?fromImage=alpine&tag=latest")
        made = {
            "Image": "alpine",
            "Cmd": ["sh", "-c", "echo ü > /b/ß"],
            "HostConfig": {"Binds": [f"{folder}:/b"]},
        }
        ask(tmp_path / "s", "POST", "/containers/create?name=web", made)
        assert ask(tmp_path / "s", "POST", "/containers/web/start")[0] == 204
        assert ask(tmp_path / "s", "POST", "/containers/web/wait")[1]["StatusCode"] == 0
    assert (folder / "ß").read_text(encoding="utf-8") == "ü\n"
