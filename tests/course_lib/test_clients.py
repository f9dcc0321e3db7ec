from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from course_lib import clients
from course_lib.errors import ClientMissing


def program(path: Path, text: str) -> Path:
    """A shell script in the place of a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment of its own, so that nothing is unpacked into the real one."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "env"))
    return tmp_path / "env"


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH that holds nothing but what the test puts there."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


APT = """
while [ $# -gt 0 ]; do
  case "$1" in
    download) shift
      [ "$1" = "{package}" ] || {{ echo "E: Unable to locate package $1" >&2; exit 100; }}
      : > "$1_1.0_amd64.deb"; exit 0;;
    update) exit 0;;
  esac
  shift
done
"""
DPKG = """
/bin/mkdir -p "$3/usr/bin"
printf '#!/bin/sh\\necho Docker version 28.1.1, build abc\\n' > "$3/usr/bin/docker"
"""


def test_the_command_on_path_is_found(prefix: Path, tools: Path) -> None:
    program(tools / "docker", "echo Docker version 28.2.2, build e6534b4")
    found = clients.find()
    assert found == clients.Client(tools / "docker")
    assert found.version() == "28.2.2"


def test_nothing_is_found_where_there_is_nothing(prefix: Path, tools: Path) -> None:
    assert clients.find() is None


def test_an_unpacked_one_is_found_and_put_on_path(prefix: Path, tools: Path) -> None:
    path = program(prefix / "share" / "docker-course" / "bin" / "docker", "exit 0")
    found = clients.find()
    assert found == clients.Client(path, private=True)
    clients.put_on_path(found)
    clients.put_on_path(found)
    assert os.environ["PATH"].split(os.pathsep) == [str(path.parent), str(tools)]


def test_a_command_of_the_system_is_not_put_on_path_again(prefix: Path, tools: Path) -> None:
    clients.put_on_path(clients.Client(tools / "docker"))
    assert os.environ["PATH"] == str(tools)


@pytest.mark.parametrize("text", ["exit 1", "echo something else", "exec /nowhere"])
def test_a_command_that_does_not_run_has_no_version(tmp_path: Path, text: str) -> None:
    assert clients.Client(program(tmp_path / "docker", text)).version() == ""


@pytest.mark.parametrize("package", clients.PACKAGES)
def test_the_client_is_fetched_from_the_distributions_package(
    prefix: Path, tools: Path, package: str
) -> None:
    program(tools / "apt-get", APT.format(package=package))
    program(tools / "dpkg-deb", DPKG)
    said: list[str] = []
    client = clients.fetch(announce=said.append)
    assert client.path == prefix / "share" / "docker-course" / "bin" / "docker"
    assert client.version() == "28.1.1"
    assert clients.find() == client
    assert len(said) == 1
    assert [path.name for path in client.path.parent.iterdir()] == ["docker"]


def test_where_the_environment_is_read_only_it_goes_to_the_users_data(
    tools: Path, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "file"))
    program(tools / "apt-get", APT.format(package="docker.io"))
    program(tools / "dpkg-deb", DPKG)
    expected = home / ".local" / "share" / "docker-course" / "bin" / "docker"
    assert clients.fetch().path == expected


def test_a_package_that_is_nowhere_is_one_clear_error(prefix: Path, tools: Path) -> None:
    program(tools / "apt-get", APT.format(package="nothing"))
    program(tools / "dpkg-deb", DPKG)
    with pytest.raises(ClientMissing, match="Unable to locate package") as caught:
        clients.fetch()
    assert "apt-get install docker-cli" in caught.value.hint


def test_a_client_that_does_not_run_is_not_kept(prefix: Path, tools: Path) -> None:
    program(tools / "apt-get", APT.format(package="docker.io"))
    program(tools / "dpkg-deb", DPKG.replace("echo Docker version", "exit 1 #"))
    with pytest.raises(ClientMissing, match="does not run here"):
        clients.fetch()
    assert clients.find() is None


def test_elsewhere_the_hint_is_the_command_to_use(
    prefix: Path, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ClientMissing, match="package manager"):
        clients.fetch()
    assert clients.mending_command({"CONDA_PREFIX": "/x"}) == (
        "conda install -c conda-forge docker-cli"
    )
    monkeypatch.setattr(sys, "platform", "darwin")
    assert clients.mending_command({}) == "brew install docker"
