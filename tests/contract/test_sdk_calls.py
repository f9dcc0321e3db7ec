"""The Docker SDK as lessons and checks call it (:mod:`course_lib.sdk`), beside the SDK as it is."""

from __future__ import annotations

import gc
import io
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

import docker
import pytest
from docker.errors import APIError
from docker.transport.unixconn import UnixHTTPConnection

from course_lib import sdk
from tests.contract.harness import Bench, Engine
from tests.contract.test_sdk import A_WHILE

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """The SDK leaves the sockets of streams to the garbage collector: let it be here, not later."""
    yield
    gc.collect()


@pytest.fixture
def both(engine: Engine) -> Iterator[tuple[Any, Any]]:
    """The API of a hastened client, and of one as it is."""
    quick = docker.DockerClient(base_url=engine.docker_host)
    plain = docker.DockerClient(base_url=engine.docker_host)
    sdk.hasten(quick.api)
    yield quick.api, plain.api
    quick.close()
    plain.close()


@pytest.fixture(scope="module")
def container(shelf: Bench) -> str:
    """The name of one that runs."""
    name = shelf.name("c")
    shelf.run("c", Labels={name: "", "a": "ü &=?"})
    return name


def _archive() -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        tar.add(__file__, "file")
    return written.getvalue()


CALLS: dict[str, Callable[[Any, str], Any]] = {
    "an inspection": lambda api, name: api.inspect_container(name)["Config"],
    "a list": lambda api, name: [
        c["Names"] for c in api.containers(all=True, filters={"label": [name, "a=ü &=?"]})
    ],
    "a list of nothing": lambda api, name: api.networks(names=[f"{name}/%2F &"]),
    "a process": lambda api, name: api.exec_start(
        api.exec_create(name, ["sh", "-c", f"{A_WHILE}; echo out; echo err >&2"])["Id"], demux=True
    ),
    "a process's lines": lambda api, name: b"".join(
        api.exec_start(
            api.exec_create(name, ["sh", "-c", f"{A_WHILE}; seq 3"])["Id"], stream=True
        )
    ),
    "a file put there": lambda api, name: api.put_archive(name, "/tmp", _archive()),
    "a file in pieces": lambda api, name: api.put_archive(name, "/tmp", iter([_archive()])),
    "a file": lambda api, name: len(b"".join(api.get_archive(name, "/etc/passwd")[0])),
    "a log": lambda api, name: api.logs(name, stdout=True, tail=1),
    "an answer without text": lambda api, name: api.kill(name, "CONT"),
    "nothing of that name": lambda api, name: api.inspect_container(f"no-{name}"),
    "what is refused": lambda api, name: api.create_container(f"no {name} ü"),
    "a volume": lambda api, name: api.inspect_volume(f"{name} ü"),
}  # fmt: skip


def _told(call: Callable[[Any, str], Any], api: Any, name: str) -> Any:
    try:
        return call(api, name)
    except APIError as error:
        return type(error), error.status_code, error.explanation, str(error)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_answers_are_those_of_the_sdk(
    both: tuple[Any, Any], container: str, call: Callable[[Any, str], Any]
) -> None:
    quick, plain = both
    assert _told(call, quick, container) == _told(call, plain, container)


def test_output_of_a_process(both: tuple[Any, Any], container: str) -> None:
    quick, _ = both
    script = "echo out; echo err >&2; seq 20000; exit 3"
    made = quick.exec_create(container, ["sh", "-c", script])["Id"]
    out, err = sdk.exec_output(quick, made)
    assert out.splitlines() == [b"out", *(b"%d" % number for number in range(1, 20001))]
    assert err == b"err\n"
    assert quick.exec_inspect(made)["ExitCode"] == 3
    with pytest.raises(APIError, match="No such exec instance"):
        sdk.exec_output(quick, "0" * 64)


def test_one_connection_is_enough(both: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    connect = UnixHTTPConnection.connect

    def counted(connection: Any) -> None:
        made.append(connection)
        connect(connection)

    quick, _ = both
    monkeypatch.setattr(UnixHTTPConnection, "connect", counted)
    for number in range(5):
        quick.networks(names=[f"nothing-{number}"])
        quick.info()
    assert len(made) <= 1
