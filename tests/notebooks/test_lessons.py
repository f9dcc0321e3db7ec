"""What every instructor's notebook has to be, looked at without running it."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import nbformat
import pytest

from course_lib.catalog import Lesson, course
from course_lib.questions import read_questions
from course_lib.release import release_notebook
from graders.nbgrader.check_cells import score
from tests.notebooks import stored

LESSONS = list(course().lessons())


@pytest.fixture(params=LESSONS, ids=[lesson.key for lesson in LESSONS])
def lesson(request: pytest.FixtureRequest) -> Lesson:
    found: Lesson = request.param
    return found


@pytest.fixture
def notebook(lesson: Lesson) -> Any:
    return nbformat.read(course().notebook(lesson), as_version=4)  # type: ignore[no-untyped-call]


def graded(notebook: Any) -> dict[str, Any]:
    """Cells with nbgrader metadata by their grade_id."""
    cells = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    return {cell.metadata["nbgrader"]["grade_id"]: cell for cell in cells}


def texts(notebook: Any) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


def test_notebook_is_valid_and_clean(notebook: Any) -> None:
    nbformat.validate(notebook)
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs or cell.execution_count is not None
            for output in cell.outputs:
                assert output.output_type != "error"
                assert set(output.get("data", ())) <= stored.KEPT, cell.id


def test_student_opens_a_notebook_without_outputs(lesson: Lesson) -> None:
    document = json.loads(release_notebook(course().notebook(lesson)))
    code = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
    assert code
    assert all((cell["outputs"], cell["execution_count"]) == ([], None) for cell in code)


def test_cells_that_are_not_compared_are_there() -> None:
    cells = {
        cell["id"]
        for lesson in LESSONS
        for cell in json.loads(course().notebook(lesson).read_text(encoding="utf-8"))["cells"]
    }
    assert {*stored.NEVER, *stored.ONLY_EXACTLY} <= cells


def test_cell_ids_are_words_and_unique(notebook: Any) -> None:
    ids = [cell.id for cell in notebook.cells]
    assert [one for one, count in Counter(ids).items() if count > 1] == []
    assert all(re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", one) for one in ids)


def test_exercises_are_those_of_the_table(lesson: Lesson, notebook: Any) -> None:
    checks = {
        grade_id: cell.metadata["nbgrader"]["points"]
        for grade_id, cell in graded(notebook).items()
        if cell.metadata["nbgrader"]["grade"]
    }
    assert list(checks.items()) == [(e.id, e.points) for e in lesson.exercises]


def test_check_cells_are_locked_and_end_in_the_check(lesson: Lesson, notebook: Any) -> None:
    cells = graded(notebook)
    for exercise in lesson.exercises:
        cell = cells[exercise.id]
        assert cell.source == f'check("{exercise.id}")'
        assert cell.metadata["nbgrader"] == {
            "grade": True,
            "grade_id": exercise.id,
            "locked": True,
            "points": exercise.points,
            "schema_version": 3,
            "solution": False,
            "task": False,
        }


def test_stored_outputs_of_the_checks_say_full_points(lesson: Lesson, notebook: Any) -> None:
    """The runs that compare them prove so that the reference solutions earn everything."""
    cells = graded(notebook)
    for exercise in lesson.exercises:
        assert score(cells[exercise.id]) == exercise.points, exercise.id
        assert cells[exercise.id].id not in stored.NEVER


def test_solution_stands_right_before_its_check(lesson: Lesson, notebook: Any) -> None:
    cells = notebook.cells
    for index, cell in enumerate(cells):
        if cell.metadata.get("nbgrader", {}).get("grade"):
            before = cells[index - 1]
            assert before.metadata["nbgrader"]["solution"]
            assert before.metadata["nbgrader"]["grade_id"] == (
                f"{cell.metadata['nbgrader']['grade_id']}-work"
            )
            assert "### BEGIN SOLUTION" in before.source
            assert "### END SOLUTION" in before.source


def test_no_solution_stands_outside_of_solution_cells(notebook: Any) -> None:
    for cell in notebook.cells:
        if not cell.metadata.get("nbgrader", {}).get("solution"):
            assert "SOLUTION" not in cell.source


def test_lesson_starts_itself(lesson: Lesson, notebook: Any) -> None:
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert f'lab.start("{lesson.key}")' in first.source
    assert "from graders import check" in first.source


def test_heading_and_points_are_those_of_the_table(lesson: Lesson, notebook: Any) -> None:
    first = texts(notebook)[0]
    assert first.startswith(f"# {lesson.title}\n")
    count = len(lesson.exercises)
    assert f"{count} exercise{'s' * (count > 1)}, {lesson.points:g} points" in first
    for exercise in lesson.exercises:
        heading = (
            rf"### Exercise \d · {re.escape(exercise.title)} \*\({exercise.points:g} points\)\*"
        )
        assert any(re.match(heading, text) for text in texts(notebook)), exercise.title


def test_questions_are_those_of_the_lessons_texts(lesson: Lesson, notebook: Any) -> None:
    """Every question asked has a text, and every text of the lesson is asked, once."""
    cells = [cell.source for cell in notebook.cells if "lab.question" in cell.source]
    asked = [re.fullmatch(r'lab\.question\("([a-z0-9-]+)"\)', source) for source in cells]
    assert all(asked), cells
    texts = read_questions(course().folder).values()
    known = [question.id for question in texts if question.lesson == lesson.key]
    assert [found[1] for found in asked if found] == known
    assert len(known) >= 2


def test_questions_have_no_marks_but_backticks() -> None:
    shown = "\n".join(
        question.still().text for question in read_questions(course().folder).values()
    )
    assert "**" not in shown


def test_every_question_is_of_a_lesson() -> None:
    lessons = {question.lesson for question in read_questions(course().folder).values()}
    assert lessons <= {lesson.key for lesson in LESSONS}


def test_names_that_the_lesson_uses_are_reserved_for_it(lesson: Lesson, notebook: Any) -> None:
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    named = set(re.findall(r"--name (\S+)", code))
    assert named <= {*lesson.containers, *lesson.services}
    whole = code.replace("\\\n", " ")
    networks = {line.split()[-1] for line in whole.splitlines() if "network create" in line}
    assert networks <= set(lesson.networks)
    assert {int(port) for port in re.findall(r"-p (\d+):", code)} <= set(lesson.ports)


def test_links_lead_somewhere(lesson: Lesson, notebook: Any) -> None:
    folder = course().notebook(lesson).parent
    for link in re.findall(r"\]\(([^)#]+)\)", "\n".join(texts(notebook))):
        assert "://" in link or (folder / link).is_file(), link


def test_last_cell_leads_on(lesson: Lesson, notebook: Any) -> None:
    """To the next lesson, from the last one back to the course."""
    following = LESSONS[LESSONS.index(lesson) + 1 :]
    next_one = course().notebook(following[0]) if following else course().folder / "index.ipynb"
    folder = course().notebook(lesson).parent
    links = re.findall(r"\]\(([^)#]+)\)", texts(notebook)[-1])
    assert next_one.resolve() in [(folder / link).resolve() for link in links]


def test_waiting_has_an_end(notebook: Any) -> None:
    """A loop until something is there would run for ever where it does not come."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not re.search(r'(?<!timeout 60 sh -c ")\b(until|while) ', cell.source), cell.id


def test_commands_end_on_their_own(notebook: Any) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for line in cell.source.splitlines():
                assert not re.search(r"\bping (?!.*-c )", line), line
                assert not re.search(r"docker (run|exec) (-\S+ )*-\w*t\b", line), line
                assert not re.search(r"docker (logs|events)\b.* (-f|--follow)", line), line
