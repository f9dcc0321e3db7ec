from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
from docker.errors import APIError, ImageNotFound, NotFound
from requests import Response

from course_lib.catalog import Lesson
from course_lib.errors import EngineUnavailable, ImageUnavailable, NameClash, PortInUse
from course_lib.images import CourseImage, ImageTable, read_image_table
from course_lib.journal import Entry
from course_lib.lesson_state import check_clashes, ensure_images, left_by, port_free, remove
from course_lib.standing import (
    IDLE_NS,
    Standing,
    StandingContainer,
    StandingNetwork,
    StandingVolume,
)

LESSON = Lesson(
    "networking", "x", "X",
    containers=("web", "site"), networks=("dev",), volumes=("data",), builds=("offline:1",),
    ports=(8080, 8888),
)  # fmt: skip


def clash(
    stays: Standing,
    goes: Standing | None = None,
    *,
    free: Callable[[int], bool] = lambda _: True,
    own: bool = False,
    doubtful: Standing | None = None,
) -> None:
    check_clashes(
        LESSON, stays, goes or Standing(),
        port_free=free, own_engine=own, doubtful=doubtful or Standing(),
    )  # fmt: skip


def container(name: str, *ports: int) -> StandingContainer:
    return StandingContainer(f"id-{name}", name, ports=ports)


def test_other_peoples_things_are_no_clash() -> None:
    clash(
        Standing(
            (container("mine", 3000),),
            (StandingNetwork("1", "home"),),
            (StandingVolume("v"),),
            ("thesis:1",),
        )
    )


@pytest.mark.parametrize(
    ("stays", "named"),
    [
        (Standing((container("web"),)), "container web"),
        (Standing(networks=(StandingNetwork("1", "dev"),)), "network dev"),
        (Standing(volumes=(StandingVolume("data"),)), "volume data"),
        (Standing(tags=("offline:1",)), "image offline:1"),
    ],
)
def test_a_name_that_is_taken_is_named_with_its_removal(stays: Standing, named: str) -> None:
    kind, name = named.split()
    with pytest.raises(NameClash, match=f"{named}; nothing was changed") as caught:
        clash(stays)
    assert name in caught.value.hint
    assert kind in caught.value.hint
    assert "embedded" in caught.value.hint


def test_all_clashes_are_named_at_once() -> None:
    stays = Standing((container("web"), container("x", 8080)), (StandingNetwork("1", "dev"),))
    with pytest.raises(
        NameClash, match=r"container web, network dev; taken too: 8080 \(by container x\)"
    ):
        clash(stays)


def test_a_taken_port_names_its_container_or_another_program() -> None:
    with pytest.raises(PortInUse, match=r"8080 \(by container mine\)"):
        clash(Standing((container("mine", 8080),)))
    with pytest.raises(PortInUse, match=r"8888 \(by another program on this machine\)"):
        clash(Standing(), free=lambda port: port != 8888)


def test_ports_of_what_goes_anyway_are_free() -> None:
    clash(Standing(), Standing((container("site", 8080, 8888),)), free=lambda _: False)


def test_on_the_own_engine_nobody_is_sent_to_the_own_engine() -> None:
    with pytest.raises(NameClash) as caught:
        clash(Standing((container("web"),)), own=True)
    assert "embedded" not in caught.value.hint


def test_port_free_sees_a_listener_on_any_address() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert not port_free(port)
        assert not port_free(port, "127.0.0.1")
        # An embedded engine there is not in its way.
        assert port_free(port, "127.0.0.2")
    assert port_free(port)


def test_nothing_is_left_by_a_lesson_that_nobody_knows() -> None:
    now = Standing((container("web"),))
    gone = Entry(lesson="networking/gone")
    assert left_by(gone, [LESSON], now, own_engine=True) == Standing()
    assert left_by(Entry(), [LESSON], now, own_engine=True) == Standing()
    assert left_by(Entry(lesson=LESSON.key), [LESSON], now, own_engine=True) == now


def test_everything_takes_the_lessons_names_without_asking_for_evidence() -> None:
    late = StandingContainer("1", "web", created_ns=IDLE_NS * 9)
    now = Standing((late,), volumes=(StandingVolume("data"), StandingVolume("photos")))
    entry = Entry(lesson=LESSON.key)
    assert left_by(entry, [LESSON], now, own_engine=False) == Standing()
    found = left_by(entry, [LESSON], now, own_engine=False, everything=True)
    assert found == Standing((late,), volumes=(StandingVolume("data"),))


