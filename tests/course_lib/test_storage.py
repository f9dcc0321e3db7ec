"""What is in volumes and mounted folders: read from both engines, without changing them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import docker
import pytest

from course_lib import storage
from course_lib.contents import Contents, Item, bytes_in_words
from course_lib.images import read_image_table
from course_lib.inside import LABEL
from course_lib.lab import Lab
from course_lib.lesson_state import ensure_images
from course_lib.standing import Standing
from course_lib.topology import Container, Mount, Topology, Volume, diff, snapshot
from tests.course_lib.conftest import TestCourse

FIRST = "testing/first"


@pytest.fixture
def alpine(client: docker.DockerClient) -> docker.DockerClient:
    ensure_images(client, ("alpine",), read_image_table(), lambda _: None)
    return client


def run(client: docker.DockerClient, name: str, script: str, *binds: str) -> str:
    """A container that has written what ``script`` says, and still runs; its ID."""
    made = client.containers.create(
        "alpine", ["sleep", "600"], name=name, volumes=list(binds), stop_signal="KILL"
    )
    made.start()
    code, output = made.exec_run(["sh", "-c", script])
    assert code == 0, output
    return str(made.id)


def own(found: Topology, prefix: str) -> Topology:
    """The test's own things alone: whoever looks into others' volumes holds them meanwhile."""
    return Topology(
        containers=tuple(c for c in found.containers if c.name.startswith(prefix)),
        volumes=tuple(v for v in found.volumes if v.name.startswith(prefix)),
    )


def look(client: docker.DockerClient, testing: TestCourse, image: str = "alpine") -> Topology:
    return storage.look_into(client, own(snapshot(client), testing.prefix), image=image)


def test_names_and_sizes_in_volumes_and_folders(
    alpine: docker.DockerClient, testing: TestCourse, tmp_path: Path
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("hello")
    (tmp_path / "motd").write_text("hi")
    data = testing.name("data")
    run(
        alpine, testing.name("web"),
        "cd /data && printf abc > b.txt && mkdir sub && touch sub/1 sub/2 a.txt",
        f"{data}:/data", f"{tmp_path}/site:/data/site:ro", f"{tmp_path}/motd:/etc/motd",
    )  # fmt: skip
    contents = look(alpine, testing).contents
    # What is mounted below belongs to somebody else.
    assert contents["volume", data].items == (
        Item("a.txt", 0),
        Item("b.txt", 3),
        Item("sub", 2, True),
    )
    assert contents["bind", f"{tmp_path}/site"] == Contents((Item("index.html", 5),))
    assert contents["bind", f"{tmp_path}/motd"] == Contents((Item("motd", 2),), kind="file")


def test_stopped_containers_and_unused_volumes_are_looked_into(
    alpine: docker.DockerClient, testing: TestCourse
) -> None:
    kept, used = testing.name("kept"), testing.name("used")
    made = run(alpine, testing.name("web"), "echo x > /kept/k; echo xy > /used/u",
               f"{kept}:/kept", f"{used}:/used")  # fmt: skip
    alpine.api.remove_container(made, force=True)
    made = run(alpine, testing.name("db"), "true", f"{used}:/used")
    alpine.api.stop(made)
    empty = alpine.volumes.create(testing.name("empty")).name
    contents = look(alpine, testing).contents
    assert contents == {
        ("volume", kept): Contents((Item("k", 2),)),
        ("volume", used): Contents((Item("u", 3),)),
        ("volume", empty): Contents(),
    }
    # An empty volume stays empty, and nothing is left that had it.
    assert look(alpine, testing).contents["volume", empty] == Contents()
    alpine.api.remove_volume(empty)


def test_a_container_that_never_ran_is_left_as_it_is(
    alpine: docker.DockerClient, testing: TestCourse
) -> None:
    data = testing.name("data")
    made = run(alpine, testing.name("first"), "echo hi > /data/f", f"{data}:/data")
    alpine.api.remove_container(made, force=True)
    waits = alpine.containers.create("alpine", name=testing.name("waits"),
                                     volumes=[f"{data}:/far/deep"])  # fmt: skip
    assert look(alpine, testing).contents == {("volume", data): Contents((Item("f", 3),))}
    # What is read from a container has its mount points from then on.
    assert not waits.diff()


def test_without_an_image_unused_volumes_keep_what_is_known(
    alpine: docker.DockerClient, testing: TestCourse
) -> None:
    name = alpine.volumes.create(testing.name("data")).name
    assert look(alpine, testing, image="").contents == {}
    assert look(alpine, testing, image="no-such-image:1").contents == {}
    known = {("volume", name): Contents((Item("old", 1),)), ("volume", "gone"): Contents()}
    mine = Topology(volumes=(Volume(name),))
    found = storage.look_into(alpine, mine, known=known).contents
    assert found == {("volume", name): Contents((Item("old", 1),))}


def test_of_a_large_volume_the_beginning_is_read(
    alpine: docker.DockerClient, testing: TestCourse
) -> None:
    data = testing.name("data")
    run(alpine, testing.name("web"), "cd /data && dd if=/dev/zero of=big bs=1024 count=3000"
        " && echo x > small", f"{data}:/data")  # fmt: skip
    seen = look(alpine, testing).contents["volume", data]
    assert seen == Contents((Item("big", 3_072_000),), complete=False)


def test_many_names_are_counted_up_to_a_bound(
    alpine: docker.DockerClient, testing: TestCourse
) -> None:
    data, made = testing.name("data"), ""
    made = run(alpine, testing.name("web"), "true", f"{data}:/data")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for number in range(250):
            archive.addfile(tarfile.TarInfo(f"f{number:03}"))
    alpine.api.put_archive(made, "/data", packed.getvalue())
    seen = look(alpine, testing).contents["volume", data]
    assert (len(seen.items), seen.complete) == (200, False)


def test_a_socket_is_called_one(
    alpine: docker.DockerClient, testing: TestCourse, docker_host: str
) -> None:
    path = docker_host.removeprefix("unix://")
    run(alpine, testing.name("web"), "true", f"{path}:/var/run/docker.sock")
    [(_, seen)] = look(alpine, testing).contents.items()
    assert seen == Contents(kind="socket")


def test_who_looks_is_in_no_picture(alpine: docker.DockerClient, testing: TestCourse) -> None:
    made = alpine.containers.create("alpine", "true", name=testing.name("eye"), labels={LABEL: "1"})
    assert made.id not in {container.id for container in snapshot(alpine).containers}


def test_lab_draws_volumes_with_what_is_inside(
    alpine: docker.DockerClient, testing: TestCourse, capsys: pytest.CaptureFixture[str]
) -> None:
    class OwnLab(Lab):
        def _look(self, client: docker.DockerClient, before: Standing) -> Topology:
            return own(super()._look(client, before), testing.prefix)

    lab = OwnLab(catalog=lambda: testing.catalog)
    lab.start(FIRST)
    data = testing.name("data")
    run(alpine, testing.name("web"), "echo note > /data/todo.txt", f"{data}:/data:rw")
    capsys.readouterr()
    lab.draw("volumes")
    text = capsys.readouterr().out
    assert (
        f"{data} (volume) with todo.txt (5 B) [new]:" not in text
    )  # the first picture marks nothing
    assert f"{data} (volume) with todo.txt (5 B):" in text
    assert f"{testing.name('web')} from alpine, at /data" in text
    alpine.containers.get(testing.name("web")).exec_run("rm /data/todo.txt")
    lab.draw("volumes")
    assert f"{data} (volume, empty) [changed]:" in capsys.readouterr().out
    lab.close()


# --- plain data --------------------------------------------------------------------------


def test_sizes_are_in_decimal_units() -> None:
    sizes = (0, 999, 1000, 1549, 99_999, 5_000_000, 7_200_000_000_000)
    assert [bytes_in_words(size) for size in sizes] == [
        "0 B", "999 B", "1.0 kB", "1.5 kB", "100 kB", "5.0 MB", "7200 GB",
    ]  # fmt: skip


def test_what_came_and_went_in_a_volume_is_a_change() -> None:
    volume = (Volume("v"),)
    key = ("volume", "v")
    before = Topology(volumes=volume, contents={key: Contents((Item("a", 1), Item("b", 1)))})
    after = Topology(volumes=volume, contents={key: Contents((Item("b", 2), Item("c", 1)))})
    assert str(diff(before, after)) == "~ volume v: + c (1 B), - a (1 B), ~ b (2 B)"
    assert not diff(Topology(volumes=volume), after)


def test_a_change_in_a_folder_of_the_host_is_one_of_a_path() -> None:
    box = Container("id", "web", "nginx", mounts=(Mount("bind", "/site", "/s"),))
    key = ("bind", "/site")
    before = Topology(containers=(box,), contents={key: Contents()})
    after = Topology(containers=(box,), contents={key: Contents((Item("x", 1),), complete=False)})
    assert str(diff(before, after)) == "~ path /site: + x (1 B)"
    # What was not looked at is not called gone.
    assert not [c for c in diff(after, before).changes if c.kind == "network"]
