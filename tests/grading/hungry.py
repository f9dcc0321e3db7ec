"""For a Dask worker's ``--preload``: its first look at one student's submission takes all memory.

``HUNGRY`` names the student, ``HUNGRY_TOLD`` a file that tells of the first time.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from graders.grading import cluster_worker
from graders.grading.model import Submission, SubmissionResult
from graders.grading.warm import WarmParent

BYTES = 600_000_000
LIMIT = "500MB"
_grade = cluster_worker._grade


def _eat(
    warm: WarmParent, hidden: str, document: dict[str, Any], submission: Submission
) -> SubmissionResult:
    if submission.student == os.environ["HUNGRY"]:
        try:
            Path(os.environ["HUNGRY_TOLD"]).touch(exist_ok=False)
        except FileExistsError:
            return _grade(warm, hidden, document, submission)
        eaten = b"x" * BYTES
        threading.Event().wait()  # for the nanny, which looks ten times a second
        del eaten
    return _grade(warm, hidden, document, submission)


def dask_setup(worker: Any) -> None:
    """Called by Dask in the worker's process."""
    cluster_worker._grade = _eat
