"""How many students a server holds: ``python -m tests.deploy.hub_scale [STUDENTS]``, as root.

A class starts all at once and does the first lesson, by the requests that JupyterLab makes. Prints
the rows of the tables "How large" of docs/hub.md, and how long things took; ends with 1 where a
lesson had an error. Memory is the proportional set size (PSS): what processes share counts once for
all. A student in a lesson takes some 300 MB, so 50 want a quiet machine of 24 GB. No part of CI.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

import psutil

from tests.deploy import lesson_one
from tests.deploy.hub_class import RunningClass, running_class
from tests.deploy.memory import ENGINE, KERNEL, SERVER, by_kind, megabytes
from tests.deploy.person import Kernel, Person

PATIENCE = 3600.0
ONCE_MB = 1024
"""For hub, proxy, formgrader and the system."""
ASSIGNMENT = "networking"
WORK = (
    "from course_lib import lab\n"
    f"lab.start({lesson_one.NOTEBOOK.with_suffix('').as_posix()!r})\n"
    "lab.draw()\n"
    f"{lesson_one.FIRST}"
)


def per_student(klass: RunningClass) -> dict[str, float]:
    """Megabytes of one student's processes, by what they are; the mean over the class."""
    users = [pwd.getpwnam(name).pw_uid for name in klass.students]
    return {kind: size / len(users) for kind, size in by_kind(*users).items()}


def once_for_the_class(klass: RunningClass) -> float:
    """Megabytes of hub, proxy and formgrader."""
    assert klass.process is not None
    hub = psutil.Process(klass.process.pid)
    grader = pwd.getpwnam(klass.hub.klass.grader).pw_uid
    ours = [p for p in hub.children(recursive=True) if p.uids().real in (0, grader)]
    return sum(map(megabytes, [hub, *ours]))


async def all_at_once(
    what: str, students: list[Person], do: Callable[[Person], Awaitable[bool]]
) -> int:
    """Everybody does it; prints how long it took; how many did not succeed."""
    seconds: list[float] = []

    async def one(student: Person) -> bool:
        begun = time.monotonic()
        done = await do(student)
        seconds.append(time.monotonic() - begun)
        return done

    found = await asyncio.gather(*map(one, students), return_exceptions=True)
    for problem in found:
        if isinstance(problem, BaseException):
            print(f"{what}: {type(problem).__name__}: {problem}", flush=True)
    failed = sum(done is not True for done in found)
    took = (
        f"median {statistics.median(seconds):.0f} s, last {max(seconds):.0f} s" if seconds else ""
    )
    print(
        f"{what}: {len(students)} at once, {failed} failed; {took};"
        f" load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores",
        flush=True,
    )
    return failed


async def start(student: Person) -> bool:
    await student.log_in()
    await student.start_server()
    return True


async def lesson(klass: RunningClass, student: Person) -> bool:
    await student.assignment("fetch", klass.course, ASSIGNMENT)
    errors = await student.do_notebook(str(lesson_one.NOTEBOOK), lesson_one.WORK)
    await student.assignment("submit", klass.course, ASSIGNMENT)
    return not errors


async def whole_class(klass: RunningClass) -> int:
    """Measure; how many did not succeed."""
    students = [klass.person(name, patience=PATIENCE) for name in klass.students]
    before = psutil.virtual_memory().available
    failed = await all_at_once("log-in and server", students, start)
    # JupyterLab opens the first page, and the lesson beside it.
    pages = [Kernel(student, "index.ipynb") for student in students]
    await asyncio.gather(*(kernel.__aenter__() for kernel in pages))
    idle = per_student(klass)
    failed += await all_at_once(
        "lesson, from fetch to submit", students, lambda student: lesson(klass, student)
    )
    lessons = [Kernel(student, str(lesson_one.NOTEBOOK)) for student in students]
    await asyncio.gather(*(kernel.__aenter__() for kernel in lessons))
    await asyncio.gather(*(kernel.run(WORK) for kernel in lessons))
    busy = per_student(klass)
    taken = (before - psutil.virtual_memory().available) / 2**20 / len(students)
    for what, size in (
        ("JupyterLab's server", busy[SERVER]),
        ("the kernel of the first page", idle[KERNEL]),
        ("the kernel of a lesson, with its first picture", busy[KERNEL] - idle[KERNEL]),
        ("the engine, with a lesson's containers", busy[ENGINE]),
        ("shells", busy["others"]),
        ("**in a lesson, all together**", sum(busy.values())),
        ("logged in, no lesson yet", sum(idle.values())),
    ):
        print(f"| {what} | {size:.0f} MB |")
    print(f"by the machine's own count, each took {taken:.0f} MB")
    print(f"once for the class: {once_for_the_class(klass):.0f} MB", flush=True)
    each, spare = sum(busy.values()), 0.95
    for gigabytes in (4, 8, 16, 32):
        print(f"| {gigabytes} GB | {int((gigabytes * 1024 - ONCE_MB) * spare / each)} |")
    for kernel in (*pages, *lessons):
        await kernel.__aexit__()
    for student in students:
        await student.__aexit__(None, None, None)
    return failed


def main() -> int:
    """Measure, and print what was found."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    with running_class([f"s{number:02}" for number in range(count)]) as klass:
        for path in (klass.hub.course_directory / "source" / ASSIGNMENT).glob("*.ipynb"):
            if path.name != lesson_one.NOTEBOOK.name:
                path.unlink()
        for step in ("generate_assignment", "release_assignment"):
            klass.as_grader("nbgrader", step, ASSIGNMENT)
        return 1 if asyncio.run(whole_class(klass)) else 0


if __name__ == "__main__":
    sys.exit(main())
