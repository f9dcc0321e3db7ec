"""What students do to a notebook, in a real kernel: each gets a message, no traceback of ours."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import course_lib
from course_lib.embedded import EmbeddedEngine

START = (
    "from course_lib import lab\nfrom graders import check\nlab.start('networking/network-drivers')"
)
CHECK = "check('publish-find-port')"
STARTUP = Path(course_lib.__file__).parent / "jupyter" / "startup.py"
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("docker_command")]

Run = Callable[..., list[str]]


@pytest.fixture(scope="module")
def home() -> Iterator[dict[str, str]]:
    """Surroundings of a student: no word about engines but that it is the embedded one."""
    folder = Path(tempfile.mkdtemp(prefix="bad-"))
    (folder / "run").mkdir(mode=0o700)
    clean = {
        k: v for k, v in os.environ.items() if not k.startswith(("COURSE_", "DOCKER_", "XDG_"))
    }
    environ = {
        **clean,
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder / "run"),
        "COURSE_ENGINE": "embedded",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    yield environ
    EmbeddedEngine.at(environ=environ).stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def run(home: dict[str, str], tmp_path: Path) -> Run:
    """Runs cells one after the other, whatever they raise; what each shows, as one text.

    Errors come as IPython shows them, so a traceback is seen by the names of our files in it.
    """

    def run(*sources: str, startup: Path | None = None) -> list[str]:
        v4: Any = nbformat.v4
        book = v4.new_notebook(cells=[v4.new_code_cell(source) for source in sources])
        client = NotebookClient(
            book, timeout=100, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}}
        )
        client.execute(env={**home, **({"PYTHONSTARTUP": str(startup)} if startup else {})})
        shown = ["\n".join(map(_shown, cell.outputs)) for cell in book.cells]
        for text in shown:
            assert "/course_lib/" not in text, text
            assert "/graders/" not in text, text
        return shown

    return run


def _shown(output: Any) -> str:
    if output.output_type == "stream":
        return str(output.text)
    if output.output_type == "error":
        return "\n".join([*output.traceback, f"<{output.ename}>"])
    return str(output.data.get("text/plain", ""))


def test_a_check_that_runs_first_in_the_lab_points_at_the_first_cell(run: Run) -> None:
    checked, drawn, other, bare, below = run(
        CHECK, "lab.draw()", "web_prot", "docker ps", "# mine\n%%sh\ndocker ps", startup=STARTUP
    )
    assert "check is not there yet: the lesson has not been started" in checked
    assert "from graders import check" in checked
    assert "<NameError>" in checked, "a grader still sees an error"
    assert "lab is not there yet" in drawn
    assert "name 'web_prot' is not defined" in other, "a mistake of one's own is told by Python"
    assert "A line for the shell begins with `!`: `!docker ps`" in bare
    assert "`%%sh` has to be the first line of its cell" in below


def test_a_check_without_the_lesson_started_looks_all_the_same(run: Run) -> None:
    _, checked, drawn = run("from graders import check", CHECK, "lab.draw()")
    assert "found: web_port is not set" in checked
    assert checked.endswith("0.0")
    assert "name 'lab' is not defined" in drawn


def test_a_deleted_cell_a_renamed_variable_and_a_cell_that_raises(run: Run) -> None:
    _, deleted, _, renamed, raising, after = run(
        START, CHECK, "webport = 80", CHECK, "web_port = 1 / 0", CHECK
    )
    for text in (deleted, renamed, after):
        assert "found: web_port is not set" in text
        assert "Set web_port to the host port" in text
    assert "<ZeroDivisionError>" in raising


ODD = (
    "class Odd:\n    def __repr__(self): raise RuntimeError('odd')\n    __str__ = __eq__ = __repr__"
)


@pytest.mark.parametrize("grade_id", ["publish-find-port", "publish-address", "discovery-broken"])
def test_answers_of_a_wrong_type_say_so(run: Run, grade_id: str) -> None:
    values = {
        "['32768']": "list",
        "32768.5": "float",
        "b'80'": "bytes",
        "{'a': 1}": "dict",
        "print": "builtin_function_or_method",
        "Odd()": "Odd",
    }
    names = ("web_port", "web_address", "error_reason")
    cells = [f"{' = '.join(names)} = {value}\ncheck('{grade_id}')" for value in values]
    _, _, _, *shown = run(START, "!docker run -d -P --name web nginx", ODD, *cells)
    for text, kind in zip(shown, values.values(), strict=True):
        assert text.endswith("0.0"), text
        if "web is not running" not in text and "there is no container" not in text:
            assert f"of the type {kind}" in text, text
            assert grade_id != "publish-find-port" or "the number of the port and nothing" in text


def test_pasted_characters_are_named_before_docker_complains(run: Run) -> None:
    _, dashes, quotes, script, value, checked = run(
        START,
        "!docker run –d ––name web nginx",
        "!docker ps —format ‘{{.Names}}’",
        "%%sh\ndocker run —rm alpine true || true",
        "web_port = “32768”",
        CHECK,
    )
    assert "The dash in –d and in ––name is none to a program" in dashes
    assert "invalid reference format" in dashes, "the command itself ran as it was typed"
    assert "‘ and ’ quote nothing" in quotes
    assert "The dash in —rm" in script
    assert "invalid character '“'" in value, "Python says it itself"
    assert "found: web_port is not set" in checked


STOP = f"!{sys.executable} -m course_lib.cli engine stop"
KILL = """
import json, os, signal, subprocess, sys
words = [sys.executable, "-m", "course_lib.cli", "engine", "status", "--json"]
os.kill(json.loads(subprocess.check_output(words))["pid"], signal.SIGKILL)
"""


def test_an_engine_stopped_or_killed_in_the_middle_is_said_and_comes_back(run: Run) -> None:
    meanwhile = (
        "!docker ps", "check('drivers-isolated')", "lab.draw()", "lab.trace('web', 'es')",
        "lab.start('networking/network-drivers')", "check('drivers-isolated')",
    )  # fmt: skip
    _, *shown = run(START, STOP, *meanwhile, KILL, *meanwhile)
    for ended in (shown[1:7], shown[8:]):
        docker, checked, drawn, traced, again, after = ended
        assert "Cannot connect to the Docker daemon" in docker
        assert "could not be judged" in checked
        assert "run the lesson's first cell again" in checked
        for text in (drawn, traced):
            # The system's words, and no exception's.
            assert re.search(r"does not answer: [A-Z][a-z ]+\n", text), text
            assert "run lab.start(...) again" in text
        assert "Network drivers" in again
        assert "there is no container named vault" in after


def test_words_that_nobody_knows(run: Run) -> None:
    _, *shown = run(
        START,
        "lab.start('networking/no-such-lesson')",
        "check('no-such-exercise')",
        "lab.open('nobody')",
        "lab.trace('nobody', 'es')",
        "lab.question('no-such-question')",
        "lab.start(containers='web')",
    )
    for text in shown:
        assert text.startswith("\N{HEAVY BALLOT X} "), text
        assert "\N{RIGHTWARDS ARROW}" in text


@pytest.mark.xdist_group("fixed-ports")
@pytest.mark.usefixtures("lesson_names")
def test_a_port_that_is_taken_is_named_and_nothing_is_changed(run: Run) -> None:
    _, _, started, listed = run(
        f"!{sys.executable} -m course_lib.cli engine reset",
        "import socket\ntaken = socket.create_server(('127.0.0.1', 8001))",
        START.replace("network-drivers", "publish-a-service"),
        "!docker ps",
    )
    assert "ports that are taken: 8001 (by another program on this machine)" in started
    assert "nothing was changed" in started
    assert "CONTAINER ID" in listed
