"""How many students a server holds: ``python -m tests.deploy.hub_scale [STUDENTS]``, as root.

A class starts all at once and does the first lesson, by the requests that JupyterLab makes. Memory
is the proportional set size (PSS): what processes share counts once for all. No part of CI.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from pathlib import Path

import psutil

from tests.deploy import lesson_one
from tests.deploy.hub_class import RunningClass, running_class
from tests.deploy.person import Kernel, Person

PATIENCE = 3600.0
ASSIGNMENT = "networking"
KINDS = {
    "server": "jupyterhub-singleuser",
    "kernel": "ipykernel_launcher",
    "engine": "course_lib.engine",
}
HUB_KINDS = {
    "hub": "-m jupyterhub ",
    "proxy": "configurable-http-proxy",
    "formgrader": "jupyterhub-singleuser",
}


def megabytes(process: psutil.Process) -> float:
    """The proportional set size of a process."""
    try:
        text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024


def per_student(names: list[str]) -> dict[str, float]:
    """Megabytes of one student's processes, by what they are; the mean over the class."""
    found = dict.fromkeys([*KINDS, "others"], 0.0)
    for process in psutil.process_iter(["username", "cmdline"]):
        if process.info["username"] in names:
            line = " ".join(process.info["cmdline"] or ())
            kind = next((kind for kind, word in KINDS.items() if word in line), "others")
            found[kind] += megabytes(process)
    return {kind: size / len(names) for kind, size in found.items()}


def of_the_hub(klass: RunningClass) -> dict[str, float]:
    """Megabytes of what there is once for a class."""
    found = dict.fromkeys(HUB_KINDS, 0.0)
    grader = klass.hub.klass.grader
    for process in psutil.process_iter(["username", "cmdline"]):
        line = " ".join(process.info["cmdline"] or ()) + " "
        if process.info["username"] in ("root", grader) and "unshare" not in line:
            kind = next((kind for kind, word in HUB_KINDS.items() if word in line), "")
            if kind:
                found[kind] += megabytes(process)
    return found


def row(what: str, sizes: dict[str, float]) -> None:
    total = sum(sizes.values())
    parts = ", ".join(f"{kind} {size:.1f}" for kind, size in sizes.items())
    print(f"{what}: {total:.1f} MB ({parts})", flush=True)


async def whole_class(klass: RunningClass) -> None:
    students = [klass.person(name, patience=PATIENCE) for name in klass.students]
    seconds: list[float] = []

    async def start(student: Person) -> None:
        begun = time.monotonic()
        await student.log_in()
        await student.start_server()
        seconds.append(time.monotonic() - begun)

    async def lesson(student: Person) -> list[str]:
        begun = time.monotonic()
        await student.assignment("fetch", klass.course, ASSIGNMENT)
        errors = await student.do_notebook(str(lesson_one.NOTEBOOK), lesson_one.WORK)
        await student.assignment("submit", klass.course, ASSIGNMENT)
        seconds.append(time.monotonic() - begun)
        return errors

    def spent(what: str) -> None:
        print(
            f"{what}: median {statistics.median(seconds):.0f} s, last {max(seconds):.0f} s; "
            f"load {os.getloadavg()[0]:.0f}",
            flush=True,
        )
        seconds.clear()

    await asyncio.gather(*map(start, students))
    spent(f"{len(students)} servers started at once")
    row("idle student", per_student(klass.students))
    errors = await asyncio.gather(*map(lesson, students))
    spent(f"{len(students)} lessons at once, from fetch to submit")
    print(f"lessons with an error: {sum(map(bool, errors))}", flush=True)
    kernels = [Kernel(student, str(lesson_one.NOTEBOOK)) for student in students]
    for kernel in kernels:
        await kernel.__aenter__()
    lesson_name = lesson_one.NOTEBOOK.with_suffix("").as_posix()
    work = f"from course_lib import lab\nlab.start({lesson_name!r})\nlab.draw()\n{lesson_one.FIRST}"
    await asyncio.gather(*(kernel.run(work) for kernel in kernels))
    row("student in a lesson", per_student(klass.students))
    row("once for the class", of_the_hub(klass))
    for student in students:
        await student.__aexit__(None, None, None)


def main() -> None:
    """Measure, and print what was found."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    with running_class([f"s{number:02}" for number in range(count)]) as klass:
        for path in (klass.hub.course_directory / "source" / ASSIGNMENT).glob("*.ipynb"):
            if path.name != lesson_one.NOTEBOOK.name:
                path.unlink()
        for step in ("generate_assignment", "release_assignment"):
            klass.as_grader("nbgrader", step, ASSIGNMENT)
        asyncio.run(whole_class(klass))


if __name__ == "__main__":
    main()
