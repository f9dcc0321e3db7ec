"""Images: list, inspect, history, tags, and what is not there."""

from __future__ import annotations

import re

import pytest

from tests.contract.harness import Bench, Engine, words


def test_list_has_the_images_of_the_course(engine: Engine) -> None:
    images = engine.raw.get("/images/json").json()
    tags = {tag for image in images for tag in image["RepoTags"] or ()}
    wanted = "nginx:latest alpine:latest busybox:latest centos:latest redis:latest elasticsearch:2"
    assert set(words(wanted)) <= tags


def test_list_row(engine: Engine) -> None:
    params = {"filters": {"reference": ["nginx"]}}
    (row,) = engine.raw.get("/images/json", params=params).json()
    assert row["RepoTags"] == ["nginx:latest"]
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", row["Id"])
    assert row["Containers"] == row["SharedSize"] == -1
    assert row["Size"] > 0
    assert isinstance(row["Created"], int)
    assert "ParentId" in row
    assert "RepoDigests" in row


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("alpine", True), ("alpine:latest", True), ("alp*", True), ("alpine:1", False), ("x", False)],
)
def test_list_by_reference(engine: Engine, pattern: str, found: bool) -> None:
    images = engine.raw.get("/images/json", params={"filters": {"reference": [pattern]}}).json()
    assert any("alpine:latest" in image["RepoTags"] for image in images) == found


def test_list_refuses_an_unknown_filter(engine: Engine) -> None:
    answer = engine.raw.get("/images/json", params={"filters": {"colour": ["red"]}})
    assert (answer.status, answer.message) == (400, "invalid filter 'colour'")


def test_inspect_nginx(engine: Engine) -> None:
    image = engine.raw.get("/images/nginx/json").json()
    assert image["Config"]["ExposedPorts"] == {"80/tcp": {}}
    assert image["Config"]["Cmd"] == ["nginx", "-g", "daemon off;"]
    assert image["Config"]["StopSignal"] == "SIGQUIT"
    assert image["Os"] == "linux"
    assert image["Architecture"] in ("amd64", "arm64")
    assert image["RootFS"]["Type"] == "layers"
    assert image["RootFS"]["Layers"]
    assert image["RepoTags"] == ["nginx:latest"]
    assert image["Size"] > 0
    assert any(entry.startswith("PATH=") for entry in image["Config"]["Env"])


@pytest.mark.parametrize(
    ("name", "ports"),
    [
        ("redis", {"6379/tcp"}),
        ("elasticsearch:2", {"9200/tcp", "9300/tcp"}),
        ("alpine", set()),
        ("busybox", set()),
        ("centos", set()),
    ],
)
def test_inspect_tells_the_exposed_ports(engine: Engine, name: str, ports: set[str]) -> None:
    config = engine.raw.get(f"/images/{name}/json").json()["Config"]
    assert set(config.get("ExposedPorts") or ()) == ports


@pytest.mark.parametrize(
    ("name", "command"),
    [("alpine", ["/bin/sh"]), ("busybox", ["sh"]), ("centos", ["/bin/bash"])],
)
def test_inspect_tells_the_command(engine: Engine, name: str, command: list[str]) -> None:
    assert engine.raw.get(f"/images/{name}/json").json()["Config"]["Cmd"] == command


def test_inspect_tells_the_volumes(engine: Engine) -> None:
    config = engine.raw.get("/images/redis/json").json()["Config"]
    assert config["Volumes"] == {"/data": {}}
    assert config["WorkingDir"] == "/data"


@pytest.mark.parametrize("form", ["full", "hex", "short", "tag", "library", "docker.io"])
def test_inspect_by_every_form_of_its_name(engine: Engine, form: str) -> None:
    identity = engine.raw.get("/images/nginx/json").json()["Id"]
    name = {
        "full": identity,
        "hex": identity.removeprefix("sha256:"),
        "short": identity.removeprefix("sha256:")[:12],
        "tag": "nginx:latest",
        "library": "library/nginx",
        "docker.io": "docker.io/library/nginx:latest",
    }[form]
    answer = engine.raw.get(f"/images/{name}/json")
    assert answer.status == 200
    assert answer.json()["Id"] == identity


