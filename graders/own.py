"""A class's own exercises, written in a notebook of the instructor's.

::

    from graders import check, exercise, network

    exercise(
        "shop-page", "A page on a network of its own",
        network("shop").exists(),
        network("shop").has("web").worth(2),
        network("shop").has("web").answers_ping(),
    )
    check("shop-page")

The definition and the call of ``check`` stand in one locked cell, so that nbgrader puts both back
before it grades. ``docs/own-exercises.md`` shows it all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from course_lib.catalog import Exercise, Lesson, course
from course_lib.errors import UsageError
from graders.expectation import Expectation, Finding, expect
from graders.probe import Probe

LESSON = Lesson("own", "own", "Own exercises")
"""Where results of own exercises say they are from."""
_ID = re.compile(r"[a-z0-9][a-z0-9-]*\Z")


@dataclass(frozen=True, slots=True)
class Fact:
    """One expectation of an own exercise: what is expected, and how to look for it.

    :param text: in the words that a student knows from the lesson.
    :param look: observes and says what it found; it is called at each check, never before.
    :param answers: the variables of the notebook that it asks for.
    """

    text: str
    look: Callable[[Probe], Finding]
    points: float = 1.0
    answers: tuple[str, ...] = ()

    def worth(self, points: float) -> Fact:
        """The same fact with that many points (1, where nothing is said).

        :raises UsageError: for what is no positive number.
        """
        if isinstance(points, bool) or not isinstance(points, int | float) or not points > 0:
            raise UsageError(f"{points!r} is no number of points", "a number above 0")
        return replace(self, points=float(points))

    def observe(self, probe: Probe) -> Expectation:
        """Look, and say what was found."""
        return expect(self.text, self.points, self.look(probe))


@dataclass(frozen=True, slots=True)
class OwnExercise:
    """What :func:`exercise` keeps."""

    entry: Exercise
    facts: tuple[Fact, ...]

    def check(self, probe: Probe) -> Iterator[Expectation]:
        """As a check of the course: a fact after the other."""
        for fact in self.facts:
            yield fact.observe(probe)


_defined: dict[str, OwnExercise] = {}


def exercise(grade_id: str, title: str, *facts: Fact) -> None:
    """Define an exercise of your own for :func:`graders.check`; its points are those of its facts.

    Running the cell again defines it anew.

    :param grade_id: the one of the locked nbgrader cell.
    :raises UsageError: for an id that the course has, and for what is no fact.
    """
    if not isinstance(grade_id, str) or not _ID.match(grade_id):
        raise UsageError(f"{grade_id!r} is no grade_id", "small letters, digits and dashes")
    if any(known.id == grade_id for _, known in course().exercises()):
        raise UsageError(f"the course has an exercise {grade_id!r} itself", "take another id")
    if not facts:
        raise UsageError(f"{grade_id} expects nothing", 'as in container("web").runs()')
    for fact in facts:
        if not isinstance(fact, Fact):
            raise UsageError(
                f"{grade_id}: {fact!r} is nothing to expect", 'as in container("web").runs()'
            )
    answers = dict.fromkeys(name for fact in facts for name in fact.answers)
    points = round(sum(fact.points for fact in facts), 6)
    entry = Exercise(grade_id, str(title), points, tuple(answers))
    _defined[grade_id] = OwnExercise(entry, facts)


def find(grade_id: str) -> OwnExercise | None:
    """The exercise that was defined in this notebook under that id."""
    return _defined.get(grade_id)
