"""A class's submissions for the whole course, each with the scores that it deserves.

Every submission of an exercise in ``tests/submissions`` is in it at least once, as the work of a
student who has handed in two notebooks of an assignment; beside those there are untouched, broken
and hostile ones. They are handed in to a course directory and graded by ``course autograde``::

    python -m tests.grading.corpus                      # all of them, 2 workers
    python -m tests.grading.corpus --workers 1 2 --times 2
    python -m tests.grading.corpus --only bind-mounts   # a lesson, a kind or a student
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from course_lib.catalog import Lesson, course
from tests.grading.courses import COURSE, Course
from tests.submissions import corpus

Scores = Mapping[str, float | None]
HELPERS = f"""
import os, shutil, subprocess
from pathlib import Path
import docker
client, folder, host = docker.from_env(), Path.cwd(), os.environ["DOCKER_HOST"]
def shell(script):
    words = ["bash", "-euc", {corpus.FUNCTIONS!r} + script]
    return subprocess.run(words, check=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True).stdout
def answer(value):
    if value == "...":
        return ...
    if isinstance(value, list):
        return [answer(item) for item in value]
    if not isinstance(value, str) or "$(" not in value:
        return value
    text = shell('printf %s "' + value.removeprefix("int ") + '"')
    return int(text) if value.startswith("int ") else text
