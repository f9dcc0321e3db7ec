"""Which kind of Docker answers, told from what they say of themselves."""

from __future__ import annotations

from typing import Any

import pytest

from course_lib import daemons
from course_lib.catalog import course
from course_lib.daemons import Daemon, Kind, Topic

UNIX = "unix:///var/run/docker.sock"
# What `GET /info` says, as far as it tells the kinds apart. Debian's dockerd as root and rootless,
# and Podman, as they answered here; the others as their makers' documentation and issues show.
PLAIN = {"OperatingSystem": "Debian GNU/Linux 13 (trixie)", "Name": "vm"}
SECCOMP = "name=seccomp,profile=builtin"
ROOTLESS = {**PLAIN, "SecurityOptions": [SECCOMP, "name=rootless"]}
DESKTOP = {"OperatingSystem": "Docker Desktop", "Name": "docker-desktop"}
COLIMA = {"OperatingSystem": "Ubuntu 24.04.1 LTS", "Name": "colima"}
FEDORA = {**PLAIN, "SecurityOptions": [SECCOMP, "name=selinux"]}


@pytest.mark.parametrize(
    ("host", "product", "info", "platform", "kind"),
    [
        (UNIX, "Docker", {**PLAIN, "SecurityOptions": [SECCOMP]}, "linux", Kind.ENGINE),
        (UNIX, "Docker", {**PLAIN, "SecurityOptions": None}, "linux", Kind.ENGINE),
        (UNIX, "Docker", {}, "linux", Kind.ENGINE),
        ("unix:///run/user/1000/docker.sock", "Docker", ROOTLESS, "linux", Kind.ROOTLESS),
        (UNIX, "Docker", DESKTOP, "darwin", Kind.DESKTOP),
        (UNIX, "Docker", DESKTOP, "linux", Kind.DESKTOP),
        ("npipe:////./pipe/docker_engine", "Docker", PLAIN, "win32", Kind.DESKTOP),
        ("unix:///Users/ann/.colima/default/docker.sock", "Docker", COLIMA, "darwin", Kind.COLIMA),
        (UNIX, "Docker", {**COLIMA, "Name": "colima-big"}, "darwin", Kind.COLIMA),
        ("unix:///run/user/1000/podman/podman.sock", "Podman", ROOTLESS, "linux", Kind.PODMAN),
        ("tcp://10.0.0.7:2376", "Docker", PLAIN, "linux", Kind.REMOTE),
        ("ssh://ann@lab.example", "Docker", PLAIN, "darwin", Kind.REMOTE),
        # A Docker beside this program, in a pod for instance.
        ("tcp://localhost:2375", "Docker", PLAIN, "linux", Kind.ENGINE),
        ("tcp://[::1]:2375", "Docker", PLAIN, "linux", Kind.ENGINE),
    ],
)
def test_kind(host: str, product: str, info: dict[str, Any], platform: str, kind: Kind) -> None:
    assert daemons.examine(host, product, info, platform).kind is kind


def test_only_what_concerns_a_lesson_is_said() -> None:
    found = daemons.examine(UNIX, "Docker", ROOTLESS, "linux")
    assert [d.topic for d in found.concerning([Topic.HOST_NETWORK, Topic.PING])] == [
        Topic.HOST_NETWORK
    ]
    assert found.concerning([]) == ()


def test_an_engine_of_the_machine_differs_in_nothing() -> None:
    assert daemons.examine(UNIX, "Docker", PLAIN, "linux") == Daemon(Kind.ENGINE)


def test_selinux_is_said_where_folders_are_mounted() -> None:
    found = daemons.examine(UNIX, "Docker", FEDORA, "linux")
    assert found.kind is Kind.ENGINE
    (difference,) = found.concerning([Topic.BIND_MOUNTS])
    assert ":z" in difference.text
    assert not difference.missing


@pytest.mark.parametrize("kind", [Kind.ROOTLESS, Kind.PODMAN])
def test_where_there_is_no_overlay_the_lesson_about_it_is_named(kind: Kind) -> None:
    product = "Podman" if kind is Kind.PODMAN else "Docker"
    found = daemons.examine(UNIX, product, ROOTLESS, "linux")
    lessons = [lesson.name for lesson in course().lessons() if Topic.SWARM in lesson.touches]
    assert lessons == ["overlay-networks"]
    assert [d.missing for d in found.concerning([Topic.SWARM])] == [True]


def test_every_topic_is_touched_by_a_lesson() -> None:
    touched = {topic for lesson in course().lessons() for topic in lesson.touches}
    assert touched == set(Topic)
