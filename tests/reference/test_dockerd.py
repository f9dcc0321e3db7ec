"""What can be said of a daemon that does not run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.reference.dockerd import DaemonError, find_daemon


def test_unknown_release() -> None:
    with pytest.raises(DaemonError, match=r"no release 1\.0; there are 26\.1, 20\.10, 26\.1-"):
        find_daemon("1.0")


def test_socket_lies_in_its_folder(tmp_path: Path) -> None:
    assert find_daemon("26.1", tmp_path).docker_host == f"unix://{tmp_path}/docker.sock"


def test_nothing_runs(tmp_path: Path) -> None:
    daemon = find_daemon("26.1", tmp_path)
    assert daemon.pid() is None
    assert not daemon.answers()
    daemon.stop()


@pytest.mark.parametrize("text", ["own", "99999999", "garbage", ""])
def test_pid_file_of_something_else(tmp_path: Path, text: str) -> None:
    """A stale file may name a process that is none of ours: it is not to be stopped."""
    (tmp_path / "docker.pid").write_text(str(os.getpid()) if text == "own" else text)
    daemon = find_daemon("26.1", tmp_path)
    assert daemon.pid() is None
    daemon.stop()
