"""A learner's work in one file: saved on one engine and brought back, nothing overwritten."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from uuid import uuid4

import docker
import pytest

from course_lib import backup
from course_lib.catalog import course
from course_lib.cli import main
from course_lib.errors import BackupError
from course_lib.progress import Progress, Score
from course_lib.workspace import is_untouched, prepare

IMAGE = "alpine:latest"
LESSON = Path("networking/publish-a-service.ipynb")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / "networking").mkdir(parents=True)
    (folder / LESSON).write_text("my answers")
    (folder / ".docker-course").mkdir()
    (folder / ".docker-course/secret").write_text("stays")
    (folder / "outside").symlink_to("/etc/passwd")
    return folder


@pytest.fixture
def ready(client: docker.DockerClient) -> docker.DockerClient:
    try:
        client.images.get(IMAGE)
    except docker.errors.ImageNotFound:
        client.images.pull(IMAGE)
    return client


def sh(client: docker.DockerClient, volume: str, script: str) -> str:
    output: bytes = client.containers.run(
        IMAGE, ["sh", "-c", script], volumes=[f"{volume}:/data"], remove=True
    )
    return output.decode()


def test_files_and_volumes_come_back(
    ready: docker.DockerClient, workspace: Path, tmp_path: Path
) -> None:
    name = f"backup-{uuid4().hex[:8]}"
    saved = tmp_path / "work.zip"
    ready.volumes.create(name, labels={"colour": "blue"})
    try:
        sh(ready, name, "mkdir /data/d && echo deep > /data/d/f && ln -s d/f /data/l")
        assert backup.save(saved, workspace, ready, IMAGE, only={name}) == [name]
        ready.volumes.get(name).remove()

        fresh = tmp_path / "fresh"
        fresh.mkdir()
        done = backup.restore(saved, fresh, ready, IMAGE)
        assert (done.files, done.volumes, done.kept) == ([LESSON], [name], [])
        assert (fresh / LESSON).read_text() == "my answers"
        assert [path.name for path in fresh.iterdir()] == ["networking"]
        assert sh(ready, name, "cat /data/l; ls /data") == "deep\nd\nl\n"
        assert ready.volumes.get(name).attrs["Labels"]["colour"] == "blue"
    finally:
        ready.volumes.get(name).remove()
    left = ready.containers.list(
        all=True, filters={"label": "docker-course.probe"}, ignore_removed=True
    )
    assert not [container for container in left if name in str(container.attrs["Mounts"])]


def test_nothing_is_overwritten(
    ready: docker.DockerClient, workspace: Path, tmp_path: Path
) -> None:
    name = f"backup-{uuid4().hex[:8]}"
    saved = tmp_path / "work.zip"
    ready.volumes.create(name)
    try:
        sh(ready, name, "echo old > /data/f")
        backup.save(saved, workspace, ready, IMAGE, only={name})
        sh(ready, name, "echo new > /data/f")
        (workspace / LESSON).write_text("better answers")
        for _ in range(2):  # twice brings no second copy
            done = backup.restore(saved, workspace, ready, IMAGE)
            beside = LESSON.with_name("publish-a-service.saved.ipynb")
            assert done.beside == {LESSON: beside}
            assert (done.files, done.volumes, done.kept) == ([], [], [name])
            assert (workspace / LESSON).read_text() == "better answers"
            assert (workspace / beside).read_text() == "my answers"
        assert sh(ready, name, "cat /data/f") == "new\n"
        assert len(list((workspace / "networking").iterdir())) == 2
    finally:
        ready.volumes.get(name).remove()


def test_a_notebook_as_it_was_handed_out_gives_way(tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    prepare(folder)
    assert is_untouched(folder, LESSON)
    assert not is_untouched(folder, Path("nothing"))
    (folder / LESSON).write_text("mine")
    assert not is_untouched(folder, LESSON)


def test_by_the_command_line(
    home: Path, embedded_host: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("DOCKER_HOST", embedded_host)
    for name in ("mon", "tue"):
        prepare(home / name)
    (home / "mon" / LESSON).write_text("mine")
    points = Progress.of(home / "mon").record
    points([("publish-any-port", 4.0), ("publish-find-port", 2.0)], {})
    points([("publish-find-port", 0.0), ("publish-two-ports", 0.0)], {})
    Progress.of(home / "tue").record([("publish-any-port", 1.5), ("publish-address", 2.0)], {})
    assert main(["save", "--workspace", str(home / "mon")]) == 0
    saved = home / "mon" / "docker-course-work.zip"
    assert str(saved) in capsys.readouterr().out
    # Saved again, the first backup is no part of the second.
    assert main(["save", str(home / "again.zip"), "--workspace", str(home / "mon")]) == 0
    assert f"files/{saved.name}" not in zipfile.ZipFile(home / "again.zip").namelist()
    # A name is looked for in the workspace as well, where uploads go.
    saved.rename(home / "tue" / saved.name)
    assert main(["restore", "--workspace", str(home / "tue")]) == 0
    said = capsys.readouterr().out
    assert f"files brought back: {LESSON}\n" in said
    assert "Reload Notebook from Disk" in said
    assert "points brought back: those of 2 exercises" in said
    assert (home / "tue" / LESSON).read_text() == "mine"
    # The most that each exercise earned, here or there; the last time is that of this workspace.
    assert Progress.of(home / "tue").scores() == {
        "publish-any-port": Score(4.0, 1.5),
        "publish-find-port": Score(2.0, 0.0),
        "publish-address": Score(2.0, 2.0),
    }
    lessons = len(list(course().lessons()))
    assert len(list((home / "tue").rglob("*.ipynb"))) == lessons + 1  # and the index
    capsys.readouterr()
    assert main(["save", "--workspace", str(home)]) == 2
    assert "is no workspace" in capsys.readouterr().err


def archive(tmp_path: Path, **members: bytes) -> Path:
    path = tmp_path / "given.zip"
    with zipfile.ZipFile(path, "w") as out:
        for name, content in members.items():
            out.writestr(name, content)
    return path


HEAD = json.dumps({"format": 1, "volumes": []}).encode()


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "no backup"),
        ({"backup.json": b"["}, "cannot be read"),
        ({"backup.json": b'{"format": 99, "volumes": []}'}, "newer release"),
        ({"backup.json": HEAD, "files/../../evil": b"x"}, "no workspace"),
        ({"backup.json": HEAD, "files//etc/evil": b"x"}, None),
        ({"backup.json": HEAD, "files/.docker-course/workspace.json": b"x"}, "no workspace"),
        ({"backup.json": HEAD, "files/link/evil": b"x"}, "out of the workspace"),
        ({"backup.json": b'{"format": 1, "volumes": [{"name": "v"}]}'}, "no backup"),
    ],
)
def test_what_is_no_backup_changes_nothing(
    members: dict[str, bytes], message: str | None, tmp_path: Path
) -> None:
    folder, elsewhere = tmp_path / "ws", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "link").symlink_to(elsewhere)
    source = archive(tmp_path, **members)
    if message is None:
        # A path from the root is one in the workspace, and no more.
        backup.restore(source, folder, None, IMAGE)
        assert (folder / "etc/evil").exists()
        return
    with pytest.raises(BackupError, match=message):
        backup.restore(source, folder, None, IMAGE)
    assert sorted(path.name for path in folder.iterdir()) == ["link"]
    assert not list(elsewhere.iterdir())
    assert not (tmp_path / "evil").exists()


def test_one_wrong_bit_is_found_before_anything_is_changed(tmp_path: Path) -> None:
    content = bytes(range(256)) * 4
    head = json.dumps({"format": 1, "files": 1, "volumes": []}).encode()
    good = archive(tmp_path, **{"backup.json": head, f"files/{LESSON}": content}).read_bytes()
    bad = tmp_path / "bad.zip"
    refused = 0
    for place in range(len(good)):
        bad.write_bytes(good[:place] + bytes([good[place] ^ 1 << place % 8]) + good[place + 1 :])
        folder = tmp_path / f"ws-{place}"
        folder.mkdir()
        try:
            backup.restore(bad, folder, None, IMAGE)
        except BackupError:
            refused += 1
            assert not list(folder.iterdir())
        else:  # a date perhaps
            assert (folder / LESSON).read_bytes() == content
    assert refused > len(content)


def test_no_zip_at_all(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("no zip")
    with pytest.raises(BackupError, match="no backup"):
        backup.restore(tmp_path / "x", tmp_path, None, IMAGE)
    with pytest.raises(BackupError, match="No such file"):
        backup.restore(tmp_path / "y", tmp_path, None, IMAGE)


def test_a_volume_that_cannot_be_filled_is_not_left_half_full(
    embedded_host: str, tmp_path: Path
) -> None:
    client = docker.DockerClient(base_url=embedded_host)
    try:
        client.images.pull("alpine", tag="latest")
        name = f"backup-{uuid4().hex[:8]}"
        head = {
            "format": 1,
            "volumes": [{"name": name, "driver": "local", "labels": {}, "options": {}}],
        }
        members = {"backup.json": json.dumps(head).encode(), "volumes/0.tar": b"no tar" * 200}
        with pytest.raises(BackupError, match=name):
            backup.restore(archive(tmp_path, **members), tmp_path, client, IMAGE)
        assert name not in [volume.name for volume in client.volumes.list()]
    finally:
        client.close()
