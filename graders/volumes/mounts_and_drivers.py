"""Checks of the lesson ``mounts-and-drivers``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from graders import answers
from graders.engine_view import ContainerView
from graders.expectation import Expectation, Finding, expect, met, missed
from graders.facts import box, described, has_volume_at, listed, made_from, mounted, runs
from graders.host_paths import host_path, is_same_path
from graders.probe import Probe
from graders.registry import check
from graders.sketch import Shown, Thing
from graders.volumes.folders import read_only

SIZE = 1_000_000
MESSAGE = "bind source path does not exist"
NOT_WHOLE = "mount path must be absolute"


@check("mount-mixed")
def three_types_in_one(probe: Probe) -> Iterator[Expectation]:
    """``mixed`` with ``config/`` read-only, the volume ``state``, and a small tmpfs."""
    mixed = probe.container("mixed")
    running = runs(mixed)
    yield expect("A container named mixed is running.", 1, running)
    yield expect(
        "mixed was made from the image alpine.",
        1,
        running.then(lambda: made_from(probe, mixed, "alpine")),
    )
    config = running.then(lambda: _config(probe, mixed), drawn=True)
    yield expect("Your folder config is mounted at /config.", 1.5, config)
    yield expect(
        "mixed cannot write to it.",
        1,
        config.then(lambda: read_only(mixed, probe.folder / "config")),
    )
    yield expect(
        "The volume state is at /state.",
        2,
        running.then(lambda: has_volume_at(mixed, "/state", probe.volume("state")), drawn=True),
    )
    tmpfs = running.then(lambda: _tmpfs(mixed), drawn=True)
    yield expect("At /scratch is a tmpfs.", 1, tmpfs)
    yield expect(f"It was asked to hold {SIZE} bytes.", 1.5, tmpfs.then(lambda: _size(mixed)))


@check("mount-missing")
def what_a_missing_path_gives(probe: Probe) -> Iterator[Expectation]:
    """``mount_error`` is what the engine answers to a bind mount of a path that is not there."""
    yield expect(
        "mount_error is what the engine answers when the host path does not exist.",
        3,
        _error_found(probe.answers.get("mount_error")),
    )


# --- findings ------------------------------------------------------------------------------


def _config(probe: Probe, mixed: ContainerView) -> Finding:
    mount = mixed.mount_at("/config")
    path = probe.folder / "config"
    mine = Thing("path", "config")
    there = Shown("met" if path.is_dir() else "missing", mine)
    missing = Shown("missing", box(mixed), mine, "/config")
    if mount is None:
        where = listed(m.target for m in mixed.mounts) if mixed.mounts else "nothing"
        return missed(
            f"mounted in mixed: {where}",
            "The target of the bind mount has to be /config.",
            there,
            missing,
            *(Shown("other", box(mixed), mounted(m), m.target) for m in mixed.mounts),
        )
    wrong = Shown("wrong", box(mixed), mounted(mount), "/config")
    if mount.type != "bind":
        return missed(
            f"at /config is no folder of yours, but {described(mount)}",
            "A folder of yours comes with type=bind.",
            there,
            missing,
            wrong,
        )
    if not path.is_dir():
        return missed(
            "your folder has no folder config", "Make config beside this notebook.", there, missing
        )
    if is_same_path(mount.source, path):
        return met("config is at /config", there, replace(missing, state="met"))
    return missed(
        f"at /config is {host_path(mount.source)}",
        f"The source has to be the whole path of your folder config: {path}",
        there,
        missing,
        wrong,
    )


def _tmpfs(mixed: ContainerView) -> Finding:
    mount = mixed.mount_at("/scratch")
    missing = Shown("missing", box(mixed), Thing("memory", "tmpfs"), "/scratch")
    if mount and mount.type == "tmpfs":
        return met("a tmpfs is at /scratch", replace(missing, state="met"))
    found = (
        f"at /scratch is no tmpfs, but {described(mount)}"
        if mount
        else "nothing is mounted at /scratch"
    )
    wrong = [Shown("wrong", box(mixed), mounted(mount), "/scratch")] if mount else []
    return missed(found, "The third type of mount lives in memory.", missing, *wrong)


def _size(mixed: ContainerView) -> Finding:
    mount = mixed.mount_at("/scratch")
    if mount and mount.size == SIZE:
        return met(f"{SIZE} bytes")
    if mount and mount.size:
        return missed(f"{mount.size} bytes", f"The size is given in bytes: {SIZE}.")
    return missed("no size was asked for", "A tmpfs has an option of its own for its size.")


def _error_found(answer: object) -> Finding:
    if isinstance(answer, list | tuple) and all(isinstance(line, str) for line in answer):
        answer = "\n".join(answer)  # lines captured by IPython
    elif isinstance(answer, Exception):
        answer = str(answer)  # as the SDK raises it
    text = answers.as_text(answer)
    if text is None:
        return missed("mount_error is not set", "Set mount_error to what the engine said.")
    if MESSAGE in " ".join(text.split()).casefold():
        return met(f"mount_error is {answers.describe(answer)}")
    if NOT_WHOLE in text:
        return missed(
            "mount_error is what the engine answers to a path that is not whole",
            "Begin the source with a slash, or with $PWD/. There must be no such folder.",
        )
    return missed(
        f"mount_error is {answers.describe(answer)}",
        "Try it with --mount and type=bind, not with -v, and take the line that begins with"
        " docker: or Error.",
    )