def fresh(builds):
    api = client.api
    if api.info()["Swarm"]["ControlAvailable"]:
        api.leave_swarm(force=True)
    for found in api.containers(all=True):
        api.remove_container(found["Id"], force=True, v=True)
    for found in api.networks():
        if found["Name"] not in ("bridge", "host", "none", "docker_gwbridge", "ingress"):
            api.remove_network(found["Id"])
    for found in api.volumes()["Volumes"] or ():
        api.remove_volume(found["Name"])
    for image in api.images():
        for tag in image["RepoTags"] or ():
            if tag.startswith("decoy-") or tag in builds:
                api.remove_image(tag, force=True)
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
"""
"""First cell: what the scripts of ``tests/submissions`` use; ``fresh`` begins anew."""
HARMLESS = {
    "check": "import graders\ncheck = graders.check = lambda *a: 100.0",
    "judge": (
        "import graders.runner, graders.result\ngraders.runner.run_check = lambda *a, **k: 100\n"
        "graders.result.judge = lambda *a: ('passed', 100.0)"
    ),
    "shown": (
        "from graders.result import MIME_TYPE\nfrom IPython.display import display\n"
        "display({MIME_TYPE: {'earned': 100.0}, 'text/plain': '100.0'}, raw=True)\n100.0"
    ),
    "journal": (
        "import shutil\nshutil.rmtree(Path(os.environ['XDG_DATA_HOME']) / 'docker-course')"
    ),
    "daemon": "subprocess.Popen(['sleep', '1000'], start_new_session=True)\nos.environ.clear()",
    "socket": "os.unlink(host.removeprefix('unix://'))",
}
"""Hostile code behind the work of the last exercise: it changes nothing."""
FATAL = {
    "exit": "os._exit(0)",
    "exec": "os.execv('/bin/true', ['true'])",
    "crash": "import ctypes\nctypes.string_at(0)",
}
"""Hostile code instead of the work of the last exercise: that one waits for the instructor."""


@dataclass
class Handed:
    """What one student hands in for one assignment.

    :param files: notebooks by file name.
    :param scores: what exercises deserve; None: the instructor has to look.
    :param status: of the row in the summary.
    """

    student: str
    assignment: str
    kind: str
    files: dict[str, bytes] = field(default_factory=dict)
    scores: dict[str, float | None] = field(default_factory=dict)
    status: str = "graded"


def whole_class(releases: Mapping[str, Any]) -> Iterator[Handed]:
    """All submissions.

    :param releases: by a lesson's name its notebook as students get it.
    """
    for assignment in course().assignments:
        longest = {one: max(map(len, _variants(one).values())) for one in assignment.lessons}
        # By columns, so that the right ones, which come first, are handed in together.
        notebooks = [
            (lesson, column)
            for column in range(max(longest.values()))
            for lesson in assignment.lessons
            if column < longest[lesson]
        ]
        while notebooks:
            first, *rest = notebooks
            second = [entry for entry in rest[:1] if entry[0] != first[0]]
            notebooks = rest[len(second) :]
            yield _composed(assignment.name, [first, *second], releases)
        yield from _odd(assignment.name, assignment.lessons, releases)


def sample(releases: Mapping[str, Any]) -> Iterator[Handed]:
    """A few, with every lesson and every kind."""
    for assignment in course().assignments:
        chosen = []
        for number, lesson in enumerate(assignment.lessons):
            most = max(map(len, _variants(lesson).values()))
            chosen.append((lesson, (0, most // 2, most - 1)[number % 3]))
        half = (len(chosen) + 1) // 2
        for number in range(half):
            yield _composed(assignment.name, chosen[number::half], releases)
    networking, volumes = course().assignments
    yield from list(_odd(networking.name, networking.lessons, releases))
    yield from (
        handed
        for handed in _odd(volumes.name, volumes.lessons, releases)
        if handed.kind in ("journal", "exec")
    )


def _composed(
    assignment: str, notebooks: Sequence[tuple[Lesson, int]], releases: Mapping[str, Any]
) -> Handed:
    name = "-".join(f"{lesson.name}-{column}" for lesson, column in notebooks)
    handed = Handed(name, assignment, "work")
    for lesson, column in notebooks:
        work = {key: found[column % len(found)] for key, found in _variants(lesson).items()}
        _add(handed, lesson, work, releases)
    best = sum(entry.points for lesson, _ in notebooks for entry in lesson.exercises)
    earned = sum(filter(None, handed.scores.values()))
    handed.kind = "right" if earned == best else "partly right" if earned else "wrong"
    return handed


def _add(
    handed: Handed,
    lesson: Lesson,
    work: Mapping[str, corpus.Submission],
    releases: Mapping[str, Any],
    replaced: Mapping[str, str] | None = None,
) -> None:
    """Put a notebook into it, and what its exercises deserve."""
    found = nbformat.from_dict(releases[lesson.name])  # type: ignore[no-untyped-call]
    kept = []
    for cell in found.cells:
        words = cell.metadata.get("nbgrader")
        if words is None and cell.cell_type == "code" and "lab.start(" in cell.source:
            kept.append(cell)
            kept.append(nbformat.v4.new_code_cell(HELPERS))  # type: ignore[no-untyped-call]
        elif words is not None:
            kept.append(cell)
            key = words["grade_id"].removesuffix("-work")
            if words["solution"] and key in work:
                cell.source = (replaced or {}).get(key) or _source(lesson, work[key])
                handed.scores[key] = work[key].points
    found.cells = kept
    text = nbformat.writes(found)  # type: ignore[no-untyped-call]
    handed.files[f"{lesson.name}.ipynb"] = str(text).encode()


def _source(lesson: Lesson, one: corpus.Submission) -> str:
    """The cell of a student who does that, from a clean engine on."""
    lines = [f"fresh({lesson.builds!r})"]
    if one.prepare:
        lines.append(f"lab.start({lesson.key!r})")
    lines += [f"shell({script!r})" for script in (one.given, one.run) if script]
    if "answers" in one.python:
        # As where submissions are judged one by one; a variable of an exercise has that name, too.
        lines += ["found = {}", f"exec({one.python!r}, {{**globals(), 'answers': found}})"]
        lines += ["globals().update(found)"]
    elif one.python:
        lines.append(one.python)
    lines += [f"{name} = answer({value!r})" for name, value in one.answers.items()]
    lines += [f"shell({one.then!r})"] if one.then else []
    return "\n".join(lines)


def _odd(
    assignment: str, lessons: Sequence[Lesson], releases: Mapping[str, Any]
) -> Iterator[Handed]:
    """Hostile, untouched and broken ones."""
    several = [lesson for lesson in lessons if len(lesson.exercises) > 1]
    for number, (kind, attack) in enumerate(HARMLESS.items()):
        lesson = several[number % len(several)]
        work = {key: found[number % len(found)] for key, found in _variants(lesson).items()}
        last = list(work)[-1]
        handed = Handed(f"mallory-{kind}", assignment, kind)
        source = f"{_source(lesson, work[last])}\n{attack}"
        _add(handed, lesson, work, releases, {last: source})
        yield handed
    for number, (kind, attack) in enumerate(FATAL.items()):
        lesson = several[-1 - number % len(several)]
        work = {key: found[0] for key, found in _variants(lesson).items()}
        last = list(work)[-1]
        handed = Handed(f"mallory-{kind}", assignment, kind, status="attention")
        _add(handed, lesson, work, releases, {last: attack})
        handed.scores[last] = None
        yield handed
    first, second = lessons[0], lessons[1]
    untouched = Handed(f"untouched-{first.name}", assignment, "untouched")
    untouched.files[f"{first.name}.ipynb"] = _bytes(releases[first.name])
    untouched.scores = {entry.id: 0.0 for entry in first.exercises}
    yield untouched
    whole = _bytes(releases[first.name])
    for kind, content in {
        "nothing": b"", "cut": whole[: len(whole) // 2], "picture": b"\x89PNG\r\n\x1a\n\0\0",
    }.items():  # fmt: skip
        yield Handed(kind, assignment, kind, {f"{first.name}.ipynb": content}, status="failed")
    yield Handed("other", assignment, "other", {"of-another.ipynb": whole}, status="failed")
    half = Handed("half", assignment, "half broken", status="attention")
    _add(half, second, {key: found[0] for key, found in _variants(second).items()}, releases)
    half.files[f"{first.name}.ipynb"] = b"{"
    half.scores |= {entry.id: None for entry in first.exercises}
    yield half


def _variants(lesson: Lesson) -> dict[str, list[corpus.Submission]]:
    """By exercise what students do, the right ones first."""
    found: dict[str, list[corpus.Submission]] = {entry.id: [] for entry in lesson.exercises}
    for one in corpus.submissions():
        if one.lesson == lesson.name and "embedded" in one.engines:
            found[one.exercise].append(one)
    return found


def _bytes(notebook: Any) -> bytes:
    return str(nbformat.writes(notebook)).encode()  # type: ignore[no-untyped-call]


# --- grading it ----------------------------------------------------------------------------


def make_course(folder: Path) -> Course:
    """A course directory with all lessons, released."""
    made = Course(folder / "course", folder / "home")
    made.run(COURSE, "init", made.root, "--course-id", "docker-101", cwd=folder)
    for assignment in course().assignments:
        made.release(assignment.name)
    limits = "\nc.Limits.cell_seconds = 300\nc.Limits.submission_seconds = 1200\n"
    config = made.root / "nbgrader_config.py"
    config.write_text(config.read_text() + limits)
    return made


def releases(made: Course) -> dict[str, Any]:
    """By a lesson's name its notebook as students get it."""
    return {
        path.stem: nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        for path in (made.root / "release").glob("*/*.ipynb")
    }


