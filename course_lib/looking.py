"""What a notebook shows of its engine: pictures, differences, a packet's way, pages."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, MutableMapping
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING

from course_lib import lesson_state, pages, showing
from course_lib.catalog import Lesson
from course_lib.engine_in_use import EngineInUse
from course_lib.errors import CourseError
from course_lib.images import read_image_table
from course_lib.standing import Standing
from course_lib.storage import look_into
from course_lib.topology import Difference, Topology, snapshot
from course_lib.topology import diff as difference

if TYPE_CHECKING:
    from docker import DockerClient

    from course_lib.diagrams import Picture, View
    from course_lib.live import Following

VIEWS: tuple[View, ...] = ("networks", "volumes")
PICTURES = tuple(f"course_lib.diagrams.{name}" for name in ("lettering", "layout", "svg"))
TOOLS = "alpine"
"""The course's image for looking from inside."""


def load_pictures() -> None:
    """Import what draws the first picture, and its fonts."""
    for name in PICTURES:
        import_module(name)
    from course_lib.diagrams import lettering

    lettering.load()


class Looking(EngineInUse):
    """An engine and what was last seen of it; what stood before the lesson is left out."""

    def __init__(self, environ: MutableMapping[str, str] = os.environ) -> None:
        super().__init__(environ)
        self._before = Standing()
        self._seen: Topology | None = None
        self._begun: Topology | None = None
        self._colours: Mapping[str, str] = {}
        self._lesson: Lesson | None = None
        self._live: Following | None = None

    def close(self) -> None:
        """Stop following the engine and give up the connection."""
        self._stop_live()
        super().close()

    def topology(self, *, everything: bool = False, contents: bool = False) -> Topology:
        """What is on the engine now.

        :param everything: also what stood before the lesson, which is left out otherwise.
        :param contents: look into volumes and mounted paths, too.
        """
        before = Standing() if everything else self._before
        image = read_image_table(self._environ).get(TOOLS).reference if contents else ""
        with self._talking():
            found = self._look(self.client, before)
            return look_into(self.client, found, image=image) if contents else found

    def draw(self, view: View | None = None, *, everything: bool = False) -> None:
        """Show the live picture.

        What is new, changed or gone since the last call is marked.

        :param view: ``networks`` (containers, networks, ports) or ``volumes`` (what is mounted
            where, and what is inside); by default what the lesson is about.
        :param everything: also what stood before the lesson.
        :raises CourseError: for another view; where the engine does not answer.
        """
        now, picture = self._picture(view, everything=everything)
        self._seen = now
        showing.show(picture.exhibit())

    def describe(self, view: View | None = None, *, everything: bool = False) -> None:
        """Print what the picture shows, in words."""
        from course_lib.diagrams import describe

        view = self._view(view)
        topology = self.topology(everything=everything, contents=view == "volumes")
        print(describe(topology, view=view))

    def diff(self) -> Difference:
        """What changed since the last picture, the last call or the start of the lesson.

        Shows itself in a notebook: what is new, changed or gone, in a list and in a picture.
        """
        from course_lib.diagrams import scene_of
        from course_lib.diagrams.compared import Compared

        view = self._view(None)
        now = self.topology(contents=view == "volumes")
        before, self._seen = self._seen or self._begun, now
        found = difference(before, now) if before is not None else Difference()
        scene = scene_of(now, before, view, self._colours)
        self._colours = {**self._colours, **scene.colours}
        return Compared(found.changes, before, now, view, self._colours)

    def live(self, view: View | None = None, *, everything: bool = False) -> None:
        """Show a picture that follows the engine until its button is pressed.

        One at a time: another call ends the one before. Where nobody looks on (grading,
        ``course run``, a plain terminal) it is the same still picture as :meth:`draw`'s.

        :param view: as for :meth:`draw`.
        :param everything: also what stood before the lesson.
        :raises CourseError: for another view; where the engine does not answer.
        """
        self._stop_live()
        view = self._view(view)
        if showing.shell() is None or not showing.attended(self._environ):
            showing.show(self._picture(view, everything=everything)[1].exhibit())
            return
        from course_lib.live import Following
        from course_lib.live_widget import LiveWidget

        before = Standing() if everything else self._before

        def look(client: DockerClient, last: Topology | None) -> Topology:
            now = self._look(client, before)
            if view != "volumes":
                return now
            # A container made for looking would hold volumes that somebody is about to remove.
            return look_into(client, now, known=last.contents if last else first.contents)

        def draw(now: Topology, last: Topology | None) -> Picture:
            return self._drawn(now, last, view)

        first = self.topology(everything=everything, contents=view == "volumes")
        widget = LiveWidget(draw)
        following = Following(self.engine.client, look, widget)
        widget.button.on_click(lambda _: following.stop())
        with self._talking():
            following.start()
        self._live = following
        widget.show_controls()

    def trace(self, source: str, target: str, port: int | None = None) -> None:
        """Show a packet's way from a container, or where it stops and why.

        Name server, route and answer are real: they are asked from inside, by a short-lived
        container in the same network stack.

        :param source: a container's name or ID.
        :param target: a name, as a program in it would ask for, or an address.
        :param port: a TCP port to connect to; without one, an echo is asked for.
        :raises CourseError: where there is no such container, or nobody can look from inside.
        """
        from course_lib import trace
        from course_lib.diagrams import draw_trace

        topology = self.topology(everything=True)
        sender = topology.container(source)
        if sender is None:
            raise CourseError(f"there is no container {source!r}", "docker ps -a shows all")
        owner = trace.owner_of(topology, sender)
        seen = None
        if sender.running and owner.running:
            table = read_image_table(self._environ)
            mode = "host" if owner.mode == "host" else f"container:{owner.id}"
            with self._talking():
                lesson_state.ensure_images(self.client, (TOOLS,), table, showing.Status().announce)
                image = table.get(TOOLS).reference
                seen = trace.look(self.client.api, image, mode, target, port)
        found = trace.way(topology, sender, target, port, seen)
        showing.show(draw_trace(found, topology, self._colours).exhibit())

    def open(self, port: int | str, height: int = 320) -> None:
        """Show the page on a published port inline, and a link to it.

        :param port: a port of this machine, or the name of a container that publishes one.
        :raises CourseError: where nothing answers there, with what the engine knows about it.
        """
        topology = self.topology(everything=True)
        number = pages.find_port(port, topology)
        try:
            page = pages.fetch(number, patience=pages.patience_for(number, topology))
        except (OSError, pages.NotHttp) as error:
            raise pages.explain(number, topology, error) from None
        showing.show(pages.framed(page, pages.server_base_url(self._environ), height))

    def _load_for_pictures(self) -> None:
        """Load what the first picture needs beside the lesson's start: a quarter of a second."""
        if not set(PICTURES) <= sys.modules.keys():
            Thread(target=load_pictures, name="pictures").start()

    def _look(self, client: DockerClient, before: Standing) -> Topology:
        """What is there besides what stood before."""
        containers = {container.id for container in before.containers}
        found = snapshot(client, ignore=containers, engine=self.engine.label)
        networks = {network.id for network in before.networks}
        return found.without(containers, networks, {volume.name for volume in before.volumes})

    def _stop_live(self) -> None:
        if self._live is not None:
            self._live.stop()
        self._live = None

    def _view(self, view: View | None) -> View:
        if view is None:
            about = self._lesson.assignment if self._lesson else ""
            return "volumes" if about == "volumes" else "networks"
        if view not in VIEWS:
            raise CourseError(f"there is no view {view!r}", f"there are {' and '.join(VIEWS)}")
        return view

    def _picture(self, view: View | None, *, everything: bool = False) -> tuple[Topology, Picture]:
        view = self._view(view)
        now = self.topology(everything=everything, contents=view == "volumes")
        return now, self._drawn(now, self._seen, view)

    def _drawn(self, now: Topology, last: Topology | None, view: View) -> Picture:
        """What was in a picture before has the same colour in all that follow."""
        from course_lib import diagrams

        picture = diagrams.draw(now, last, view, self._colours)
        self._colours = {**self._colours, **picture.colours}
        return picture
