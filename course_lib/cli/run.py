"""``course run``."""

from __future__ import annotations

import argparse
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from course_lib.catalog import Lesson
from course_lib.cli.progress import announce


def run(arguments: argparse.Namespace) -> int:
    """Run the lessons, print their scores, and answer by the exit code."""
    from graders.nbgrader.execute import LessonRun, run_lessons

    def started(lesson: Lesson) -> None:
        announce(f"running {lesson.key}")

    def finished(done: LessonRun) -> None:
        if not arguments.json:
            score = f"{done.earned:g} of {done.points:g} points in {done.seconds:.1f} s"
            print(f"{done.assignment}/{done.notebook}: {score}", flush=True)
            if done.error:
                print(f"  {done.error}", flush=True)

    with _terminated_as_interrupted():
        runs = run_lessons(
            arguments.selection, engine=arguments.engine, started=started, finished=finished
        )
    if arguments.json:
        print(json.dumps([done.to_json() for done in runs], indent=2))
    elif len(runs) > 1:
        earned, points = sum(r.earned for r in runs), sum(r.points for r in runs)
        print(f"{earned:g} of {points:g} points")
    return 0 if all(done.complete for done in runs) else 1


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM, as of ``timeout`` or a batch system, leaves nothing behind either."""
    before = signal.getsignal(signal.SIGTERM)
    # In the background of a script SIGINT is ignored: there SIGTERM ends us as it always does.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
