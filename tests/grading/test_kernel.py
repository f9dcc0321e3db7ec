"""What a lesson's cells show in the grader's kernel."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing

import pytest

from graders.grading.warm import WarmParent
from tests.grading.grades import graded, notebook_of, outputs_of, printed

QUESTION = "from course_lib import lab\nlab.question('publish-ports')"
WIDGETS = "import sys\nprint('ipywidgets' in sys.modules)"
CELLS = """
import matplotlib.pyplot as plt

def line():
    plt.plot([1, 2, 3], label="rising"); plt.plot([3, 1, 2], label="else")
    plt.title("Lines"); plt.xlabel("time"); plt.legend()

def image():
    plt.imshow([[1, 2], [3, 4]]); plt.colorbar()

def arranged():
    figure, axes = plt.subplots(2, 2, layout="constrained")
    for each in axes.flat:
        each.set_ylabel("a long label"); each.plot([10000, 20000])

def watched():
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    figure.canvas.mpl_connect("draw_event", lambda _: axes.set_title("drawn"))
"""
PROGRAM = """
import asyncio, base64, sys
from types import SimpleNamespace
from graders.grading import figures, kernel

def pictures(made):
    shown = []
    made.session.deliver = lambda kind, content: shown.append(content.get("data", {}))
    for code in ("line()", "image()", "arranged()", "watched()"):
        reply = loop.run_until_complete(made.do_execute(code, False, cell_id="c"))
        assert reply["status"] == "ok", reply
    return [data["image/png"] for data in shown if "image/png" in data]

loop = asyncio.new_event_loop()
made = kernel.warm()  # its backend is chosen before anything of matplotlib is there
figures.load(made.shell)
from matplotlib import pyplot
made.io_loop = SimpleNamespace(add_callback=loop.call_soon_threadsafe, call_later=loop.call_later)
loop.run_until_complete(made.do_execute(sys.argv[1], False, cell_id="c"))
once = pictures(made)
after = made.shell.events.callbacks["post_execute"]
place = next(i for i, f in enumerate(after) if f.__name__ == "_draw_what_matters")
after[place] = pyplot._draw_all_if_interactive
as_ever = pictures(made)
assert len(once) == 4 and once == as_ever, [len(once), len(as_ever)]
"""


def test_figures_drawn_once_look_as_ever() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM, CELLS], check=True, timeout=120)


def test_a_shell_finds_the_python_of_the_course(warm: WarmParent) -> None:
    there = "import sys\nfound = !python3 -c 'import sys; print(sys.prefix)'\n"
    result = graded(warm, notebook_of([there + "print(found == [sys.prefix], found)"]))
    assert printed(result).startswith("True"), printed(result)


def test_questions_are_not_asked_while_grading(warm: WarmParent) -> None:
    result = graded(warm, notebook_of([QUESTION, WIDGETS]))
    assert outputs_of(result, 0) == []
    assert printed(result) == "False\n"


@pytest.mark.usefixtures("docker_command")
@pytest.mark.parametrize("module", ["matplotlib", "numpy", "fakeredis"])
def test_extras_are_there_from_the_first_notebook_on_that_names_them(module: str) -> None:
    hidden = f"import sys\nprint({module[:-2]!r} + {module[-2:]!r} in sys.modules)"
    named = f"# {module}\n{hidden}"
    with closing(WarmParent()) as warm:
        found = [printed(graded(warm, notebook_of([cell]))) for cell in (hidden, named, hidden)]
    assert found == ["False\n", "True\n", "True\n"]


def test_kernel_carries_nothing_that_lessons_do_without(warm: WarmParent) -> None:
    """Every fork copies the tables of what the warm parent has loaded."""
    unwanted = ("arrow", "debugpy", "prompt_toolkit")
    cell = f"import sys\nprint(*(set({unwanted}) & set(sys.modules)))"
    assert printed(graded(warm, notebook_of([cell]))) == "\n"
