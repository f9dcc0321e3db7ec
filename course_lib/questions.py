"""Short questions for a student's own use: they give no points and keep nothing.

The texts lie beside ``course.toml``, in ``questions/<assignment>/<lesson>.toml``::

    [[question]]
    id = "publish-expose"
    text = "What does `EXPOSE 80` in a Dockerfile do?"

    [[question.option]]
    text = "It opens port 80 on the host."
    why = "Nothing is opened: it is a note, which `-P` reads."

    [[question.option]]
    text = "It tells `-P` which port to publish."
    right = true
    why = "A note from the author of the image, and no more than that."

Backticks stand for code, as in the lessons. A notebook shows one with
``lab.question("publish-expose")``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from course_lib.catalog import course
from course_lib.errors import CatalogError, UnknownQuestion
from course_lib.showing import Exhibit, rich

FOLDER = "questions"
OPTIONS = range(2, 5)
_ID = re.compile(r"[a-z0-9][a-z0-9-]*\Z")


@dataclass(frozen=True, slots=True)
class Option:
    """One answer to choose, and why it is right or wrong."""

    text: str
    why: str
    right: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A question of the lesson ``lesson`` (``assignment/name``); one of its options is right."""

    id: str
    lesson: str
    text: str
    options: tuple[Option, ...]

    def lettered(self) -> Iterator[tuple[str, Option]]:
        """The options as ``A``, ``B`` …"""
        yield from zip("ABCD", self.options, strict=False)

    def still(self) -> Exhibit:
        """The question with nothing to press; each answer opens where it can be folded."""
        letters = list(self.lettered())
        plain = [self.text, "", *(f"  {letter}  {option.text}" for letter, option in letters), ""]
        plain += [f"  {letter}: {_verdict(option)} {option.why}" for letter, option in letters]
        rows = "".join(
            f"<details><summary><strong>{letter}</strong> {rich(option.text)}</summary>"
            f'<div style="padding:2px 1.6em 6px"><strong>{_verdict(option)}</strong>'
            f" {rich(option.why)}</div></details>"
            for letter, option in letters
        )
        html = f'<div style="{FRAME}"><strong>{rich(self.text)}</strong>{rows}</div>'
        return Exhibit("\n".join(plain), html)


FRAME = (
    "border:1px solid rgba(128,128,128,.35);border-left:6px solid #CC79A7;border-radius:6px;"
    "padding:10px 16px;margin:6px 0;max-width:60em;line-height:1.45"
)


def find(question_id: str, lesson: str = "") -> Question:
    """The question of the course with this id.

    :param lesson: whose it probably is (``assignment/name``): then one file is read, not all.
    :raises UnknownQuestion: where none has it.
    :raises CatalogError: where the texts are broken.
    """
    try:
        near = _of_lesson(lesson) if lesson else {}
        return near.get(question_id) or _of_the_course()[question_id]
    except KeyError:
        raise UnknownQuestion(
            f"there is no question {question_id!r}", "the lesson was changed, or is not of here"
        ) from None


def read_questions(folder: Path) -> dict[str, Question]:
    """All questions below ``folder`` (where ``course.toml`` lies), by id.

    :raises CatalogError: naming the file and what is wrong in it.
    """
    found: dict[str, Question] = {}
    for path in sorted((folder / FOLDER).glob("*/*.toml")):
        for question in _read(path):
            if question.id in found:
                raise CatalogError(f"{path}: {question.id} is there twice")
            found[question.id] = question
    return found


def _read(path: Path) -> list[Question]:
    lesson = f"{path.parent.name}/{path.stem}"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        return [_question(lesson, entry) for entry in document["question"]]
    except OSError as error:
        raise CatalogError(f"{path} cannot be read: {error.strerror}") from None
    except KeyError as error:
        raise CatalogError(f"{path}: {error.args[0]} is missing") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise CatalogError(f"{path}: {error}") from None


@cache
def _of_lesson(lesson: str) -> Mapping[str, Question]:
    path = course().folder / FOLDER / f"{lesson}.toml"
    return {question.id: question for question in _read(path)} if path.is_file() else {}


@cache
def _of_the_course() -> Mapping[str, Question]:
    return read_questions(course().folder)


def _question(lesson: str, entry: Mapping[str, Any]) -> Question:
    identity = _text(entry, "id")
    if not _ID.match(identity):
        raise ValueError(f"{identity!r} is no id (small letters, digits and dashes)")
    options = tuple(
        Option(_text(option, "text"), _text(option, "why"), option.get("right", False) is True)
        for option in entry["option"]
    )
    if len(options) not in OPTIONS:
        raise ValueError(f"{identity} has {len(options)} options, not two to four")
    if sum(option.right for option in options) != 1:
        raise ValueError(f"exactly one option of {identity} must be right")
    return Question(identity, lesson, _text(entry, "text"), options)


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry[key]
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{key} must be a text, not {value!r}")
    return " ".join(value.split())


def _verdict(option: Option) -> str:
    return "Right." if option.right else "Not quite."
