from __future__ import annotations

import json
from pathlib import Path

import pytest

from course_lib.errors import JournalError
from course_lib.journal import TOUCH_NS, Entry, Journal
from course_lib.standing import Cell, Standing, StandingContainer, StandingNetwork, StandingVolume

ENTRY = Entry(
    "networking/x",
    7,
    9,
    Standing(
        (StandingContainer("c1", "web", "nginx", 5),),
        (StandingNetwork("n1", "dev"),),
        (StandingVolume("data"),),
        ("nginx:latest",),
    ),
    (Cell(1, 2, ("nginx",)),),
    {"anonymous": ["a", "b"]},
)


@pytest.fixture
def journal(home: Path) -> Journal:
    return Journal.of_engine("an engine")


def test_an_entry_comes_back_as_it_was_written(journal: Journal) -> None:
    assert journal.read() == Entry()
    journal.write(ENTRY)
    assert journal.read() == ENTRY
    assert [path.name for path in journal.path.parent.iterdir()] == [journal.path.name]


def test_each_engine_has_its_own(journal: Journal) -> None:
    journal.write(ENTRY)
    assert Journal.of_engine("another engine").read() == Entry()


def test_a_cell_is_added_unless_another_start_came_in_between(journal: Journal) -> None:
    journal.write(ENTRY)
    journal.add_cell("networking/x", 7, Cell(3, 4, ("alpine",)))
    journal.add_cell("networking/x", 6, Cell(5, 6, ("alpine",)))
    journal.add_cell("networking/y", 7, Cell(5, 6, ("alpine",)))
    entry = journal.read()
    assert entry.cells == (Cell(1, 2, ("nginx",)), Cell(3, 4, ("alpine",)))
    assert entry.active_ns == 4


def test_a_cell_that_names_nothing_shows_now_and_then_that_work_goes_on(journal: Journal) -> None:
    journal.write(ENTRY)
    journal.add_cell("networking/x", 7, Cell(10, 11))
    assert journal.read() == ENTRY
    journal.add_cell("networking/x", 7, Cell(TOUCH_NS, TOUCH_NS + 9))
    entry = journal.read()
    assert (entry.active_ns, entry.cells) == (TOUCH_NS + 9, ENTRY.cells)
    assert entry.activity.end_ns == TOUCH_NS + 9


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"format": 1}', "'before' is missing"),
        ('{"format": 99}', "newer release"),
        (json.dumps({"format": 1, "before": [], "lesson": "x", "started_ns": 1}), "cannot be read"),
    ],
)
def test_a_broken_or_newer_journal_is_an_error_and_stays(
    journal: Journal, text: str, says: str
) -> None:
    journal.path.parent.mkdir(parents=True)
    journal.path.write_text(text)
    with pytest.raises(JournalError, match=says) as caught:
        journal.read()
    assert str(journal.path) in str(caught.value)
    assert journal.path.read_text() == text


def test_a_journal_that_cannot_be_written_says_so(home: Path) -> None:
    (home / "file").write_text("")
    with pytest.raises(JournalError, match="cannot be written"):
        Journal(home / "file" / "j.json").write(ENTRY)
