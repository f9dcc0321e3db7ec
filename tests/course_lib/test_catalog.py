from __future__ import annotations

from pathlib import Path

import pytest

from course_lib.catalog import course, notebooks_folder, read_catalog
from course_lib.errors import CatalogError, UnknownGradeId, UnknownLesson
from course_lib.images import COURSE_IMAGES

TABLE = """
[[assignment]]
name = "a"
title = "A"
[[assignment.lesson]]
name = "one"
title = "One"
images = ["nginx"]
containers = ["web"]
ports = [8080]
[[assignment.lesson.exercise]]
id = "one-x"
title = "X"
points = 2
[[assignment.lesson.exercise]]
id = "one-y"
title = "Y"
points = 1.5
answers = ["y"]
[[assignment]]
name = "b"
title = "B"
[[assignment.lesson]]
name = "two"
title = "Two"
"""


def write(folder: Path, text: str) -> Path:
    (folder / "course.toml").write_text(text)
    return folder


def test_read_catalog_gives_lessons_and_exercises_in_order(tmp_path: Path) -> None:
    catalog = read_catalog(write(tmp_path, TABLE))
    assert [lesson.key for lesson in catalog.lessons()] == ["a/one", "b/two"]
    lesson, exercise = catalog.exercise("one-y")
    assert (lesson.name, exercise.points, exercise.answers) == ("one", 1.5, ("y",))
    assert catalog.assignment("a").points == 3.5
    assert catalog.lesson("a/one") is catalog.lesson("one")
    assert catalog.notebook(lesson) == tmp_path / "a" / "one.ipynb"
    assert lesson.ports == (8080,)


@pytest.mark.parametrize(
    ("key", "lessons"),
    [(None, ["a/one", "b/two"]), ("a", ["a/one"]), ("b/two", ["b/two"])],
)
def test_select_takes_an_assignment_a_lesson_or_all(
    tmp_path: Path, key: str | None, lessons: list[str]
) -> None:
    catalog = read_catalog(write(tmp_path, TABLE))
    assert [lesson.key for lesson in catalog.select(key)] == lessons


@pytest.mark.parametrize("key", ["c", "a/two", "one", "b/"])
def test_select_refuses_what_is_not_there(tmp_path: Path, key: str) -> None:
    with pytest.raises(UnknownLesson):
        read_catalog(write(tmp_path, TABLE)).select(key)


def test_unknown_grade_id_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownGradeId, match=r"unknown grade_id 'one-z'.*one-x, one-y"):
        read_catalog(write(tmp_path, TABLE)).exercise("one-z")


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("[[assignment", "is not TOML"),
        (TABLE.replace('title = "X"\n', ""), "'title' is missing|title is missing"),
        (TABLE.replace("points = 2", 'points = "2"'), "points of one-x must be a number"),
        (TABLE.replace("points = 2", "points = true"), "points of one-x must be a number"),
        (TABLE.replace("one-y", "one-x"), "grade_id one-x is there twice"),
        (TABLE.replace("[8080]", "[0]"), "0 is no port"),
        (TABLE.replace('["nginx"]', '"nginx"'), "images of one must be a list of strings"),
        (TABLE.replace('name = "one"', 'name = "../one"'), "is no name"),
    ],
)
def test_broken_table_is_one_error_that_names_the_file(
    tmp_path: Path, broken: str, says: str
) -> None:
    with pytest.raises(CatalogError, match=says) as caught:
        read_catalog(write(tmp_path, broken))
    assert str(tmp_path / "course.toml") in str(caught.value)


def test_missing_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="cannot be read"):
        read_catalog(tmp_path)


def test_the_course_itself_is_whole() -> None:
    catalog = course()
    assert catalog.folder == notebooks_folder()
    for lesson in catalog.lessons():
        assert catalog.notebook(lesson).is_file(), lesson.key
        assert set(lesson.images) <= set(COURSE_IMAGES), lesson.key
