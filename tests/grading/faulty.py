"""A warm parent whose engines fail: ``python -m tests.grading.faulty FD``.

How is said by the student's name: a fault of :data:`FAULTS`, and ``once`` (on the engine of the
first attempt alone) or ``always``. Each happens once in the life of an engine, which then works.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from course_lib import warm_engine
from graders.grading import submission as grading
from graders.grading import warm as parent
from graders.grading.model import Submission, SubmissionResult

FAULTS: Mapping[str, tuple[str, str]] = MappingProxyType({
    "start": ("course_lib.engine.volume.service.VolumeService", "list"),
    "pull": ("course_lib.engine.image.store.ImageStore", "pull"),
    "create": ("course_lib.engine.container.create.Creator", "create"),
    "death": ("course_lib.engine.container.create.Creator", "create"),
})  # fmt: skip
"""What breaks at its first call."""


def _break(name: str) -> None:
    path, method = FAULTS[name]
    module, _, owner = path.rpartition(".")
    target: Any = getattr(sys.modules[module], owner)
    whole = getattr(target, method)

    def broken(*words: Any, **named: Any) -> Any:
        if name == "death":
            os._exit(3)
        setattr(target, method, whole)
        raise RuntimeError(f"{method} is broken")

    setattr(target, method, broken)


def main(descriptor: int) -> int:
    """Be the warm parent."""
    serve, grade = warm_engine.serve, grading.grade
    asked = ""

    def serve_badly(socket: Path, state: Path, ready: int) -> int:
        fault, _, times = asked.rpartition("-")
        if fault and (times == "always" or state.parent.name == "0"):
            _break(fault)
        return serve(socket, state, ready)

    def grade_badly(submission: Submission, warm: Any) -> SubmissionResult:
        nonlocal asked
        asked = submission.student
        return grade(submission, warm)

    warm_engine.serve, grading.grade = serve_badly, grade_badly
    return parent.main(descriptor)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
