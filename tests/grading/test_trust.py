"""What counts is what the engine tells, not what lies in the student's home or kernel."""

from __future__ import annotations

import pytest

from graders.grading.warm import WarmParent
from tests.grading.grades import graded, notebook_of, printed, scores

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("confined")]
LIFECYCLE = "from course_lib import lab\nlab.start('volumes/volume-lifecycle')"
CONNECT = "from course_lib import lab\nlab.start('networking/connect-and-disconnect')"
PRUNE = "!docker volume prune -f"
NEVER_ON_DEV = """
!docker network create dev && docker network create prod
!docker run -d --name leaver --net prod alpine sleep 1000
"""
JOURNAL = """
import json, os, pathlib
folder = pathlib.Path(os.environ["XDG_DATA_HOME"]) / "docker-course" / "journals"
(path,) = folder.glob("*[!s].json")
"""
FORGED_PREPARED = (
    JOURNAL
    + """
entry = json.loads(path.read_text())
entry["prepared"] = {"volumes": [], "leftovers": ["a", "b", "c"]}
path.write_text(json.dumps(entry))
print("forged", path.name)
"""
)
FORGED_EVENTS = (
    JOURNAL
    + """
import docker
client = docker.from_env()
leaver = client.containers.get("leaver").id
event = {"Type": "network", "Action": "connect", "timeNano": 2**62,
         "Actor": {"ID": "x", "Attributes": {"name": "dev", "container": leaver}}}
(folder / (path.stem + ".events.jsonl")).write_text(json.dumps(event) + "\\n")
print("forged", leaver[:12])
"""
)
DELETED = (
    JOURNAL
    + """
import shutil
shutil.rmtree(folder)
folder.write_text("no journal any more")
print("forged")
"""
)


def check(grade_id: str, points: float) -> tuple[str, str, float]:
    return grade_id, f'check("{grade_id}")', points


def test_forged_journal_earns_nothing(warm: WarmParent) -> None:
    result = graded(warm, notebook_of([LIFECYCLE, FORGED_PREPARED, check("lifecycle-prune", 5)]))
    assert "forged" in printed(result)
    assert scores(result) == {"lifecycle-prune": 0.0}
    cells = [CONNECT, NEVER_ON_DEV, FORGED_EVENTS, check("connect-left", 4)]
    result = graded(warm, notebook_of(cells))
    assert "forged" in printed(result)
    found = [e["found"] for e in result.checks[0]["expectations"]]
    assert "this leaver was never on dev since the lesson started" in found


@pytest.mark.parametrize("attack", [DELETED, FORGED_PREPARED], ids=["deleted", "rewritten"])
def test_journal_is_not_asked(warm: WarmParent, attack: str) -> None:
    """Honest work keeps its points whatever becomes of it, also where a lesson began twice."""
    cells = [LIFECYCLE, "lab.start('volumes/volume-lifecycle')", PRUNE, attack]
    result = graded(warm, notebook_of([*cells, check("lifecycle-prune", 5)]))
    assert "forged" in printed(result)
    assert scores(result) == {"lifecycle-prune": 5.0}


SHOP = """
from graders import answer, check, container, exercise, fact, met, missed, network
from pathlib import Path

def wrote(probe):
    print("looking")
    return met("it is") if Path("note.txt").exists() else missed("it is not there", "Write it.")

exercise(
    "shop-till", "A till",
    network("shop").has("till"), answer("till_port").equals(80), fact("A note is there.", wrote),
)
print("three things")
check("shop-till")
"""
SECOND = """
exercise("shop-guest", "A guest", container("guest").runs(), fact("Never.", wrote))
check("shop-guest")
"""
TAMPER = """
import sys, builtins, graders, graders.own, graders.runner
graders.check = graders.exercise = graders.own.find = lambda *a, **k: 3.0
graders.met = graders.missed = lambda *a, **k: True
graders.runner.run_check = graders.own.Fact.observe = lambda *a, **k: 3.0
exercise = check = lambda *a, **k: 3.0
builtins.print = lambda *a, **k: 3.0
"""


def test_own_exercises_are_judged_outside_of_the_kernel(warm: WarmParent) -> None:
    tests = [("shop-till", SHOP, 3.0), ("shop-guest", SECOND, 2.0)]
    nothing = graded(warm, notebook_of([TAMPER, *tests]))
    assert scores(nothing) == {"shop-till": 0.0, "shop-guest": 0.0}
    assert (nothing.in_kernel, nothing.unjudged) == ((), {})
    assert printed(nothing) == "three things\nlooking\nlooking\n"
    work = """
!docker network create shop && docker run -d --name till --net shop alpine sleep 1000
!docker run -d --name guest alpine sleep 1000
open("note.txt", "w").write("here"); till_port = "80"
"""
    done = graded(warm, notebook_of([work, TAMPER, *tests, "wrote.__name__"]))
    assert scores(done) == {"shop-till": 3.0, "shop-guest": 2.0}
    assert "'wrote'" in done.notebook  # what a test defines is there for what comes after it


IN_KERNEL = """
exercise("shop-mine", "Mine", fact("It is 3.", lambda probe: met("yes") if mine == 3 else 0))
check("shop-mine")
"""
BROKEN = 'exercise("shop-broken", "Broken", container("till"))\ncheck("shop-broken")'


def test_what_rests_on_the_kernel_is_named_and_touches_nothing_else(warm: WarmParent) -> None:
    cells = [
        "from course_lib import lab\nfrom graders import check, exercise, fact, met\nmine = 3",
        TAMPER,
        ("plain", "assert mine == 4", 1.0),
        ("shop-mine", IN_KERNEL, 1.0),
        ("shop-broken", BROKEN, 1.0),
        ("publish-any-port", 'from graders import check\ncheck("publish-any-port")', 4.0),
    ]
    result = graded(warm, notebook_of(cells))
    assert result.in_kernel == ("plain", "shop-mine")
    assert scores(result) == {"shop-broken": None, "publish-any-port": 0.0}
    assert "is nothing to expect" in result.unjudged["shop-broken"]
