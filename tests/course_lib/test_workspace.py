from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from course_lib import workspace
from course_lib.catalog import Catalog, course, read_catalog
from course_lib.courses import CODE_STUB
from course_lib.errors import CatalogError, CourseError, NotOurWorkspace
from course_lib.release import release_notebook
from course_lib.workspace import MARK, is_untouched, prepare

TABLE = """
[[assignment]]
name = "a"
title = "A"
[[assignment.lesson]]
name = "one"
title = "One"
[[assignment.lesson.exercise]]
id = "one-x"
title = "X"
points = 2
"""
LESSON = Path("a") / "one.ipynb"


def write_source(folder: Path, words: str) -> None:
    """An instructor's notebook with one exercise."""
    meta = {"grade_id": "one-x-work", "schema_version": 3, "task": False}
    solution = {"grade": False, "solution": True, "locked": False}
    check = {"grade": True, "solution": False, "locked": True, "points": 2}
    book = nbformat.v4.new_notebook(  # type: ignore[no-untyped-call]
        cells=[
            nbformat.v4.new_markdown_cell(words, id="intro"),  # type: ignore[no-untyped-call]
            nbformat.v4.new_code_cell(  # type: ignore[no-untyped-call]
                "# Work here.\n### BEGIN SOLUTION\nsecret = 42\n### END SOLUTION",
                id="work",
                metadata={"nbgrader": {**meta, **solution}},
            ),
            nbformat.v4.new_code_cell(  # type: ignore[no-untyped-call]
                'check("one-x")',
                id="check",
                metadata={"nbgrader": {**meta, "grade_id": "one-x", **check}},
            ),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "P", "language": "python"}},
    )
    (folder / "a").mkdir(exist_ok=True)
    nbformat.write(book, folder / LESSON)  # type: ignore[no-untyped-call]


def write_index(folder: Path, text: str = "[One](a/one.ipynb)") -> None:
    page = nbformat.v4.new_markdown_cell(text, id="contents")  # type: ignore[no-untyped-call]
    nbformat.write(nbformat.v4.new_notebook(cells=[page]), folder / "index.ipynb")  # type: ignore[no-untyped-call]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (folder / "course.toml").write_text(TABLE)
    write_index(folder)
    write_source(folder, "first edition")
    (folder / "a" / "Dockerfile").write_text("FROM alpine\n")
    return folder


@pytest.fixture
def catalog(source: Path) -> Catalog:
    return read_catalog(source)


def test_a_release_has_no_solutions_and_locked_checks(source: Path) -> None:
    text = release_notebook(source / LESSON).decode()
    assert "secret" not in text
    book = json.loads(text)
    work, check = book["cells"][1:]
    assert "".join(work["source"]) == f"# Work here.\n{CODE_STUB}"
    assert check["metadata"]["editable"] is False
    assert check["metadata"]["nbgrader"]["checksum"]


def test_a_release_is_the_same_every_time(source: Path) -> None:
    assert release_notebook(source / LESSON) == release_notebook(source / LESSON)


def test_the_courses_own_lessons_can_be_released() -> None:
    for lesson in course().lessons():
        text = release_notebook(course().notebook(lesson)).decode()
        assert "BEGIN SOLUTION" not in text
        for exercise in lesson.exercises:
            assert f'"grade_id": "{exercise.id}"' in text


@pytest.mark.parametrize("text", ["", "not json", "[]", '{"nbformat": 99, "cells": []}'])
def test_a_source_that_is_no_notebook_is_one_clear_error(source: Path, text: str) -> None:
    (source / LESSON).write_text(text)
    with pytest.raises(CatalogError, match=r"one.ipynb cannot be released"):
        release_notebook(source / LESSON)


