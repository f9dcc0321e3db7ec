from __future__ import annotations

from typing import Any

import pytest

from graders.engine_view import container_view, network_view, parse_timestamp


def document(**changes: Any) -> dict[str, Any]:
    """An answer of ``GET /containers/web/json``, as far as checks read it."""
    base: dict[str, Any] = {
        "Id": "c" * 64,
        "Name": "/web",
        "Image": "sha256:1",
        "Config": {"Image": "nginx", "Cmd": ["nginx"], "Entrypoint": None},
        "State": {
            "Status": "running",
            "ExitCode": 0,
            "StartedAt": "2026-11-23T22:00:00.123456789Z",
        },
        "HostConfig": {"NetworkMode": "default", "PortBindings": {}},
        "NetworkSettings": {
            "Ports": {},
            "Networks": {"bridge": {"IPAddress": "172.17.0.2", "GlobalIPv6Address": ""}},
        },
    }
    return {**base, **changes}


def published(asked: Any, actual: Any) -> list[tuple[int, bool]]:
    view = container_view(
        document(
            HostConfig={"PortBindings": asked}, NetworkSettings={"Ports": actual, "Networks": None}
        ),
        None,
    )
    return [(port.host_port, port.chosen_by_docker) for port in view.ports_of("80/tcp")]


def test_container_view_reads_what_checks_need() -> None:
    view = container_view(document(), {"Cmd": ["nginx"]})
    assert (view.name, view.running, view.own_command) == ("web", True, True)
    assert view.all_addresses == ("172.17.0.2",)
    assert view.started_at is not None


@pytest.mark.parametrize(
    "state",
    [
        {"Status": "exited", "ExitCode": 137},
        {"Status": "paused"},
        {"Status": "running", "Running": True, "Paused": True},
        {"Status": "created"},
        {"Status": "restarting"},
        {"Running": False},
    ],
)
def test_container_view_other_states_do_not_run(state: dict[str, Any]) -> None:
    assert not container_view(document(State=state), None).running


@pytest.mark.parametrize("given", [None, "", "0", "18000-18010"])
def test_port_left_to_docker_is_chosen_by_docker(given: str | None) -> None:
    asked = None if given is None else {"80/tcp": [{"HostIp": "", "HostPort": given}]}
    actual = {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "18003"}]}
    assert published(asked, actual) == [(18003, True)]


def test_port_given_is_not_chosen_by_docker() -> None:
    asked = {"80/tcp": [{"HostPort": "8080"}, {"HostPort": ""}]}
    actual = {"80/tcp": [{"HostPort": "8080"}, {"HostPort": "32768"}], "443/tcp": None}
    assert published(asked, actual) == [(8080, False), (32768, True)]


def test_command_of_the_students_own_is_told_apart() -> None:
    view = container_view(
        document(Config={"Image": "nginx", "Cmd": ["sleep", "9"]}), {"Cmd": ["nginx"]}
    )
    assert not view.own_command


def test_network_view_reads_internal() -> None:
    view = network_view({"Id": "1", "Name": "dev", "Driver": "bridge", "Internal": True})
    assert view.exists
    assert view.internal


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-11-23T22:00:00.123456789Z", "2026-11-23T22:00:00.123456+00:00"),
        ("2026-11-23T22:00:00Z", "2026-11-23T22:00:00+00:00"),
        ("2026-11-23T22:00:00.5+02:00", "2026-11-23T22:00:00.500000+02:00"),
        ("2026-11-23T22:00:00.123456789-05:30", "2026-11-23T22:00:00.123456-05:30"),
    ],
)
def test_parse_timestamp_takes_what_engines_write(text: str, iso: str) -> None:
    parsed = parse_timestamp(text)
    assert parsed is not None
    assert parsed.isoformat() == iso


@pytest.mark.parametrize("text", ["", "0001-01-01T00:00:00Z", "yesterday"])
def test_parse_timestamp_of_never_is_none(text: str) -> None:
    assert parse_timestamp(text) is None


@pytest.mark.parametrize(
    ("told", "given"),
    [
        (None, ()), (["es"], ("es",)),
        # API 1.44: Engine 24 adds the short ID to those that were given, Engine 25 the host name.
        (["es", "c" * 12], ("es",)), (["c" * 12, "es"], ()), (["es", "c" * 12, "es-1"], ("es",)),
    ],
)  # fmt: skip
def test_aliases_are_those_that_were_given(told: list[str] | None, given: tuple[str, ...]) -> None:
    networks = {"dev": {"Aliases": told}}
    seen = container_view(document(NetworkSettings={"Ports": {}, "Networks": networks}), None)
    assert seen.aliases == {"dev": given}
