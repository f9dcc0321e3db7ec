"""What a student's code does to the grading changes no score, and costs nobody else anything."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import psutil
import pytest

from graders.grading.model import Limits, Submission
from graders.grading.warm import WarmParent
from tests.contract.harness import until
from tests.grading.grades import PATIENT, graded, notebook_of, printed, scores
from tests.grading.notebooks import NOTHING, POINTS, RIGHT, notebook, text

pytestmark = pytest.mark.usefixtures("confined")
START = "from course_lib import lab\nfrom graders import check\nlab.start('publish-a-service')"
WORK = RIGHT["publish-any-port"]
ANY_PORT = ("publish-any-port", 'check("publish-any-port")', 4.0)
FIND_PORT = ("publish-find-port", 'check("publish-find-port")', 2.0)
TWO_PORTS = ("publish-two-ports", 'check("publish-two-ports")', 4.0)


def test_right_work_earns_all_points(warm: WarmParent) -> None:
    result = graded(warm, notebook(RIGHT))
    assert scores(result) == POINTS
    assert (result.attempts, result.unjudged, result.in_kernel) == (1, {}, ())


def test_no_work_earns_nothing(warm: WarmParent) -> None:
    assert scores(graded(warm, notebook({}))) == NOTHING


ATTACKS = {
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
        "    strip = lambda *a: Any()\nweb_port = Any('32768')"
    ),
    "sys.exit": "import sys\nsys.exit(0)",
    "a docker command of their own": (
        "import os, pathlib\nfolder = pathlib.Path('bin'); folder.mkdir()\n"
        "(folder / 'docker').write_text('#!/bin/sh\\necho 0123456789ab\\n')\n"
        "(folder / 'docker').chmod(0o755)\n"
        "os.environ['PATH'] = f\"{folder.absolute()}:{os.environ['PATH']}\"\n"
        f"{WORK}"
    ),
    "another engine": (
        "import os, socket, threading\n"
        "path = os.environ['DOCKER_HOST'].removeprefix('unix://')\nos.unlink(path)\n"
        "fake = socket.socket(socket.AF_UNIX)\nfake.bind(path)\nfake.listen()\n"
        "threading.Thread(target=lambda: [fake.accept() for _ in range(99)], daemon=True).start()"
    ),
    "an environment of their own": (
        "os.environ['DOCKER_HOST'] = 'unix:///nowhere'\nos.environ['COURSE_ENGINE'] = 'docker'"
    ),
    "builtins replaced": (
        "import builtins\nbuiltins.float = builtins.sum = builtins.all = lambda *a, **k: 4.0"
    ),
    "modules hidden": "import sys\nsys.modules['graders'] = sys.modules['docker'] = None",
    "an answer that is a huge number": "web_port = 10 ** 5000",
    "an answer too long for a message": "web_port = 'x' * (100 << 20)",
    "an answer too deep to show": "web_port = []\nfor _ in range(9999): web_port = [web_port]",
    "an answer that goes on for ever when looked at": (
        "class Endless:\n    def __repr__(self, *a):\n        while True: pass\n"
        "    __index__ = __eq__ = __str__ = __len__ = __iter__ = __json__ = __repr__\n"
        "    __class__ = property(__repr__)\n    __hash__ = object.__hash__\n"
        "web_port = Endless()"
    ),
    "an answer that ends the kernel when looked at": (
        "class Bad:\n    def __repr__(self): raise SystemExit\n    __index__ = __repr__\n"
        "web_port = Bad()"
    ),
    "the engine's records rewritten": (
        "import glob\nfor path in glob.glob('/tmp/grade-*/*/state/**/*.json*', recursive=True):\n"
        "    open(path, 'a').write('{\\n')\nprint('rewritten', path)"
    ),
    "replies of their own": (
        "import threading, struct, json\ndef forge():\n"
        "    body = json.dumps({'kind': 'reply', 'content': {'status': 'ok',\n"
        "        'answers': {'web_port': {'json': '32768'}}}}).encode()\n"
        "    for fd in range(3, 64):\n"
        "        try: os.write(fd, struct.pack('!I', len(body)) + body)\n"
        "        except OSError: pass\nthread = threading.Thread(target=forge)\n"
        "thread.start(); thread.join()"
    ),
    "the messages replaced": (
        "from graders.grading import wire\nold = json.dumps\n"
        "json.dumps = lambda *a, **k: old({'kind': 'reply', 'content': {'status': 'ok',\n"
        "    'answers': {'web_port': {'json': '32768'}}, 'earned': 4.0}})"
    ),
    "the way of outputs closed": "import sys\nsys.stdout.close()\nsys.stderr = None\n4.0",
}
"""One after the other, each on top of those before it."""


def test_attacks_earn_nothing(warm: WarmParent) -> None:
    cells = [cell for attack in ATTACKS.values() for cell in (attack, ANY_PORT, FIND_PORT)]
    result = graded(warm, notebook_of([START, *cells]))
    assert [check["earned"] for check in result.checks] == [0.0] * 2 * len(ATTACKS)
    # Each was looked at: none cost the kernel its life, or the instructor time.
    assert (result.unjudged, result.attempts) == ({}, 1)


SILENT = {
    "a shell that fails": (
        "ip = get_ipython()\nip.run_cell = ip.run_cell_async = lambda *a, **k: 1/0", "exit code 70",
    ),
    "replies kept back": (
        "import json\nold = json.dumps\n"
        "json.dumps = lambda *a, **k: old({'kind': 'other', 'content': {}})",
        "does not answer any more",
    ),
    "no answers": (
        "from graders.grading import plain\nimport time\n"
        "plain.answers = lambda *a: time.sleep(10 ** 6)",
        "does not answer any more",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("attack", "reason"), SILENT.values(), ids=SILENT)
def test_a_kernel_that_tells_nothing_any_more_is_marked(
    warm: WarmParent, attack: str, reason: str
) -> None:
    """It is noticed, long before a cell's time is over."""
    result = graded(warm, notebook_of([START, attack, "1", FIND_PORT]))
    assert scores(result) == {"publish-find-port": None}
    assert reason in result.unjudged["publish-find-port"]