def hand_in(made: Course, handed: Sequence[Handed]) -> None:
    """Write what the class hands in."""
    for one in handed:
        for name, content in one.files.items():
            made.hand_in(one.student, content, name, one.assignment)


def wrong_scores(made: Course, handed: Sequence[Handed], *words: str) -> list[str]:
    """Grade all; a line for each that did not get what it deserves."""
    found = []
    for assignment in dict.fromkeys(one.assignment for one in handed):
        mine = [one for one in handed if one.assignment == assignment]
        code = 1 if any(one.status == "failed" for one in mine) else 0
        rows = made.grade("--force", *words, assignment=assignment, code=code)
        for one in mine:
            row = rows[one.student]
            if row["status"] != one.status:
                found.append(f"{one.student} ({one.kind}): {row['status']}, {row['notes']}")
                continue
            booked = made.scores(one.student, assignment)
            for key, deserved in one.scores.items():
                score, manual = booked[key]
                if score != deserved or manual != (deserved is None):
                    text = f"{one.student} ({one.kind}): {key} {score}, not {deserved}"
                    found.append(f"{text} {row['notes']}")
    return found


def main(words: Sequence[str]) -> int:
    """Grade the class as often as asked; 1 where a score is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.grading.corpus")
    parser.add_argument("--workers", type=int, nargs="+", default=[2])
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--dask", help="address of a scheduler, instead of workers")
    parser.add_argument("--only", default="", help="part of a student's name, or a kind")
    options = parser.parse_args(words)
    bad = 0
    with tempfile.TemporaryDirectory(prefix="corpus-") as scratch:
        made = make_course(Path(scratch))
        handed = [
            one
            for one in whole_class(releases(made))
            if options.only in one.student or options.only == one.kind
        ]
        hand_in(made, handed)
        kinds = ", ".join(f"{n} {kind}" for kind, n in Counter(h.kind for h in handed).items())
        print(f"{len(handed)} submissions: {kinds}", flush=True)
        ways = [("--dask", options.dask)] if options.dask else [
            ("--workers", str(count)) for count in options.workers
        ]  # fmt: skip
        for way in ways * options.times:
            begun = time.monotonic()
            found = wrong_scores(made, handed, *way)
            took = time.monotonic() - begun
            print(f"{' '.join(way)}: {len(found)} wrong, {took:.0f} s", *found, sep="\n  ")
            sys.stdout.flush()
            bad += len(found)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
