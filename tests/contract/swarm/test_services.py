"""What services do beside being there: updates, logs, secrets, kinds of services, stacks."""

from __future__ import annotations

import base64
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.contract.harness import Bench, free_port, until
from tests.contract.swarm.test_swarm import IDLE, names, tasks

pytestmark = pytest.mark.usefixtures("swarm")
PATIENCE = 60.0
"""Seconds for what takes a swarm several of its rounds."""
SECOND = 10**9
SLEEPER = {"Image": "alpine:latest", "Args": IDLE, "StopGracePeriod": SECOND // 10}


def shown(bench: Bench, name: str) -> dict[str, Any]:
    answer = bench.raw.get(f"/services/{name}")
    assert answer.status == 200, answer.body
    document: dict[str, Any] = answer.json()
    return document


def update(bench: Bench, name: str, spec: dict[str, Any], **params: str) -> None:
    params["version"] = str(shown(bench, name)["Version"]["Index"])
    answer = bench.raw.post(f"/services/{name}/update", spec, params=params)
    assert answer.status == 200, answer.body


def state_of_update(bench: Bench, name: str) -> str:
    state: str = shown(bench, name).get("UpdateStatus", {}).get("State", "")
    return state


def current(bench: Bench, name: str) -> list[dict[str, Any]]:
    """The running tasks but those that are to end."""
    return [task for task in tasks(bench, name) if task["DesiredState"] == "running"]


def reason_to_wait(bench: Bench, name: str) -> str:
    """What keeps a service's task pending; empty while that is not known."""
    found = [task["Status"].get("Err", "") for task in tasks(bench, name, "pending")]
    return "".join(found)


def container_of(task: dict[str, Any]) -> str:
    container: str = task["Status"]["ContainerStatus"]["ContainerID"]
    return container


def create(bench: Bench, word: str, **spec: Any) -> str:
    name = bench.name(word)
    body = {"Name": name, "TaskTemplate": {"ContainerSpec": SLEEPER}, **spec}
    answer = bench.raw.post("/services/create", body)
    assert answer.status == 201, answer.body
    return name


def test_what_is_left_to_defaults(bench: Bench) -> None:
    name = create(bench, "web", Mode={"Global": {}}, UpdateConfig={"Parallelism": 3})
    plain = bench.raw.get(f"/services/{name}").json()["Spec"]
    full = bench.raw.get(f"/services/{name}", params={"insertDefaults": "true"}).json()["Spec"]
    defaults = {
        "Parallelism": 1,
        "FailureAction": "pause",
        "Monitor": 5 * SECOND,
        "MaxFailureRatio": 0,
        "Order": "stop-first",
    }
    assert "RollbackConfig" not in plain
    assert full["RollbackConfig"] == defaults
    assert full["UpdateConfig"] == {**defaults, "Parallelism": 3}
    task = full["TaskTemplate"]
    assert (task["Placement"], task["Resources"]) == ({}, {})
    assert task["RestartPolicy"] == {"Condition": "any", "Delay": 5 * SECOND, "MaxAttempts": 0}
    assert task["ContainerSpec"]["DNSConfig"] == {}
    wrong = bench.raw.get(f"/services/{name}", params={"insertDefaults": "x"})
    assert (wrong.status, wrong.message) == (
        400,
        'invalid value for insertDefaults: x: strconv.ParseBool: parsing "x": invalid syntax',
    )


def test_update_and_rollback(bench: Bench) -> None:
    name = create(bench, "web", Mode={"Replicated": {"Replicas": 2}})
    until(lambda: len(tasks(bench, name)) == 2, PATIENCE)
    before = {task["ID"] for task in tasks(bench, name)}
    spec = shown(bench, name)["Spec"]
    spec["TaskTemplate"]["ContainerSpec"]["Env"] = ["RELEASE=2"]
    spec["UpdateConfig"] = {"Parallelism": 1, "Order": "start-first", "Monitor": SECOND}
    spec["RollbackConfig"] = {"Parallelism": 0, "Monitor": SECOND}
    update(bench, name, spec)
    until(lambda: state_of_update(bench, name) == "completed", PATIENCE)
    document = shown(bench, name)
    assert document["UpdateStatus"]["Message"] == "update completed"
    assert "Env" not in document["PreviousSpec"]["TaskTemplate"]["ContainerSpec"]
    after = until(lambda: (rows := current(bench, name)) and len(rows) == 2 and rows, PATIENCE)
    assert [task["Spec"]["ContainerSpec"]["Env"] for task in after] == [["RELEASE=2"]] * 2
    assert before.isdisjoint(task["ID"] for task in after)
    assert sorted(task["Slot"] for task in after) == [1, 2]
    assert bench.exec(container_of(after[0]), ["sh", "-c", "echo $RELEASE"]).out == "2\n"
    update(bench, name, spec, rollback="previous")
    until(lambda: state_of_update(bench, name) == "rollback_completed", PATIENCE)
    document = shown(bench, name)
    assert document["UpdateStatus"]["Message"] == "rollback completed"
    assert "Env" not in document["Spec"]["TaskTemplate"]["ContainerSpec"]
    assert {"Env" in task["Spec"]["ContainerSpec"] for task in current(bench, name)} == {False}


def test_an_update_that_fails_pauses(bench: Bench) -> None:
    template = {"ContainerSpec": SLEEPER, "RestartPolicy": {"Condition": "none"}}
    name = create(bench, "web", TaskTemplate=template)
    until(lambda: tasks(bench, name), PATIENCE)
    spec = shown(bench, name)["Spec"]
    spec["TaskTemplate"]["ContainerSpec"]["Args"] = ["false"]
    spec["UpdateConfig"] = {"Parallelism": 1, "FailureAction": "pause", "Monitor": 2 * SECOND}
    update(bench, name, spec)
    until(lambda: state_of_update(bench, name) == "paused", PATIENCE)
    message = shown(bench, name)["UpdateStatus"]["Message"]
    assert message.startswith("update paused due to failure or early termination of task ")


def healthy_while(script: str) -> dict[str, Any]:
    """A task that is asked often whether it is well; once is enough to say that it is not."""
    check = {"Test": ["CMD-SHELL", script], "Interval": SECOND // 5, "Retries": 1}
    grown_up = {**check, "StartPeriod": 60 * SECOND, "StartInterval": SECOND // 5}
    return {"ContainerSpec": {**SLEEPER, "Healthcheck": grown_up}, "RestartPolicy": ONCE}


ONCE = {"Condition": "none"}


def test_a_task_runs_from_when_it_is_healthy(bench: Bench) -> None:
    name = create(bench, "web", TaskTemplate=healthy_while("test -e /well"))
    task = until(lambda: (found := tasks(bench, name, "starting")) and found[0], PATIENCE)
    until(lambda: bench.inspect(container_of(task))["State"]["Health"]["Log"], PATIENCE)
    assert tasks(bench, name) == []
    bench.exec(container_of(task), ["touch", "/well"])
    until(lambda: tasks(bench, name), PATIENCE)
    # What was well once has no start to excuse it any more.
    bench.exec(container_of(task), ["rm", "/well"])
    failed = until(lambda: (found := tasks(bench, name, "failed")) and found[0], PATIENCE)
    assert failed["Status"]["Err"] == "task: non-zero exit (137): dockerexec: unhealthy container"
    assert bench.inspect(container_of(task))["State"]["Status"] == "exited"


def test_a_task_that_is_never_healthy_fails(bench: Bench) -> None:
    template = healthy_while("false")
    template["ContainerSpec"]["Healthcheck"]["StartPeriod"] = 0
    name = create(bench, "web", TaskTemplate=template)
    failed = until(lambda: (found := tasks(bench, name, "failed")) and found[0], PATIENCE)
    assert failed["Status"]["Err"] == "task: non-zero exit (137): dockerexec: unhealthy container"
    until(lambda: bench.inspect(container_of(failed))["State"]["Status"] == "exited", PATIENCE)


def test_logs_of_a_service(bench: Bench) -> None:
    script = "echo out-$HOSTNAME; echo err >&2; sleep 1000"
    template = {"ContainerSpec": {"Image": "alpine:latest", "Args": ["sh", "-c", script]}}
    name = create(bench, "talk", TaskTemplate=template, Mode={"Replicated": {"Replicas": 2}})
    until(lambda: len(tasks(bench, name)) == 2, PATIENCE)
    until(lambda: bench.cli("service", "logs", name).out.count("out-") == 2, PATIENCE)
    result = bench.cli("service", "logs", "--raw", name)
    hosts = {container_of(task)[:12] for task in tasks(bench, name)}
    assert set(result.out.split()) == {f"out-{host}" for host in hosts}
    assert result.err == "err\n" * 2
    node = bench.raw.get("/info").json()["Name"]
    lines = bench.cli("service", "logs", name).out.splitlines()
    (first,) = [task for task in tasks(bench, name) if task["Slot"] == 1]
    head = f"{name}.1.{first['ID'][:12]}@{node}"
    assert [line for line in lines if line.startswith(head)] == [
        next(line for line in lines if line.startswith(head))
    ]
    assert lines[0].split()[1] == "|"
    own = bench.cli("service", "logs", "--raw", first["ID"])
    assert own.out == f"out-{container_of(first)[:12]}\n"
    assert bench.cli("service", "logs", bench.name("ghost")).err == (
        f"no such task or service: {bench.name('ghost')}\n"
    )


def test_secrets_and_configs_in_a_task(bench: Bench) -> None:
    found = {}
    for kind, text in (("secrets", "s3cr3t"), ("configs", "listen 80\n")):
        body = {"Name": bench.name(kind), "Data": base64.b64encode(text.encode()).decode()}
        answer = bench.raw.post(f"/{kind}/create", body)
        assert answer.status == 201, answer.body
        found[kind] = answer.json()["ID"]
        again = bench.raw.post(f"/{kind}/create", body)
        assert (again.status, again.message) == (
            409,
            f"rpc error: code = AlreadyExists desc = {kind[:-1]} {bench.name(kind)} already exists",
        )
    assert "Data" not in bench.raw.get(f"/secrets/{found['secrets']}").json()["Spec"]
    shown_config = bench.raw.get(f"/configs/{found['configs']}").json()["Spec"]
    assert base64.b64decode(shown_config["Data"]) == b"listen 80\n"
    target = {"UID": "33", "GID": "0", "Mode": 0o440}
    spec = {
        "Image": "alpine:latest",
        "Args": IDLE,
        "Secrets": [
            {
                "File": {"Name": "key", **target},
                "SecretID": found["secrets"],
                "SecretName": bench.name("secrets"),
            }
        ],
        "Configs": [
            {
                "File": {"Name": "/etc/web.conf", **target, "UID": "0", "Mode": 0o444},
                "ConfigID": found["configs"],
                "ConfigName": bench.name("configs"),
            }
        ],
    }
    name = create(bench, "user", TaskTemplate={"ContainerSpec": spec})
    (task,) = until(lambda: tasks(bench, name), PATIENCE)
    container = container_of(task)
    script = "cat /run/secrets/key /etc/web.conf; stat -c '%a %u %g' /run/secrets/key /etc/web.conf"
    assert bench.sh(container, script).out == "s3cr3tlisten 80\n440 33 0\n444 0 0\n"
    busy = bench.raw.delete(f"/secrets/{found['secrets']}")
    assert (busy.status, busy.message) == (
        400,
        f"rpc error: code = InvalidArgument desc = secret '{bench.name('secrets')}' is in use by "
        f"the following service: {name}",
    )
    assert bench.raw.delete(f"/services/{name}").status == 200
    assert bench.raw.delete(f"/secrets/{found['secrets']}").status == 204
    assert bench.raw.get(f"/secrets/{found['secrets']}").status == 404


def test_a_global_service(bench: Bench) -> None:
    name = create(bench, "everywhere", Mode={"Global": {}})
    (task,) = until(lambda: tasks(bench, name), PATIENCE)
    node = bench.raw.get("/info").json()["Swarm"]["NodeID"]
    assert "Slot" not in task
    assert task["NodeID"] == node
    assert bench.inspect(container_of(task))["Name"] == f"/{name}.{node}.{task['ID']}"
    assert bench.cli("service", "ls", "--filter", f"name={name}", "--format", "{{.Mode}}").out == (
        "global\n"
    )
    scaled = bench.cli("service", "scale", f"{name}=2")
    assert scaled.code == 1
    assert "scale can only be used with replicated or replicated-job mode" in scaled.err


def test_names_of_a_service_without_a_virtual_address(bench: Bench) -> None:
    net = bench.network(Driver="overlay", Attachable=True)
    name = create(
        bench,
        "rr",
        EndpointSpec={"Mode": "dnsrr"},
        Mode={"Replicated": {"Replicas": 3}},
        Networks=[{"Target": net}],
    )
    until(lambda: len(tasks(bench, name)) == 3, PATIENCE)
    own = {
        task["NetworksAttachments"][0]["Addresses"][0].partition("/")[0]
        for task in tasks(bench, name)
    }
    probe = bench.on(net, "probe")
    until(lambda: names(bench, probe, name) == own, PATIENCE)
    assert names(bench, probe, f"tasks.{name}") == own
    assert "VirtualIPs" not in shown(bench, name)["Endpoint"]
    assert bench.exec(probe, ["ping", "-c1", "-w5", name]).code == 0
    spec = {"Name": bench.name("q"), "TaskTemplate": {"ContainerSpec": {"Image": "alpine"}}}
    ports = [{"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080}]
    refused = bench.raw.post(
        "/services/create", {**spec, "EndpointSpec": {"Mode": "dnsrr", "Ports": ports}}
    )
    assert (refused.status, refused.message) == (
        400,
        "rpc error: code = InvalidArgument desc = EndpointSpec: port published with ingress mode "
        "can't be used with dnsrr mode",
    )


def test_a_port_of_the_host(bench: Bench) -> None:
    port = free_port()
    ports = [
        {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": port, "PublishMode": "host"},
    ]
    name = create(
        bench,
        "web",
        TaskTemplate={"ContainerSpec": {"Image": "nginx:latest"}},
        EndpointSpec={"Ports": ports},
    )
    (task,) = until(lambda: tasks(bench, name), PATIENCE)
    assert "Welcome to nginx!" in bench.fetch(port)
    status = task["Status"]["PortStatus"]["Ports"]  # on dockerd one for each family
    assert {(one["PublishedPort"], one["PublishMode"]) for one in status} == {(port, "host")}
    spec = shown(bench, name)["Spec"]
    spec["Mode"] = {"Replicated": {"Replicas": 2}}
    update(bench, name, spec)
    reason = until(lambda: reason_to_wait(bench, name), PATIENCE)
    assert reason == "no suitable node (host-mode port already in use on 1 node)"


def test_a_network_of_the_node(bench: Bench) -> None:
    name = bench.name("near")
    words = ["--network", "bridge", "--stop-grace-period", "100ms", "alpine:latest", *IDLE]
    made = bench.cli("service", "create", "-d", "-q", "--name", name, *words)
    assert made.code == 0, made.err
    (task,) = until(lambda: tasks(bench, name), PATIENCE)
    assert set(bench.inspect(container_of(task))["NetworkSettings"]["Networks"]) == {"bridge"}
    shown = bench.raw.get("/networks/bridge", params={"scope": "swarm"}).json()
    assert (shown["Scope"], shown["Labels"]) == ("swarm", {"com.docker.swarm.predefined": "true"})
    assert bench.raw.get("/networks/none", params={"scope": "swarm"}).status == 404


def test_constraints(bench: Bench) -> None:
    (node,) = bench.raw.get("/nodes").json()
    spec = {**node["Spec"], "Labels": {"disk": "ssd"}}
    params = {"version": str(node["Version"]["Index"])}
    assert bench.raw.post(f"/nodes/{node['ID']}/update", spec, params=params).status == 200
    template = {"ContainerSpec": SLEEPER}

    def place(word: str, constraint: str) -> str:
        placed = {**template, "Placement": {"Constraints": [constraint]}}
        return create(bench, word, TaskTemplate=placed)

    fits = place("fits", "node.labels.disk==ssd")
    waits = place("waits", "node.labels.disk!=ssd")
    worker = place("worker", "node.role==worker")
    until(lambda: tasks(bench, fits), PATIENCE)
    for name in (waits, worker):
        reason = until(partial(reason_to_wait, bench, name), PATIENCE)
        assert reason == "no suitable node (scheduling constraints not satisfied on 1 node)"
    body = {
        "Name": bench.name("q"),
        "TaskTemplate": {**template, "Placement": {"Constraints": ["node.role=="]}},
    }
    refused = bench.raw.post("/services/create", body)
    assert (refused.status, refused.message) == (
        500,
        "rpc error: code = Unknown desc = value '' is invalid",
    )


STACK = """\
services:
  web:
    image: nginx:latest
    networks: [front]
    deploy: {{replicas: {replicas}}}
  probe:
    image: alpine:latest
    command: sleep 1000
    stop_grace_period: 100ms
    networks: [front]
    configs: [{{source: note, target: /note}}]
networks:
  front: {{driver: overlay, attachable: true}}
configs:
  note: {{file: ./note.txt}}
"""


def test_a_stack(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("hello\n")
    file, name = tmp_path / "stack.yaml", bench.name("st")
    file.write_text("version: '3.8'\n" + STACK.format(replicas=2))
    deploy = ("stack", "deploy", "--detach=true", "-c", str(file), name)
    made = bench.cli(*deploy)
    assert made.code == 0, made.err
    assert set(made.out.splitlines()) == {
        f"Creating network {name}_front",
        f"Creating config {name}_note",
        f"Creating service {name}_web",
        f"Creating service {name}_probe",
    }
    until(lambda: len(tasks(bench, f"{name}_web")) == 2, PATIENCE)
    (probe,) = until(lambda: tasks(bench, f"{name}_probe"), PATIENCE)
    inside = container_of(probe)
    assert bench.sh(inside, "cat /note").out == "hello\n"
    until(lambda: len(names(bench, inside, "tasks.web")) == 2, PATIENCE)
    (first, *_) = names(bench, inside, "tasks.web")
    page = f"wget -qO- -T5 http://{first}/"
    until(lambda: "Welcome to nginx!" in bench.sh(inside, page).out, PATIENCE)
    rows = bench.cli("stack", "services", name, "--format", "{{.Name}} {{.Mode}} {{.Replicas}}").out
    assert sorted(rows.splitlines()) == [
        f"{name}_probe replicated 1/1",
        f"{name}_web replicated 2/2",
    ]
    file.write_text("version: '3.8'\n" + STACK.format(replicas=1))
    again = bench.cli(*deploy)
    assert again.code == 0, again.err
    assert f"Updating service {name}_web" in again.out
    until(lambda: len(tasks(bench, f"{name}_web")) == 1, PATIENCE)
    gone = bench.cli("stack", "rm", name)
    assert gone.code == 0, gone.err
    assert f"Removing service {name}_web" in gone.out + gone.err
    until(lambda: bench.raw.get(f"/networks/{name}_front").status == 404, PATIENCE)
    assert bench.cli("stack", "ls", "--format", "{{.Name}}").out == ""
