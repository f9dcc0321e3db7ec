"""What a student's code does to the grading changes no score, and costs nobody else anything."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from graders.grading import confine
from graders.grading.model import Limits, NotebookResult, Submission, SubmissionResult
from graders.grading.warm import WarmParent
from tests.grading.notebooks import NOTHING, POINTS, RIGHT, notebook, text


@pytest.fixture(scope="module", autouse=True)
def confined() -> None:
    """What these submissions do is not to be tried where nothing holds it."""
    if confine.possible():
        return
    message = "needs user namespaces, which this machine does not allow"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


QUICK = Limits(cell_seconds=2.0, submission_seconds=60.0)
NAME = "publish-a-service"
Scores = dict[str, float | None]


def graded(
    warm: WarmParent, found: Any, limits: Limits | None = None, **words: Any
) -> NotebookResult:
    submission = Submission(
        "mallory", "networking", {NAME: text(found)},
        limits=limits or Limits(cell_seconds=30.0, submission_seconds=120.0), **words,
    )  # fmt: skip
    result = warm.grade(submission)
    assert not result.problem
    return result.notebooks[NAME]


def scores(result: NotebookResult) -> Scores:
    """Points by exercise; None for what waits for the instructor."""
    return {
        check["grade_id"]: None if check["grade_id"] in result.unjudged else check["earned"]
        for check in result.checks
    }


def outputs_of(result: NotebookResult, index: int) -> list[Any]:
    cells = [cell for cell in json.loads(result.notebook)["cells"] if cell["cell_type"] == "code"]
    found: list[Any] = cells[index]["outputs"]
    return found


def test_right_work_earns_all_points(warm: WarmParent) -> None:
    result = graded(warm, notebook(RIGHT))
    assert scores(result) == POINTS
    assert (result.attempts, result.unjudged) == (1, {})


def test_no_work_earns_nothing(warm: WarmParent) -> None:
    assert scores(graded(warm, notebook({}))) == NOTHING


HARMLESS = {
    "the check replaced": "import graders\ncheck = graders.check = lambda *a: 4.0",
    "every check replaced": (
        "import graders.runner, graders.result\n"
        "graders.runner.run_checks = lambda *a, **k: []\n"
        "graders.result.judge = lambda *a: ('passed', 4.0)"
    ),
    "a forged result shown": (
        "from graders.result import MIME_TYPE\nfrom IPython.display import display\n"
        "display({MIME_TYPE: {'earned': 4.0}, 'text/plain': '4.0'}, raw=True)\n4.0"
    ),
    "an answer that equals everything": (
        "class Any(str):\n    __eq__ = lambda *a: True\n    __hash__ = str.__hash__\n"
        "    strip = lambda *a: Any()\nweb_port = web_address = Any('32768')"
    ),
    "an answer that breaks when looked at": (
        "class Bad:\n    def __repr__(self): raise SystemExit\n    __index__ = __repr__\n"
        "web_port = web_address = Bad()"
    ),
    "builtins replaced": (
        "import builtins\nbuiltins.float = builtins.sum = builtins.all = lambda *a, **k: 4.0"
    ),
    "the display hook replaced": (
        "ip = get_ipython()\nip.run_cell = ip.run_cell_async = lambda *a, **k: 1/0"
    ),
    "the way of outputs closed": "import sys\nsys.stdout.close()\nsys.stderr = None\n4.0",
    "an environment of their own": (
        "import os\nos.environ['DOCKER_HOST'] = 'unix:///nowhere'\n"
        "os.environ['COURSE_ENGINE'] = 'docker'"
    ),
    "sys.exit": "import sys\nsys.exit(0)",
    "graders told by name": "import sys\nsys.modules['graders'] = sys.modules['docker'] = None",
}


@pytest.mark.parametrize("attack", HARMLESS.values(), ids=HARMLESS)
def test_attack_earns_nothing(warm: WarmParent, attack: str) -> None:
    result = graded(warm, notebook({}, before=[attack]))
    assert not any(scores(result).values())


FATAL = {
    "os._exit": "import os\nos._exit(0)",
    "a crash": "import ctypes\nctypes.string_at(0)",
    "a kill of the parent": "import os\nos.kill(os.getppid(), 9)\nos._exit(0)",
    "json replaced": "import json\njson.dumps = lambda *a, **k: 'forged'",
    "forged messages": (
        "import os, json, struct\n"
        "body = json.dumps({'kind': 'reply', 'content': []}).encode() + b'}'\n"
        "for fd in range(3, 64):\n"
        "    try: os.write(fd, struct.pack('!I', 2**31) + body)\n"
        "    except OSError: pass"
    ),
}


@pytest.mark.parametrize("attack", FATAL.values(), ids=FATAL)
def test_dead_kernel_keeps_what_was_judged_and_marks_the_rest(
    warm: WarmParent, attack: str
) -> None:
    work = {**RIGHT, "publish-two-ports": attack}
    result = graded(warm, notebook(work))
    assert scores(result) == {
        "publish-any-port": 4.0,
        "publish-find-port": 2.0,
        "publish-two-ports": None,
        "publish-address": None,
    }
    assert all("cell " in reason or "kernel" in reason for reason in result.unjudged.values())
    assert result.attempts == 2


def test_a_kill_of_everything_reaches_no_score(warm: WarmParent) -> None:
    # The kernel itself is spared by the system; whether its helpers die with it is not ours to say.
    work = {**RIGHT, "publish-two-ports": "import os\nos.kill(-1, 9)"}
    found = scores(graded(warm, notebook(work)))
    assert (found["publish-any-port"], found["publish-find-port"]) == (4.0, 2.0)
    assert found["publish-two-ports"] in (None, 0.0)
    assert found["publish-address"] in (None, 2.0)


def test_engine_cannot_be_replaced(warm: WarmParent) -> None:
    attack = """
