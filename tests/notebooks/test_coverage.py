"""``notebooks/coverage.toml``: everything that the course has to teach is in some cell."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

import nbformat
import pytest

from course_lib.catalog import course, notebooks_folder

TOPICS: list[dict[str, Any]] = tomllib.loads(
    (notebooks_folder() / "coverage.toml").read_text(encoding="utf-8")
)["topic"]
KEYS = {"title", "lesson", "cells", "commands", "facts"}
_PLACEHOLDER = re.compile(r"<[^>]*>")
_BETWEEN_WORDS = re.compile(r"[\s`'\"(){}|;,!$]+")


@dataclass(frozen=True)
class Entry:
    """A topic, a command or a fact, and the cells that it names."""

    topic: str
    text: str
    lesson: str
    cells: tuple[str, ...]
    told: str | None = None

    def __str__(self) -> str:
        return f"{self.topic}: {self.text}"


@cache
def cells_of(lesson: str) -> dict[str, Any]:
    notebook: Any = nbformat.read(  # type: ignore[no-untyped-call]
        course().notebook(course().lesson(lesson)), as_version=4
    )
    return {cell.id: cell for cell in notebook.cells}


def find(entry: Entry) -> list[Any]:
    """The cells that an entry names; a missing one fails the test."""
    found = []
    for name in entry.cells:
        lesson, _, cell = name.rpartition("#")
        lesson = lesson or entry.lesson
        assert cell in cells_of(lesson), f"{lesson} has no cell {cell}"
        found.append(cells_of(lesson)[cell])
    return found


def missing_words(command: str, text: str) -> list[str]:
    """The words of ``command`` that ``text`` lacks; of ``localhost:<port>`` the fixed part."""
    words = set(_BETWEEN_WORDS.split(text))
    wanted = [word for word in _BETWEEN_WORDS.split(_PLACEHOLDER.sub("<>", command)) if word]
    return [
        word
        for word in wanted
        if (word not in words if "<>" not in word else not _contains(words, word.split("<>")))
    ]


def _contains(words: set[str], parts: list[str]) -> bool:
    return any(all(part in word for part in parts) for word in words)


def entries(kind: str, text: str) -> list[Entry]:
    return [
        Entry(topic["title"], one[text], topic["lesson"], tuple(one["cells"]), told=one.get("told"))
        for topic in TOPICS
        for one in topic.get(kind, ())
    ]


WHOLE = [Entry(t["title"], "", t["lesson"], tuple(t["cells"])) for t in TOPICS]
COMMANDS, FACTS = entries("commands", "type"), entries("facts", "that")


@pytest.mark.parametrize("entry", [*WHOLE, *COMMANDS, *FACTS], ids=str)
def test_entry_names_cells_that_there_are(entry: Entry) -> None:
    cells = find(entry)
    assert cells, "taught nowhere"
    assert all(cell.source.strip() for cell in cells)


@pytest.mark.parametrize("entry", COMMANDS, ids=str)
def test_command_stands_in_its_cells(entry: Entry) -> None:
    """In code that runs; or in text, where the entry tells why it is not run."""
    kind = "code" if entry.told is None else "markdown"
    cells = [cell for cell in find(entry) if cell.cell_type == kind]
    assert entry.told != ""
    assert missing_words(entry.text, "\n".join(cell.source for cell in cells)) == []


def test_topics_are_written_as_their_readers_expect() -> None:
    assert [set(topic) - KEYS for topic in TOPICS if set(topic) - KEYS] == []
    titles = Counter(topic["title"] for topic in TOPICS)
    assert [title for title, count in titles.items() if count > 1] == []
    assert [t["title"] for t in TOPICS if not t["title"].strip()] == []


def test_lessons_that_teach_it_are_those_of_the_course() -> None:
    assert {topic["lesson"] for topic in TOPICS} <= {lesson.key for lesson in course().lessons()}


@pytest.mark.parametrize(
    ("command", "text", "missing"),
    [
        ("docker run -d nginx", "!docker run -d --name web nginx", []),
        ("docker run -d nginx", "!docker run nginx", ["-d"]),
        ("docker run -p 80:80", "docker run -p 8080:80", ["80:80"]),
        ("curl localhost:<port>", "!curl -s localhost:{port}", []),
        ("curl localhost:<port>", "!curl -s http://elsewhere:1", ["localhost:<>"]),
        ("docker port <container> 80", "`docker port web 80`", []),
        ("inspect '{{.Config.X}}'", "inspect '{{ .Config.X }}'", []),
    ],
)
def test_words_of_a_command_are_compared(command: str, text: str, missing: list[str]) -> None:
    assert missing_words(command, text) == missing
