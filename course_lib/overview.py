"""The course at a glance: each lesson, how far the student is, and what comes next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape

from course_lib.catalog import Assignment, Catalog, Lesson
from course_lib.progress import Score
from course_lib.showing import GREEN, OCHRE, Exhibit

Scores = Mapping[str, Score]


def overview(catalog: Catalog, scores: Scores, link: Callable[[Lesson], str]) -> Exhibit:
    """All lessons with the best points so far.

    :param link: the address of a lesson's notebook from where this is shown; empty for none.
    """
    upcoming = next((lesson for lesson in catalog.lessons() if not _complete(lesson, scores)), None)
    total = sum(assignment.points for assignment in catalog.assignments)
    earned = sum(_earned(lesson, scores) for lesson in catalog.lessons())
    if upcoming is None:
        onward = onward_html = "Every exercise is solved. Well done."
    else:
        words = "go on with" if _begun(upcoming, scores) else "begin with"
        onward = f"Next: {words} {upcoming.title}."
        onward_html = f"Next: {words} <strong>{_linked(upcoming, link)}</strong>."
    head = f"{earned:g} of {total:g} points so far."
    text = [f"{head} {onward}"]
    html = [
        f'<div style="max-width:60em;line-height:1.45"><div style="display:flex;gap:1em;'
        f'align-items:baseline"><strong style="font-size:1.15em">{head}</strong>'
        f"<span>{onward_html}</span></div>{_bar(earned, total)}"
    ]
    for assignment in catalog.assignments:
        text += ["", *_as_text(assignment, scores)]
        html.append(_as_html(assignment, scores, link, upcoming))
    html.append(
        '<div style="opacity:.75;font-size:.93em;margin-top:8px">The best that a check has seen in'
        " this workspace. Your grade is what your notebooks earn when they are graded.</div></div>"
    )
    return Exhibit("\n".join(text), "".join(html))


def _as_text(assignment: Assignment, scores: Scores) -> list[str]:
    lines = [assignment.title]
    width = max((len(lesson.title) for lesson in assignment.lessons), default=0)
    for number, lesson in enumerate(assignment.lessons, 1):
        lines.append(
            f"  {_sign(lesson, scores)} {number} {lesson.title:<{width}}"
            f"  {_solved_of(lesson, scores)},"
            f" {_earned(lesson, scores):g} of {lesson.points:g} points"
        )
    return lines


def _as_html(
    assignment: Assignment, scores: Scores, link: Callable[[Lesson], str], upcoming: Lesson | None
) -> str:
    rows = "".join(
        f"<tr{_MARKED if lesson is upcoming else ''}>"
        f'<td aria-hidden="true" style="{_CELL}width:1em;font-weight:700;'
        f'color:{_colour(lesson, scores)}">{_sign(lesson, scores)}</td>'
        f'<td style="{_CELL}width:1em;text-align:right;opacity:.7">{number}</td>'
        f'<td style="{_CELL}text-align:left">{_linked(lesson, link)}</td>'
        f'<td style="{_CELL}{_TIGHT}text-align:left">{_solved_of(lesson, scores)}</td>'
        f'<td style="{_CELL}{_TIGHT}text-align:right">{_earned(lesson, scores):g} of'
        f" {lesson.points:g} points</td>"
        f'<td style="{_CELL}width:7em">{_bar(_earned(lesson, scores), lesson.points)}</td></tr>'
        for number, lesson in enumerate(assignment.lessons, 1)
    )
    earned = sum(_earned(lesson, scores) for lesson in assignment.lessons)
    return (
        f'<div style="margin:14px 0 2px"><strong>{escape(assignment.title)}</strong>&ensp;'
        f'<span style="opacity:.75">{earned:g} of {assignment.points:g} points</span></div>'
        # JupyterLab's own tables have columns of one width.
        '<table style="width:100%;margin:0;border-collapse:collapse;table-layout:auto">'
        f"{rows}</table>"
    )


_CELL = "padding:3px 8px;"
_TIGHT = "white-space:nowrap;width:1%;"
_MARKED = ' style="outline:1px solid #0072B2;outline-offset:-1px"'


def _linked(lesson: Lesson, link: Callable[[Lesson], str]) -> str:
    address = link(lesson)
    title = escape(lesson.title)
    return f'<a href="{escape(address)}">{title}</a>' if address else title


def _bar(earned: float, points: float) -> str:
    share = 100 * earned / points if points else 0
    return (
        '<div aria-hidden="true" style="height:5px;border-radius:3px;background:'
        'rgba(128,128,128,.25)"><div style="height:5px;border-radius:3px;'
        f'width:{share:.0f}%;background:{GREEN}"></div></div>'
    )


def _earned(lesson: Lesson, scores: Scores) -> float:
    return sum(
        min(scores[exercise.id].best, exercise.points)
        for exercise in lesson.exercises
        if exercise.id in scores
    )


def _solved(lesson: Lesson, scores: Scores) -> int:
    return sum(
        exercise.id in scores and scores[exercise.id].best >= exercise.points
        for exercise in lesson.exercises
    )


def _solved_of(lesson: Lesson, scores: Scores) -> str:
    count = len(lesson.exercises)
    return f"{_solved(lesson, scores)} of {count} exercise{'' if count == 1 else 's'}"


def _complete(lesson: Lesson, scores: Scores) -> bool:
    return _solved(lesson, scores) == len(lesson.exercises)


def _begun(lesson: Lesson, scores: Scores) -> bool:
    return _earned(lesson, scores) > 0


def _sign(lesson: Lesson, scores: Scores) -> str:
    if _complete(lesson, scores):
        return "\N{HEAVY CHECK MARK}"
    return "\N{CIRCLE WITH LEFT HALF BLACK}" if _begun(lesson, scores) else "\N{WHITE CIRCLE}"


def _colour(lesson: Lesson, scores: Scores) -> str:
    return GREEN if _complete(lesson, scores) else OCHRE if _begun(lesson, scores) else "inherit"