def test_inspect_unknown_image(engine: Engine) -> None:
    answer = engine.raw.get("/images/no-such-image/json")
    assert (answer.status, answer.message) == (404, "No such image: no-such-image:latest")
    answer = engine.raw.get("/images/alpine:no-such-tag/json")
    assert (answer.status, answer.message) == (404, "No such image: alpine:no-such-tag")


def test_inspect_bad_name(engine: Engine) -> None:
    answer = engine.raw.get("/images/UPPER/json")
    assert answer.status == 400
    assert answer.message == (
        "invalid reference format: repository name (library/UPPER) must be lowercase"
    )


def test_history_shows_expose_and_command(engine: Engine) -> None:
    rows = engine.raw.get("/images/nginx/history").json()
    assert rows[0]["Tags"] == ["nginx:latest"]
    assert rows[0]["Id"] == engine.raw.get("/images/nginx/json").json()["Id"]
    assert any(re.search(r"EXPOSE (map\[)?80", row["CreatedBy"]) for row in rows)
    assert 'CMD ["nginx" "-g" "daemon off;"]' in rows[0]["CreatedBy"]
    for row in rows:
        assert set(row) == {"Id", "Created", "CreatedBy", "Tags", "Size", "Comment"}
    assert [row["Created"] for row in rows] == sorted((r["Created"] for r in rows), reverse=True)


def test_history_of_unknown_image(engine: Engine) -> None:
    answer = engine.raw.get("/images/no-such-image/history")
    assert (answer.status, answer.message) == (404, "No such image: no-such-image:latest")


def test_tag_is_a_second_name(bench: Bench) -> None:
    tag = bench.tagged("alpine", "mine", "v1")
    image = bench.raw.get(f"/images/{tag}/json").json()
    assert image["Id"] == bench.raw.get("/images/alpine/json").json()["Id"]
    assert tag in image["RepoTags"]
    answer = bench.raw.delete(f"/images/{tag}")
    assert answer.json() == [{"Untagged": tag}]
    assert bench.raw.get(f"/images/{tag}/json").status == 404
    assert bench.raw.get("/images/alpine/json").status == 200


@pytest.mark.parametrize(
    ("repo", "tag", "status", "message"),
    [
        ("UPPER", "a", 400, "repository name (library/UPPER) must be lowercase"),
        ("fine", "not valid", 400, "invalid tag format"),
        ("a:b:c", "x", 400, "invalid reference format"),
    ],
)
def test_tag_with_a_bad_name(
    engine: Engine, repo: str, tag: str, status: int, message: str
) -> None:
    answer = engine.raw.post("/images/alpine/tag", params={"repo": repo, "tag": tag})
    assert answer.status == status
    assert message in answer.message


def test_tag_unknown_image(engine: Engine) -> None:
    answer = engine.raw.post("/images/no-such-image/tag", params={"repo": "x", "tag": "y"})
    assert (answer.status, answer.message) == (404, "No such image: no-such-image:latest")


def test_remove_unknown_image(engine: Engine) -> None:
    answer = engine.raw.delete("/images/no-such-image")
    assert (answer.status, answer.message) == (404, "No such image: no-such-image:latest")


def test_remove_image_that_a_container_runs(bench: Bench) -> None:
    container = bench.run(image="centos")
    identity = bench.inspect(container)["Image"]
    answer = bench.raw.delete(f"/images/{identity}")
    assert answer.status == 409
    assert answer.message.startswith(
        f"conflict: unable to delete {identity.removeprefix('sha256:')[:12]} (cannot be forced)"
        " - image is being used by running container "
    )


def test_pull_needs_a_name(engine: Engine) -> None:
    answer = engine.raw.post("/images/create", params={"fromImage": "UPPER", "tag": "latest"})
    assert answer.status == 400
    assert "must be lowercase" in answer.message


def test_pull_of_what_nobody_has_fails(engine: Engine) -> None:
    params = {"fromImage": "no-such-image", "tag": "latest"}
    answer = engine.raw.post("/images/create", params=params)
    if engine.name == "embedded":  # dockerd has no registry here
        assert answer.status == 404
        assert answer.message.startswith(
            "pull access denied for no-such-image, repository does not exist or may require "
            "'docker login'"
        )
    else:
        assert answer.status in (404, 500)
