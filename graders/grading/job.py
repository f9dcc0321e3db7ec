"""A submission on its way through a run of ``course autograde``."""

from __future__ import annotations

from dataclasses import dataclass, field

from course_lib.errors import CourseError
from graders.grading.model import Submission


@dataclass(slots=True)
class Row:
    """How one student's submission went.

    :param status: ``graded``, ``attention`` (graded, something waits for the instructor),
        ``skipped`` (was graded before), ``excluded`` (by ``student_id_exclude``) or ``failed`` (not
        graded; ``notes`` say why).
    :param in_kernel: tests whose points rest on the word of the student's kernel.
    """

    student: str
    status: str = "graded"
    earned: float = 0.0
    points: float = 0.0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    in_kernel: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Job:
    """A submission between sanitizing and saving."""

    assignment: str
    student: str
    source: str
    submission: Submission
    paths: dict[str, str]
    notes: list[str]
    unreadable: dict[str, str]


class NotGradedError(CourseError):
    """A submission that cannot be graded; the message is for the summary."""
