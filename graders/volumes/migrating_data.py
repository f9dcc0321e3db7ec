"""Checks of the lesson ``migrating-data``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from graders.answers import cut
from graders.engine_view import ContainerView
from graders.expectation import Expectation, Finding, expect, met, missed
from graders.facts import box, made_from, runs
from graders.probe import Probe
from graders.registry import check
from graders.sketch import Shown, Thing
from graders.volumes.redis import NoAnswerError, RefusedError, counter_of, version_of

DATA = "/data"
COUNTER = "42"
_NUMBER = re.compile(r"-?[0-9]{1,19}")
"""What Redis can count: 64 bits."""
_ALIVE = ("running", "paused", "restarting")


@check("migrate-redis")
def data_moved_to_the_next_version(probe: Probe) -> Iterator[Expectation]:
    """``redis30`` (3.0) runs with the volume of ``redis28`` (stopped or gone): counter is 42."""
    old, new = probe.container("redis28"), probe.container("redis30")
    running = runs(new)
    yield expect("A container named redis30 is running.", 1, running)
    image = running.then(lambda: made_from(probe, new, "redis:3.0"))
    yield expect("redis30 was made from the image redis:3.0.", 1, image)
    taken = running.then(lambda: _took_over(probe, old, new, "redis:2.8"), drawn=True)
    yield expect("redis30 has the volume that redis28 kept its data in.", 1.5, taken)
    yield expect("redis28 is stopped or removed.", 1, taken.then(lambda: _stopped(probe, old, new)))
    yield expect(
        f"In redis30, GET counter gives {COUNTER}.",
        2,
        running.then(lambda: _counter_is(probe, new, COUNTER, taken=taken.passed)),
    )
    yield expect(
        "INFO server tells a version 3.0.",
        1.5,
        image.then(lambda: _version_begins(probe, new, "3.0.")),
    )


@check("migrate-again")
def data_moved_once_more(probe: Probe) -> Iterator[Expectation]:
    """``redis-next`` takes the data over from ``redis30``, which is stopped or gone."""
    old, new = probe.container("redis30"), probe.container("redis-next")
    running = runs(new)
    yield expect("A container named redis-next is running.", 1, running)
    yield expect(
        "redis-next was made from the image redis.",
        1,
        running.then(lambda: made_from(probe, new, "redis")),
    )
    taken = running.then(lambda: _took_over(probe, old, new), drawn=True)
    yield expect("redis-next has the volume that redis30 kept its data in.", 1.5, taken)
    yield expect("redis30 is stopped or removed.", 1, taken.then(lambda: _stopped(probe, old, new)))
    yield expect(
        "In redis-next, the counter is there.", 1.5, taken.then(lambda: _counter_is(probe, new))
    )


# --- findings ------------------------------------------------------------------------------


def _took_over(
    probe: Probe, old: ContainerView, new: ContainerView, image: str | None = None
) -> Finding:
    """``new`` has the volume that ``old`` had, a container of ``image`` (where that matters)."""
    mount = new.mount_at(DATA)
    before = _volumes_of(probe, old)
    wanted = Thing("volume", f"of {old.name}")
    there = Shown("met" if before else "missing", wanted)
    missing = Shown("missing", box(new), wanted)
    if mount is None or mount.type != "volume":
        return missed(
            f"{new.name} has no volume at {DATA}",
            f"{new.name} has to take over what {old.name} had.",
            there,
            missing,
        )
    if mount.name in before and image and not _was_made_from(probe, old, image):
        return missed(
            f"{old.name}, whose volume {new.name} has, was not made from {image}",
            f"The data has to come from a Redis of the image {image}.",
            Shown("wrong", box(old), words=f"not from {image}"),
            replace(missing, state="met"),
        )
    if mount.name in before:
        return met(f"{new.name} has the volume of {old.name}", replace(missing, state="met"))
    if not before:
        return missed(
            f"there was no {old.name} with a volume since the lesson started",
            f"Start {old.name} first, and put something into it.",
            there,
            missing,
            Shown("wrong", box(new), Thing("volume", "of its own"), DATA),
        )
    return missed(
        f"{new.name} has a volume of its own",
        "One option of docker run takes over all volumes of another container.",
        there,
        missing,
        Shown("wrong", box(new), Thing("volume", "of its own"), DATA),
    )


def _volumes_of(probe: Probe, container: ContainerView) -> set[str]:
    """Where a Redis keeps its data, also one that was removed since the lesson started."""
    if container.status != "missing":
        mount = container.mount_at(DATA)
        return {mount.name} if mount is not None and mount.type == "volume" else set()
    ids, volumes = set(_named(probe, container.name)), set()
    for event in probe.events():
        actor = event.get("Actor") or {}
        about = actor.get("Attributes") or {}
        match event.get("Type"), event.get("Action"):
            case "volume", "mount" if about.get("container") in ids:
                if about.get("destination", DATA) == DATA:
                    volumes.add(str(actor.get("ID")))
            case "volume", "destroy":  # another one may have its name later
                volumes.discard(str(actor.get("ID")))
    return volumes


def _was_made_from(probe: Probe, container: ContainerView, image: str) -> bool:
    """Also of one that was removed since the lesson started."""
    if container.status != "missing":
        return probe.is_image(container, image)
    references = _named(probe, container.name).values()
    return any(probe.is_reference_to(reference, image) for reference in references)


def _named(probe: Probe, name: str) -> dict[str, str]:
    """By ID, the images of all containers that had this name since the lesson started."""
    actors = [
        event.get("Actor") or {}
        for event in probe.events()
        if event.get("Type") == "container" and event.get("Action") in ("create", "rename")
    ]
    known = [(str(actor.get("ID")), actor.get("Attributes") or {}) for actor in actors]
    return {id_: str(made.get("image")) for id_, made in known if made.get("name") == name}


def _stopped(probe: Probe, old: ContainerView, new: ContainerView) -> Finding:
    """It does not run any more, under another name neither."""
    name = old.name
    if old.status not in _ALIVE:
        named, data = _named(probe, name), _volumes_of(probe, new)
        others = (c for c in probe.containers() if c.id in named and c.id != new.id)
        alive = (c for c in others if c.status in _ALIVE and data & _volumes_of(probe, c))
        old = next(alive, old)
    if old.status in ("missing", "exited"):
        return met(f"{old.name} is {'removed' if old.status == 'missing' else 'stopped'}")
    if old.status == "created":
        return missed(
            f"{old.name} was created but never started",
            f"The data has to come from a Redis that ran as {name}: start it, put something into"
            " it, and stop it.",
            Shown("wrong", box(old), words=old.status),
        )
    return missed(
        f"{old.name} is {old.status}" + ("" if old.name == name else f": it was named {name}"),
        "Two servers on the same files spoil them. Stop the old one before the new one starts.",
        Shown("wrong", box(old), words=old.status),
    )


def _counter_is(
    probe: Probe, redis: ContainerView, wanted: str | None = None, *, taken: bool = True
) -> Finding:
    """It holds the counter; where its data were not ``taken`` over, that is what to mend first."""
    try:
        counter = counter_of(probe, redis)
    except NoAnswerError as problem:
        return missed(
            f"{redis.name}: {problem}",
            f"Redis has to answer at its usual port, without a password: start {redis.name} without"
            " options of your own, and see docker logs.",
        )
    except RefusedError as problem:
        return missed(
            f"GET counter in {redis.name} says {problem}",
            "Set the counter to a number with SET, in the old one.",
        )
    if counter is None:
        return missed(
            f"GET counter in {redis.name} gives nothing",
            "Set the counter in the old one, and have it write its data to the disk (SAVE) before"
            " it is stopped."
            if taken
            else "The counter is in the volume of the old one. First mend what is said about that.",
        )
    if counter == wanted or (wanted is None and _NUMBER.fullmatch(counter)):
        return met(f"the counter in {redis.name} is {counter}")
    return missed(
        f"the counter in {redis.name} is {cut(counter)}", f"It has to be {wanted or 'a number'}."
    )


def _version_begins(probe: Probe, redis: ContainerView, beginning: str) -> Finding:
    version = version_of(probe, redis)
    if version.startswith(beginning):
        return met(f"version {version}")
    return missed(
        f"version {version}" if version else f"no Redis answers in {redis.name}",
        "Which image was it made from? docker logs tells how it started.",
    )
