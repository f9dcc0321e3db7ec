"""How a lesson is built: goals, steps, questions, errors met on purpose, a card with the commands.

What is counted here is what can be counted; that a text is good is seen by reading it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import nbformat
import pytest

from course_lib.catalog import Lesson, course

LESSONS = list(course().lessons())
THOUGHT = re.compile(r"^> \*\*(?:Predict|Think)\.\*\*", re.MULTILINE)
"""Begins a question to think about."""
SAID_IN_PROSE = 8
"""Sentences of one text, at most; lists, tables, answers to open and questions are extra."""
MINUTES = range(30, 46)
"""How long a lesson may take a beginner."""
WORDS_A_MINUTE, CELL, QUESTION, POINT, AROUND = 140, 0.35, 0.5, 0.5, 6
"""An estimate of that: reading; minutes to run a cell and look at what it shows, to think about a
question, to earn a point, and to come in and go over the card at the end."""


@dataclass
class Step:
    """What stands below a numbered heading."""

    heading: str
    text: str = ""
    commands: list[Any] = field(default_factory=list)
    asked: int = 0


@pytest.fixture(params=LESSONS, ids=[lesson.key for lesson in LESSONS])
def lesson(request: pytest.FixtureRequest) -> Lesson:
    found: Lesson = request.param
    return found


@pytest.fixture
def cells(lesson: Lesson) -> list[Any]:
    book: Any = nbformat.read(course().notebook(lesson), as_version=4)  # type: ignore[no-untyped-call]
    return list(book.cells)


def steps(cells: list[Any]) -> Iterator[Step]:
    """Those before the exercises."""
    step: Step | None = None
    for cell in cells:
        if cell.cell_type == "markdown":
            for part in re.split(r"^(?=## )", cell.source, flags=re.MULTILINE):
                if heading := re.match(r"## (.*)", part):
                    if step:
                        yield step
                    step = Step(heading[1]) if heading[1][0].isdigit() else None
                if step:
                    step.text += part
                    step.asked += len(THOUGHT.findall(part))
        elif step and "lab.question(" in cell.source:
            step.asked += 1
        elif step and "nbgrader" not in cell.metadata:
            step.commands.append(cell)
    if step:
        yield step


def prose(text: str) -> str:
    """Running text, without what is set apart from it."""
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    text = re.sub(r"`[^`\n]*`", "x", text)
    return re.sub(r"^([|>#-]|\d+\.|\(Older).*\n?( .*\n?)*", "", text, flags=re.MULTILINE)


def sentences(text: str) -> int:
    return len(re.findall(r"[.?!][)”\"*_]*(?=\s|$)", text))


def test_a_lesson_begins_with_its_goals(cells: list[Any]) -> None:
    _, goals = cells[0].source.split("**Afterwards you can**\n")
    assert 3 <= len(re.findall(r"^- \w", goals, re.MULTILINE)) <= 6


def test_steps_are_numbered_and_each_shows_something_and_asks_something(cells: list[Any]) -> None:
    found = list(steps(cells))
    assert len(found) >= 4
    for number, step in enumerate(found, 1):
        assert step.heading.startswith(f"{number} · ")
        assert step.commands, f"{step.heading}: no command"
        assert any(cell.outputs for cell in step.commands), f"{step.heading}: nothing to see"
        assert step.asked, f"{step.heading}: no question"


def test_texts_between_commands_are_short(cells: list[Any]) -> None:
    for cell in cells:
        if cell.cell_type == "markdown":
            for part in re.split(r"^(?=##)", cell.source, flags=re.MULTILINE):
                assert sentences(prose(part)) <= SAID_IN_PROSE, (cell.id, sentences(prose(part)))


def test_something_is_drawn_from_the_live_engine(cells: list[Any]) -> None:
    drawn = [cell.id for cell in cells if "lab.draw()" in cell.source]
    assert drawn


ERRORS = re.compile(
    r"Error response|bad address|[Cc]onnection refused|Network unreachable|can't open"
    r"|100% packet loss|500 Internal|invalid argument|returned a non-zero code|Read-only file"
)


def test_errors_are_met_on_purpose(cells: list[Any]) -> None:
    shown = [output for step in steps(cells) for cell in step.commands for output in cell.outputs]
    assert any(ERRORS.search(output.get("text") or str(output.get("data"))) for output in shown)


def test_exercises_come_after_the_steps_they_need_in_order(
    lesson: Lesson, cells: list[Any]
) -> None:
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    numbers = [int(number) for number in re.findall(r"^### Exercise (\d+) · ", text, re.MULTILINE)]
    assert numbers == list(range(1, len(lesson.exercises) + 1))
    turn, last = text.index("\n## Your turn"), text.rindex("\n### Exercise ")
    assert turn < last
    assert not re.search(r"^## \d", text[turn:], re.MULTILINE)


COMMAND = re.compile(
    r"docker (?:(?:network|volume|service|swarm|node|image|container|system) )?[a-z]+"
)
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
OTHERWISE = {
    # `docker inspect`, which the lesson shows, tells it as well, in another place on each engine.
    "publish-address-work": {"docker exec", "-i"},
}
"""What a solution does with words that its lesson has not shown, where others do."""


def test_an_exercise_asks_for_no_command_that_was_not_shown(cells: list[Any]) -> None:
    shown: set[str] = set()
    for cell in cells:
        words = cell.metadata.get("nbgrader")
        if words is None:
            shown.update(COMMAND.findall(cell.source), OPTION.findall(cell.source))
        elif words["solution"] and cell.cell_type == "code":
            lines = cell.source.replace("\\\n", " ").splitlines()
            typed = "\n".join(line for line in lines if "!" in line and not line.startswith("#"))
            needed = {*COMMAND.findall(typed), *OPTION.findall(typed)}
            assert needed - shown == OTHERWISE.get(words["grade_id"], set()), words["grade_id"]


def test_the_card_at_the_end_has_commands_of_the_lesson(cells: list[Any]) -> None:
    assert cells[-1].cell_type == "markdown"
    card = cells[-1].source
    assert "\n## Summary" in f"\n{card}"
    rows = [line for line in card.splitlines() if line.startswith("| ") and "---" not in line]
    assert len(rows) >= 6
    above = "\n".join(cell.source for cell in cells[:-1])
    for command in re.findall(r"docker (?:(?:network|volume|service|swarm|node) )?[a-z]+", card):
        assert command in above, command
    for option in re.findall(r"(?<= )--[a-z][a-z-]+", card):
        assert option in above, option


def test_a_lesson_takes_a_beginner_as_long_as_it_says(lesson: Lesson, cells: list[Any]) -> None:
    stated = re.search(r"about (\d+) minutes", cells[0].source)
    assert stated
    assert int(stated[1]) in MINUTES
    text = " ".join(re.sub(r"<[^>]+>", "", c.source) for c in cells if c.cell_type == "markdown")
    code = sum(cell.cell_type == "code" for cell in cells)
    asked = sum(step.asked for step in steps(cells))
    estimate = (
        AROUND + len(text.split()) / WORDS_A_MINUTE + CELL * code + QUESTION * asked
        + POINT * lesson.points
    )  # fmt: skip
    assert abs(estimate - int(stated[1])) <= int(stated[1]) / 4, f"rather {estimate:.0f} minutes"