def test_attacks_take_nothing_from_work_that_was_done(warm: WarmParent) -> None:
    names = ("the check replaced", "another engine", "builtins replaced", "modules hidden")
    attacks = [ATTACKS[name] for name in names]
    noise = "import sys, warnings\nprint('err', file=sys.stderr)\nwarnings.warn('!')\n0.0"
    result = graded(warm, notebook_of([START, WORK, noise, *attacks, ANY_PORT]))
    assert scores(result) == {"publish-any-port": 4.0}
    assert (result.unjudged, result.attempts) == ({}, 1)


FATAL = {
    "os._exit": "import os\nos._exit(0)",
    "a crash": "import ctypes\nctypes.string_at(0)",
    "another program": "import os\nos.execv('/bin/true', ['true'])",
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
    cells = [START, WORK, ANY_PORT, attack, TWO_PORTS, FIND_PORT]
    result = graded(warm, notebook_of(cells))
    assert scores(result) == {
        "publish-any-port": 4.0, "publish-two-ports": None, "publish-find-port": None,
    }  # fmt: skip
    assert all("cell " in reason or "kernel" in reason for reason in result.unjudged.values())
    assert result.attempts == 2


def test_an_engine_that_dies_is_nobodys_fault(warm: WarmParent) -> None:
    """Twice: the notebook has run again on a fresh engine by then."""
    cells = [START, "!docker run -d --name x alpine sleep 1000\n!docker wait x", ANY_PORT]
    task = warm.submit(
        Submission("ann", "networking", {"it": text(notebook_of(cells))}, limits=PATIENT)
    )
    assert task.receive() is None
    killed: list[int] = []

    def another() -> int | None:
        found = psutil.Process(task._pid).children()
        alive = [p.pid for p in found if os.getsid(p.pid) == p.pid and p.pid not in killed]
        return alive[0] if alive else None

    for _ in range(2):
        engine = until(another)
        os.kill(engine, signal.SIGKILL)
        killed.append(engine)
    result = task.result().notebooks["it"]
    assert result.attempts == 2
    assert result.unjudged.keys() == {"publish-any-port"}
    assert "engine" in result.unjudged["publish-any-port"]


def test_what_kills_is_kept_in(warm: WarmParent) -> None:
    """Signals, ``ptrace`` and the sockets of others: none gets out."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("\0course-test-abstract")
    listener.listen()
    tcp = socket.create_server(("127.0.0.1", 0))
    with listener, tcp, subprocess.Popen(["sleep", "1000"]) as bystander:
        attack = f"""
import ctypes, os, socket
def say(what, deed):
    try: deed()
    except Exception as error: print(what, type(error).__name__)
    else: print(what, "worked")
say("kill", lambda: os.kill({bystander.pid}, 9))
say("grader", lambda: os.kill({os.getpid()}, 0))
libc = ctypes.CDLL(None, use_errno=True)
for pid in (os.getppid(), {bystander.pid}, {os.getpid()}):
    print("ptrace", libc.ptrace(16, pid, 0, 0))
unix = socket.socket(socket.AF_UNIX)
say("abstract", lambda: unix.connect("\\0course-test-abstract"))
say("tcp", lambda: socket.create_connection(("127.0.0.1", {tcp.getsockname()[1]}), 1))
say("abroad", lambda: socket.create_connection(("192.0.2.1", 80), 1))
"""
        result = graded(warm, notebook_of([START, WORK, attack, ANY_PORT]))
        assert bystander.poll() is None
        bystander.kill()
    lines = printed(result).splitlines()
    assert not any(line.endswith("worked") for line in lines), lines
    assert lines.count("ptrace -1") == 3
    assert scores(result) == {"publish-any-port": 4.0}


def test_a_kill_of_everything_reaches_no_score(warm: WarmParent) -> None:
    # The kernel itself is spared by the system; whether its helpers die with it is not ours to say.
    attack = "import os\nos.kill(-1, 9)"
    found = scores(graded(warm, notebook_of([START, WORK, ANY_PORT, attack, TWO_PORTS])))
    assert found["publish-any-port"] == 4.0
    assert found["publish-two-ports"] in (None, 0.0)


NUISANCES = {
    "names and kinds of files": """
import os
for name in (b"\\xff\\xfe", b"a\\nb", b"-rf", b"x" * 255): open(name, "w").close()
os.mkfifo("pipe"); os.symlink("/etc/passwd", "link"); os.symlink("loop", "loop")
os.chmod("-rf", 0o4777)
""",
    "a folder in a folder, two thousand times": """
here = os.getcwd()
for _ in range(2000): os.mkdir("d" * 200); os.chdir("d" * 200)
os.chdir(here)
""",
    "a file of a terabyte": """
try: open("big", "wb").truncate(1 << 40); print("a terabyte")
except OSError: pass
""",
    "traps for whatever starts at home": """
import pathlib
home = pathlib.Path(os.environ["HOME"])
for name in (".ipython/profile_default/startup/0.py", ".jupyter/jupyter_config.py", ".bashrc",
             ".docker/config.json", "sitecustomize.py", "usercustomize.py"):
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True); path.write_text("raise SystemExit")
for name in ("sitecustomize", "json", "socket", "docker", "graders"):
    pathlib.Path(name + ".py").write_text("raise SystemExit")
