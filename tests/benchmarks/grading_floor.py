"""``python -m tests.benchmarks.grading_floor NOTEBOOK…``: what no way of grading can save.

Runs the cells of notebooks, without checks, in kernels and engines forked from a warm process,
and prints the CPU seconds of one: of the student's cells, the ``docker`` processes that they start
and the engine that answers these.
"""

from __future__ import annotations

import gc
import os
import resource
import sys
from pathlib import Path
from typing import Any

import nbformat

from course_lib import warm_engine
from graders.grading import confine, kernel
from graders.grading.cells import is_test
from graders.grading.model import Submission
from graders.grading.submission import grade

ROUNDS = 3


def main(paths: list[str]) -> None:
    """Print the CPU seconds of a notebook, the mean of all in three rounds."""
    texts: dict[str, str] = {}
    for path in paths:
        notebook: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        notebook.cells = [cell for cell in notebook.cells if not is_test(cell)]
        texts[Path(path).stem] = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    confine.possible()
    warm_engine.preload()
    warm = kernel.warm()
    gc.collect()
    gc.freeze()
    used = sum(_below(Submission("floor", "floor", texts), warm) for _ in range(ROUNDS))
    print(used / ROUNDS / len(texts))


def _below(submission: Submission, warm: Any) -> float:
    """CPU seconds of the processes below the one that grades."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if not pid:
        done = grade(submission, warm)
        assert not any(entry.notes for entry in done.notebooks.values()), done
        below = resource.getrusage(resource.RUSAGE_CHILDREN)
        os.write(theirs, f"{below.ru_utime + below.ru_stime}".encode())
        os._exit(0)
    os.waitpid(pid, 0)
    used = float(os.read(ours, 100))
    os.close(ours)
    os.close(theirs)
    return used


if __name__ == "__main__":
    main(sys.argv[1:])
