from __future__ import annotations

import subprocess
import sys

import pytest

from course_lib import showing
from course_lib.errors import CourseError


def test_outside_of_a_notebook_the_text_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    handle = showing.show(showing.note("pulling"))
    handle.update(showing.note("ready", "✓"))
    assert capsys.readouterr().out == "pulling\n✓ ready\n"


def test_note_is_escaped_and_shows_code_as_code() -> None:
    assert "<b>" not in showing.note("<b>").html
    shown = showing.note("`-v a<b` works")
    assert "<code>-v a&lt;b</code> works" in shown.html
    assert shown.text == "`-v a<b` works"


def run_in_ipython(code: str) -> str:
    program = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        f"shell = InteractiveShell.instance()\nshell.run_cell({code!r})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout + done.stderr


def test_an_error_shows_as_a_line_and_a_hint_not_as_a_traceback() -> None:
    shown = run_in_ipython(
        "from course_lib.errors import NameClash\nraise NameClash('dev is taken', 'rename it')"
    )
    assert "✘ dev is taken\n  → rename it" in shown
    assert "Traceback" not in shown
    assert "----" not in shown


def test_error_text_is_one_line_with_its_hint() -> None:
    assert str(CourseError("it broke", "mend it")) == "it broke (mend it)"
    assert str(CourseError("it broke")) == "it broke"
    assert CourseError("it broke")._render_traceback_() == ["✘ it broke"]