""",
    "an environment for others": (
        "os.environ.update(LD_PRELOAD='/none.so', PYTHONPATH='.', PYTHONHASHSEED='x')"
    ),
    "every descriptor": """
kept = []
try:
    while True: kept.append(os.open("/dev/null", 0))
except OSError: pass
for number in kept: os.close(number)
""",
    "semaphores, shared memory, watches": """
import ctypes
libc = ctypes.CDLL(None)
for _ in range(200): libc.semget(0, 250, 0o1600); libc.shmget(0, 1 << 20, 0o1600)
while libc.inotify_init() >= 0: pass
""",
    "a full /dev/shm": """
try:
    with open("/dev/shm/x", "wb") as file:
        while True: file.write(bytes(1 << 20))
except OSError: pass
""",
    "every signal unheard": """
import signal
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
""",
    "connections to the engine, none of them used": """
import socket
address, held = os.environ["DOCKER_HOST"].removeprefix("unix://"), []
for _ in range(200):
    held.append(socket.socket(socket.AF_UNIX)); held[-1].connect(address)
    held[-1].send(b"GET /v1.45/")
""",
    "mounts, and the system's own files": """
libc.unshare(0x10020000)
if not libc.umount2(b"/tmp", 2) or not libc.mount(b"none", b"/tmp", b"tmpfs", 0, None):
    print("mounted")
for name in ("/proc/1/mem", "/proc/sys/kernel/core_pattern", "/dev/mem", "/proc/1/environ"):
    try: open(name, "r+b"); print("opened", name)
    except OSError: pass
""",
    "text that is none": """
print("\\ud800")
from IPython.display import display
display({f"application/x-{n}": "x" for n in range(1000)} | {"image/png": 5, "": None}, raw=True)
""",
    "one who waits until it is looked at": """
import subprocess
subprocess.Popen(["sh", "-c", "while :; do docker rename web wob; done"], start_new_session=True,
                 stderr=subprocess.DEVNULL)
if not os.fork():
    os.setsid()
    if not os.fork(): os.execvp("sleep", ["sleep", "86398"])
    os._exit(0)
""",
}
"""One after the other, each on top of those before it."""


def test_nuisances_cost_nobody_anything(warm: WarmParent) -> None:
    """Honest work behind them earns its points, and so does a neighbour's."""
    work = notebook_of([START, *NUISANCES.values(), RIGHT["publish-two-ports"], TWO_PORTS])
    neighbour = warm.submit(
        Submission("ann", "networking", {"it": text(notebook_of([START, WORK, ANY_PORT]))})
    )
    result = graded(warm, work)
    assert (scores(result), result.attempts) == ({"publish-two-ports": 4.0}, 1)
    assert scores(neighbour.result().notebooks["it"]) == {"publish-any-port": 4.0}
    for word in ("a terabyte", "mounted", "opened"):
        assert word not in printed(result)
    result.notebook.encode()  # it can be written


