"""Requests with one thing wrong each, route by route: dockerd's status and words.

The routes are the engine's own table (``api/table.py``), so one that is added there is asked here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from course_lib.engine.api.table import ROUTES
from tests.contract.harness import Bench
from tests.contract.pairs import Pair

pytestmark = pytest.mark.docker

SWARM = ("/swarm", "/services", "/nodes", "/tasks", "/secrets", "/configs")
NAMED = [
    (method, path)
    for method, path, _, _ in ROUTES
    if "{" in path and not path.startswith(SWARM) and "attach/ws" not in path
]
UNKNOWN = ("no-such-one", "0123456789ab", "f" * 64, "a" * 300, "UPPER", "-x", "a b", "é")
"""What nothing is called: names, IDs in both lengths, and what cannot be a name."""

Request = tuple[str, str, Any, dict[str, Any]]
"""Method, path, body, query."""

QUERIES: dict[tuple[str, str], dict[str, Any]] = {
    ("GET", "/containers/{name}/logs"): {"stdout": "1"},
    ("POST", "/containers/{name}/rename"): {"name": "ct-nobody"},
    ("POST", "/containers/{name}/resize"): {"h": "1", "w": "1"},
    ("POST", "/exec/{name}/resize"): {"h": "1", "w": "1"},
    ("HEAD", "/containers/{name}/archive"): {"path": "/etc"},
    ("GET", "/containers/{name}/archive"): {"path": "/etc"},
    ("PUT", "/containers/{name}/archive"): {"path": "/etc"},
    ("POST", "/images/{name}/tag"): {"repo": "ct-nobody"},
}
"""What a route wants before it looks for the name."""

BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/containers/{name}/exec"): {"Cmd": ["true"]},
    ("POST", "/containers/{name}/update"): {},
    ("POST", "/exec/{name}/start"): {},
    ("POST", "/networks/{id}/connect"): {"Container": "no-such-one"},
    ("POST", "/networks/{id}/disconnect"): {"Container": "no-such-one"},
    ("PUT", "/volumes/{name}"): {},
}
PUSH = ("POST", "/images/{name}/push")  # asks for the registry's credentials first


def compare(pair: Pair, requests: list[Request], version: str = "v1.45") -> None:
    """Sends the requests to both engines.

    :raises AssertionError: where status or text differ, with all that do.
    """
    assert requests
    wrong = _different(pair, requests, version)
    if wrong:
        # Once more: other tests use dockerd at the same time, and some answers name what is there.
        wrong = _different(pair, [request for request, _, _ in wrong], version)
    assert not wrong, f"{len(wrong)} of {len(requests)}\n" + "\n".join(
        f"{request}\n  dockerd:  {its}\n  embedded: {mine}" for request, its, mine in wrong
    )


def _different(
    pair: Pair, requests: list[Request], version: str
) -> list[tuple[Request, tuple[int, str], tuple[int, str]]]:
    """The requests that the engines answer differently, with dockerd's answer and ours."""

    def answers(bench: Bench) -> list[tuple[int, str]]:
        return [ask(bench, request, version) for request in requests]

    theirs, ours = pair.on_both(answers)
    asked = zip(requests, theirs, ours, strict=True)
    return [(request, its, mine) for request, its, mine in asked if its != mine]


def ask(bench: Bench, request: Request, version: str = "v1.45") -> tuple[int, str]:
    """Status, and what an error says."""
    method, path, body, query = request
    answer = bench.raw.request(method, path, body, params=query or None, version=version)
    if answer.status < 400:
        return answer.status, ""
    # dockerd names the file that it has not found.
    said = answer.body.decode().strip()
    text = re.sub(r"failed to get digest (\S+): open [^\"]+", r"No such image: \1", said)
    return answer.status, text


@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown_names_on_every_route(pair: Pair, name: str) -> None:
    requests = []
    for method, path in NAMED:
        asked = path.replace("{name}", name).replace("{id}", name)
        query, body = QUERIES.get((method, path), {}), BODIES.get((method, path))
        if (method, path) != PUSH:
            requests.append((method, asked, body, query))
    compare(pair, requests)


