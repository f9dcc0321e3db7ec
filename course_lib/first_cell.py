"""What a student reads who ran a cell before the first one of the lesson, or deleted that.

Without it a check says ``NameError: name 'check' is not defined``. ``course lab`` has every kernel
attach this when it starts, ``lab.start`` does so in any other.
"""

from __future__ import annotations

from typing import Any

NAMES = {"check": "from graders import check", "lab": "from course_lib import lab"}
"""What the first cell of a lesson brings, and how."""


def attach(shell: Any) -> None:
    """Have an IPython shell explain these names; nothing where it explains some errors already."""
    if not shell.custom_exceptions:
        shell.set_custom_exc((NameError,), _explain)


def _explain(shell: Any, kind: Any, error: NameError, trace: Any, tb_offset: Any = None) -> None:
    line = NAMES.get(error.name or "")
    if line is None:
        shell.showtraceback((kind, error, trace), running_compiled_code=True)
        return
    text = [
        f"\N{HEAVY BALLOT X} {error.name} is not there yet: the lesson has not been started",
        "  \N{RIGHTWARDS ARROW} run its first cell, which begins with `from course_lib import lab`"
        f" (if it is gone: `{line}`)",
    ]
    # As any error is shown: a run of the whole notebook, and a grader, see that it is one.
    shell._showtraceback(kind, error, text)
