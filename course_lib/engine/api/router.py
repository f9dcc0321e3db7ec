"""Finds the handler of a request by method and path, as Moby's route tables do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from course_lib.engine.api.messages import Handler

_PREFIX = re.compile(r"/v([0-9.]+)(/.*)")


@dataclass(frozen=True, slots=True)
class Route:
    """``path`` may hold one ``{name}``, which also matches slashes, as Moby's ``{name:.*}``.

    :param cancellable: the work ends when the client hangs up; otherwise it is finished, as
        dockerd finishes a ``stop`` whose caller has gone.
    """

    method: str
    path: str
    handler: Handler
    cancellable: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """A route with the value of its named part."""

    route: Route
    variables: dict[str, str]


class Router:
    """A table of routes; the first that fits wins."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._table: dict[tuple[str, str], list[Route]] = {}
        for route in routes:
            key = (route.method, _first_part(route.path))
            self._table.setdefault(key, []).append(route)

    def find(self, method: str, path: str) -> Match | None:
        """The route for a path without version, ``None`` where there is no such page."""
        for route in self._table.get((method, _first_part(path)), ()):
            found = _variables(route.path, path)
            if found is not None:
                return Match(route, found)
        return None


def split_version(path: str) -> tuple[str, str]:
    """``/v1.45/info`` → ``("1.45", "/info")``; ``("", path)`` without a version."""
    found = _PREFIX.fullmatch(path)
    return (found[1], found[2]) if found else ("", path)


def _variables(pattern: str, path: str) -> dict[str, str] | None:
    """The value of the route's ``{name}`` in a path; ``None`` where the path is another one."""
    before, has_name, rest = pattern.partition("{")
    if not has_name:
        return {} if path == pattern else None
    name, _, after = rest.partition("}")
    end = len(path) - len(after)
    if end < len(before) or not path.startswith(before) or not path.endswith(after):
        return None
    return {name: path[len(before) : end]}


def _first_part(path: str) -> str:
    return path.split("/", 2)[1] if "/" in path else path