LISTS = ("/containers/json", "/images/json", "/networks", "/volumes")
PRUNES = ("/containers/prune", "/images/prune", "/networks/prune", "/volumes/prune")


def test_filters_that_are_none(pair: Pair) -> None:
    wrong = ('{"nosuch":["x"]}', '{"nosuch":{"x":true}}', "{", "[]", '"x"', "1", '{"name":1}')
    routes = [*(("GET", path) for path in LISTS), *(("POST", path) for path in PRUNES)]
    compare(
        pair,
        [(method, path, None, {"filters": one}) for method, path in routes for one in wrong]
        + [("GET", "/events", None, {"filters": one, "until": "1"}) for one in wrong[2:]],
    )


def test_values_of_filters_that_cannot_be(pair: Pair) -> None:
    cases: list[tuple[str, dict[str, list[str]]]] = [
        ("/containers/json", {"status": ["nosuch"]}),
        ("/containers/json", {"exited": ["x"]}),
        ("/containers/json", {"health": ["nosuch"]}),
        ("/containers/json", {"before": ["no-such-one"]}),
        ("/containers/json", {"since": ["no-such-one"]}),
        ("/containers/json", {"is-task": ["x"]}),
        *(
            ("/containers/json", {name: [value]})
            for name in ("publish", "expose")
            for value in (
                "x",
                "99999",
                "80-70",
                "80-x",
                "x-80",
                "80/nosuch",
                "1-",
                "-",
                "",
                "/tcp",
                "1:2",
                "80-81-82",
                "-1",
                "1.5",
                "80-99999",
            )
        ),
        ("/containers/json", {"name": ["("]}),
        ("/images/json", {"dangling": ["x"]}),
        ("/images/json", {"before": ["no-such-one"]}),
        ("/images/json", {"since": ["no-such-one"]}),
        ("/images/json", {"until": ["x"]}),
        ("/images/json", {"until": [""]}),
        ("/networks", {"type": ["nosuch"]}),
        ("/networks", {"dangling": ["x"]}),
        ("/networks", {"scope": ["nosuch"]}),
        ("/volumes", {"dangling": ["x"]}),
    ]
    prunes: list[tuple[str, dict[str, list[str]]]] = [
        (f"/{kind}/prune", {"label": ["nobody-has-this"], "until": values})
        for kind in ("containers", "images", "networks", "volumes")
        for values in (["x"], ["1h", "2h"])
    ]
    compare(
        pair,
        [("GET", path, None, {"filters": one}) for path, one in cases]
        + [("POST", path, None, {"filters": one}) for path, one in prunes],
    )


PLATFORMS = (
    "a/b/c/d", "a b", "linux/", "/", "nosuch", "linux/nosuch", "windows/amd64", "linux/arm/v7",
    "linux/aarch64", "macos", "a(b)/c",
)  # fmt: skip


def test_platforms(pair: Pair) -> None:
    """On the way to a name that no container can have, and that ends a good one."""
    words = (*PLATFORMS, "linux", "amd64", "linux/x86_64")
    create = ("POST", "/containers/create", {"Image": "alpine"})
    unread = [p for p in PLATFORMS if p not in {"linux/nosuch", "macos", "a(b)/c"} and p[-1] != "7"]
    compare(
        pair,
        [(*create, {"platform": platform, "name": "a b"}) for platform in words]
        + [
            ("POST", "/images/create", None, {"fromImage": "alpine", "platform": platform})
            for platform in unread[:5]
        ],
    )


