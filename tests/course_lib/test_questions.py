from __future__ import annotations

from pathlib import Path

import pytest

from course_lib import questions
from course_lib.errors import CatalogError, UnknownQuestion
from course_lib.lab import Lab
from course_lib.question_widget import QuestionWidget
from course_lib.questions import Question, read_questions

TEXT = """
[[question]]
id = "one-port"
text = "What does `-p 8080:80` <do>?"
[[question.option]]
text = "It opens `80`."
why = "The other way round."
[[question.option]]
text = "It opens `8080` & leads to 80."
right = true
why = "The host's port stands first."
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "questions" / "a" / "one.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return folder


@pytest.fixture
def question(tmp_path: Path) -> Question:
    return read_questions(write(tmp_path, TEXT))["one-port"]


def test_questions_are_read_with_their_lesson(question: Question) -> None:
    assert question.lesson == "a/one"
    assert [(letter, option.right) for letter, option in question.lettered()] == [
        ("A", False),
        ("B", True),
    ]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("right = true\n", "", "exactly one option"),
        ('why = "The other', 'right = true\nwhy = "The other', "exactly one option"),
        ('why = "The other way round."\n', "", "why is missing"),
        ("The other way round.", " ", "why must be a text"),
        ('"one-port"', '"One Port"', "is no id"),
        ("[[question.option]]\ntext", "[[question.choice]]\ntext", "option is missing"),
        (TEXT, "ask = 1", "question is missing"),
        (TEXT, TEXT + TEXT, "is there twice"),
        ("[[question]]", "[[question", "one.toml"),
        (TEXT, "question = 1", "one.toml"),
    ],
)
def test_questions_that_are_no_good_are_refused(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    with pytest.raises(CatalogError, match=reason):
        read_questions(write(tmp_path, TEXT.replace(old, new)))


def test_one_option_is_too_few_and_five_are_too_many(tmp_path: Path) -> None:
    more = '[[question.option]]\ntext = "x"\nwhy = "y"\n'
    with pytest.raises(CatalogError, match="has 5 options"):
        read_questions(write(tmp_path, TEXT + 3 * more))
    alone = TEXT.split("[[question.option]]")
    with pytest.raises(CatalogError, match="has 1 options"):
        read_questions(write(tmp_path, alone[0] + "[[question.option]]" + alone[2]))


def test_a_still_question_folds_its_answers_and_escapes_its_text(question: Question) -> None:
    html = question.still().html
    shown, first, second = html.split("<details>")
    assert "What does <code>-p 8080:80</code> &lt;do&gt;?" in shown
    assert "It opens <code>80</code>.</summary>" in first
    assert "other way round" in first.split("</summary>")[1]
    assert "<code>8080</code> &amp; leads" in second
    text = question.still().text
    assert "  B: Right. The host's port stands first." in text


def test_pressing_a_button_explains_the_answer(question: Question) -> None:
    shown = QuestionWidget(question)
    assert shown.feedback.value == ""
    shown.buttons["A"].click()
    assert "A: Not quite.</strong> The other way round." in shown.feedback.value
    shown.buttons["B"].click()
    assert "B: Right.</strong> The host&#x27;s port stands first." in shown.feedback.value
    assert shown.buttons["A"].button_style == "warning"
    assert shown.buttons["B"].button_style == "success"


@pytest.fixture
def only(question: Question, monkeypatch: pytest.MonkeyPatch) -> Question:
    monkeypatch.setattr(questions, "_of_the_course", lambda: {question.id: question})
    return question


@pytest.mark.usefixtures("only")
def test_lab_question_prints_the_text_outside_of_a_notebook(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Lab(environ={}).question("one-port")
    assert capsys.readouterr().out.startswith("What does `-p 8080:80` <do>?")


@pytest.mark.usefixtures("only")
def test_lab_question_shows_nothing_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    Lab(environ={"COURSE_UNATTENDED": "1"}).question("one-port")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("lesson", ["", "networking/publish-a-service", "volumes/bind-mounts"])
def test_a_question_is_found_from_any_lesson(lesson: str) -> None:
    assert questions.find("publish-ports", lesson).lesson == "networking/publish-a-service"


@pytest.mark.usefixtures("only")
def test_lab_question_of_an_unknown_id_is_refused() -> None:
    with pytest.raises(UnknownQuestion, match="'two-ports'"):
        Lab(environ={"COURSE_UNATTENDED": "1"}).question("two-ports")
