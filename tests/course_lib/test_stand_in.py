"""What stands in for a widget in a notebook that was opened again."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from course_lib.showing import note
from course_lib.stand_in import VIEW, standing_in


def outputs(code: str) -> list[dict[str, Any]]:
    """MIME bundles that the code displays in a notebook, in their order."""
    program = (
        "import json\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "from IPython.utils.capture import capture_output\n"
        "shell = InteractiveShell.instance()\n"
        "with capture_output() as shown:\n"
        f"    shell.run_cell({code!r}).raise_error()\n"
        "print(json.dumps([output.data for output in shown.outputs]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_a_question_has_two_outputs_of_which_one_needs_no_kernel() -> None:
    still, widget = outputs("from course_lib import lab; lab.question('publish-expose')")
    # A front end prefers the widget, so both in one output would not do.
    assert VIEW not in still
    assert "EXPOSE" in still["text/plain"]
    assert still["text/html"].count("<details>") == 3
    assert f"course-{widget[VIEW]['model_id']}" in still["text/html"]
    # Nothing is told twice where widgets are unknown.
    assert widget["text/plain"] == ""
    assert set(widget) == {VIEW, "text/plain"}


def test_a_live_picture_that_ended_says_why_also_without_its_widget() -> None:
    before, controls, after = outputs(
        "from course_lib.live_widget import LiveWidget\n"
        "widget = LiveWidget(None)\n"
        "widget.show_controls()\n"
        "widget.ended('the engine is gone')"
    )
    assert "still. Run the cell again" in before["text/plain"]
    name = f"course-{controls[VIEW]['model_id']}"
    assert "still: the engine is gone" in after["text/html"]
    assert name in after["text/html"]


def test_only_one_of_the_two_is_visible() -> None:
    html = standing_in(note("still"), "name").html
    alive = ".name:not(.jupyter-widgets-disconnected)"
    assert f"body:has({alive}) .name-still," in html
    assert f":has(.name-still)+.jp-OutputArea-child:not(:has({alive}))" in html