def test_queries_that_cannot_be_read(pair: Pair) -> None:
    compare(
        pair,
        [
            ("GET", "/containers/json", None, {"limit": "x"}),
            ("GET", "/containers/json", None, {"limit": "1.5"}),
            ("GET", "/containers/json", None, {"limit": "9" * 30}),
            ("GET", "/events", None, {"since": "x"}),
            ("GET", "/events", None, {"until": "x"}),
            ("GET", "/events", None, {"since": "2", "until": "1"}),
            ("GET", "/system/df", None, {"type": "nosuch"}),
            ("GET", "/images/search", None, {"term": "x", "limit": "x"}),
            ("GET", "/images/search", None, {"term": "x", "limit": "-1"}),
            ("GET", "/images/search", None, {"term": "x", "limit": "101"}),
            ("GET", "/images/search", None, {"term": "x", "limit": "9" * 30}),
            ("POST", "/images/create", None, {}),
            ("POST", "/images/create", None, {"fromSrc": ""}),
            ("POST", "/images/create", None, {"platform": "a/b/c/d"}),
            ("POST", "/images/create", None, {"repo": "UPPER"}),
            ("POST", "/images/create", None, {"repo": "x", "tag": "a b"}),
            ("POST", "/images/create", None, {"fromImage": "UPPER"}),
            ("POST", "/containers/create", {"Image": "alpine"}, {"name": "a b"}),
            ("POST", "/containers/create", {"Image": "alpine"}, {"name": "-x"}),
            ("POST", "/containers/create", {"Image": "alpine"}, {"name": "x"}),
            ("POST", "/containers/create", {"Image": "no-such-image"}, {}),
            ("POST", "/containers/create", {"Image": "UPPER"}, {}),
            ("POST", "/networks/create", {"Name": ""}, {}),
            ("POST", "/networks/create", {"Name": "a", "Driver": "nosuch"}, {}),
            ("POST", "/volumes/create", {"Name": "-x"}, {}),
            ("POST", "/volumes/create", {"Name": "x"}, {}),
            ("POST", "/images/alpine/tag", None, {"repo": "UPPER"}),
            ("POST", "/images/alpine/tag", None, {"repo": "x", "tag": "a b"}),
            ("POST", "/commit", None, {"container": "no-such-one"}),
            ("GET", "/images/get", None, {"names": "no-such-one"}),
        ],
    )


def test_queries_of_a_container_that_cannot_be_read(pair: Pair) -> None:
    queries: list[tuple[str, str, dict[str, str]]] = [
        ("GET", "logs", {}),
        ("GET", "logs", {"stdout": "1", "tail": "x"}),
        ("GET", "logs", {"stdout": "1", "since": "x"}),
        ("GET", "logs", {"stdout": "1", "until": "x"}),
        ("GET", "top", {}),
        ("GET", "archive", {}),
        ("GET", "archive", {"path": "/no-such-path"}),
        ("PUT", "archive", {"path": "/no-such-path"}),
        ("POST", "kill", {"signal": "nosuch"}),
        ("POST", "kill", {"signal": "999"}),
        ("POST", "kill", {}),
        ("POST", "stop", {"t": "x"}),
        ("POST", "restart", {"t": "x"}),
        ("POST", "stop", {"signal": "nosuch"}),
        ("POST", "wait", {"condition": "nosuch"}),
        ("POST", "resize", {"h": "x", "w": "1"}),
        ("POST", "resize", {"h": "1"}),
        ("POST", "resize", {"h": "-1", "w": "1"}),
        ("POST", "resize", {"h": "1", "w": "1"}),
        ("POST", "rename", {}),
        ("POST", "rename", {"name": "a b"}),
        ("POST", "pause", {}),
        ("POST", "unpause", {}),
    ]

    def answers(bench: Bench) -> list[tuple[int, str]]:
        container = bench.create("c")
        return [
            (status, text.replace(container, "ID"))
            for method, call, query in queries
            for status, text in [
                ask(bench, (method, f"/containers/{container}/{call}", None, query))
            ]
        ]

    theirs, ours = pair.on_both(answers)
    assert list(zip(queries, ours, strict=True)) == list(zip(queries, theirs, strict=True))


