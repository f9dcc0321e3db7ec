"""Health checks: probes that really run in the container, what follows from them, who is told."""

from __future__ import annotations

from typing import Any

from tests.contract.eventstream import events
from tests.contract.harness import IDLE, Bench, until

MILLISECOND = 1_000_000
OFTEN = 100 * MILLISECOND


def check(*test: str, **words: Any) -> dict[str, Any]:
    """A health check every tenth of a second."""
    return {"Test": list(test), "Interval": OFTEN, "StartInterval": OFTEN, **words}


def health(bench: Bench, container: str) -> dict[str, Any]:
    found: dict[str, Any] = bench.state(container)["Health"]
    return found


def until_status(bench: Bench, container: str, status: str) -> dict[str, Any]:
    until(lambda: health(bench, container)["Status"] == status)
    return health(bench, container)


def test_from_starting_to_healthy(bench: Bench) -> None:
    container = bench.create("c", Healthcheck=check("CMD", "test", "-e", "/ok", Retries=1000))
    assert "Health" not in bench.state(container)
    bench.start(container)
    found = health(bench, container)
    assert (found["Status"], found["Log"] is None) == ("starting", False)
    assert bench.listed(container)["Status"].endswith(" (health: starting)")
    bench.sh(container, "touch /ok")
    found = until_status(bench, container, "healthy")
    assert found["FailingStreak"] == 0
    last = found["Log"][-1]
    assert set(last) == {"Start", "End", "ExitCode", "Output"}
    assert (last["ExitCode"], last["Output"]) == (0, "")
    assert last["Start"] <= last["End"]
    assert bench.listed(container)["Status"].endswith(" (healthy)")


def test_unhealthy_after_its_retries(bench: Bench) -> None:
    test = check("CMD-SHELL", "echo out; echo err >&2; exit 7", Retries=2)
    container = bench.run("c", Healthcheck=test)
    found = until_status(bench, container, "unhealthy")
    assert found["FailingStreak"] >= 2
    for entry in found["Log"]:
        assert (entry["ExitCode"], sorted(entry["Output"].split())) == (7, ["err", "out"])
    assert bench.listed(container)["Status"].endswith(" (unhealthy)")
    until(lambda: health(bench, container)["FailingStreak"] > 6)
    assert len(health(bench, container)["Log"]) == 5


def test_a_sick_container_recovers(bench: Bench) -> None:
    container = bench.run("c", Healthcheck=check("CMD", "test", "-e", "/ok", Retries=1))
    until_status(bench, container, "unhealthy")
    bench.sh(container, "touch /ok")
    until_status(bench, container, "healthy")
    bench.sh(container, "rm /ok")
    until_status(bench, container, "unhealthy")


def test_a_probe_that_takes_too_long(bench: Bench) -> None:
    test = check("CMD-SHELL", "echo begun; exec sleep 600", Timeout=300 * MILLISECOND, Retries=1)
    container = bench.run("c", Healthcheck=test)
    found = until_status(bench, container, "unhealthy")
    assert found["Log"][0]["ExitCode"] == -1
    assert found["Log"][0]["Output"] == "Health check exceeded timeout (300ms): begun\n"


def test_a_probe_that_cannot_run(bench: Bench) -> None:
    container = bench.run("c", Healthcheck=check("CMD", "/no/such", Retries=1))
    found = until_status(bench, container, "unhealthy")
    assert found["Log"][0]["ExitCode"] == -1
    assert found["Log"][0]["Output"] == (
        "OCI runtime exec failed: exec failed: unable to start container process: "
        'exec: "/no/such": stat /no/such: no such file or directory: unknown'
    )


def test_output_is_cut(bench: Bench) -> None:
    container = bench.run("c", Healthcheck=check("CMD-SHELL", "yes | head -c 5000"))
    found = until_status(bench, container, "healthy")
    assert found["Log"][0]["Output"] == "y\n" * 2048 + "..."


def test_probes_see_what_the_container_was_given(bench: Bench) -> None:
    container = bench.run(
        "c",
        Healthcheck=check("CMD-SHELL", "echo $WORD $(pwd) $(id -un)"),
        Env=["WORD=x"],
        WorkingDir="/etc",
        User="nobody",
    )
    found = until_status(bench, container, "healthy")
    assert found["Log"][0]["Output"] == "x /etc nobody\n"


def test_shell_of_the_container(bench: Bench) -> None:
    test = check("CMD-SHELL", "true")
    container = bench.run("c", Healthcheck=test, Shell=["/bin/echo", "-n"])
    assert until_status(bench, container, "healthy")["Log"][0]["Output"] == "true"


def test_none_takes_the_check_away(bench: Bench) -> None:
    for test in (["NONE"], [], ["BOGUS", "true"]):
        container = bench.run(Healthcheck={"Test": test})
        assert "Health" not in bench.state(container)
        assert "(" not in bench.listed(container)["Status"]


