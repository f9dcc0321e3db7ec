from __future__ import annotations

import json

import pytest

from graders.display import as_html, as_text
from graders.expectation import BLOCKED, missed
from graders.result import CheckResult, ExpectationResult, Status, judge


def expectation(points: float, passed: bool, **changes: str) -> ExpectationResult:
    words = {
        "text": "It runs.",
        "found": "it runs",
        "hint": "" if passed else "Start it.",
        **changes,
    }
    return ExpectationResult(words["text"], passed, points, words["found"], words["hint"])


def result(status: Status, *expectations: ExpectationResult) -> CheckResult:
    earned = sum(e.earned for e in expectations) if status != "error" else 0.0
    points = sum(e.points for e in expectations)
    return CheckResult(
        "publish-any-port", "networking", "publish-a-service", "A <page>", status, points, earned,
        expectations,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("passed", "status", "earned"),
    [
        ((True,) * 10, "passed", 1.0),
        ((True,) * 9 + (False,), "partial", 0.9),
        ((False,) * 10, "failed", 0.0),
        ((), "failed", 0.0),
    ],
)
def test_judge_adds_up_without_rounding_errors(
    passed: tuple[bool, ...], status: str, earned: float
) -> None:
    assert judge(tuple(expectation(0.1, p) for p in passed), 1.0) == (status, earned)


def test_judge_with_one_missed_worthless_expectation_has_not_passed() -> None:
    assert judge((expectation(1, True), expectation(0, False)), 1.0) == ("partial", 1.0)


def test_result_survives_json() -> None:
    before = result("partial", expectation(1, True), expectation(2, False))
    assert CheckResult.from_json(json.loads(json.dumps(before.to_json()))) == before


def test_result_json_has_the_shape_others_rely_on() -> None:
    document = result("passed", expectation(1, True)).to_json()
    assert list(document) == [
        "grade_id", "assignment", "notebook", "title", "status", "points", "earned", "expectations",
    ]  # fmt: skip
    assert list(document["expectations"][0]) == ["text", "passed", "points", "found", "hint"]


def test_panel_says_in_words_what_colours_say() -> None:
    shown = result("partial", expectation(1, True), expectation(2, False))
    for panel in (as_text(shown), as_html(shown)):
        for word in ("partly right", "1 of 3 points", "✔", "✘", "Start it."):
            assert word in panel


def test_panel_escapes_what_came_out_of_a_container() -> None:
    html = as_html(result("failed", expectation(1, False, found="<script>x</script>", hint="<b>")))
    assert "<script>" not in html
    assert "<b>" not in html
    assert "A &lt;page&gt;" in html


def test_panel_does_not_repeat_why_an_expectation_waits() -> None:
    first = missed("there is no container", "Start it.")
    second = first.then(lambda: pytest.fail("looked at before its time"))
    waiting = ExpectationResult("It answers.", second.passed, 1, second.found, second.hint)
    text = as_text(result("failed", expectation(1, False), waiting))
    assert BLOCKED in text
    assert "there is no container" not in text


def test_panel_of_an_error_does_not_blame() -> None:
    shown = result("error", expectation(1, False, found="the engine does not answer"))
    assert "✘" not in as_text(shown)
    assert "could not be judged" in as_html(shown)
