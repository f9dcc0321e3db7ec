"""Collecting from an exchange into which everybody writes: work of others, links, odd names."""

from __future__ import annotations

import logging
import os
import pwd
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from nbgrader.api import MissingEntry
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from course_lib.hub.collecting import CarefulCollect

ANNA, BEN, CLEO = "daemon", "bin", "nobody"
"""Users of every Linux."""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")


@pytest.fixture
def inbound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # (A grade book takes seconds to be made, and is asked for the day when the work is due.)
    book = MagicMock()
    book().__enter__().find_assignment.side_effect = MissingEntry
    monkeypatch.setattr("nbgrader.exchange.default.collect.Gradebook", book)
    folder = tmp_path / "exchange/course/inbound"
    folder.mkdir(parents=True)
    (tmp_path / "course").mkdir()
    return folder


def submit(inbound: Path, name: str, owner: str, hour: int, content: str = "work") -> Path:
    """Put a submission there in a student's name; it belongs to its owner."""
    folder = inbound / f"{name}+networking+2026-11-28 {hour:02}:00:00 UTC+secret"
    (folder / "more").mkdir(parents=True)
    (folder / "lesson.ipynb").write_text(content)
    (folder / "more/notes.txt").write_text(content)
    give(folder, owner)
    return folder


def give(folder: Path, owner: str) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, pwd.getpwnam(owner).pw_uid, -1, follow_symlinks=False)


def collect(tmp_path: Path, *, check_owner: bool = True) -> dict[str, str]:
    """The files that the instructor has then, and what is in them."""
    config = Config()
    config.CourseDirectory.root = str(tmp_path / "course")
    config.CourseDirectory.course_id = "course"
    config.CourseDirectory.assignment_id = "networking"
    config.Exchange.root = str(tmp_path / "exchange")
    config.ExchangeCollect.check_owner = check_owner
    collecting: Any = CarefulCollect
    collecting(coursedir=CourseDirectory(config=config), config=config).start()
    submitted = tmp_path / "course/submitted"
    return {
        str(path.relative_to(submitted)): path.read_text()
        for path in submitted.rglob("*")
        if path.is_file()
    }


def test_only_the_own_work_counts(
    inbound: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    submit(inbound, ANNA, ANNA, 8, "first")
    submit(inbound, ANNA, ANNA, 9)
    forged = submit(inbound, ANNA, BEN, 10, "forged")
    submit(inbound, CLEO, BEN, 8, "forged")
    give(submit(inbound, "..", BEN, 8), BEN)
    for name in ("+networking+", "x+networking+never+y", "x+networking+"):
        (inbound / name).mkdir()
    (inbound / forged.name.replace(ANNA, BEN)).symlink_to(forged)
    with caplog.at_level(logging.WARNING):
        found = collect(tmp_path)
    assert found == {
        f"{ANNA}/networking/lesson.ipynb": "work",
        f"{ANNA}/networking/more/notes.txt": "work",
    }
    assert not (tmp_path / "course/networking").exists()
    assert f"{CLEO}+networking" in caplog.text
    assert forged.name in caplog.text
    # Where users have no names, what they say of themselves is all there is.
    assert f"{CLEO}/networking/lesson.ipynb" in collect(tmp_path, check_owner=False)


def test_no_link_leads_to_what_is_the_instructors(inbound: Path, tmp_path: Path) -> None:
    secret = tmp_path / "course/source"
    secret.mkdir()
    (secret / "solution.ipynb").write_text("solution")
    folder = submit(inbound, ANNA, ANNA, 8)
    (folder / "linked.ipynb").symlink_to(secret / "solution.ipynb")
    (folder / "folder").symlink_to(secret)
    os.mkfifo(folder / "pipe")
    give(folder, ANNA)
    (folder / "hard.ipynb").hardlink_to(secret / "solution.ipynb")
    # And one that cannot be copied at all, which is not in the way of the others.
    large = submit(inbound, BEN, BEN, 8) / "large"
    with large.open("wb") as file:
        file.truncate(1 << 40)
    assert collect(tmp_path) == {
        f"{ANNA}/networking/lesson.ipynb": "work",
        f"{ANNA}/networking/more/notes.txt": "work",
    }
