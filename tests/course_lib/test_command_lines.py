"""``!`` lines as IPython runs them, without the sleep at their end."""

from __future__ import annotations

from typing import Any

import pexpect
import pytest
from IPython.utils.process import system  # type: ignore[attr-defined]

from course_lib import command_lines


@pytest.fixture
def spawned(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The processes that pexpect starts, once lines are hastened."""
    found: list[Any] = []
    original: Any = pexpect.spawn

    class Noted(original):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **words: Any) -> None:
            super().__init__(*arguments, **words)
            found.append(self)

    monkeypatch.setattr(pexpect, "spawn", Noted)
    command_lines.hasten()
    return found


def test_a_line_gives_its_output_and_its_status_and_does_not_sleep(
    spawned: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert system("echo one; echo two >&2; exit 3") == 3
    assert capsys.readouterr().out.split() == ["one", "two"]
    (process,) = spawned
    assert process.ptyproc.delayafterclose == 0
    assert process.ptyproc.terminated, "nobody has to wait for it"


def test_lines_are_hastened_once(spawned: list[Any]) -> None:
    once = pexpect.spawn
    command_lines.hasten()
    assert pexpect.spawn is once
