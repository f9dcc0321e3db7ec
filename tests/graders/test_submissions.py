"""Every submission of the corpus gets exactly the points it deserves, and nothing is left."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from course_lib.catalog import course
from graders.display import as_text, drawn
from graders.probe import Probe
from graders.result import CheckResult
from graders.runner import run_checks
from graders.sketch import Thing, standing
from tests.contract.harness import Engine
from tests.submissions.corpus import Student, Submission, submissions

CORPUS = submissions()
ANY = "of any name"
"""How a picture calls what may have whatever name."""
TASK = "com.docker.swarm.task"
"""The label of containers that Swarm mode starts."""


def _place(engine: str, submission: Submission) -> str:
    """Which engine of that kind: the dockerd for checks, where its ports can be reached."""
    loopback = "127.0.0.1" in f"{submission.given}{submission.run}{submission.python}"
    return "dockerd-checks" if engine == "dockerd" and not loopback else engine


@pytest.mark.parametrize("grade_id", [exercise.id for _, exercise in course().exercises()])
def test_corpus_covers_each_exercise(grade_id: str) -> None:
    points = course().exercise(grade_id)[1].points
    mine = [submission for submission in CORPUS if submission.exercise == grade_id]
    right = [submission for submission in mine if submission.points == points]
    everywhere = [submission for submission in mine if len(submission.engines) == 2]
    assert len(right) >= 3
    assert len(mine) - len(right) >= 5
    # Services need Swarm mode, and that would change the dockerd which all tests share.
    assert len(everywhere) >= 8 or course().exercise(grade_id)[0].services


def test_corpus_names_are_unique() -> None:
    assert [name for name, count in Counter(map(str, CORPUS)).items() if count > 1] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "submission"),
    [
        pytest.param(
            _place(name, submission), submission, id=f"{name}-{submission}",
            marks=pytest.mark.docker if name == "dockerd" else (),
        )
        for name in ("embedded", "dockerd")
        for submission in CORPUS
        if name in submission.engines
    ],
    indirect=["engine"],
)  # fmt: skip
def test_submission_earns_its_points(
    submission: Submission, engine: Engine, student: Student
) -> None:
    answers = student.work(submission)
    before = _everything(engine, student.folder)
    (result,) = run_checks(
        [submission.exercise],
        answers,
        student.folder,
        engine.sdk,
        make_probe=partial(Probe, published_host=engine.address),
    )
    said = [(e.text, e.passed, e.found, e.hint) for e in result.expectations]
    assert (result.earned, result.status) == (submission.points, _status(submission)), said
    assert sum(expectation.points for expectation in result.expectations) == result.points
    for expectation in result.expectations:
        assert expectation.found
        assert expectation.passed or expectation.hint
    assert submission.says in as_text(result)
    _picture_gives_nothing_away(result)
    _picture_is_true(result, engine, student.folder)
    assert _everything(engine, student.folder) == before


@pytest.mark.parametrize("engine", ["embedded"], indirect=True)
def test_volumes_too_large_to_compare_are_for_the_instructor(
    engine: Engine, student: Student
) -> None:
    fill = """
    for name in keepme restored; do
      docker run --rm -v $name:/v alpine sh -c 'head -c 9000000 /dev/urandom > /v/large'
    done
    mkdir backup
    tar -cf backup/keepme.tar backup"""
    work = Submission("volume-lifecycle", "lifecycle-backup", "large", 0, run=fill, prepare=True)
    answers = student.work(work)
    (result,) = run_checks([work.exercise], answers, student.folder, engine.sdk)
    assert (result.status, result.earned) == ("error", 0)
    assert "keepme holds more than 8 MB" in (result.reason or "")


def _picture_gives_nothing_away(result: CheckResult) -> None:
    """What is drawn as expected is named in the words, which the student reads anyway."""
    words = " ".join(f"{e.text} {e.found}" for e in result.expectations)
    words += f" {ANY} tmpfs socket"
    for fact in (fact for e in result.expectations for fact in e.shows):
        if fact.state != "missing":  # what is there has the student's own names
            continue
        for text in (fact.thing.name, fact.to.name if fact.to else "", fact.words):
            assert all(word in words for word in text.split()), (fact, words)
    if result.status == "passed":
        assert not drawn(result)


def _picture_is_true(result: CheckResult, engine: Engine, folder: Path) -> None:
    """What is there is drawn as there, what is missing as missing, and what belongs together so."""
    facts, api = drawn(result), engine.sdk.api
    there: dict[str, set[str]] = {
        # (With a link, it has a second one.)
        "container": {n.lstrip("/") for c in api.containers(all=True) for n in c["Names"]},
        "network": {network["Name"] for network in api.networks()},
        "volume": {volume["Name"] for volume in api.volumes()["Volumes"] or ()},
    }
    # An anonymous volume is known by the beginning of its name.
    there["volume"] |= {name[:12] for name in there["volume"] if len(name) == 64}
    for thing, state in standing(facts).items():
        if thing.kind == "path":
            # Absolute ones stay as they are.
            assert (state != "missing") == (folder / thing.name).exists(), (thing, facts)
        elif thing.kind in there and not thing.name.startswith("of "):
            assert (state != "missing") == (thing.name in there[thing.kind]), (thing, facts)
    for fact in facts:
        if fact.to is not None and (fact.thing.kind, fact.to.kind) == ("container", "network"):
            if fact.words or fact.thing.name not in there["container"]:
                continue
            seen = api.inspect_container(fact.thing.name)["NetworkSettings"]["Networks"]
            assert (fact.state != "missing") == (fact.to.name in seen), (fact, seen)
    linked = {thing for fact in facts if fact.to for thing in (fact.thing, fact.to)}
    loose = {thing for thing in standing(facts) if thing.kind != "container"} - linked
    # Nothing of that exercise belongs on prod.
    assert loose <= (
        {Thing("network", "prod")} if result.grade_id == "aliases-isolation" else set()
    )


def _status(submission: Submission) -> str:
    points = course().exercise(submission.exercise)[1].points
    if submission.points == points:
        return "passed"
    return "partial" if submission.points else "failed"


def _everything(engine: Engine, folder: Path) -> dict[str, Any]:
    """What a check must leave as it was, and add nothing to.

    All that is there, but on a dockerd that other tests use at the same time what has names of
    lessons or of probes.
    """
    api = engine.sdk.api
    alone = engine.name == "embedded" or engine.address != "127.0.0.1"
    ours = (lambda _: True) if alone else _concerns_lessons
    # Inspected one by one: the list of dockerd is a copy that lags behind a stop.
    containers = [
        api.inspect_container(listed["Id"])
        for listed in api.containers(all=True)
        # A service's tasks start, end and start anew without anybody's doing.
        if ours(listed["Names"]) and TASK not in listed["Labels"]
    ]
    return {
        "containers": {c["Id"]: (c["Name"], c["State"]["Status"]) for c in containers},
        "endpoints": {
            c["Id"]: {
                name: network["IPAddress"]
                for name, network in c["NetworkSettings"]["Networks"].items()
            }
            for c in containers
        },
        # To read its files would make folders in a container that never ran.
        "changes": {
            c["Id"]: api.diff(c["Id"]) for c in containers if c["State"]["Status"] == "created"
        },
        "networks": {n["Id"] for n in api.networks() if ours([n["Name"]])},
        "volumes": {
            volume["Name"]: (volume["Mountpoint"], volume["CreatedAt"])
            for volume in api.volumes()["Volumes"] or ()
            if ours([volume["Name"]])
        },
        "images": {
            (image["Id"], tag)
            for image in api.images(all=True)
            for tag in image["RepoTags"] or ["<none>"]
            if ours([tag])
        },
        # A server's logs grow by what a check asks of it.
        "files": {
            str(path.relative_to(folder)): (
                path.read_bytes() if path.is_file() and path.parent.name != "logs" else None
            )
            for path in folder.rglob("*")
        },
    }


def _concerns_lessons(names: list[str]) -> bool:
    known = {
        name
        for lesson in course().lessons()
        for name in (*lesson.containers, *lesson.networks, *lesson.volumes, *lesson.builds)
    }
    return any(
        name.lstrip("/") in known or name.lstrip("/").startswith(("decoy-", "course-probe-"))
        for name in names
    )
