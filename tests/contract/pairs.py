"""Both engines side by side: the same done on each, and what comes of it compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.contract.harness import Bench, Engine, Result

# What differs from engine to engine and run to run; the order matters.
_VARIABLE = (
    (r"sha256:[0-9a-f]{64}", "sha256:ID"),
    (r"\b[0-9a-f]{64}\b", "ID64"),
    (r"\b[0-9a-f]{12}\b", "ID12"),
    (r"\bct[0-9a-f]{8}\b", "PREFIX"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
    (r"\d+\.\d+/\d+\.\d+/\d+\.\d+ ms", "RTT"),
    (r"\d+\.\d{3} ms", "DELAY"),
    (r'"IPPrefixLen":\d+', '"IPPrefixLen":N'),  # as long as the pool that was free
    (r"(?i)\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b", "MAC"),
    (r"\b(?!127\.|0\.)\d{1,3}(\.\d{1,3}){3}(/\d+)?\b", "ADDRESS"),
    (r"Less than a second|About an? \w+|\d+ (second|minute|hour)s?", "DURATION"),
    (r"IP:\d{5}\b|0\.0\.0\.0:\d{5}\b", "PORT"),
)


@dataclass(frozen=True)
class Pair:
    """A real dockerd and the embedded engine."""

    dockerd: Engine
    embedded: Engine

    def on_both(self, work: Callable[[Bench], Any]) -> tuple[Any, Any]:
        """What ``work`` gives on dockerd and on the embedded engine, each cleaned up behind it."""
        results = []
        prefix = Bench(self.dockerd).prefix
        for engine in (self.dockerd, self.embedded):
            bench = Bench(engine, prefix)
            try:
                results.append(work(bench))
            finally:
                bench.clean()
        return results[0], results[1]


def normal(result: Result) -> Result:
    """A result without what is different every time."""
    return Result(result.code, _normal(result.out), _normal(result.err))


def _normal(text: str) -> str:
    # Old clients say this or not, as their own threads happen to run.
    text = re.sub(r'time="\S+" level=error msg="error waiting for container: .*\n', "", text)
    for pattern, word in _VARIABLE:
        text = re.sub(pattern, word, text)
    return re.sub(r"[ \t]+", " ", text)


def differences(ours: Any, theirs: Any, ignore: str, path: str = "") -> Iterator[str]:
    """Keys that one document has alone, and values of another type, as readable lines.

    :param ours: what the embedded engine says; ``theirs``: what dockerd says.
    :param ignore: a regular expression for paths that may differ.
    """
    if ignore and re.search(ignore, path):
        return
    if type(ours) is not type(theirs):
        yield f"{path}: {type(ours).__name__} instead of {type(theirs).__name__}"
    elif isinstance(ours, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            below = f"{path}.{key}"
            if ignore and re.search(ignore, below):
                continue
            if key not in ours:
                yield f"{below} is missing"
            elif key not in theirs:
                yield f"{below} is not dockerd's"
            else:
                yield from differences(ours[key], theirs[key], ignore, below)
    elif isinstance(ours, list):
        for index, (mine, its) in enumerate(zip(ours, theirs, strict=False)):
            yield from differences(mine, its, ignore, f"{path}[{index}]")
