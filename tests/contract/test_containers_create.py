"""Creating containers: what comes back, what an inspect shows, what is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.contract.harness import IDLE, Bench, words

INSPECT_KEYS = set(
    words(
        "Id Created Path Args State Image ResolvConfPath HostnamePath HostsPath LogPath Name "
        "RestartCount Driver Platform MountLabel ProcessLabel AppArmorProfile ExecIDs HostConfig "
        "GraphDriver Mounts Config NetworkSettings"
    )
)
STATE_KEYS = set(
    words("Status Running Paused Restarting OOMKilled Dead Pid ExitCode Error StartedAt FinishedAt")
)
NETWORK_SETTINGS_KEYS = set(
    words(
        "Bridge SandboxID SandboxKey Ports HairpinMode LinkLocalIPv6Address LinkLocalIPv6PrefixLen "
        "SecondaryIPAddresses SecondaryIPv6Addresses EndpointID Gateway GlobalIPv6Address "
        "GlobalIPv6PrefixLen IPAddress IPPrefixLen IPv6Gateway MacAddress Networks"
    )
)
ENDPOINT_KEYS = set(
    words(
        "IPAMConfig Links Aliases MacAddress NetworkID EndpointID Gateway IPAddress IPPrefixLen "
        "IPv6Gateway GlobalIPv6Address GlobalIPv6PrefixLen DriverOpts DNSNames"
    )
)
ZERO_TIME = "0001-01-01T00:00:00Z"


def test_create_gives_id_and_warnings(bench: Bench) -> None:
    answer = bench.create_raw({"Image": "alpine"})
    assert answer.status == 201
    assert set(answer.json()) == {"Id", "Warnings"}
    assert answer.json()["Warnings"] == []
    assert re.fullmatch(r"[0-9a-f]{64}", answer.json()["Id"])


def test_created_container_has_not_run(bench: Bench) -> None:
    state = bench.state(bench.create())
    assert set(state) == STATE_KEYS
    assert state["Status"] == "created"
    assert state["Running"] is False
    assert state["Pid"] == state["ExitCode"] == 0
    assert state["StartedAt"] == state["FinishedAt"] == ZERO_TIME


def test_inspect_shape(bench: Bench) -> None:
    document = bench.inspect(bench.run("shape"))
    assert set(document) == INSPECT_KEYS
    assert set(document["State"]) == STATE_KEYS
    assert set(document["NetworkSettings"]) == NETWORK_SETTINGS_KEYS
    assert set(document["NetworkSettings"]["Networks"]["bridge"]) == ENDPOINT_KEYS
    assert document["Name"] == "/" + bench.name("shape")
    assert (document["Path"], document["Args"]) == ("sleep", ["1000"])
    assert document["Image"] == bench.raw.get("/images/alpine/json").json()["Id"]
    assert document["Platform"] == "linux"
    assert document["RestartCount"] == 0
    assert document["Mounts"] == []
    assert document["LogPath"].endswith(f"{document['Id']}-json.log")


def test_inspect_times_are_rfc3339(bench: Bench) -> None:
    document = bench.inspect(bench.run())
    for text in (document["Created"], document["State"]["StartedAt"]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", text)
    assert document["Created"] < document["State"]["StartedAt"]
    assert document["State"]["FinishedAt"] == ZERO_TIME


def test_inspect_running_state(bench: Bench) -> None:
    state = bench.state(bench.run())
    assert (state["Status"], state["Running"]) == ("running", True)
    assert state["Pid"] > 0
    assert not state["Paused"]
    assert not state["Restarting"]
    assert not state["Dead"]


def test_inspect_config(bench: Bench) -> None:
    container = bench.create(Env=["A=1", "B=two words"], Labels={"who": "me"}, WorkingDir="/srv")
    config = bench.inspect(container)["Config"]
    assert config["Cmd"] == IDLE
    assert config["Image"] == "alpine"
    assert config["Hostname"] == container[:12]
    assert config["Labels"] == {"who": "me"}
    assert config["WorkingDir"] == "/srv"
    assert config["Env"][:2] == ["A=1", "B=two words"]
    assert config["Env"][2].startswith("PATH=")
    assert config["Entrypoint"] is None
    assert config["Tty"] is config["OpenStdin"] is config["AttachStdin"] is False


HOST_DEFAULTS: dict[str, Any] = {
    "Binds": None,
    "LogConfig": {"Type": "json-file", "Config": {}},
    "NetworkMode": "bridge",
    "PortBindings": None,
    "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
    "AutoRemove": False,
    "VolumesFrom": None,
    "Dns": None,
    "ExtraHosts": None,
    "Links": None,
    "Privileged": False,
    "PublishAllPorts": False,
    "ReadonlyRootfs": False,
    "ShmSize": 67108864,
    "Memory": 0,
    "NanoCpus": 0,
    "IpcMode": "private",
    "PidMode": "",
    "UTSMode": "",
}


@pytest.mark.parametrize("key", HOST_DEFAULTS)
def test_inspect_host_config_default(shelf: Bench, key: str) -> None:
    container = shelf.create() if not shelf._containers else shelf._containers[0]
    assert shelf.inspect(container)["HostConfig"][key] == HOST_DEFAULTS[key]


def test_inspect_by_id_name_and_prefix(bench: Bench) -> None:
    container = bench.create("named")
    for reference in (container, container[:12], container[:20], bench.name("named")):
        assert bench.inspect(reference)["Id"] == container


def test_inspect_with_size(bench: Bench) -> None:
    document = bench.inspect(bench.run(), params={"size": "1"})
    assert document["SizeRootFs"] > 0
    assert document["SizeRw"] >= 0


def test_prefix_of_two_ids_is_ambiguous(bench: Bench) -> None:
    """Of 17 IDs two start with the same digit."""
    seen: set[str] = set()
    while True:
        container = bench.create()
        if container[0] in seen:
            break
        seen.add(container[0])
    answer = bench.raw.get(f"/containers/{container[0]}/json")
    assert answer.status == 400
    assert answer.message == f"multiple IDs found with provided prefix: {container[0]}"


def test_default_name_is_two_words(bench: Bench) -> None:
    assert re.fullmatch(r"/[a-z]+_[a-z]+\d?", bench.inspect(bench.create())["Name"])


@pytest.mark.parametrize("prefix", ["", "/"])
def test_name_in_use(bench: Bench, prefix: str) -> None:
    first = bench.create("taken")
    answer = bench.create_raw({"Image": "alpine"}, prefix + bench.name("taken"))
    assert answer.status == 409
    assert answer.message == (
        f'Conflict. The container name "/{bench.name("taken")}" is already in use by container '
        f'"{first}". You have to remove (or rename) that container to be able to reuse that name.'
    )


@pytest.mark.parametrize("name", ["a b", "x", "-x", "é", "a/b", ".x", "a*"])
def test_name_not_allowed(bench: Bench, name: str) -> None:
    answer = bench.create_raw({"Image": "alpine"}, name)
    assert answer.status == 400
    assert answer.message == (
        f"Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
    )


@pytest.mark.parametrize("name", ["aa", "A.b_c-9", "0x"])
def test_name_allowed(bench: Bench, name: str) -> None:
    full = f"{name}-{bench.name()}"
    assert bench.create_raw({"Image": "alpine"}, full).status == 201


@pytest.mark.parametrize(
    ("image", "status", "message"),
    [
        ("no-such-image", 404, "No such image: no-such-image:latest"),
        ("alpine:no-such-tag", 404, "No such image: alpine:no-such-tag"),
        (
            "UPPER",
            400,
            "invalid reference format: repository name (library/UPPER) must be lowercase",
        ),
        ("a:b:c", 400, "invalid reference format"),
    ],
)
def test_image_not_there(bench: Bench, image: str, status: int, message: str) -> None:
    answer = bench.create_raw({"Image": image})
    assert (answer.status, answer.message) == (status, message)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"StopSignal": "FOO"}, "invalid signal: FOO"),
        ({"Env": ["=x"]}, "invalid environment variable: =x"),
        (
            {"WorkingDir": "rel"},
            "the working directory 'rel' is invalid, it needs to be an absolute path",
        ),
        (
            {"HostConfig": {"RestartPolicy": {"Name": "sometimes"}}},
            "invalid restart policy: unknown policy 'sometimes'; use one of 'no', 'always', "
            "'on-failure', or 'unless-stopped'",
        ),
        (
            {"HostConfig": {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 3}}},
            "invalid restart policy: maximum retry count can only be used with 'on-failure'",
        ),
        (
            {"HostConfig": {"AutoRemove": True, "RestartPolicy": {"Name": "always"}}},
            "can't create 'AutoRemove' container with restart policy",
        ),
        (
            {"HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "99999"}]}}},
            'invalid port specification: "99999"',
        ),
        (
            {"HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "x"}]}}},
            'invalid port specification: "x"',
        ),
        (
            {"HostConfig": {"PortBindings": {"70000/tcp": [{"HostPort": "80"}]}}},
            'invalid port specification: "70000"',
        ),
        ({"HostConfig": {"ExtraHosts": ["x"]}}, 'bad format for add-host: "x"'),
        ({"HostConfig": {"Memory": 1}}, "Minimum memory limit allowed is 6MB"),
        (
            {
                "ExposedPorts": {"80/tcp": {}},
                "HostConfig": {"NetworkMode": "container:x", "PortBindings": {"80/tcp": [{}]}},
            },
            "conflicting options: port publishing and the container type network mode",
        ),
        (
            {"Hostname": "x", "HostConfig": {"NetworkMode": "container:x"}},
            "conflicting options: hostname and the network mode",
        ),
        (
            {"HostConfig": {"Links": ["ghost:x"]}},
            "could not get container for ghost: No such container: ghost",
        ),
        (
            {"NetworkingConfig": {"EndpointsConfig": {"bridge": {"Aliases": ["x"]}}}},
            "invalid config for network bridge: invalid endpoint settings:\n"
            "network-scoped alias is supported only for containers in user defined networks",
        ),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_config_not_allowed(bench: Bench, config: dict[str, Any], message: str) -> None:
    answer = bench.create_raw({"Image": "alpine", **config})
    assert (answer.status, answer.message) == (400, message)


def test_published_ports_are_discarded_on_the_host_network(bench: Bench) -> None:
    host = {"NetworkMode": "host", "PortBindings": {"80/tcp": [{}]}}
    answer = bench.create_raw(
        {"Image": "alpine", "ExposedPorts": {"80/tcp": {}}, "HostConfig": host}
    )
    assert answer.json()["Warnings"] == [
        "Published ports are discarded when using host network mode"
    ]


def test_no_image_and_no_command(bench: Bench) -> None:
    answer = bench.create_raw({"Image": ""})
    assert (answer.status, answer.message) == (400, "no command specified")


def test_command_and_entrypoint_of_the_image(bench: Bench) -> None:
    container = bench.create(image="nginx")
    config = bench.inspect(container)["Config"]
    assert config["Cmd"] == ["nginx", "-g", "daemon off;"]
    assert config["ExposedPorts"] == {"80/tcp": {}}
    assert config["StopSignal"] == "SIGQUIT"


def test_entrypoint_replaces_the_command_too(bench: Bench) -> None:
    container = bench.create(image="redis", Entrypoint=["echo", "hello"])
    document = bench.inspect(container)
    assert document["Config"]["Entrypoint"] == ["echo", "hello"]
    assert not document["Config"]["Cmd"]
    assert (document["Path"], document["Args"]) == ("echo", ["hello"])


def test_empty_entrypoint_clears_that_of_the_image(bench: Bench) -> None:
    container = bench.create(image="redis", command=["echo", "x"], Entrypoint=[""])
    assert bench.inspect(container)["Path"] == "echo"


def test_entrypoint_and_command_join(bench: Bench) -> None:
    container = bench.run(command=["world"], Entrypoint=["echo", "hello"])
    assert bench.finish(container) == 0
    assert bench.logs(container) == "hello world\n"


def test_command_as_one_string(bench: Bench) -> None:
    answer = bench.create_raw({"Image": "alpine", "Cmd": "ls"})
    assert answer.status == 201
    assert bench.inspect(answer.json()["Id"])["Config"]["Cmd"] == ["ls"]


def test_environment_reaches_the_program(bench: Bench) -> None:
    lines = bench.output("env", Env=["A=1", "EMPTY="]).splitlines()
    assert "A=1" in lines
    assert "EMPTY=" in lines
    assert "HOME=/root" in lines
    assert any(line.startswith("HOSTNAME=") for line in lines)


def test_environment_of_the_client_overrides_that_of_the_image(bench: Bench) -> None:
    assert "PATH=/bin\n" in bench.output("/bin/busybox", "env", Env=["PATH=/bin"])


def test_hostname_and_domain(bench: Bench) -> None:
    container = bench.run(Hostname="box", Domainname="example.org")
    assert bench.sh(container, "hostname").out == "box\n"
    assert bench.sh(container, "cat /etc/hostname").out.startswith("box")
    assert "box.example.org" in bench.sh(container, "cat /etc/hosts").out


def test_working_directory_is_made(bench: Bench) -> None:
    assert bench.output("pwd", WorkingDir="/made/for/it") == "/made/for/it\n"


def test_user_by_name_and_number(bench: Bench) -> None:
    assert bench.output("id", "-un", User="nobody") == "nobody\n"
    assert bench.output("id", "-u", User="1234") == "1234\n"
    assert bench.output("sh", "-c", "id -u; id -g", User="12:34") == "12\n34\n"


def test_user_unknown(bench: Bench) -> None:
    container = bench.create(User="ghost")
    answer = bench.raw.post(f"/containers/{container}/start")
    assert answer.status in (400, 500)
    assert "unable to find user ghost: no matching entries in passwd file" in answer.message


def test_old_api_gives_the_same_container(bench: Bench) -> None:
    answer = bench.create_raw({"Image": "alpine", "Cmd": IDLE}, version="v1.24")
    assert answer.status == 201
    container = answer.json()["Id"]
    assert bench.raw.post(f"/containers/{container}/start", version="v1.24").status == 204
    document = bench.inspect(container, version="v1.24")
    assert document["State"]["Running"] is True
    assert document["NetworkSettings"]["IPAddress"]


def test_volumes_named_and_anonymous_are_mounted(bench: Bench) -> None:
    host = {"Tmpfs": {"/scratch": "size=1m"}}
    container = bench.run(Volumes={"/data": {}}, host=host)
    mounts = bench.inspect(container)["Mounts"]
    (volume,) = (m for m in mounts if m["Type"] == "volume")
    assert (volume["Destination"], volume["Driver"], volume["RW"]) == ("/data", "local", True)
    assert bench.sh(container, "touch /data/a /scratch/b && ls /data /scratch").code == 0