def test_methods_and_paths_that_are_not_there(pair: Pair) -> None:
    paths = sorted({path.format(name="x", id="x") for _, path, _, _ in ROUTES if "{" not in path})
    requests: list[Request] = [("PATCH", path, None, {}) for path in paths]
    requests += [
        (method, path, None, {})
        for path in ("/", "/nosuch", "/containers", "/containers/", "/images", "/networks/x/nosuch")
        for method in ("GET", "POST", "PUT", "DELETE")
    ]
    compare(pair, requests)
    compare(pair, requests, version="")


@pytest.mark.parametrize(
    "version", ["v1.0", "v1.11", "v1.23", "v1.46", "v9.9", "v1", "v1.x", "1.45"]
)
def test_versions_that_are_not_spoken(pair: Pair, version: str) -> None:
    compare(pair, [("GET", "/containers/json", None, {}), ("GET", "/nosuch", None, {})], version)


def _pigeons(bench: Bench, make: Callable[[str], str]) -> str:
    """A first digit that two of the things have that ``make`` makes: 17 for 16 digits at most."""
    seen: set[str] = set()
    for number in range(17):
        digit = make(f"pigeon{number}")[0]
        if digit in seen:
            return digit
        seen.add(digit)
    raise AssertionError("more than 16 hexadecimal digits")


def test_prefix_of_two_containers(pair: Pair) -> None:
    def answers(bench: Bench) -> list[tuple[int, str]]:
        digit = _pigeons(bench, bench.create)
        return [
            (status, text.replace(f": {digit}", ": DIGIT"))
            for method, call in (
                ("GET", "/json"), ("POST", "/start"), ("POST", "/stop"), ("POST", "/kill"),
                ("GET", "/top"), ("POST", "/wait"), ("GET", "/changes"), ("DELETE", ""),
            )
            for status, text in [ask(bench, (method, f"/containers/{digit}{call}", None, {}))]
        ]  # fmt: skip

    theirs, ours = pair.on_both(answers)
    assert ours == theirs, theirs


def test_prefix_of_two_images(pair: Pair) -> None:
    def answers(bench: Bench) -> list[tuple[int, str]]:
        def make(word: str) -> str:
            container = bench.create()
            params = {"container": container, "repo": bench.image_name(word)}
            body = {"Labels": {"pigeon": word}}
            made = bench.raw.post("/commit", body, params=params)
            assert made.status == 201, made.body
            image: str = made.json()["Id"].removeprefix("sha256:")
            return image

        digit = _pigeons(bench, make)
        return [
            (status, text.replace(f" {digit}:", " DIGIT:"))
            for method, call, query in (
                ("GET", "/json", {}), ("GET", "/history", {}), ("DELETE", "", {}),
                ("GET", "/get", {}), ("POST", "/tag", {"repo": "ct-nobody"}),
            )
            for status, text in [ask(bench, (method, f"/images/{digit}{call}", None, query))]
        ]  # fmt: skip

    theirs, ours = pair.on_both(answers)
    assert ours == theirs, theirs


def test_prefix_of_two_networks(pair: Pair) -> None:
    def answers(bench: Bench) -> list[tuple[int, str]]:
        def make(word: str) -> str:
            number = int(word.removeprefix("pigeon"))
            pool = {"Config": [{"Subnet": f"10.231.{number}.0/24"}]}
            network = bench.network(word, Internal=True, IPAM=pool)
            found: str = bench.inspect_network(network)["Id"]
            return found

        digit = _pigeons(bench, make)
        body = {"Container": "no-such-one"}
        return [
            (status, re.sub(r"\d+ matches", "N matches", text.replace(f" {digit} ", " DIGIT ")))
            for method, call, sent in (
                ("GET", "", None), ("DELETE", "", None), ("POST", "/connect", body),
                ("POST", "/disconnect", body),
            )
            for status, text in [ask(bench, (method, f"/networks/{digit}{call}", sent, {}))]
        ]  # fmt: skip

    theirs, ours = pair.on_both(answers)
    assert ours == theirs, theirs