def test_a_new_workspace_has_the_lessons_their_files_and_an_index(
    catalog: Catalog, tmp_path: Path
) -> None:
    made = prepare(tmp_path / "ws", catalog=catalog)
    assert made.created
    assert made.first == LESSON
    assert {str(path) for path in made.made} == {"index.ipynb", "a/one.ipynb", "a/Dockerfile"}
    assert "secret" not in (tmp_path / "ws" / LESSON).read_text()
    index = nbformat.read(tmp_path / "ws" / "index.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    assert "[One](a/one.ipynb)" in index.cells[0].source


def test_an_empty_folder_becomes_a_workspace(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "ws").mkdir()
    assert prepare(tmp_path / "ws", catalog=catalog).created


def test_reopening_does_nothing_where_nothing_is_new(catalog: Catalog, tmp_path: Path) -> None:
    prepare(tmp_path / "ws", catalog=catalog)
    (tmp_path / "ws" / LESSON).write_text("my work")
    again = prepare(tmp_path / "ws", catalog=catalog)
    assert not again.created
    assert (again.made, again.updated, again.beside) == ([], [], {})
    assert (tmp_path / "ws" / LESSON).read_text() == "my work"


def test_an_unchanged_notebook_follows_a_newer_release(
    catalog: Catalog, source: Path, tmp_path: Path
) -> None:
    prepare(tmp_path / "ws", catalog=catalog)
    write_source(source, "second edition")
    assert prepare(tmp_path / "ws", catalog=catalog).updated == [LESSON]
    assert "second edition" in (tmp_path / "ws" / LESSON).read_text()


def test_a_changed_notebook_stays_and_the_newer_release_lands_beside_it(
    catalog: Catalog, source: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "ws"
    prepare(folder, catalog=catalog)
    (folder / LESSON).write_text("my work")
    write_source(source, "second edition")
    beside = Path("a/one.new.ipynb")
    assert prepare(folder, catalog=catalog).beside == {LESSON: beside}
    assert (folder / LESSON).read_text() == "my work"
    assert "second edition" in (folder / beside).read_text()
    # It was said once; throwing it away is the student's choice.
    (folder / beside).unlink()
    assert prepare(folder, catalog=catalog).beside == {}
    assert not (folder / beside).exists()


def test_an_index_that_ran_follows_a_newer_release_and_one_that_was_changed_does_not(
    catalog: Catalog, source: Path, tmp_path: Path
) -> None:
    index = Path("index.ipynb")
    mine = tmp_path / "ws" / index
    prepare(tmp_path / "ws", catalog=catalog)
    change(mine, lambda book: book.metadata.update(language_info={"name": "python"}))
    write_index(source, "second edition")
    assert prepare(tmp_path / "ws", catalog=catalog).updated == [index]
    change(mine, lambda book: book.cells[0].update(source="my own words"))
    write_index(source, "third edition")
    assert prepare(tmp_path / "ws", catalog=catalog).beside == {index: Path("index.new.ipynb")}
    assert "my own words" in mine.read_text()


def change(path: Path, how: Callable[[Any], object]) -> None:
    book: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    how(book)
    nbformat.write(book, path)  # type: ignore[no-untyped-call]


def opened(book: Any) -> None:
    """What JupyterLab leaves where somebody looks at a notebook and saves it."""
    book.metadata.language_info = {"name": "python", "version": "3.13.5", "nbconvert_exporter": "x"}
    book.metadata.kernelspec.update(display_name="Python 3 (ipykernel)", language="python")
    for number, cell in enumerate(book.cells):
        cell.id = f"{number:08x}"
        cell.metadata.trusted = True
    book.cells[0].metadata["jp-MarkdownHeadingCollapsed"] = True
    book.cells[1].metadata.update(scrolled=True, jupyter={"source_hidden": True}, collapsed=True)
    book.cells[1].execution_count = 3


def test_a_notebook_that_was_only_opened_follows_a_newer_release(
    catalog: Catalog, source: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "ws" / LESSON
    prepare(tmp_path / "ws", catalog=catalog)
    was = mine.read_bytes()
    change(mine, opened)
    assert mine.read_bytes() != was
    assert is_untouched(tmp_path / "ws", LESSON)
    write_source(source, "second edition")
    assert prepare(tmp_path / "ws", catalog=catalog).updated == [LESSON]
    assert "second edition" in mine.read_text()


def printed(book: Any) -> None:
    book.cells[1].outputs = [nbformat.v4.new_output("stream", text="42")]  # type: ignore[no-untyped-call]


WORK: dict[str, Callable[[Any], object]] = {
    "a word": lambda book: book.cells[0].update(source="first edition!"),
    "an answer": lambda book: book.cells[1].update(source="secret = 41"),
    "a cell more": lambda book: book.cells.append(nbformat.v4.new_markdown_cell("")),  # type: ignore[no-untyped-call]
    "a cell less": lambda book: book.cells.pop(),
    "the order": lambda book: book.cells.reverse(),
    "a kind": lambda book: book.cells.__setitem__(0, nbformat.v4.new_raw_cell("first edition")),  # type: ignore[no-untyped-call]
    "an output": printed,
    "a pasted picture": lambda book: book.cells[0].update(
        attachments={"a.png": {"image/png": "A"}}
    ),
    "a tag": lambda book: book.cells[0].metadata.update(tags=["again"]),
    "another kernel": lambda book: book.metadata.kernelspec.update(name="bash"),
    "a title": lambda book: book.metadata.update(title="mine"),
}


@pytest.mark.parametrize("what", WORK)
def test_whatever_a_student_did_to_a_notebook_stays(
    what: str, catalog: Catalog, source: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "ws" / LESSON
    prepare(tmp_path / "ws", catalog=catalog)
    change(mine, opened)
    change(mine, WORK[what])
    mine_now = mine.read_bytes()
    assert not is_untouched(tmp_path / "ws", LESSON)
    write_source(source, "second edition")
    assert prepare(tmp_path / "ws", catalog=catalog).beside == {LESSON: Path("a/one.new.ipynb")}
    assert mine.read_bytes() == mine_now


def test_a_workspace_of_a_release_that_counted_bytes_loses_nothing(
    catalog: Catalog, source: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "ws"
    prepare(folder, catalog=catalog)
    mark = folder / MARK
    document = json.loads(mark.read_text())
    counted = hashlib.sha256((folder / LESSON).read_bytes()).hexdigest()
    document["files"][str(LESSON)]["released"] = counted
    mark.write_text(json.dumps(document))
    assert is_untouched(folder, LESSON)
    write_source(source, "second edition")
    assert prepare(folder, catalog=catalog).updated == [LESSON]


def test_an_untouched_newer_release_gives_way_and_a_touched_one_does_not(
    catalog: Catalog, source: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "ws"
    prepare(folder, catalog=catalog)
    (folder / LESSON).write_text("my work")
    write_source(source, "second edition")
    prepare(folder, catalog=catalog)
    write_source(source, "third edition")
    assert prepare(folder, catalog=catalog).beside == {LESSON: Path("a/one.new.ipynb")}
    assert "third edition" in (folder / "a/one.new.ipynb").read_text()
    (folder / "a/one.new.ipynb").write_text("my other work")
    write_source(source, "fourth edition")
    assert prepare(folder, catalog=catalog).beside == {LESSON: Path("a/one.new-2.ipynb")}
    assert (folder / "a/one.new.ipynb").read_text() == "my other work"
    assert (folder / LESSON).read_text() == "my work"


def test_a_deleted_notebook_comes_back(catalog: Catalog, tmp_path: Path) -> None:
    prepare(tmp_path / "ws", catalog=catalog)
    (tmp_path / "ws" / LESSON).unlink()
    assert prepare(tmp_path / "ws", catalog=catalog).made == [LESSON]


def test_a_file_of_the_students_in_the_place_of_a_new_lesson_is_kept(
    catalog: Catalog, source: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "ws"
    prepare(folder, catalog=catalog)
    (folder / "a" / "notes.txt").write_text("mine")
    (source / "a" / "notes.txt").write_text("the course's")
    assert prepare(folder, catalog=catalog).beside == {Path("a/notes.txt"): Path("a/notes.new.txt")}
    assert (folder / "a" / "notes.txt").read_text() == "mine"


def test_a_folder_with_other_things_is_refused_and_untouched(
    catalog: Catalog, tmp_path: Path
) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("words")
    with pytest.raises(NotOurWorkspace, match="holds other things"):
        prepare(tmp_path / "thesis", catalog=catalog)
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter.tex"]


def test_a_file_is_no_workspace(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotOurWorkspace, match="is no directory"):
        prepare(tmp_path / "file", catalog=catalog)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"format": 1}', "cannot be read"),
        ('{"format": 1, "files": {"x": {"odd": 1}}}', "cannot be read"),
        ('{"format": 99, "files": {}}', "newer release"),
    ],
)
def test_a_broken_or_newer_workspace_is_refused_and_untouched(
    catalog: Catalog, tmp_path: Path, text: str, says: str
) -> None:
    folder = tmp_path / "ws"
    prepare(folder, catalog=catalog)
    (folder / workspace.MARK).write_text(text)
    (folder / LESSON).unlink()
    with pytest.raises(NotOurWorkspace, match=says):
        prepare(folder, catalog=catalog)
    assert not (folder / LESSON).exists()


def test_a_folder_that_cannot_be_made_is_one_clear_error(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(CourseError, match="cannot be written"):
        prepare(tmp_path / "file" / "ws", catalog=catalog)


def test_an_interrupted_start_is_taken_up_where_it_ended(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(workspace, "release_notebook", broken)
    with pytest.raises(KeyboardInterrupt):
        prepare(tmp_path / "ws", catalog=catalog)
    monkeypatch.undo()
    again = prepare(tmp_path / "ws", catalog=catalog)
    assert LESSON in again.made
    assert again.beside == {}
