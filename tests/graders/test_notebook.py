from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from course_lib import lab
from course_lib.errors import EngineUnavailable, UnknownGradeId
from course_lib.progress import Progress, Score
from graders import check, notebook
from graders.expectation import ObservationError
from graders.result import MIME_TYPE, CheckResult, ExpectationResult, Status


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimpleNamespace:
    """A notebook's cell: its variables, what it shows, and how the work is judged."""
    cell = SimpleNamespace(variables={}, shown=[], status="partial", client=object(), asked=None)

    def run_checks(grade_ids: Any, answers: Any, folder: Any, client: Any) -> list[CheckResult]:
        cell.asked = (grade_ids, answers, client)
        return [_result(cell.status)]

    monkeypatch.setattr(notebook, "run_checks", run_checks)
    monkeypatch.setattr(notebook, "_shell", lambda: SimpleNamespace(user_ns=cell.variables))
    monkeypatch.setattr(
        "IPython.display.display", lambda data, raw: cell.shown.append(data), raising=True
    )
    monkeypatch.setattr(lab, "handle", cell)
    monkeypatch.delenv("COURSE_UNATTENDED", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return cell


def _result(status: Status) -> CheckResult:
    expectation = ExpectationResult("It runs.", False, 2, "the engine does not answer", "")
    return CheckResult(
        "publish-find-port", "networking", "publish-a-service", "Find the published port", status,
        2, 1.0 if status == "partial" else 0.0, (expectation,),
    )  # fmt: skip


def test_check_shows_the_result_and_returns_the_points(cell: SimpleNamespace) -> None:
    points = check("publish-find-port")
    assert (points, type(points)) == (1.0, float)
    (shown,) = cell.shown
    assert set(shown) == {"text/plain", "text/html", MIME_TYPE}
    assert shown[MIME_TYPE]["earned"] == 1.0


def test_check_notes_the_points_for_the_students_progress(
    cell: SimpleNamespace, tmp_path: Path
) -> None:
    check("publish-find-port")
    assert Progress.of(tmp_path).scores() == {"publish-find-port": Score(1.0, 1.0)}
    cell.status = "error"
    with pytest.raises(ObservationError):
        check("publish-find-port")
    assert Progress.of(tmp_path).scores() == {"publish-find-port": Score(1.0, 1.0)}


def test_check_takes_the_answer_from_the_notebook(cell: SimpleNamespace) -> None:
    cell.variables.update(web_port=32768, web_address="10.0.0.1", other=1)
    check("publish-find-port")
    assert cell.asked == (["publish-find-port"], {"web_port": 32768}, cell.client)


def test_check_without_an_answer_has_none(cell: SimpleNamespace) -> None:
    check("publish-find-port")
    assert cell.asked[1] == {}


def test_check_that_could_not_observe_has_no_number(cell: SimpleNamespace) -> None:
    cell.status = "error"
    with pytest.raises(ObservationError, match="the engine does not answer"):
        check("publish-find-port")
    assert len(cell.shown) == 1


def test_check_of_an_unknown_exercise_says_so_in_a_line(cell: SimpleNamespace) -> None:
    with pytest.raises(UnknownGradeId, match="publish-find-prot") as raised:
        check("publish-find-prot")
    assert len(raised.value._render_traceback_()) <= 2
    assert cell.asked is None


def test_check_without_an_engine_says_so(
    cell: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Handle:
        @property
        def client(self) -> None:
            raise EngineUnavailable("no Docker engine answers")

    monkeypatch.setattr(lab, "handle", Handle())
    with pytest.raises(EngineUnavailable):
        check("publish-find-port")


def test_check_outside_of_a_notebook_prints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(notebook, "_shell", lambda: None)
    notebook.show(_result("partial"))
    assert "Find the published port" in capsys.readouterr().out
