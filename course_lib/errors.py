"""What a user can be told: one tree of exceptions, each a clear line and what to do about it.

The command line prints ``str(error)`` on standard error and ends with 2; a notebook shows the
same text without a traceback.
"""

from __future__ import annotations


class CourseError(Exception):
    """Something that the user can mend.

    :param message: one sentence that says what is wrong, naming the thing concerned.
    :param hint: what to do next; a command where one command mends it.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback (its protocol for exceptions)."""
        lines = [f"\N{HEAVY BALLOT X} {self.message}"]
        return [*lines, f"  \N{RIGHTWARDS ARROW} {self.hint}"] if self.hint else lines


class UsageError(CourseError):
    """The words given make no sense: an unknown engine, a port out of range, a bad answer."""


class CatalogError(CourseError):
    """``course.toml`` is missing or says something that it must not."""


class UnknownLesson(CourseError):
    """No assignment or lesson has this name."""


class UnknownGradeId(CourseError):
    """No exercise has this ``grade_id``."""


class UnknownQuestion(CourseError):
    """No self-check question has this id."""


class EngineError(CourseError):
    """Something about the engine in use."""


class EngineUnavailable(EngineError):
    """The engine does not answer, or could not be started."""


class SocketInUse(EngineError):
    """Something that is not our engine holds the socket path."""


class SocketPathTooLong(EngineError):
    """A Unix socket's path has at most 107 bytes (103 on macOS)."""


class StateUnusable(EngineError):
    """The engine's state directory is broken, newer than this program, or not ours."""


class ImageUnavailable(EngineError):
    """An image that the lesson needs is not there and could not be had."""


class ClientMissing(CourseError):
    """There is no ``docker`` command, and it could not be fetched."""


class NotOnThisDocker(EngineError):
    """What a lesson is about cannot be had on the kind of Docker in use."""


class NameClash(CourseError):
    """A name that the lesson needs belongs to something that stood before."""


class PortInUse(CourseError):
    """A host port that is needed is taken."""


class DeadPort(CourseError):
    """Nothing answers on a port that should be shown."""


class JournalError(CourseError):
    """The journal of a lesson is broken or newer than this program."""


class NotOurWorkspace(CourseError):
    """A directory with other things in it, or a workspace that this program cannot read."""


class BackupError(CourseError):
    """A backup of a learner's work cannot be written, or is none."""
