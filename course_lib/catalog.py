"""Reads ``notebooks/course.toml``: assignments, lessons, exercises, and what each needs.

The lessons lie in ``notebooks/`` of a checkout, or in ``course_lib/_notebooks`` where the course
was installed from a wheel.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from course_lib.daemons import Topic
from course_lib.errors import CatalogError, UnknownGradeId, UnknownLesson

TABLE = "course.toml"
INDEX = "index.ipynb"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*\Z")


@dataclass(frozen=True, slots=True)
class Exercise:
    """One graded exercise; ``answers`` are the variables that the student sets, if any."""

    id: str
    title: str
    points: float
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lesson:
    """One notebook, and what of the engine belongs to it.

    :param images: names in :data:`course_lib.images.COURSE_IMAGES` that it needs at the start.
    :param containers: names that its text and exercises use; likewise ``networks``,
        ``volumes``, ``services``, ``builds`` (image tags that it makes) and ``ports`` (fixed host
        ports). A lesson with services turns Swarm mode on.
    :param touches: the :class:`~course_lib.daemons.Topic` s that it is about, as far as they are
        not the same on every Docker.
    :param events: its checks need the engine's events since the start of the lesson.
    """

    assignment: str
    name: str
    title: str
    exercises: tuple[Exercise, ...] = ()
    images: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    builds: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    touches: tuple[Topic, ...] = ()
    events: bool = False

    @property
    def key(self) -> str:
        """``assignment/name``, as ``lab.start`` takes it."""
        return f"{self.assignment}/{self.name}"

    @property
    def points(self) -> float:
        return sum(exercise.points for exercise in self.exercises)


@dataclass(frozen=True, slots=True)
class Assignment:
    """An nbgrader assignment: lessons in their order."""

    name: str
    title: str
    lessons: tuple[Lesson, ...]

    @property
    def points(self) -> float:
        return sum(lesson.points for lesson in self.lessons)


@dataclass(frozen=True, slots=True)
class Catalog:
    """The whole course, and the folder where its notebooks lie."""

    folder: Path
    assignments: tuple[Assignment, ...]

    @property
    def index(self) -> Path:
        """The notebook that shows the course at a glance."""
        return self.folder / INDEX

    def lessons(self) -> Iterator[Lesson]:
        """All lessons in the order of the course."""
        for assignment in self.assignments:
            yield from assignment.lessons

    def exercises(self) -> Iterator[tuple[Lesson, Exercise]]:
        """All exercises in the order of the course, each with its lesson."""
        for lesson in self.lessons():
            for exercise in lesson.exercises:
                yield lesson, exercise

    def assignment(self, name: str) -> Assignment:
        """:raises UnknownLesson: where no assignment has that name."""
        for assignment in self.assignments:
            if assignment.name == name:
                return assignment
        names = ", ".join(a.name for a in self.assignments)
        raise UnknownLesson(f"there is no assignment {name!r}", f"assignments: {names}")

    def lesson(self, key: str) -> Lesson:
        """The lesson that ``assignment/lesson`` (or the lesson's name alone) means.

        :raises UnknownLesson: where none has that name.
        """
        for lesson in self.lessons():
            if key in (lesson.key, lesson.name):
                return lesson
        names = ", ".join(lesson.key for lesson in self.lessons())
        raise UnknownLesson(f"there is no lesson {key!r}", f"lessons: {names}")

    def select(self, key: str | None) -> tuple[Lesson, ...]:
        """The lessons that ``ASSIGNMENT``, ``ASSIGNMENT/LESSON`` or nothing (all) means."""
        if not key:
            return tuple(self.lessons())
        if any(assignment.name == key for assignment in self.assignments):
            return self.assignment(key).lessons
        if "/" not in key:
            names = ", ".join(a.name for a in self.assignments)
            raise UnknownLesson(f"there is no assignment {key!r}", f"assignments: {names}")
        return (self.lesson(key),)

    def exercise(self, grade_id: str) -> tuple[Lesson, Exercise]:
        """:raises UnknownGradeId: where no exercise has that id."""
        for lesson, exercise in self.exercises():
            if exercise.id == grade_id:
                return lesson, exercise
        names = ", ".join(exercise.id for _, exercise in self.exercises())
        raise UnknownGradeId(f"unknown grade_id {grade_id!r}", f"known: {names}")

    def notebook(self, lesson: Lesson) -> Path:
        """Where the instructor's notebook of a lesson lies."""
        return self.folder / lesson.assignment / f"{lesson.name}.ipynb"


def notebooks_folder() -> Path:
    """The folder with the instructor's notebooks and ``course.toml``.

    :raises CatalogError: where neither a checkout nor an installed package has it.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "_notebooks", package.parent / "notebooks"):
        if (folder / TABLE).is_file():
            return folder
    raise CatalogError(
        "the lessons are missing from this installation", "install the course again with pip"
    )


def read_catalog(folder: Path) -> Catalog:
    """Read and check the table in ``folder``.

    :raises CatalogError: naming the file and what is wrong in it.
    """
    path = folder / TABLE
    try:
        with path.open("rb") as file:
            document = tomllib.load(file)
    except OSError as error:
        raise CatalogError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogError(f"{path} is not TOML: {error}") from None
    try:
        assignments = tuple(_assignment(entry) for entry in document.get("assignment", []))
        catalog = Catalog(folder, assignments)
        _check_unique("lesson", [lesson.key for lesson in catalog.lessons()])
        _check_unique("grade_id", [exercise.id for _, exercise in catalog.exercises()])
    except (KeyError, TypeError, ValueError) as error:
        reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise CatalogError(f"{path}: {reason}") from None
    return catalog


@cache
def course() -> Catalog:
    """The course as installed here; read once."""
    return read_catalog(notebooks_folder())


def _assignment(entry: Mapping[str, Any]) -> Assignment:
    name = _name(entry["name"])
    lessons = tuple(_lesson(name, lesson) for lesson in entry.get("lesson", []))
    return Assignment(name, str(entry["title"]), lessons)


def _lesson(assignment: str, entry: Mapping[str, Any]) -> Lesson:
    return Lesson(
        assignment=assignment,
        name=_name(entry["name"]),
        title=str(entry["title"]),
        exercises=tuple(_exercise(exercise) for exercise in entry.get("exercise", [])),
        images=_strings(entry, "images"),
        containers=_strings(entry, "containers"),
        networks=_strings(entry, "networks"),
        volumes=_strings(entry, "volumes"),
        services=_strings(entry, "services"),
        builds=_strings(entry, "builds"),
        ports=tuple(_port(port) for port in entry.get("ports", [])),
        touches=tuple(Topic(topic) for topic in _strings(entry, "touches")),
        events=entry.get("events", False) is True,
    )


def _exercise(entry: Mapping[str, Any]) -> Exercise:
    points = entry["points"]
    if isinstance(points, bool) or not isinstance(points, int | float) or points < 0:
        raise ValueError(f"points of {entry['id']} must be a number, not {points!r}")
    return Exercise(
        id=_name(entry["id"]),
        title=str(entry["title"]),
        points=float(points),
        answers=_strings(entry, "answers"),
    )


def _name(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.match(value):
        raise ValueError(f"{value!r} is no name (small letters, digits and dashes)")
    return value


def _strings(entry: Mapping[str, Any], key: str) -> tuple[str, ...]:
    values = entry.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        owner = entry.get("name") or entry.get("id")
        raise ValueError(f"{key} of {owner} must be a list of strings")
    return tuple(values)


def _port(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 65536:
        raise ValueError(f"{value!r} is no port")
    return value


def _check_unique(what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{what} {name} is there twice")
