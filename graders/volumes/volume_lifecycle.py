"""Checks of the lesson ``volume-lifecycle``."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import replace

from course_lib.preparation import DATAVOL, KEPT_TEXT, KEPT_VOLUME
from course_lib.preparation import KEPT_FILE as KEPT
from course_lib.preparation import LIFECYCLE as LESSON
from graders import answers
from graders.archives import NotAnArchiveError, read_tar
from graders.expectation import Expectation, Finding, ObservationError, expect, met, missed
from graders.facts import listed, runs, volume_there
from graders.probe import Probe
from graders.probe_files import MAX_BYTES
from graders.registry import check
from graders.sketch import Shown, Thing
from graders.storage_view import VolumeView

DECLARING = "training/datavol"
ARCHIVE = ("backup", "keepme.tar")
PACKED = Thing("path", "/".join(ARCHIVE))
SAME = "the same"
"""What a copy holds."""
AGAIN = "Start the lesson again to get it back."
LOST = f"A pruned volume is lost. {AGAIN}"


@check("lifecycle-prune")
def only_the_unused_gone(probe: Probe) -> Iterator[Expectation]:
    """The three anonymous volumes that the lesson left are gone; ``keepme`` is not."""
    gone = _leftovers_gone(probe)
    yield expect("The three anonymous volumes that nobody uses are gone.", 3, gone)
    keepme = probe.volume("keepme")
    there = gone.then(lambda: _not_lost(keepme))
    yield expect("The volume keepme is still there.", 1, there)
    yield expect(f"{KEPT} is still in it.", 1, there.then(lambda: _kept(probe, keepme)))


@check("lifecycle-inspect")
def path_and_name_found(probe: Probe) -> Iterator[Expectation]:
    """``data_path`` that the image declares, and ``volume_name`` that ``datavol1`` uses there."""
    yield expect(
        f"data_path is the path that the image {DECLARING} declares.",
        2,
        _path_found(probe, probe.answers.get("data_path")),
    )
    yield expect(
        "volume_name is the name of the volume that datavol1 uses there.",
        2,
        _name_found(probe, probe.answers.get("volume_name")),
    )


@check("lifecycle-backup")
def saved_and_restored(probe: Probe) -> Iterator[Expectation]:
    """``backup/keepme.tar`` holds what ``keepme`` holds, and so does the volume ``restored``."""
    keepme, restored = probe.volume("keepme"), probe.volume("restored")
    path = probe.folder.joinpath(*ARCHIVE)
    packed: dict[str, bytes] = {}
    try:
        packed = read_tar(path) if path.is_file() else {}
        archive = (
            met(f"{PACKED.name} is a tar archive", Shown("met", PACKED))
            if path.is_file()
            else missed(
                f"your folder has no {PACKED.name}",
                "Mount a folder of yours beside the volume in one container, and have tar write"
                " into it.",
                Shown("missing", PACKED),
            )
        )
    except NotAnArchiveError as problem:
        archive = missed(
            f"{PACKED.name}: {problem}",
            "tar makes an archive with -c.",
            Shown("wrong", PACKED, words="no tar archive"),
        )
    yield expect("backup/keepme.tar is a tar archive.", 1.5, archive)
    kept = _not_lost(keepme)
    contents = _contents(probe, keepme) if kept.passed else {}
    filled = archive.then(lambda: kept.also(lambda: _same_files(packed, contents)))
    yield expect("It holds what the volume keepme holds.", 2, _copied(filled, kept, PACKED))
    back = volume_there(restored)
    yield expect("There is a volume named restored.", 1, back)
    unpacked = back.then(
        lambda: kept.also(lambda: _another(keepme, restored)).also(
            lambda: _restored(contents, _contents(probe, restored))
        )
    )
    copy = Thing("volume", restored.name)
    yield expect("restored holds the same as keepme.", 1.5, _copied(unpacked, kept, copy))


# --- findings ------------------------------------------------------------------------------


def _leftovers_gone(probe: Probe) -> Finding:
    names = probe.prepared(LESSON).get("leftovers") or ()
    if not names:
        return missed(
            "the lesson was not started on this engine",
            f'lab.start("{LESSON}") puts the three volumes there.',
        )
    if not probe.volume(KEPT_VOLUME).exists and probe.container(DATAVOL).status == "missing":
        # So it is after lab.clean() as well, and that is no sweeping up.
        return missed(
            f"all that the lesson put there is gone, {KEPT_VOLUME} and {DATAVOL} too",
            f'lab.start("{LESSON}") puts it there again.',
        )
    left = {name for name in names if probe.volume(name).exists}
    if not left:
        return met("all three are gone")
    users = {
        container.name
        for container in probe.containers()
        for mount in container.mounts
        if mount.type == "volume" and mount.name in left
    }
    if users:
        return missed(
            f"still there: {listed(name[:12] for name in left)}, in use by {listed(users)}",
            "What a container has, even one that has stopped, is not removed. Remove the container"
            " first.",
        )
    return missed(
        f"still there: {listed(name[:12] for name in left)}",
        "docker volume ls has a filter for those that no container uses.",
    )


def _copied(found: Finding, kept: Finding, copy: Thing) -> Finding:
    """The same finding, drawn as what leads from ``keepme`` to the one with the same in it."""
    link = Shown("met" if found.passed else "missing", Thing("volume", KEPT_VOLUME), copy, SAME)
    return replace(found, shows=(*kept.shows, link))


def _not_lost(keepme: VolumeView) -> Finding:
    """It is there; where it is not, a new one of that name would be of no use."""
    there = volume_there(keepme)
    return there if there.passed else replace(there, hint=LOST)


def _kept(probe: Probe, keepme: VolumeView) -> Finding:
    with probe.files_of_volume(keepme) as files:
        seen = files.read(f"/volume/{KEPT}")
    if seen.is_file and KEPT_TEXT in seen.text:
        return met(f"{KEPT} is in keepme, {seen.size} bytes")
    if seen.is_file:
        return missed(
            f"{KEPT} in keepme does not hold what the lesson wrote into it",
            AGAIN,
        )
    return missed(f"keepme has no {KEPT}", AGAIN)


def _path_found(probe: Probe, answer: object) -> Finding:
    text = answers.as_text(answer)
    if text is None:
        return missed("data_path is not set", "Set data_path to the path, in quotes.")
    declared = _declared(probe)
    if text.startswith("/") and posixpath.normpath(text) in declared:
        return met(f"data_path is {answers.describe(answer)}")
    if any(path in text for path in declared):
        return missed(
            f"data_path is {answers.describe(answer)}",
            "The path is in it. Leave out what stands around it.",
        )
    return missed(
        f"data_path is {answers.describe(answer)}",
        "docker inspect also inspects images: what stands under Volumes in its configuration?",
    )


def _name_found(probe: Probe, answer: object) -> Finding:
    text = answers.as_text(answer)
    if text is None:
        return missed("volume_name is not set", "Set volume_name to the name, in quotes.")
    datavol = probe.container("datavol1")
    if datavol.status == "missing":
        return replace(runs(datavol), hint=AGAIN)
    names = {
        mount.name
        for mount in datavol.mounts
        if mount.type == "volume" and posixpath.normpath(mount.target) in _declared(probe)
    }
    if text in names:
        return met(f"volume_name is {answers.describe(answer)}")
    if any(name in text for name in names):
        return missed(
            f"volume_name is {answers.describe(answer)}",
            "The name is in it. Leave out what stands around it.",
        )
    return missed(
        f"volume_name is {answers.describe(answer)}",
        "It is the whole name, as docker volume ls prints it. docker inspect datavol1 shows it"
        " under Mounts.",
    )


def _declared(probe: Probe) -> set[str]:
    return {posixpath.normpath(path) for path in probe.image(DECLARING).volumes}


def _contents(probe: Probe, volume: VolumeView) -> dict[str, bytes]:
    """What is in a volume besides folders, by path; what is no file has no content.

    :raises ObservationError: it is too much to be compared with anything.
    """
    with probe.files_of_volume(volume) as files:
        tree = files.tree("/volume") or {}
    if any(seen.kind == "huge" for seen in tree.values()):
        raise ObservationError(f"{volume.name} holds more than {MAX_BYTES // 2**20} MB")
    return {name: seen.content for name, seen in tree.items() if seen.kind != "directory"}


def _same_files(packed: Mapping[str, bytes], contents: Mapping[str, bytes]) -> Finding:
    """Under whatever leading folder (``keepme/``, ``./``, ``data/``)."""
    names = {posixpath.normpath(name).lstrip("/"): data for name, data in packed.items()}
    if not contents:
        return missed("keepme is empty", "Start the lesson again to get its content back.")
    for prefix in _prefixes(names):
        stripped = {n.removeprefix(prefix): d for n, d in names.items() if n.startswith(prefix)}
        if len(stripped) == len(names) and stripped == contents:
            return met(f"it holds {listed(names)}")
    return missed(
        f"it holds {listed(names)}" if names else "it holds no files",
        f"keepme holds {listed(contents)}. Was the volume mounted where tar looked?",
    )


def _prefixes(names: Mapping[str, bytes]) -> list[str]:
    """The leading folders that all names have in common, from none to the longest."""
    common = posixpath.commonpath([posixpath.dirname(name) for name in names]) if names else ""
    parts = common.split("/") if common else []
    return ["", *("/".join(parts[: i + 1]) + "/" for i in range(len(parts)))]


def _another(keepme: VolumeView, restored: VolumeView) -> Finding:
    """Its files are its own."""
    if not restored.overlaps(keepme.places):
        return met("restored has files of its own")
    return missed(
        "the files of restored are those of keepme: its driver was told to bind their folder",
        "What is lost in keepme would be lost in restored, too. Make restored without options.",
    )


def _restored(contents: Mapping[str, bytes], restored: Mapping[str, bytes]) -> Finding:
    if not contents:
        return missed("keepme is empty", "Start the lesson again to get its content back.")
    if contents == restored:
        return met(f"restored holds {listed(restored)}")
    return missed(
        f"restored holds {listed(restored)}" if restored else "restored is empty",
        "Unpack the archive in a container that has restored mounted. Mind the leading folder in"
        " the archive: the files belong at the top.",
    )