def test_a_clash_with_what_may_be_the_lessons_says_how_to_remove_it() -> None:
    stays = Standing(volumes=(StandingVolume("data"),))
    with pytest.raises(NameClash) as caught:
        clash(stays, doubtful=stays)
    assert "lab.clean(everything=True) removes it; else rename or remove it" in caught.value.hint
    both = Standing((container("web"),), volumes=stays.volumes)
    with pytest.raises(NameClash) as caught:
        clash(both, doubtful=stays)
    assert "everything" not in caught.value.hint


class FakeApi:
    """Notes what it is asked to remove; ``refuse`` maps a name to the error it gives."""

    def __init__(self, refuse: dict[str, Exception] | None = None) -> None:
        self.calls: list[str] = []
        self._refuse = refuse or {}

    @property
    def api(self) -> FakeApi:
        return self

    def _note(self, word: str, name: str) -> None:
        self.calls.append(f"{word} {name}")
        if name in self._refuse:
            raise self._refuse[name]

    def remove_container(self, name: str, v: bool, force: bool) -> None:
        assert v
        assert force
        self._note("container", name)

    def inspect_network(self, name: str) -> dict[str, Any]:
        self._note("inspect", name)
        return {"Containers": {"id-mine": {}}}

    def disconnect_container_from_network(self, name: str, network: str, force: bool) -> None:
        self._note("disconnect", name)

    def remove_network(self, name: str) -> None:
        self._note("network", name)

    def remove_volume(self, name: str) -> None:
        self._note("volume", name)

    def remove_image(self, name: str) -> None:
        self._note("image", name)


GOES = Standing(
    (container("web"),), (StandingNetwork("n1", "dev"),), (StandingVolume("data"),), ("offline:1",)
)


def refusal(status: int, text: str) -> APIError:
    response = Response()
    response.status_code = status
    return APIError(text, response, text)


def test_remove_takes_containers_first_and_frees_the_network() -> None:
    client = FakeApi()
    remove(client, GOES)
    assert client.calls == [
        "container id-web", "inspect n1", "disconnect id-mine", "network n1", "volume data",
        "image offline:1",
    ]  # fmt: skip


def test_remove_minds_nothing_that_is_gone_or_going() -> None:
    going = refusal(409, "removal of container web is already in progress")
    client = FakeApi({"id-web": going, "n1": NotFound("gone"), "data": NotFound("gone")})
    remove(client, GOES)
    assert client.calls[-1] == "image offline:1"


def test_remove_says_what_the_engine_refused() -> None:
    client = FakeApi({"data": refusal(409, "volume is in use")})
    with pytest.raises(
        EngineUnavailable, match="volume data could not be removed: volume is in use"
    ):
        remove(client, GOES)


class FakeRegistry:
    """Images of an engine, and what a registry gives it."""

    def __init__(self, present: set[str], offered: set[str]) -> None:
        self.present = present
        self._offered = offered
        self.api = self

    def inspect_image(self, reference: str) -> None:
        if reference not in self.present:
            raise ImageNotFound(reference)

    def pull(self, repository: str, tag: str, stream: bool, decode: bool) -> list[dict[str, str]]:
        reference = f"{repository}:{tag}"
        if reference not in self._offered:
            return [{"status": "Pulling"}, {"error": "manifest unknown"}]
        self.present.add(reference)
        return [{"status": "Done"}]

    def tag(self, image: str, repository: str, tag: str) -> None:
        assert image in self.present
        self.present.add(f"{repository}:{tag}")


def test_images_that_are_there_are_not_pulled() -> None:
    said: list[str] = []
    client = FakeRegistry({"nginx:latest"}, {"alpine:latest"})
    table = read_image_table({})
    assert ensure_images(client, ["nginx", "alpine"], table, said.append) == ["alpine"]
    assert said == ["pulling alpine:latest"]


def test_an_image_pointed_elsewhere_gets_the_courses_name() -> None:
    client = FakeRegistry(set(), {"mirror.example/nginx:1.27"})
    table = ImageTable({"nginx": CourseImage("nginx", "", "mirror.example/nginx:1.27")})
    ensure_images(client, ["nginx"], table, lambda _: None)
    assert "nginx:latest" in client.present


def test_a_failed_pull_says_what_the_registry_said() -> None:
    with pytest.raises(ImageUnavailable, match="nginx:latest cannot be pulled: manifest unknown"):
        ensure_images(FakeRegistry(set(), set()), ["nginx"], read_image_table({}), print)
