"""``course check``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

from course_lib import connect
from course_lib.catalog import Catalog, course
from course_lib.cli.progress import announce
from course_lib.errors import UsageError
from course_lib.progress import Progress


def run(arguments: argparse.Namespace) -> int:
    """Check, print, and answer by the exit code."""
    from graders.display import as_text
    from graders.runner import run_checks

    catalog = course()
    for grade_id in arguments.grade_ids:
        catalog.exercise(grade_id)
    answers = read_answers(arguments.answer, catalog)
    engine = connect.connect(arguments.engine, announce=announce)
    connect.use(engine)
    client = engine.client()
    try:
        results = run_checks(arguments.grade_ids, answers, Path.cwd(), client)
    finally:
        client.close()
    judged = [(result.grade_id, result.earned) for result in results if result.status != "error"]
    Progress.of(Path.cwd()).record(judged)
    if arguments.json:
        print(json.dumps([result.to_json() for result in results], indent=2, ensure_ascii=False))
    else:
        print("\n\n".join(map(as_text, results)))
        if len(results) > 1:
            earned = sum(result.earned for result in results)
            points = sum(result.points for result in results)
            print(f"\n{earned:g} of {points:g} points, on the {engine.label}")
    if any(result.status == "error" for result in results):
        return 2
    return 0 if all(result.status == "passed" for result in results) else 1


def read_answers(pairs: Iterable[str], catalog: Catalog) -> dict[str, object]:
    """``NAME=VALUE`` as the student would have set it; a set is a JSON array.

    :raises UsageError: for a pair without ``=``, a name that no exercise asks for, or an array
        that is no JSON.
    """
    known = {name for _, exercise in catalog.exercises() for name in exercise.answers}
    answers: dict[str, object] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"--answer {pair!r} is not NAME=VALUE")
        if name not in known:
            raise UsageError(
                f"no exercise asks for {name!r}", f"answers: {', '.join(sorted(known))}"
            )
        answers[name] = value
        if value.lstrip().startswith("["):
            try:
                answers[name] = json.loads(value)
            except ValueError:
                raise UsageError(f"the value of {name} is no JSON array: {value}") from None
    return answers
