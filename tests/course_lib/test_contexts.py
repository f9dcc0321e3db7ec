from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from course_lib.contexts import DEFAULT_HOST, current_context
from course_lib.errors import EngineUnavailable


def make_context(home: Path, name: str, host: str, *, tls: bool = False) -> None:
    key = hashlib.sha256(name.encode()).hexdigest()
    meta = home / ".docker" / "contexts" / "meta" / key
    meta.mkdir(parents=True)
    endpoint = {"Host": host, "SkipTLSVerify": False}
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": endpoint}}))
    if tls:
        (home / ".docker" / "contexts" / "tls" / key / "docker").mkdir(parents=True)


def test_without_a_configuration_it_is_the_default_socket(home: Path) -> None:
    assert current_context() == {"DOCKER_HOST": DEFAULT_HOST}


@pytest.mark.parametrize("text", ["", "not json", "[]", '{"currentContext": 3}', "{}"])
def test_a_configuration_that_names_none_is_the_default(home: Path, text: str) -> None:
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text(text)
    assert current_context() == {"DOCKER_HOST": DEFAULT_HOST}


def test_current_context_is_followed_and_docker_context_wins(home: Path) -> None:
    make_context(home, "colima", "unix:///colima.sock")
    make_context(home, "desktop", "unix:///desktop.sock")
    (home / ".docker" / "config.json").write_text('{"currentContext": "colima"}')
    assert current_context() == {"DOCKER_HOST": "unix:///colima.sock"}
    environ = {"HOME": str(home), "DOCKER_CONTEXT": "desktop"}
    assert current_context(environ) == {"DOCKER_HOST": "unix:///desktop.sock"}


def test_a_context_with_certificates_brings_their_folder(home: Path) -> None:
    make_context(home, "remote", "tcp://docker.example:2376", tls=True)
    found = current_context({"HOME": str(home), "DOCKER_CONTEXT": "remote"})
    assert found["DOCKER_TLS_VERIFY"] == "1"
    assert Path(found["DOCKER_CERT_PATH"]).is_dir()


def test_a_context_that_is_not_there_is_an_error(home: Path) -> None:
    with pytest.raises(EngineUnavailable, match="context 'gone' cannot be read"):
        current_context({"HOME": str(home), "DOCKER_CONTEXT": "gone"})
