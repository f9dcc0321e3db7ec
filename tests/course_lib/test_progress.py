from __future__ import annotations

import json
from pathlib import Path

import pytest

from course_lib.catalog import Assignment, Catalog, Exercise, Lesson
from course_lib.lab import Lab
from course_lib.overview import overview
from course_lib.progress import Progress, Score

ONE = Lesson("a", "one", "One <1>", (Exercise("one-x", "X", 2), Exercise("one-y", "Y", 1.5)))
TWO = Lesson("a", "two", "Two", (Exercise("two-x", "X", 3),))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "ws" / ".docker-course").mkdir(parents=True)
    (tmp_path / "ws" / ".docker-course" / "workspace.json").write_text("{}")
    (tmp_path / "ws" / "a").mkdir()
    (tmp_path / "ws" / "a" / "one.ipynb").write_text("{}")
    return tmp_path / "ws"


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path, (Assignment("a", "A", (ONE, TWO)),))


def test_scores_belong_to_the_workspace_at_any_depth(workspace: Path) -> None:
    Progress.of(workspace / "a").record([("one-x", 2.0)], {})
    assert Progress.of(workspace).scores() == {"one-x": Score(2.0, 2.0)}
    assert Progress.of(workspace / "a").workspace == workspace
    kept = {path.name for path in (workspace / ".docker-course").iterdir()}
    assert kept == {"workspace.json", "progress.json"}


def test_scores_outside_of_a_workspace_are_kept_with_the_users_data(
    home: Path, tmp_path: Path
) -> None:
    environ = {"HOME": str(home)}
    Progress.of(tmp_path, environ).record([("one-x", 1.0)], environ)
    assert Progress.of(tmp_path / "elsewhere", environ).scores() == {"one-x": Score(1.0, 1.0)}
    assert list(tmp_path.iterdir()) == []


def test_the_best_result_stays_and_the_last_is_known(workspace: Path) -> None:
    progress = Progress.of(workspace)
    progress.record([("one-x", 1.0), ("one-y", 1.5)], {})
    progress.record([("one-x", 2.0), ("one-y", 0.0)], {})
    assert progress.scores() == {"one-x": Score(2.0, 2.0), "one-y": Score(1.5, 0.0)}


def test_nothing_is_noted_where_nobody_looks(workspace: Path) -> None:
    Progress.of(workspace).record([("one-x", 2.0)], {"COURSE_UNATTENDED": "1"})
    assert not (workspace / ".docker-course" / "progress.json").exists()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 99, "scores": {}}', '{"format": 1, "scores": {"x": 1}}']
)
def test_a_broken_file_counts_as_none_and_is_written_anew(workspace: Path, text: str) -> None:
    progress = Progress.of(workspace)
    progress.path.write_text(text)
    assert progress.scores() == {}
    progress.record([("one-x", 2.0)], {})
    assert progress.scores() == {"one-x": Score(2.0, 2.0)}


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    Progress(tmp_path / "file" / "progress.json").record([("one-x", 2.0)], {})
    assert (tmp_path / "file").read_text() == "x"


def test_overview_of_a_beginner_points_at_the_first_lesson(catalog: Catalog) -> None:
    text = overview(catalog, {}, lambda lesson: "").text
    assert text.splitlines() == [
        "0 of 6.5 points so far. Next: begin with One <1>.",
        "",
        "A",
        "  ○ 1 One <1>  0 of 2 exercises, 0 of 3.5 points",
        "  ○ 2 Two      0 of 1 exercise, 0 of 3 points",
    ]


def test_columns_are_as_wide_as_their_texts_in_jupyterlab_too(catalog: Catalog) -> None:
    """Its own style sheet says ``table-layout: fixed`` of every table in an output."""
    tables = overview(catalog, {}, lambda _: "").html.split("<table ")[1:]
    assert len(tables) == len(catalog.assignments)
    assert all("table-layout:auto" in table.split(">")[0] for table in tables)


def test_overview_counts_the_best_and_goes_on_where_something_is_left(catalog: Catalog) -> None:
    scores = {"one-x": Score(2, 0), "one-y": Score(0.5, 0.5), "gone": Score(9, 9)}
    shown = overview(catalog, scores, lambda lesson: f"a/{lesson.name}.ipynb")
    assert shown.text.startswith("2.5 of 6.5 points so far. Next: go on with One <1>.")
    assert "◐ 1 One <1>  1 of 2 exercises, 2.5 of 3.5 points" in shown.text
    assert '<a href="a/one.ipynb">One &lt;1&gt;</a>' in shown.html


def test_overview_passes_over_what_is_complete(catalog: Catalog) -> None:
    scores = {"one-x": Score(2, 2), "one-y": Score(1.5, 1.5)}
    assert "Next: begin with Two." in overview(catalog, scores, lambda lesson: "").text
    everything = {**scores, "two-x": Score(3, 3)}
    text = overview(catalog, everything, lambda lesson: "").text
    assert text.startswith("6.5 of 6.5 points so far. Every exercise is solved.")


def test_overview_gives_more_points_to_nobody(catalog: Catalog) -> None:
    """Where an exercise is worth less in a newer release."""
    assert overview(catalog, {"two-x": Score(5, 5)}, lambda lesson: "").text.startswith("3 of 6.5")


def test_lab_progress_shows_what_the_workspace_knows(
    catalog: Catalog,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(workspace / "a")
    file = workspace / ".docker-course" / "progress.json"
    file.write_text(
        json.dumps({"format": 1, "scores": {"one-x": {"best": 2, "last": 1}}}), encoding="utf-8"
    )
    Lab(catalog=lambda: catalog, environ={}).progress()
    assert capsys.readouterr().out.startswith("2 of 6.5 points so far. Next: go on with One <1>.")
