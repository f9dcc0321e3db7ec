"""Checks of the lesson ``what-volumes-are``."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from graders.engine_view import ContainerView
from graders.expectation import Expectation, Finding, expect, met, missed
from graders.facts import box, described, has_volume_at, image_there, listed, mounted, runs
from graders.probe import Probe
from graders.registry import check
from graders.sketch import Shown
from graders.storage_view import ImageView

UPLOADS = "/uploads"
HELLO, KEPT = f"{UPLOADS}/hello.txt", "/kept.txt"


@check("volumes-declared")
def volume_declared_by_an_image(probe: Probe) -> Iterator[Expectation]:
    """An image ``uploader:1`` that declares ``/uploads``; ``up1`` of it with a file in there."""
    image, up1 = probe.image("uploader:1"), probe.container("up1")
    there = image_there(image)
    yield expect("There is an image uploader:1.", 1, there)
    yield expect(
        f"uploader:1 declares {UPLOADS} as a volume.", 1.5, there.then(lambda: _declares(image))
    )
    running = there.then(
        lambda: runs(up1).also(lambda: _made_from(up1, image)), drawn=not up1.exists
    )
    yield expect("A container named up1 of that image is running.", 1, running)
    yield expect(
        f"{HELLO} is inside the volume of up1.",
        1.5,
        running.then(lambda: has_volume_at(up1, UPLOADS), drawn=True).also(
            lambda: _holds(probe, up1, HELLO)
        ),
    )


@check("volumes-commit")
def commit_leaves_volumes_out(probe: Probe) -> Iterator[Expectation]:
    """In a container of ``snapshot:1`` ``/kept.txt`` is there, ``/uploads/hello.txt`` is not."""
    image = probe.image("snapshot:1")
    there = image_there(image)
    yield expect("There is an image snapshot:1.", 1, there)
    kept, left = _committed(probe, image, there)
    yield expect(f"{KEPT} is in snapshot:1.", 2, kept)
    yield expect(f"{HELLO} is not in snapshot:1.", 2, left)


@check("volumes-read-only")
def volume_in_a_read_only_container(probe: Probe) -> Iterator[Expectation]:
    """A running ``frozen``: read-only root, writable volume at ``/data`` that holds a file."""
    frozen = probe.container("frozen")
    running = runs(frozen)
    yield expect("A container named frozen is running.", 1, running)
    yield expect("Its root file system is read-only.", 1.5, running.then(lambda: _frozen(frozen)))
    volume = running.then(lambda: has_volume_at(frozen, "/data"), drawn=True)
    yield expect(
        "At /data it has a volume that can be written.", 1.5, volume.also(lambda: _writable(frozen))
    )
    yield expect(
        "/data/ok.txt is in that volume.",
        1,
        volume.then(lambda: _holds(probe, frozen, "/data/ok.txt")),
    )


# --- findings ------------------------------------------------------------------------------


def _declares(image: ImageView) -> Finding:
    if UPLOADS in {posixpath.normpath(path) for path in image.volumes}:
        return met(f"{image.reference} declares {listed(image.volumes)}")
    if image.volumes:
        return missed(
            f"{image.reference} declares {listed(image.volumes)}",
            f"The path in the Dockerfile has to be {UPLOADS}. Build the image anew.",
        )
    return missed(
        f"{image.reference} declares no volume",
        "A Dockerfile has an instruction for it. Build the image anew.",
    )


def _made_from(container: ContainerView, image: ImageView) -> Finding:
    if container.image_id == image.id:
        return met(f"{container.name} was made from {image.reference}")
    return missed(
        f"{container.name} was made from {container.image_ref}, or from an older {image.reference}",
        f"Remove {container.name} and start it again from {image.reference}.",
    )


def _holds(probe: Probe, container: ContainerView, path: str) -> Finding:
    mount = container.mount_over(path)
    if mount is None or mount.type != "volume":
        return missed(
            f"{path} in {container.name} is not in the volume: over it lies"
            f" {described(mount) if mount else 'something else'}",
            f"What is mounted over a volume covers it. Make {container.name} anew without that"
            " mount, and write the file into the volume itself.",
            *([Shown("wrong", box(container), mounted(mount), mount.target)] if mount else []),
        )
    files = probe.files(container)
    # The container's own command may be about to write it.
    seen = probe.settled(container, lambda: files.read(path), lambda seen: seen.is_file)
    if seen.is_file:
        return met(f"{path} is there, {seen.size} bytes")
    if seen.kind == "missing":
        return missed(
            f"there is no file {path} in {container.name}",
            "Where the volume is read-only, nobody can write it. First make that right."
            if mount.read_only
            else "docker exec runs a command in a container, and a shell there can write a file.",
        )
    return missed(
        f"{path} in {container.name} is no ordinary file", "Write an ordinary file there."
    )


def _committed(probe: Probe, image: ImageView, there: Finding) -> tuple[Finding, Finding]:
    if not there.passed:
        blocked = there.then(lambda: there)
        return blocked, blocked
    with probe.files_of_image(image) as files:
        kept, hello = files.read(KEPT), files.read(HELLO)
    if kept.is_file:
        first = met(f"{KEPT} is in a container of snapshot:1")
    elif kept.kind == "missing":
        first = missed(
            f"there is no {KEPT} in a container of snapshot:1, or it leads nowhere there",
            "Write the file in up1, outside of the volume, before you commit up1.",
        )
    else:
        first = missed(
            f"{KEPT} is there in a container of snapshot:1, but no ordinary file",
            "Write an ordinary file of that name in up1, before you commit up1.",
        )
    if hello.kind == "missing":
        second = met(f"{HELLO} is not there")
    else:
        second = missed(
            f"{HELLO} is in a container of snapshot:1",
            "What lies in a volume does not come along. Where was hello.txt when you committed?",
        )
    return first, first.then(lambda: second)


def _frozen(frozen: ContainerView) -> Finding:
    if frozen.read_only_root:
        return met("its root file system is read-only")
    return missed(
        "its root file system can be written",
        "docker run has an option for it. Remove frozen and start it again.",
    )


def _writable(frozen: ContainerView) -> Finding:
    mount = frozen.mount_at("/data")
    if mount is not None and not mount.read_only:
        return met("the volume at /data can be written")
    return missed(
        "the volume at /data is read-only",
        "Without :ro behind it a volume can be written.",
        *(
            [Shown("wrong", box(frozen), mounted(mount), "/data", fault="read-only")]
            if mount
            else []
        ),
    )
