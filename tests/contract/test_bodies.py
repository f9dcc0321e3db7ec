"""Each field of each body with a value of a wrong type: dockerd's status and words.

The table of fields is the engine's own (``api/schemas.py``), so a field that is added there is
tested here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from course_lib.engine.api import schemas, swarmschemas
from course_lib.engine.api.gojson import (
    Anything,
    ListOf,
    MapOf,
    Scalar,
    Schema,
    StringOrList,
    Struct,
)
from tests.contract.harness import Bench
from tests.contract.pairs import Pair

pytestmark = pytest.mark.docker

BODIES: dict[str, tuple[str, Struct, dict[str, Any]]] = {
    "create": ("/containers/create", schemas.CONTAINER_CREATE, {"Image": "alpine"}),
    "update": ("/containers/no-such-one/update", schemas.CONTAINER_UPDATE, {}),
    "exec": ("/containers/no-such-one/exec", schemas.EXEC_CREATE, {}),
    "exec-start": ("/exec/no-such-one/start", schemas.EXEC_START, {}),
    "network": ("/networks/create", schemas.NETWORK_CREATE, {}),
    "connect": ("/networks/bridge/connect", schemas.NETWORK_CONNECT, {}),
    "disconnect": ("/networks/bridge/disconnect", schemas.NETWORK_DISCONNECT, {}),
    "volume": ("/volumes/create", schemas.VOLUME_CREATE, {}),
    "swarm-init": ("/swarm/init", swarmschemas.SWARM_INIT, {}),
    "swarm-join": ("/swarm/join", swarmschemas.SWARM_JOIN, {}),
    "service": ("/services/create", swarmschemas.SERVICE_SPEC, {}),
    "secret": ("/secrets/create", swarmschemas.BLOB_SPEC, {}),
}

WRONG: tuple[Any, ...] = (True, 1, -1, 1.5, 2**70, "x", [], [1], [[]], {}, {"a": 1}, {"a": []})
"""Of each, those that do not fit are sent."""


def _fits(schema: Schema, value: Any) -> bool:
    if isinstance(schema, Anything):
        return True
    if isinstance(schema, Struct):
        return isinstance(value, dict)
    if isinstance(schema, MapOf):
        return isinstance(value, dict) and all(_fits(schema.value, one) for one in value.values())
    if isinstance(schema, ListOf):
        return isinstance(value, list) and all(_fits(schema.item, one) for one in value)
    if isinstance(schema, StringOrList):
        listed = isinstance(value, list) and all(isinstance(one, str) for one in value)
        return isinstance(value, str) or listed
    assert isinstance(schema, Scalar)
    if schema.go == "[]uint8" and isinstance(value, list):
        return True  # Go takes a list of numbers for base64; no client sends one
    go = schema.kind or schema.go
    if go in ("string", "bool"):
        return isinstance(value, str if go == "string" else bool)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if go.startswith("float"):
        return True
    return isinstance(value, int) and (0 if go.startswith("u") else -(2**31)) <= value < 2**31


def _bodies(schema: Struct, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Bodies with one thing wrong each, in the schema's own order."""
    for path, kind in schema.fields.items():
        name = path.rpartition(".")[2]
        yield from ({name: value} for value in WRONG if not _fits(kind, value))
        if depth < 4:
            yield from ({name: value} for value in _inside(kind, depth))


def _inside(kind: Schema, depth: int) -> Iterator[Any]:
    if isinstance(kind, Struct):
        yield from _bodies(kind, depth + 1)
    elif isinstance(kind, ListOf):
        yield from ([value] for value in _inside(kind.item, depth))
    elif isinstance(kind, MapOf):
        yield from ({"key": value} for value in _inside(kind.value, depth))


@pytest.mark.parametrize("name", BODIES)
def test_wrong_types(pair: Pair, name: str) -> None:
    path, schema, rest = BODIES[name]
    bodies = list(islice(_bodies(schema), 4000))
    assert bodies

    def answers(bench: Bench) -> list[tuple[int, str]]:
        found = []
        for body in bodies:
            answer = bench.raw.post(path, {**rest, **body})
            if answer.status < 300 and "containers" in path:
                bench.adopt(answer.json()["Id"])
            found.append((answer.status, answer.message if answer.status >= 400 else ""))
        return found

    theirs, ours = pair.on_both(answers)
    wrong = [
        f"{path} {json.dumps(body)[:300]}\n  dockerd:  {its}\n  embedded: {mine}"
        for body, its, mine in zip(bodies, theirs, ours, strict=True)
        if its != mine
    ]
    assert not wrong, f"{len(wrong)} of {len(bodies)}\n" + "\n".join(wrong[:40])
