"""``docker commit``, ``export`` and ``import``: images from containers, files from containers."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import pytest

from tests.contract.builds import TAR, lines, tar, tar_of, untar
from tests.contract.eventstream import events
from tests.contract.harness import Bench
from tests.contract.rawhttp import Response


def commit(bench: Bench, container: str, **params: Any) -> Response:
    body = params.pop("body", None)
    answer = bench.raw.post("/commit", body, params={"container": container, **params})
    if answer.status == 201:
        bench.adopt_image(answer.json()["Id"])
    return answer


def committed(bench: Bench, container: str, **params: Any) -> dict[str, Any]:
    """The image that a commit made."""
    answer = commit(bench, container, **params)
    assert answer.status == 201, answer.body
    image: dict[str, Any] = bench.raw.get(f"/images/{answer.json()['Id']}/json").json()
    return image


def test_files_are_in_the_image_and_volumes_are_not(bench: Bench) -> None:
    container = bench.run(None, Volumes={"/uploads": {}})
    assert bench.sh(container, "echo kept > /kept.txt; echo lost > /uploads/hello.txt").code == 0
    image = committed(bench, container)
    script = "cat /kept.txt; ls /uploads | wc -l"
    assert bench.output("sh", "-c", script, image=image["Id"]).split() == ["kept", "0"]


def test_a_stopped_container_and_one_that_never_ran(bench: Bench) -> None:
    container = bench.create(None, ["sh", "-c", "echo x > /made; rm /etc/issue"])
    before = committed(bench, container)
    bench.start(container)
    bench.finish(container)
    after = committed(bench, container)
    script = "test -e /made; echo $?; test -e /etc/issue; echo $?"
    base = bench.output("sh", "-c", script)
    assert bench.output("sh", "-c", script, image=before["Id"]) == base
    assert bench.output("sh", "-c", script, image=after["Id"]).split() == ["0", "1"]
    assert len(after["RootFS"]["Layers"]) == len(before["RootFS"]["Layers"]) + 1


def test_what_the_image_says(bench: Bench) -> None:
    container = bench.create(
        "c", ["sleep", "7"], Env=["A=1"], Labels={"l": "m"}, User="nobody", WorkingDir="/tmp"
    )
    name = bench.image_name()
    image = committed(bench, container, repo=name, tag="t", author="me", comment="why")
    assert image["RepoTags"] == [f"{name}:t"]
    bench.adopt_image(f"{name}:t")
    assert (image["Author"], image["Comment"]) == ("me", "why")
    alpine = bench.raw.get("/images/alpine/json").json()
    assert image["Parent"] == alpine["Id"]
    config = image["Config"]
    assert config["Cmd"] == ["sleep", "7"]
    assert config["Env"][0] == "A=1"
    assert (config["Labels"], config["User"]) == ({"l": "m"}, "nobody")
    assert (config["WorkingDir"], config["Image"]) == ("/tmp", "alpine")
    assert config["Hostname"] == container[:12]
    newest = bench.raw.get(f"/images/{image['Id']}/history").json()[0]
    assert (newest["CreatedBy"], newest["Comment"]) == ("sleep 7", "why")


def test_changes(bench: Bench) -> None:
    container = bench.create(None, ["sleep", "7"], Env=["A=1"])
    changes = (
        'CMD ["echo", "changed"]',
        "ENV B=$A C=3",
        "EXPOSE 80",
        "LABEL x=y",
        "USER root",
        "VOLUME /v",
        "WORKDIR /w",
        "ENTRYPOINT []",
        "ONBUILD RUN true",
    )
    config = committed(bench, container, changes=changes)["Config"]
    assert config["Cmd"] == ["echo", "changed"]
    assert {"A=1", "B=1", "C=3"} <= set(config["Env"])
    assert config["ExposedPorts"] == {"80/tcp": {}}
    assert config["Labels"] == {"x": "y"}
    assert (config["User"], config["WorkingDir"]) == ("root", "/w")
    assert config["Volumes"] == {"/v": {}}
    assert config["OnBuild"] == ["RUN true"]


def test_a_configuration_of_ones_own(bench: Bench) -> None:
    container = bench.create(None, ["sleep", "7"], Env=["A=1"])
    body = {"Cmd": ["echo", "own"], "Env": ["B=2"], "Tty": True}
    config = committed(bench, container, body=body)["Config"]
    assert config["Cmd"] == ["echo", "own"]
    assert config["Env"][0] == "B=2"
    assert "A=1" in config["Env"]
    assert config["Tty"] is True
    assert config["Hostname"] == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("RUN true", "RUN is not a valid change command"),
        ("nonsense x", "nonsense is not a valid change command"),
        ("ENV a", "ENV must have two arguments"),
        ("EXPOSE x", "Invalid containerPort: x"),
        ("# nothing", "file with no instructions"),
    ],
)
def test_changes_that_are_none(bench: Bench, change: str, message: str) -> None:
    container = bench.create(None, ["true"])
    answer = commit(bench, container, changes=change)
    assert (answer.status, answer.message) == (400, message)


def test_what_cannot_be_committed(bench: Bench) -> None:
    answer = commit(bench, "no-such-container")
    assert (answer.status, answer.message) == (404, "No such container: no-such-container")
    answer = bench.raw.post("/commit")
    assert (answer.status, answer.message) == (400, 'invalid name or ID supplied: ""')
    container = bench.create(None, ["true"])
    answer = commit(bench, container, repo="BAD")
    assert (answer.status, answer.message) == (
        400,
        "invalid reference format: repository name (library/BAD) must be lowercase",
    )


def test_a_running_container_stands_still_meanwhile(bench: Bench) -> None:
    container = bench.run()
    with events(bench.engine, filters={"container": [container]}) as stream:
        image = committed(bench, container)["Id"]
        assert [stream.next()["Action"] for _ in range(3)] == ["pause", "commit", "unpause"]
        commit(bench, container, pause="0")
        event = stream.next()
    assert event["Action"] == "commit"
    attributes = event["Actor"]["Attributes"]
    assert attributes["imageRef"] == ""
    assert attributes["imageID"] != image
    assert bench.state(container)["Status"] == "running"


def test_further_writes_do_not_reach_the_image(bench: Bench) -> None:
    container = bench.run()
    bench.sh(container, "echo one > /f; chmod 600 /f; chown 5:6 /f; ln -s /f /l; mkdir /d")
    image = committed(bench, container)["Id"]
    bench.sh(container, "echo two > /f; rm -r /d")
    script = "cat /l; stat -c '%a %u:%g' /f; ls -d /d"
    assert bench.output("sh", "-c", script, image=image).split() == "one 600 5:6 /d".split()


# --- export and import -----------------------------------------------------------------------


def exported(bench: Bench, container: str) -> bytes:
    answer = bench.raw.get(f"/containers/{container}/export")
    assert answer.status == 200
    return answer.body


def test_export(bench: Bench) -> None:
    container = bench.run(None, Volumes={"/volume": {}})
    bench.sh(container, "echo x > /made; echo y > /volume/in-volume; rm /etc/passwd")
    found = untar(exported(bench, container))
    assert found["made"] == b"x\n"
    assert "etc/passwd" not in found
    assert "volume" in found
    assert "volume/in-volume" not in found
    assert ".dockerenv" in found
    assert not [name for name in found if name.startswith("proc/")]
    answer = bench.raw.get("/containers/no-such-container/export")
    assert (answer.status, answer.message) == (404, "No such container: no-such-container")


def import_(bench: Bench, body: bytes, **params: Any) -> Response:
    params = {"fromSrc": "-", **params}
    answer = bench.raw.post("/images/create", body, params=params, headers=TAR)
    if answer.status == 200 and "status" in (last := lines(answer)[-1]):
        bench.adopt_image(last["status"])
    return answer


def test_import(bench: Bench) -> None:
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "a"
    body = tar_of((tarfile.TarInfo("a"), b"data"), (link, b""))
    name = bench.image_name()
    answer = import_(bench, body, repo=name, tag="t", message="why", changes=("CMD x", "ENV a=b"))
    bench.adopt_image(f"{name}:t")
    image = bench.raw.get(f"/images/{name}:t/json").json()
    assert lines(answer) == [{"status": image["Id"]}]
    assert (image["Comment"], image["Size"], image["Parent"]) == ("why", 5, "")
    assert image["Config"]["Cmd"] == ["/bin/sh", "-c", "x"]
    assert image["Config"]["Env"] == ["a=b"]
    assert len(image["RootFS"]["Layers"]) == 1
    (step,) = bench.raw.get(f"/images/{name}:t/history").json()
    assert (step["CreatedBy"], step["Comment"], step["Size"]) == ("", "why", 5)


def test_what_was_exported_can_be_imported_and_run(bench: Bench) -> None:
    container = bench.run()
    bench.sh(container, "echo through > /made")
    answer = import_(bench, exported(bench, container))
    image = lines(answer)[-1]["status"]
    comment = bench.raw.get(f"/images/{image}/json").json()["Comment"]
    assert comment == "Imported from -"
    assert bench.output("/bin/cat", "/made", image=image) == "through\n"


@pytest.mark.parametrize(
    ("body", "params", "expected"),
    [
        (b"garbage", {}, (500, "unexpected EOF")),
        (tar({"a": "x" * 2000})[:900], {}, (500, "unexpected EOF")),
        (tar({"a": "x"}), {"changes": "RUN x"}, (400, "RUN is not a valid change command")),
        (
            tar({"a": "x"}),
            {"repo": "BAD"},
            (400, "invalid reference format: repository name (library/BAD) must be lowercase"),
        ),
    ],
    ids=["garbage", "cut", "change", "name"],
)
def test_what_cannot_be_imported(
    bench: Bench, body: bytes, params: dict[str, str], expected: tuple[int, str]
) -> None:
    answer = import_(bench, body, **params)
    assert (answer.status, answer.message) == expected


@pytest.mark.usefixtures("docker_command")
def test_by_the_command(bench: Bench) -> None:
    container = bench.run("c")
    bench.sh(container, "echo x > /made")
    name = bench.image_name()
    done = bench.cli(
        "commit", "-m", "why", "-a", "me", "-c", "CMD cat /made", bench.name("c"), name
    )
    assert done.code == 0, done.err
    assert done.out.startswith("sha256:")
    assert bench.cli("run", "--rm", name).out == "x\n"
    shown = bench.cli("history", "--format", "{{.CreatedBy}}|{{.Comment}}", name).out
    assert shown.splitlines()[0] == "sleep 1000|why"


def test_by_the_sdk(bench: Bench) -> None:
    container = bench.sdk.containers.get(bench.run("c"))
    image = container.commit(bench.image_name(), "t", changes="ENV x=y", conf={"Cmd": ["ls"]})
    bench.adopt_image(image.id)
    bench.adopt_image(f"{bench.image_name()}:t")
    assert image.attrs["Config"]["Cmd"] == ["ls"]
    assert "x=y" in image.attrs["Config"]["Env"]
    data = b"".join(container.export())
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert "bin" in archive.getnames() or "bin/" in archive.getnames()
