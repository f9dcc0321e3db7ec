"""Checks of the lesson ``bind-mounts``."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from graders.engine_view import ContainerView
from graders.expectation import Expectation, Finding, expect, met, missed
from graders.facts import box, excerpt, itself, listed, made_from, mounted, port_links, runs
from graders.host_paths import host_path
from graders.http_probe import MAX_BODY
from graders.probe import Probe
from graders.registry import check
from graders.sketch import Shown, Thing
from graders.storage_view import MountView
from graders.volumes.folders import places, read_only

PORT = 8088
HTTP = "80/tcp"
SITE, MOTD = "site", "motd.txt"
PAGES = "/usr/share/nginx/html"
SOCKET_NAME = "docker.sock"
SOCKET = f"/var/run/{SOCKET_NAME}"
ABOVE_SOCKET = {"/var/run", "/run"}
NO_PROGRAM = (126, 127)
"""Exit codes of a command that is not there, or cannot be run."""
DENIED = "permission denied"
_ROOT = re.compile(r"(?:^|[;{])\s*root\s+\"?([^\s;\"]+)\"?\s*;", re.MULTILINE)


@check("bind-site")
def page_from_a_folder(probe: Probe) -> Iterator[Expectation]:
    """A running nginx ``static`` that serves ``site/`` read-only on host port 8088."""
    static = probe.container("static")
    running = runs(static)
    yield expect(
        "A container named static runs the image nginx.",
        1,
        running.also(lambda: made_from(probe, static, "nginx")),
    )
    page = _page_file(probe.folder)
    attached = running.then(
        lambda: page.also(lambda: _mounted(static, probe.folder / SITE), drawn=True), drawn=True
    )
    yield expect("Your folder site, with its index.html, is mounted in static.", 2, attached)
    yield expect(
        "static cannot write to it.",
        1.5,
        attached.then(lambda: read_only(static, probe.folder / SITE)),
    )
    yield expect(
        f"On host port {PORT} the page is what site/index.html holds now.",
        2.5,
        attached.then(lambda: _served(probe, static).also(lambda: _page(probe, static))),
    )


@check("bind-file")
def one_file(probe: Probe) -> Iterator[Expectation]:
    """A running alpine ``motd`` with ``motd.txt`` alone at ``/etc/motd``."""
    motd = probe.container("motd")
    running = runs(motd)
    yield expect(
        "A container named motd runs the image alpine.",
        1,
        running.also(lambda: made_from(probe, motd, "alpine")),
    )
    attached = running.then(lambda: _mounted(motd, probe.folder / MOTD, "/etc/motd"), drawn=True)
    yield expect("Your file motd.txt is mounted at /etc/motd.", 2, attached)
    yield expect(
        "/etc/motd in motd says what motd.txt says.",
        2,
        attached.then(lambda: _same_text(probe, motd)),
    )


@check("bind-socket")
def engine_from_the_inside(probe: Probe) -> Iterator[Expectation]:
    """A running ``inner`` with the engine's socket, from which ``docker ps`` lists it.

    Where the socket lies in it is all the same, as long as its ``docker`` finds it.
    """
    inner = probe.container("inner")
    running = runs(inner)
    yield expect(
        "A container named inner runs the image docker.",
        1.5,
        running.also(lambda: made_from(probe, inner, "docker")),
    )
    attached = running.then(lambda: _socket(probe, inner), drawn=not inner.exists)
    yield expect("The engine's socket is mounted in it.", 2, attached)
    yield expect(
        "docker ps, run in inner, lists inner.",
        2.5,
        attached.then(lambda: _lists_itself(probe, inner)),
    )


# --- findings ------------------------------------------------------------------------------


def _page_file(folder: Path) -> Finding:
    page = folder / SITE / "index.html"
    if page.is_file():
        return met("site/index.html is there")
    return missed(
        "your folder has no site/index.html",
        "Make a folder site beside this notebook, and in it a file index.html.",
    )


def _mounted(container: ContainerView, path: Path, target: str | None = None) -> Finding:
    mine = Thing("path", path.name)
    missing = Shown("missing", box(container), mine, target or "")
    if not path.exists():
        return missed(
            f"your folder has no {path.name}",
            f"Make {path.name} beside this notebook.",
            Shown("missing", mine),
            missing,
        )
    there = Shown("met", mine)
    targets = set(places(container, path))
    if targets and target in (None, *targets):
        seen = [target] if target else sorted(targets)
        return met(
            f"{path.name} is mounted at {listed(seen)}",
            there,
            *(Shown("met", box(container), mine, at) for at in seen),
        )
    if targets:
        return missed(
            f"{path.name} is mounted at {listed(targets)}",
            f"It has to be at {target}: behind the colon stands the path in the container.",
            there,
            missing,
            *(Shown("wrong", box(container), mine, at) for at in sorted(targets)),
        )
    others = listed(f"{_source(m)} at {m.target}" for m in container.mounts)
    in_place = container.mount_at(target) if target else None
    taken_for_a_name = any(m.type == "volume" and m.name == path.name for m in container.mounts)
    return missed(
        f"mounted in {container.name}: {others}"
        if container.mounts
        else f"nothing is mounted in {container.name}",
        ("Without a slash, it is the name of a volume. " if taken_for_a_name else "")
        + f"The source has to be the whole path of {path.name} on this machine; pwd prints where"
        " you are.",
        there,
        missing,
        *(
            Shown("wrong" if m is in_place else "other", box(container), mounted(m), m.target)
            for m in container.mounts
        ),
    )


def _source(mount: MountView) -> str:
    """A volume may be named as the folder that was meant."""
    return f"the volume {mounted(mount).name}" if mount.type == "volume" else mounted(mount).name


def _served(probe: Probe, static: ContainerView) -> Finding:
    """nginx reads the folder itself, not a copy, which would not follow it."""
    seen = places(static, probe.folder / SITE)
    # Nor is its page covered by another one.
    whole = {at for at, by in seen.items() if static.mount_over(f"{at}/index.html") is by}
    if PAGES in whole or whole & _roots(probe, static):
        return met("nginx serves the folder")
    return missed(
        f"{SITE} is at {listed(seen)} of {static.name}, and nginx serves something else",
        f"nginx serves what lies in {PAGES}: your folder belongs there, not a copy of it, or the"
        " page does not follow when you change the file.",
    )


def _roots(probe: Probe, static: ContainerView) -> set[str]:
    """Directories of which an nginx says that it serves them, links of the usual one resolved."""
    _, link = probe.run_in(static, "readlink", "-f", PAGES)
    _, settings = probe.run_in(static, "nginx", "-T")
    return {posixpath.normpath(path) for path in [link.strip(), *_ROOT.findall(settings)] if path}


def _page(probe: Probe, static: ContainerView) -> Finding:
    ports = [port for port in static.published if port.host_port == PORT]
    if not ports:
        numbers = listed({str(port.host_port) for port in static.published})
        return missed(
            f"static is published on host port {numbers}"
            if static.published
            else "no port of static is published",
            f"Host port {PORT} has to lead to the port on which nginx listens.",
            *port_links("missing", static, [PORT]),
            *port_links("other", static, (port.host_port for port in static.published)),
        )
    page = (probe.folder / SITE / "index.html").read_bytes()
    text = page[:MAX_BODY].decode("utf-8", "replace")  # no more of an answer is read
    answer = probe.get_published(
        static, ports, good=lambda answer: answer.ok and answer.body == text
    )
    if answer.ok and answer.body == text:
        return itself(probe, static, met("the page is site/index.html"))
    if answer.ok:
        return missed(
            f"the page on host port {PORT} is another one",
            f"nginx serves index.html of {PAGES}. See what docker exec static finds there.",
        )
    leads = {port.container_port for port in ports}
    if HTTP not in leads:
        return missed(
            f"host port {PORT} leads to {listed(leads)} of static, and no page comes from there",
            f"nginx listens on port 80. In -p, host port {PORT} stands before the colon, and behind"
            " it the port in the container.",
            Shown("wrong", box(static), Thing("port", str(PORT)), fault=f"to {listed(leads)}"),
        )
    return missed(
        f"host port {PORT}: {answer}",
        f"nginx serves what lies in {PAGES}, and must be allowed to read it."
        " See docker logs static.",
    )


def _same_text(probe: Probe, motd: ContainerView) -> Finding:
    mine = probe.folder / MOTD
    if not mine.is_file():
        return missed("motd.txt is no file", "Remove it and write a file of that name.")
    text = mine.read_bytes().decode("utf-8", "replace")
    # Asked from inside: for its archive an engine mounts anew, and finds what has the name now.
    code, seen = probe.run_in(motd, "cat", "/etc/motd")
    if code == 0 and seen == text:
        return met(f"/etc/motd says the same, {len(text)} characters")
    return missed(
        "/etc/motd and motd.txt differ" if code == 0 else f"cat /etc/motd said: {excerpt(seen)}",
        "An editor may have put a new file in the place of the one that is mounted. Start motd"
        " again: docker restart.",
    )


def _socket(probe: Probe, inner: ContainerView) -> Finding:
    found = "nothing"
    socket = Thing("host", "socket")
    code, told = probe.run_in(inner, "printenv", "DOCKER_HOST")
    looked_at = posixpath.normpath(told.strip().removeprefix("unix://") if code == 0 else SOCKET)
    for mount in inner.mounts:
        target = posixpath.normpath(mount.target)
        if inner.mount_over(looked_at) is mount:
            path = looked_at
        else:
            path = posixpath.join(target, SOCKET_NAME) if target in ABOVE_SOCKET else target
        if mount.type == "bind" and probe.run_in(inner, "test", "-S", path)[0] == 0:
            return met(
                f"{host_path(mount.source)} is at {mount.target}",
                Shown("met", box(inner), socket, mount.target),
            )
        found = f"{host_path(mount.source) or 'a ' + mount.type} at {mount.target}, no socket"
    return missed(
        f"mounted in inner: {found}",
        f"The socket is a file like any other: -v takes {SOCKET} on both sides. Where an engine"
        " listens elsewhere, lab.socket() tells what belongs on the left.",
        Shown("met", socket),
        Shown("missing", box(inner), socket),
        *(Shown("other", box(inner), mounted(m), m.target) for m in inner.mounts),
    )


def _lists_itself(probe: Probe, inner: ContainerView) -> Finding:
    code, output = probe.run_in(inner, "docker", "ps", "--no-trunc", "--quiet")
    if code == 0 and inner.id in output.split():
        return met("docker ps in inner lists inner")
    if code in NO_PROGRAM:
        return missed("no program docker runs in inner", "The image docker has one.")
    last = output.strip().splitlines()[-1:]
    if DENIED in output.lower():
        return missed(
            f"docker ps in inner said {excerpt(last[0]) if last else 'nothing'}",
            "The socket is there, but not for the user as whom inner runs its programs. Start inner"
            " without a user of your own.",
        )
    return missed(
        f"docker ps in inner said {excerpt(last[0]) if last else 'nothing'}",
        "Is it the socket of the engine in which inner runs, and where docker looks for it? That is"
        f" {SOCKET}.",
    )
