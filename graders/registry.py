"""Which function checks which exercise: ``@check("grade_id")``.

Titles, points and order come from ``notebooks/course.toml``; a check knows only its grade_id.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from types import MappingProxyType

from graders.expectation import Expectation
from graders.probe import Probe

CheckFunction = Callable[[Probe], Iterable[Expectation]]
_ATTRIBUTE = "__grade_id__"


def check(grade_id: str) -> Callable[[CheckFunction], CheckFunction]:
    """Marks a function of a lesson's module as the check of the exercise ``grade_id``."""

    def mark(function: CheckFunction) -> CheckFunction:
        setattr(function, _ATTRIBUTE, grade_id)
        return function

    return mark


def checks_of(assignment: str, lesson: str) -> MappingProxyType[str, CheckFunction]:
    """The checks in ``graders/<assignment>/<lesson>.py``, by grade_id.

    Raises ``ModuleNotFoundError`` for a lesson without checks.
    """
    name = f"graders.{assignment.replace('-', '_')}.{lesson.replace('-', '_')}"
    module = importlib.import_module(name)
    return MappingProxyType(dict(_marked(vars(module).values())))


def _marked(values: Iterable[object]) -> Iterator[tuple[str, CheckFunction]]:
    for value in values:
        grade_id = getattr(value, _ATTRIBUTE, None)
        if isinstance(grade_id, str) and callable(value):
            yield grade_id, value