def test_failures_during_the_start_period_do_not_count(bench: Bench) -> None:
    test = check("CMD", "false", Retries=1, StartPeriod=3600 * 1000 * MILLISECOND)
    container = bench.run("c", Healthcheck=test)
    until(lambda: len(health(bench, container)["Log"]) >= 3)
    found = health(bench, container)
    assert (found["Status"], found["FailingStreak"]) == ("starting", 0)


def test_a_paused_container_is_not_probed(bench: Bench) -> None:
    container = bench.run("c", Healthcheck=check("CMD", "true"))
    until_status(bench, container, "healthy")
    bench.raw.post(f"/containers/{container}/pause")
    assert health(bench, container)["Status"] == "unhealthy"
    assert bench.listed(container)["Status"].endswith(" (Paused)")
    bench.raw.post(f"/containers/{container}/unpause")
    until_status(bench, container, "healthy")


def test_end_and_new_start(bench: Bench) -> None:
    container = bench.run("c", Healthcheck=check("CMD", "true"))
    until_status(bench, container, "healthy")
    bench.raw.post(f"/containers/{container}/kill")
    bench.finish(container)
    found = health(bench, container)
    assert (found["Status"], bool(found["Log"])) == ("unhealthy", True)
    assert "(healthy)" not in bench.listed(container)["Status"]
    bench.start(container)
    assert health(bench, container)["Status"] in ("starting", "healthy")
    until_status(bench, container, "healthy")


def test_list_by_health(bench: Bench) -> None:
    bench.run("none")
    bench.run("good", Healthcheck=check("CMD", "true"))
    bench.run("bad", Healthcheck=check("CMD", "false", Retries=1))
    bench.run("new", Healthcheck={"Test": ["CMD", "true"], "Interval": 3600 * 10**9})
    until_status(bench, bench.name("good"), "healthy")
    until_status(bench, bench.name("bad"), "unhealthy")

    def listed(value: str) -> set[str]:
        params = {"filters": {"health": [value], "name": [bench.prefix]}}
        rows = bench.raw.get("/containers/json", params=params).json()
        return {row["Names"][0].rpartition("-")[2] for row in rows}

    assert listed("healthy") == {"good"}
    assert listed("unhealthy") == {"bad"}
    assert listed("starting") == {"new"}
    assert listed("none") == {"none"}


def test_events_of_probes(bench: Bench) -> None:
    container = bench.create("c", Healthcheck=check("CMD-SHELL", "test -e /ok", Retries=2))
    with events(bench.engine, filters={"container": [container]}) as stream:
        bench.start(container)
        seen = list(stream.until("health_status: unhealthy"))
        bench.sh(container, "touch /ok")
        stream.until("health_status: healthy")
    kinds = [event["Action"].partition(":")[0] for event in seen]
    probe = ["exec_create", "exec_start"]
    # (The end of the last probe and what follows from it are told in either order.)
    assert [kind for kind in kinds if kind != "exec_die"] == ["start", *probe, *probe, kinds[-1]]
    assert kinds[3] == "exec_die"
    assert seen[1]["Action"] == "exec_create: /bin/sh -c test -e /ok"
    attributes = [event["Actor"]["Attributes"] for event in seen]
    assert attributes[1] == {
        "execID": attributes[2]["execID"],
        "image": "alpine",
        "name": bench.name("c"),
    }
    assert attributes[3] == {**attributes[1], "exitCode": "1"}
    assert attributes[-1] == {"image": "alpine", "name": bench.name("c")}


def test_events_of_health_alone(bench: Bench) -> None:
    container = bench.create("c", Healthcheck=check("CMD", "true"))
    for value in ("health_status", "health_status: healthy"):
        filters = {"container": [container], "event": [value]}
        with events(bench.engine, filters=filters) as stream:
            bench.start(container)
            assert stream.next()["Action"] == "health_status: healthy"
            bench.raw.post(f"/containers/{container}/kill")
            bench.finish(container)


def test_of_the_command_line(bench: Bench, docker_command: str) -> None:
    name = bench.adopt(bench.name("c"))
    words = ["--health-cmd", "test -e /etc", "--health-interval", "100ms", "--health-retries", "2"]
    words += ["--health-timeout", "1m", "--health-start-period", "1h", "--name", name, "alpine"]
    assert bench.cli("run", "-d", *words, *IDLE).err == ""
    until_status(bench, name, "healthy")
    shown = bench.cli("inspect", "--format", "{{json .Config.Healthcheck}}", name)
    assert shown.out == (
        '{"Test":["CMD-SHELL","test -e /etc"],"Interval":100000000,"Timeout":60000000000,'
        '"StartPeriod":3600000000000,"Retries":2}\n'
    )
    listed = bench.cli("ps", "--filter", f"name={name}", "--format", "{{.Status}}")
    assert listed.out.endswith("(healthy)\n")
