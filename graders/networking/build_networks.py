"""Checks of the lesson ``build-networks``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from graders.engine_view import ContainerView, NetworkView
from graders.expectation import Expectation, Finding, expect, met, missed
from graders.facts import excerpt, exists, image_there, itself, listed, made_from, on_network, runs
from graders.http_probe import HttpAnswer, in_url
from graders.networking.rebuilt import rebuilt
from graders.probe import Probe
from graders.probe_files import FileView
from graders.registry import check
from graders.storage_view import ImageView

INTERFACES, FETCHED = "/interfaces.txt", "/fetched.html"
# In whatever format: `ip a`, `ip -br l`, `ifconfig -a`, /proc/net/dev, /sys/class/net.
_LOOPBACK = re.compile(r"\blo\b")
_OTHERS = re.compile(
    r"\b(?:eth\d+|en[opsx]\w+|wl\w+\d+|docker\d+|br-[0-9a-f]+|veth\w+|tap\d+|tun\d+|bond\d+)"
)
PAGES, SITE = ("", "fetched.html"), "/usr/share/nginx/html"


@check("build-offline")
def built_without_a_network(probe: Probe) -> Iterator[Expectation]:
    """An image ``offline:1`` whose ``/interfaces.txt`` lists lo alone."""
    image = probe.image("offline:1")
    there = image_there(image)
    yield expect("There is an image offline:1.", 1, there)
    file = _file(probe, image, INTERFACES) if there.passed else FileView(INTERFACES, "missing")
    written = there.then(lambda: _written(file))
    yield expect(f"{INTERFACES} is in it, and lists an interface lo.", 1, written)
    alone = written.then(lambda: _nothing_but_lo(file).also(lambda: _looked(probe, image)))
    yield expect("It lists no other interface, and would if there were one.", 2, alone)


@check("build-mirror")
def fetched_during_the_build(probe: Probe) -> Iterator[Expectation]:
    """An image ``mirrored:1`` whose ``/fetched.html`` came from the container ``mirror``."""
    mirror, dev = probe.container("mirror"), probe.network("dev")
    serving = (
        exists(dev)
        .also(lambda: runs(mirror), drawn=True)
        .also(lambda: made_from(probe, mirror, "nginx"))
        .also(lambda: on_network(mirror, dev), drawn=True)
    )
    yield expect("A container named mirror runs the image nginx on dev.", 1, serving)
    image = probe.image("mirrored:1")
    there = image_there(image)
    yield expect("There is an image mirrored:1.", 1, there)
    file = _file(probe, image, FETCHED) if there.passed else FileView(FETCHED, "missing")
    fetched = there.then(lambda: _has_file(file))
    yield expect(f"{FETCHED} is in it.", 0.5, fetched)
    yield expect(
        f"{FETCHED} is what mirror serves.",
        1.5,
        fetched.then(lambda: serving).then(
            lambda: _served(probe, mirror, dev, file).also(lambda: _fetched(probe, image, file))
        ),
    )


# --- findings ------------------------------------------------------------------------------


def _file(probe: Probe, image: ImageView, path: str) -> FileView:
    with probe.files_of_image(image) as files:
        return files.read(path)


def _has_file(file: FileView) -> Finding:
    if file.kind == "file":
        return met(f"{file.path} is there, {len(file.content)} bytes")
    is_what = {"directory": "a folder", "huge": "too large to be read", "other": "no plain file"}
    return missed(
        f"{file.path} is {is_what[file.kind]}"
        if file.kind in is_what
        else f"the image has no file {file.path}",
        "A RUN instruction of the Dockerfile can write it. Build the image anew.",
    )


def _written(file: FileView) -> Finding:
    there = _has_file(file)
    if not there.passed:
        return there
    if _LOOPBACK.search(file.text):
        return met(f"{file.path} lists lo")
    return missed(
        f"{file.path} lists no interface lo: {excerpt(file.text)}"
        if file.text.strip()
        else f"{file.path} is empty",
        "Have the RUN instruction write what a command that lists interfaces prints.",
    )


def _nothing_but_lo(file: FileView) -> Finding:
    others = set(_OTHERS.findall(file.text))
    if not others:
        return met(f"{file.path} lists lo alone")
    return missed(
        f"{file.path} lists {listed(others)} as well",
        "docker build has an option that chooses the network of its steps. Mind the cache: a step"
        " that was built before is not run again unless you say so.",
    )


def _looked(probe: Probe, image: ImageView) -> Finding:
    """What wrote it would have written more on another network."""
    there = rebuilt(probe, image, INTERFACES, "bridge")
    if there is None or _OTHERS.search(there.text) or not _LOOPBACK.search(there.text):
        return met(f"{INTERFACES} lists lo alone")
    return missed(
        f"on the default network the same step writes the same: {excerpt(there.text)}",
        "Have it write what a command prints that lists all interfaces there are.",
    )


def _fetched(probe: Probe, image: ImageView, file: FileView) -> Finding:
    """What wrote it could not have done so without a network."""
    there = rebuilt(probe, image, file.path, "none")
    if there is None or there.content != file.content:
        return met(f"mirror serves what is in {file.path}")
    return missed(
        f"what wrote {file.path} writes the same without any network",
        "The RUN instruction has to download it from mirror.",
    )


def _served(probe: Probe, mirror: ContainerView, dev: NetworkView, file: FileView) -> Finding:
    """Whichever page it was: the usual ones, and those of its files that are the same."""
    fetched = file.text.strip()
    site = probe.files(mirror).tree(SITE) or {}
    same = [path for path, one in site.items() if one.is_file and one.text.strip() == fetched]
    # By address: its name may be the alias of others, too.
    address = min(mirror.addresses["dev"], key=lambda one: (":" in one, one))
    with probe.inside_network(dev) as inside:
        for path in (*PAGES, *same):
            look = partial(inside.get, f"http://{in_url(address)}/{path}")
            page = probe.settled(mirror, look, _spoke)
            if page.ok and page.body.strip() == fetched:
                return itself(probe, mirror, met(f"mirror serves what is in {file.path}"))
    return missed(
        f"mirror serves something else than what is in {file.path}",
        "Was it fetched from mirror, on dev, by a RUN instruction? If the page of mirror changed"
        " since, build again without the cache.",
    )


def _spoke(answer: HttpAnswer) -> bool:
    return answer.status > 0
