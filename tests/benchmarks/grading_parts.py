"""``python -m tests.benchmarks.grading_parts NOTEBOOK…``: where the CPU time of a notebook goes.

Grades each notebook alone, in forks of a warm process as ``course autograde`` does, and prints as
JSON, by notebook, the seconds of each of :class:`Parts`; then those of the floor, which is the same
without checks: the student's cells, the programs that they start, and the engine that answers.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any
from unittest.mock import patch

import nbformat

from course_lib import lean, warm_engine
from graders.grading import confine, extras, kernel
from graders.grading.cells import is_test
from graders.grading.engine import EngineProcess
from graders.grading.model import Submission
from graders.grading.session import Session
from graders.grading.submission import grade

ROUNDS = 3


@dataclass(slots=True)
class Parts:
    """Seconds: of CPU by who took them, and of the clock.

    ``commands``: what cells start (``docker``, shells). ``processes``: making and ending those that
    grade. ``wall``: with nobody else at work it is longer than the CPU time by what was waited.
    """

    commands: float = 0.0
    engine: float = 0.0
    kernel: float = 0.0
    grader: float = 0.0
    processes: float = 0.0
    wall: float = 0.0

    @property
    def floor(self) -> float:
        """CPU seconds below the one that grades."""
        return self.commands + self.engine + self.kernel + self.processes


def main(paths: list[str]) -> None:
    """Measure and print."""
    with lean.importing():
        confine.possible()
        warm_engine.preload()
        warm = kernel.warm()
        extras.load(extras.wanted(Path(p).read_text(encoding="utf-8") for p in paths), warm.shell)
    found = {}
    for path in paths:
        notebook: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        whole = _mean(_submission(notebook), warm)
        notebook.cells = [cell for cell in notebook.cells if not is_test(cell)]
        found[Path(path).stem] = asdict(whole) | {"floor": _mean(_submission(notebook), warm).floor}
    print(json.dumps(found))


def _submission(notebook: Any) -> Submission:
    text = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    return Submission("someone", "something", {"notebook": text})


def _mean(submission: Submission, warm: Any) -> Parts:
    rounds = [_measure(submission, warm) for _ in range(ROUNDS)]
    return Parts(*(sum(getattr(r, f.name) for r in rounds) / ROUNDS for f in fields(Parts)))


def _measure(submission: Submission, warm: Any) -> Parts:
    """Grade it in a fork, which tells of itself and, as they end, of those below."""
    ours, theirs = os.pipe()
    begun = time.perf_counter()
    pid = os.fork()
    if not pid:
        parts = Parts()
        with (
            _before(EngineProcess, "close", lambda engine: _add_engine(parts, engine)),
            _before(Session, "close", lambda session: _add_kernel(parts, session)),
        ):
            done = grade(submission, warm)
        assert not any(entry.notes for entry in done.notebooks.values()), done
        below = resource.getrusage(resource.RUSAGE_CHILDREN)
        known = parts.commands + parts.engine + parts.kernel
        parts.processes = below.ru_utime + below.ru_stime - known
        os.write(theirs, json.dumps(asdict(parts)).encode())
        os._exit(0)
    _, _, used = os.wait4(pid, 0)
    found = Parts(**json.loads(os.read(ours, 4096)))
    found.wall = time.perf_counter() - begun
    found.grader = used.ru_utime + used.ru_stime - found.floor
    os.close(ours)
    os.close(theirs)
    return found


def _before(owner: Any, name: str, look: Callable[[Any], None]) -> Any:
    """Have a look at what is about to end its process."""
    method = getattr(owner, name)

    def looked(self: Any) -> None:
        look(self)
        method(self)

    return patch.object(owner, name, looked)


def _add_engine(parts: Parts, engine: Any) -> None:
    if engine.pid:
        own, _ = _times(engine.pid)
        parts.engine += own


def _add_kernel(parts: Parts, session: Any) -> None:
    own, children = _times(session._pid)
    parts.kernel += own
    parts.commands += children


def _times(pid: int) -> tuple[float, float]:
    """CPU seconds of a process, and of its children that have ended (``man 5 proc_pid_stat``)."""
    numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system, their_user, their_system = map(int, numbers[11:15])
    ticks = os.sysconf("SC_CLK_TCK")
    return (user + system) / ticks, (their_user + their_system) / ticks


if __name__ == "__main__":
    main(sys.argv[1:])
