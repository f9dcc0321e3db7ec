"""``check("grade_id")`` in a notebook: shows the expectations, returns the points earned."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from course_lib.catalog import course
from course_lib.progress import Progress
from graders import own
from graders.display import as_bundle, as_text
from graders.expectation import ObservationError
from graders.probe import Probe
from graders.result import CheckResult
from graders.runner import run_check, run_checks


def check(grade_id: str) -> float:
    """Look at the student's work for one exercise; the points earned, 0 to the exercise's points.

    The number is the last value of the locked cell, which is what nbgrader takes as the score.
    Where something could not be observed there is no number: :class:`ObservationError` follows
    the panel. nbgrader gives such a cell 0; with the configuration that ``course init`` writes
    it is marked for the instructor instead, without a score.
    """
    from course_lib import lab

    answers = student_answers(grade_id)  # a wrong id is said before the engine is asked
    # The engine that lab.start named, whatever became of the environment since.
    client = lab.handle.client
    mine = own.find(grade_id)
    if mine is None:
        (result,) = run_checks([grade_id], answers, Path.cwd(), client)
    else:
        probe = Probe(client, answers, Path.cwd())
        result = run_check(own.LESSON, mine.entry, probe, mine.check)
    show(result)
    if result.status == "error":
        raise ObservationError(f"{grade_id} could not be judged: {result.reason}")
    Progress.of(Path.cwd()).record([(grade_id, result.earned)])
    return result.earned


def student_answers(grade_id: str) -> dict[str, object]:
    """The values that the exercise asks for, from the notebook's own variables."""
    mine = own.find(grade_id)
    exercise = mine.entry if mine is not None else course().exercise(grade_id)[1]
    variables = _variables()
    return {name: variables[name] for name in exercise.answers if name in variables}


def show(result: CheckResult) -> None:
    """The panel, as HTML and text, with the result itself beside it for whoever grades."""
    if _shell() is None:
        print(as_text(result))
        return
    from IPython.display import display

    display(as_bundle(result), raw=True)  # type: ignore[no-untyped-call]


def _variables() -> Mapping[str, object]:
    shell = _shell()
    return shell.user_ns if shell is not None else vars(sys.modules["__main__"])


def _shell() -> Any:
    """IPython's shell, None outside of IPython."""
    if "IPython" not in sys.modules:
        return None
    from IPython.core.getipython import get_ipython

    return get_ipython()