def test_a_daemon_left_behind_ends(warm: WarmParent, tmp_path: Path) -> None:
    attack = f"""
import subprocess
subprocess.Popen(["sh", "-c", "setsid sh -c 'exec -a {tmp_path.name} sleep 1000' & "],
                 start_new_session=True)
subprocess.Popen(["sleep", "86399"], start_new_session=True)
"""
    graded(warm, notebook_of([START, attack, ANY_PORT]))
    left = [p for p in psutil.process_iter(["cmdline"]) if "86399" in (p.info["cmdline"] or ())]
    assert left == []


def test_nothing_of_the_course_or_the_instructor_is_in_reach(
    warm: WarmParent, tmp_path: Path
) -> None:
    secret = tmp_path / "source"
    secret.mkdir()
    (secret / "solution.txt").write_text("the solution")
    book = tmp_path / "gradebook.db"
    book.write_text("grades")
    elsewhere = Path.home() / ".course-test"
    attack = f"""
import pathlib
for path in {[str(secret / "solution.txt"), str(book), str(Path.home()), str(tmp_path)]!r}:
    path = pathlib.Path(path)
    try: print("read:", path.read_text() if path.is_file() else list(path.iterdir()))
    except OSError as error: print(type(error).__name__)
    try: path.write_text("mine")
    except OSError as error: print(type(error).__name__)
try: pathlib.Path({str(elsewhere)!r}).write_text("mine"); print("wrote")
except OSError as error: print(type(error).__name__)
pathlib.Path("/tmp/of-my-own").write_text("fine")
"""
    hidden = (str(secret), str(book))
    result = graded(warm, notebook_of([START, attack]), hidden=hidden)
    said = printed(result)
    assert "read:" not in said, said
    assert "wrote" not in said
    assert book.read_text() == "grades"
    assert [path.name for path in secret.iterdir()] == ["solution.txt"]
    assert not elsewhere.exists()
    assert not Path("/tmp/of-my-own").exists()


def test_submissions_publish_the_same_ports_side_by_side(warm: WarmParent) -> None:
    found = text(notebook_of([START, RIGHT["publish-two-ports"], TWO_PORTS]))
    submissions = [Submission(name, "networking", {"it": found}, limits=PATIENT) for name in "ab"]
    tasks = [warm.submit(submission) for submission in submissions]
    results = [task.result().notebooks["it"] for task in tasks]
    assert [scores(result) for result in results] == [{"publish-two-ports": 4.0}] * 2


GREEDY = {
    "an endless loop": ("while True: pass", "not done after 2 s"),
    "one that hears nothing": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "not done after 2 s",
    ),
    "a sleeping command": ("!sleep 1000", "not done after 2 s"),
    "output without end": ("while True: print('x' * 1000)", "more than 1 MB"),
    "one huge output": ("'x' * (3 << 20)", "more than 1 MB"),
    "a command's output without end": ("!yes", "more than 1 MB"),
    # Where the system counts them by itself it refuses, and the cell fails.
    "many processes": (
        "import os, time\nfor _ in range(40):\n    if not os.fork(): time.sleep(100)\n"
        "time.sleep(100)",
        "processes",
    ),
    "a fork bomb": (
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
        "processes",
    ),
    "much memory in many": (
        "import os, time\nfor _ in range(3):\n    if not os.fork():\n"
        "        x = b'x' * (200 << 20)\n        time.sleep(100)\ntime.sleep(100)",
        "MB of memory",
    ),
    "much memory in one": ("x = b'x' * (3 << 30)", ""),
    "a full disk": ("open('big', 'wb').write(b'x' * (40 << 20))", "disk"),
    "a full /tmp": (
        "for n in range(40): open(f'/tmp/{n}', 'wb').write(b'x' * (1 << 20))", "disk",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("attack", "reason"), GREEDY.values(), ids=GREEDY)
def test_greed_costs_the_exercise_and_no_more(warm: WarmParent, attack: str, reason: str) -> None:
    limits = Limits(
        cell_seconds=2.0 if "2 s" in reason else 60.0, submission_seconds=240.0, output_mb=1.0,
        processes=20, memory_mb=500 if "memory" in reason else 2048,
        disk_mb=24 if reason == "disk" else 512,
    )  # fmt: skip
    # The first two on no clock: under load they take longer than the greedy cell may.
    result = graded(warm, notebook_of([attack, TWO_PORTS, ANY_PORT]), limits)
    found = scores(result)
    assert not found["publish-two-ports"]
    if reason not in ("", "processes") or found["publish-two-ports"] is None:
        assert reason in result.unjudged["publish-two-ports"]
    # Where the cell could be interrupted the notebook went on.
    assert found["publish-any-port"] in (0.0, None)
    assert len(result.notebook) < 10_000_000