import os, socket, threading
path = os.environ["DOCKER_HOST"].removeprefix("unix://")
os.unlink(path)
fake = socket.socket(socket.AF_UNIX)
fake.bind(path)
fake.listen()
def answer():
    while True:
        found, _ = fake.accept()
        found.close()
threading.Thread(target=answer, daemon=True).start()
"""
    work = {**RIGHT, "publish-address": RIGHT["publish-address"] + attack}
    assert scores(graded(warm, notebook(work))) == POINTS
    assert scores(graded(warm, notebook({}, before=[attack]))) == NOTHING


def test_docker_command_of_their_own_earns_nothing(warm: WarmParent) -> None:
    attack = """
import os, pathlib
folder = pathlib.Path("bin"); folder.mkdir()
(folder / "docker").write_text("#!/bin/sh\\necho 0123456789ab\\n")
(folder / "docker").chmod(0o755)
os.environ["PATH"] = f"{folder.absolute()}:{os.environ['PATH']}"
"""
    assert scores(graded(warm, notebook(RIGHT, before=[attack]))) == NOTHING


def test_course_cannot_be_seen_or_written(warm: WarmParent, tmp_path: Path) -> None:
    secret = tmp_path / "source"
    secret.mkdir()
    (secret / "solution.txt").write_text("the solution")
    book = tmp_path / "gradebook.db"
    book.write_text("grades")
    attack = f"""
import pathlib
for path in ({str(secret / "solution.txt")!r}, {str(book)!r}):
    try: print("read:", pathlib.Path(path).read_text())
    except OSError as error: print(type(error).__name__)
    try: pathlib.Path(path).write_text("mine")
    except OSError as error: print(type(error).__name__)
"""
    submission = Submission(
        "mallory", "networking", {NAME: text(notebook({}, before=[attack]))},
        hidden=(str(secret), str(book)),
    )  # fmt: skip
    result = warm.grade(submission)
    if not result.confined:
        pytest.skip("this system gives users no namespaces of their own")
    printed = json.dumps(outputs_of(result.notebooks[NAME], 1))
    assert "the solution" not in printed
    assert "grades" not in printed
    assert book.read_text() == "grades"
    assert [path.name for path in secret.iterdir()] == ["solution.txt"]


def test_submissions_publish_the_same_ports_side_by_side(warm: WarmParent) -> None:
    found = text(notebook(RIGHT))
    tasks = [warm.submit(Submission(name, "networking", {NAME: found})) for name in "abc"]
    results: list[SubmissionResult] = [task.result() for task in tasks]
    assert [scores(result.notebooks[NAME]) for result in results] == [POINTS] * 3


GREEDY = {
    "an endless loop": ("while True: pass", "not done after 2 s"),
    "one that hears nothing": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "not done after 2 s",
    ),
    "a sleeping command": ("!sleep 1000", "not done after 2 s"),
    "output without end": ("while True: print('x' * 1000)", "more than 1 MB"),
    "a command's output without end": ("!yes", "more than 1 MB"),
    # Where the system counts them by itself it refuses, and the cell fails.
    "many processes": (
        "import os, time\nfor _ in range(300):\n    if not os.fork(): time.sleep(100)\n"
        "time.sleep(100)",
        "processes",
    ),
    "much memory": (
        "import os, time\nfor _ in range(8):\n    if not os.fork():\n"
        "        x = b'x' * (100 << 20)\n        time.sleep(100)\ntime.sleep(100)",
        "MB of memory",
    ),
}


@pytest.mark.parametrize(("attack", "reason"), GREEDY.values(), ids=GREEDY)
def test_greed_costs_the_exercise_and_no_more(warm: WarmParent, attack: str, reason: str) -> None:
    limits = Limits(
        cell_seconds=2.0 if "2 s" in reason else 30.0, submission_seconds=120.0, output_mb=1.0,
        processes=100, memory_mb=700 if "memory" in reason else 2048,
    )  # fmt: skip
    work = {**RIGHT, "publish-two-ports": attack}
    result = graded(warm, notebook(work), limits)
    found = scores(result)
    assert found["publish-any-port"] == 4.0
    assert not found["publish-two-ports"]
    if reason != "processes" or found["publish-two-ports"] is None:
        assert reason in result.unjudged["publish-two-ports"]
    # Where the cell could be interrupted the notebook went on.
    assert found["publish-address"] in (2.0, None)
    assert len(result.notebook) < 10_000_000


def test_full_disk_is_marked(warm: WarmParent) -> None:
    attack = "open('big', 'wb').write(b'x' * (40 << 20))"
    limits = Limits(cell_seconds=30.0, submission_seconds=120.0, disk_mb=24)
    submission = Submission(
        "mallory", "networking",
        {NAME: text(notebook({**RIGHT, "publish-two-ports": attack}))}, limits=limits,
    )  # fmt: skip
    result = warm.grade(submission)
    if not result.confined:
        pytest.skip("this system gives users no namespaces of their own")
    done = result.notebooks[NAME]
    assert scores(done)["publish-any-port"] == 4.0
    assert scores(done)["publish-two-ports"] is None
    assert "disk" in done.unjudged["publish-two-ports"]
