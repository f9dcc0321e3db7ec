"""Expectations: the named facts of which a check consists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from course_lib.errors import CourseError
from graders.sketch import Shown

BLOCKED = "Judged once the expectations above are met."


class ObservationError(CourseError):
    """Something could not be observed: the engine or the means of looking failed, not the work.

    Never a wrong answer: a missing or stopped container is wrong work, and a finding.
    """


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look at the engine showed. ``hint`` says what to try next, not the command.

    ``shows`` is the same for a drawing, where there is something to draw.
    """

    passed: bool
    found: str
    hint: str = ""
    shows: tuple[Shown, ...] = ()

    def then(self, look: Callable[[], Finding], *, drawn: bool = False) -> Finding:
        """The next finding where this one passed; else this one again, which explains both.

        An absence counts only once what it is about exists: it is looked at ``then``.

        :param drawn: what is not judged yet is drawn all the same. For a look at the engine's
            state alone, that needs nothing to run: what belongs together is drawn so.
        """
        if self.passed:
            return look()
        return Finding(False, self.found, BLOCKED, _to_draw(look) if drawn else ())

    def also(self, look: Callable[[], Finding], *, drawn: bool = False) -> Finding:
        """Two facts in one expectation: this one where it was missed, hint and all; else the next.

        Unlike :meth:`then`, for which another expectation has explained what is missing.

        :param drawn: as for :meth:`then`.
        """
        if not self.passed:
            return replace(self, shows=(*self.shows, *_to_draw(look))) if drawn else self
        found = look()
        return replace(found, shows=(*self.shows, *found.shows))


def _to_draw(look: Callable[[], Finding]) -> tuple[Shown, ...]:
    """What a look shows, and nothing where it fails: nobody is judged by it."""
    try:
        return look().shows
    except ObservationError:
        return ()


def met(found: str, *shows: Shown) -> Finding:
    """The expectation is met."""
    return Finding(True, found, shows=shows)


def missed(found: str, hint: str, *shows: Shown) -> Finding:
    """The expectation is not met."""
    return Finding(False, found, hint, shows)


def every(*findings: Finding) -> Finding:
    """Several facts in one expectation, none of which waits for another: all that were missed."""
    told = [finding for finding in findings if not finding.passed] or findings
    shows = tuple(fact for finding in findings for fact in finding.shows)
    return Finding(told is findings, "; ".join(f.found for f in told), told[0].hint, shows)


@dataclass(frozen=True, slots=True)
class Expectation:
    """One fact that a check expects, worth ``points``, and what was found."""

    text: str
    points: float
    finding: Finding


def expect(text: str, points: float, finding: Finding) -> Expectation:
    """``text`` says what is expected, in the words a student knows from the lesson."""
    return Expectation(text, points, finding)
