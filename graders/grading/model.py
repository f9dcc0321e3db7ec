"""What goes into the grading of a submission and what comes out: plain data, JSON both ways."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What one submission may use; beyond it ends, and nobody else notices."""

    cell_seconds: float = 60.0
    submission_seconds: float = 600.0
    memory_mb: int = 2048
    processes: int = 256
    output_mb: float = 10.0
    """Of one notebook."""
    disk_mb: int = 512


@dataclass(frozen=True, slots=True)
class Submission:
    """One student's work for an assignment, ready to run.

    :param notebooks: by name, in the order to run them: the sanitized ``.ipynb`` as text.
    :param files: the other files by relative path.
    :param hidden: paths of this machine that a student's code must not see.
    :param engine: ``embedded``: one of its own for each notebook; else the ``DOCKER_HOST`` of
        the engine to use.
    """

    student: str
    assignment: str
    notebooks: Mapping[str, str]
    files: Mapping[str, bytes] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    limits: Limits = Limits()
    engine: str = "embedded"

    def to_json(self) -> dict[str, Any]:
        files = {path: base64.b64encode(data).decode() for path, data in self.files.items()}
        return {
            "student": self.student,
            "assignment": self.assignment,
            "notebooks": dict(self.notebooks),
            "files": files,
            "hidden": list(self.hidden),
            "limits": asdict(self.limits),
            "engine": self.engine,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Submission:
        """The inverse of :meth:`to_json`."""
        files = {path: base64.b64decode(text) for path, text in document["files"].items()}
        return cls(
            document["student"],
            document["assignment"],
            document["notebooks"],
            files,
            tuple(document["hidden"]),
            Limits(**document["limits"]),
            document["engine"],
        )


@dataclass(frozen=True, slots=True)
class NotebookResult:
    """A notebook after it ran.

    :param notebook: the executed ``.ipynb`` as text.
    :param unjudged: by grade_id why there is no score: for the instructor's eye.
    :param checks: the results of the checks, as :class:`graders.result.CheckResult` in JSON.
    :param notes: what went wrong on the way, one line each.
    :param in_kernel: the tests (``assert …``) that ran in the student's kernel, by grade_id:
        their points rest on its word.
    :param left: what stays on a Docker of the instructor's, one line each.
    :param seconds: where the time went: ``engine``, ``kernel``, ``cells``, ``checks``.
    """

    notebook: str
    unjudged: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    attempts: int = 1
    in_kernel: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)


_TUPLES = ("checks", "notes", "in_kernel", "left")


@dataclass(frozen=True, slots=True)
class SubmissionResult:
    """What grading a submission gave; ``problem`` where it could not be run at all."""

    student: str
    assignment: str
    notebooks: Mapping[str, NotebookResult] = field(default_factory=dict)
    problem: str = ""
    confined: bool = True
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "notebooks": {k: asdict(v) for k, v in self.notebooks.items()}}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> SubmissionResult:
        """The inverse of :meth:`to_json`."""
        notebooks = {
            name: NotebookResult(**{**entry, **{key: tuple(entry[key]) for key in _TUPLES}})
            for name, entry in document["notebooks"].items()
        }
        return cls(**{**document, "notebooks": notebooks})
