from __future__ import annotations

from collections.abc import Sequence

import pytest

from course_lib.catalog import Lesson
from course_lib.standing import (
    IDLE_NS,
    Activity,
    Cell,
    Standing,
    StandingContainer,
    StandingNetwork,
    StandingVolume,
    brought_by,
    parse_time_ns,
    words_named_in,
    words_of,
)

LESSON = Lesson(
    "networking", "x", "X",
    images=("nginx", "elasticsearch:2"), containers=("web",), networks=("dev",),
    volumes=("data",), builds=("offline:1",),
)  # fmt: skip
START, END = 1_000, 10_000


def container(name: str, image: str = "nginx", at: int = 2_000) -> StandingContainer:
    return StandingContainer(f"id-{name}", name, image, at)


def names(
    now: Standing,
    *,
    before: Standing | None = None,
    own: bool = False,
    cells: Sequence[Cell] = (),
) -> set[str]:
    activity = Activity(START, END, tuple(cells))
    found = brought_by(LESSON, now, before or Standing(), activity, own_engine=own)
    return {
        *(c.name for c in found.containers),
        *(n.name for n in found.networks),
        *(v.name for v in found.volumes),
        *found.tags,
    }


def test_reserved_names_are_the_lessons() -> None:
    now = Standing(
        (container("web", "whatever"), container("mine")),
        (StandingNetwork("1", "dev"), StandingNetwork("2", "home")),
        (StandingVolume("data"), StandingVolume("photos")),
        ("offline:1", "thesis:1"),
    )
    assert names(now, own=True) == {"web", "dev", "data", "offline:1"}


def test_what_stood_before_is_never_the_lessons_whatever_its_name() -> None:
    before = Standing(
        (container("web"), container("happy_bell")),
        (StandingNetwork("1", "dev"),),
        (StandingVolume("data"),),
        ("offline:1",),
    )
    assert names(before, before=before, own=True) == set()


def test_what_is_made_long_after_the_last_cell_is_the_students_own() -> None:
    late = END + IDLE_NS + 1
    now = Standing(
        (container("web", at=late), container("happy_bell", at=late)),
        (StandingNetwork("1", "dev", late),),
        (StandingVolume("data", late),),
    )
    assert names(now, own=True) == set()
    soon = Standing((container("web", at=late - 1),), (StandingNetwork("1", "dev", late - 1),))
    assert names(soon) == {"web", "dev"}


def test_on_a_docker_of_the_students_own_a_volume_needs_a_cell_that_names_it() -> None:
    second = 1_000_000_000
    now = Standing(volumes=(StandingVolume("data", 5 * second),))
    assert names(now) == set()
    # dockerd tells the age in whole seconds, so that it may seem older than its cell.
    assert names(now, cells=[Cell(5 * second + 500, 6 * second, ("data",))]) == {"data"}
    assert names(now, cells=[Cell(5 * second + 500, 6 * second, ("nginx",))]) == set()
    assert names(now, cells=[Cell(8 * second, 9 * second, ("data",))]) == set()


def test_a_network_made_anew_under_a_reserved_name_is_another_one() -> None:
    before = Standing(networks=(StandingNetwork("old", "dev"),))
    now = Standing(networks=(StandingNetwork("new", "dev"),))
    assert names(now, before=before) == {"dev"}


def test_a_nameless_container_counts_where_a_cell_that_names_its_image_made_it() -> None:
    now = Standing((container("happy_bell", "nginx", 5_000),))
    assert names(now, cells=[Cell(4_000, 6_000, ("nginx",))]) == {"happy_bell"}
    assert names(now, cells=[Cell(4_000, 6_000, ("elasticsearch:2",))]) == set()
    assert names(now, cells=[Cell(6_000, 7_000, ("nginx",))]) == set()
    assert names(now) == set()


def test_a_container_with_a_name_of_its_own_or_another_image_never_counts() -> None:
    cells = [Cell(0, 9_000, ("nginx",))]
    now = Standing((container("my-site"), container("sad_curie", "postgres"), container("Big_App")))
    assert names(now, cells=cells) == set()
    assert names(now, own=True) == set()


def test_on_the_courses_own_engine_a_terminal_counts_as_well() -> None:
    now = Standing((container("happy_bell", at=START), container("sad_curie", at=START - 1)))
    assert names(now, own=True) == {"happy_bell"}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("!docker run -d -P nginx", ("nginx",)),
        ("!docker run nginx:latest", ("nginx",)),
        ('client.containers.run("nginx", detach=True)', ("nginx",)),
        ("!docker run my-nginx", ()),
        ("!docker run registry/nginx", ()),
        ("!docker run elasticsearch:2 && docker run nginx", ("nginx", "elasticsearch:2")),
        ("lab.draw()", ()),
        ("!docker volume create data", ("data",)),
        ("!docker run -v data:/data nginx", ("nginx", "data")),
        ("!ls metadata /data", ()),
    ],
)
def test_words_named_in_a_cell(source: str, found: tuple[str, ...]) -> None:
    assert words_named_in(source, words_of(LESSON)) == found


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000_000),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("1970-01-01T00:00:01.000000001Z", 1_000_000_001),
        ("1970-01-01T01:00:01.25+01:00", 1_250_000_000),
        ("", 0),
        ("yesterday", 0),
    ],
)
def test_times_keep_their_nanoseconds(text: str, nanoseconds: int) -> None:
    assert parse_time_ns(text) == nanoseconds


def test_engine_names_are_recognised() -> None:
    assert container("happy_bell").engine_named
    assert container("focused_turing2").engine_named
    for name in ("web", "my-app_1", "compose_web_1", "a_b22"):
        assert not container(name).engine_named, name
