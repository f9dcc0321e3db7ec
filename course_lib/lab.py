"""This lesson's handle on the engine.

::

    from course_lib import lab
    lab.start("networking/publish-a-service")   # readies the engine, images, a clean lesson state
    lab.draw()                                  # the live picture; what is new since the last
    lab.diff()                                  # what the last command changed
    lab.live()                                  # a picture that follows what you do
    lab.trace("probe", "es")                    # a packet's way, or where it stops and why
    lab.open(8080)                              # the page behind a published port, inline
    lab.question("publish-expose")              # a question for yourself, with feedback
    lab.progress()                              # the course at a glance, and your points so far
    lab.clean()                                 # takes away what the lesson brought, only that

After :func:`start` every ``docker`` command and ``docker.from_env()`` of this process, and of
what it starts, reaches the engine that the status line names.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from course_lib import clients, command_lines, daemons, lesson_state, showing
from course_lib.catalog import Catalog, Lesson, course
from course_lib.errors import NotOnThisDocker, UsageError
from course_lib.images import read_image_table, with_tag
from course_lib.journal import Entry
from course_lib.listening import Listening
from course_lib.looking import Looking
from course_lib.preparation import prepare
from course_lib.standing import Standing, read_standing


class Lab(Looking):
    """The state behind the functions of this module; one per process, or one per test.

    :param catalog: where lessons are looked up; read when first needed.
    :param clock: nanoseconds since the epoch.
    :param port_free: whether a port of this machine is free at an address (all: empty).
    """

    def __init__(
        self,
        *,
        catalog: Callable[[], Catalog] = course,
        environ: MutableMapping[str, str] = os.environ,
        clock: Callable[[], int] = time.time_ns,
        port_free: Callable[[int, str], bool] = lesson_state.port_free,
    ) -> None:
        super().__init__(environ)
        self._catalog = catalog
        self._clock = clock
        self._port_free = port_free
        self._listening = Listening(clock)

    def start(
        self,
        lesson: str | None = None,
        engine: str | None = None,
        *,
        images: Sequence[str] = (),
        containers: Sequence[str] = (),
        networks: Sequence[str] = (),
        volumes: Sequence[str] = (),
        ports: Sequence[int] = (),
    ) -> None:
        """Ready the engine, the images and a clean state for a lesson.

        :param lesson: its key, ``networking/publish-a-service``. A notebook of your own, which is
            no lesson of the course, names none, but what it uses: ``images``, the names of
            ``containers``, ``networks`` and ``volumes``, and ``ports`` of the host.
        :param engine: ``embedded``, ``docker`` or ``auto``; by default as chosen outside.
        :raises CourseError: for an unknown lesson, an engine that does not answer or cannot do
            what the lesson is about, a name or a port that something of the student's own has;
            nothing is changed then.
        """
        mine = Lesson(
            "own",
            "own",
            "A notebook of your own",
            images=_names("images", images),
            containers=_names("containers", containers),
            networks=_names("networks", networks),
            volumes=_names("volumes", volumes),
            ports=tuple(ports),
        )
        wanted = mine if lesson is None else self._catalog().lesson(lesson)
        self._stop_live()
        status = showing.Status()
        if showing.shell() is not None:
            command_lines.hasten()
        self._connect(engine, status.announce)
        if showing.shell() is not None:
            self._load_for_pictures()
        with self._talking():
            info = self.client.info()
            different = self._different_here(wanted, info)
            journal = self._journal_of(info)
            entry = journal.read()
            now = read_standing(self.client)
            goes = self._left_by(entry, now)
            stays = now.without(goes)
            own = self.engine.kind == "embedded"
            lesson_state.check_clashes(
                wanted,
                stays,
                goes,
                port_free=self._port_free_here,
                own_engine=own,
                doubtful=self._left_by(entry, stays, everything=True),
            )
            table = read_image_table(self._environ)
            pulled = lesson_state.ensure_images(self.client, wanted.images, table, status.announce)
            self._listening.stop()
            lesson_state.remove(self.client, goes)
            started = self._clock()
            if pulled or goes:
                # That took a while, and what came meanwhile is not ours.
                now = read_standing(self.client)
            self._before = now.without(goes)
            begun = Entry(
                wanted.key, started, started, self._before, own=mine if lesson is None else None
            )
            # Written first: what a preparation leaves half-done is the lesson's as well.
            journal.write(begun)
            prepared = prepare(wanted.key, self.client, table)
            if prepared:
                journal.write(replace(begun, prepared=prepared))
            self._seen, self._colours, self._lesson = None, {}, wanted
            self._begun = self._look(self.client, self._before)
            self._listening.start(wanted, journal, started, self.engine.client)
        status.finish(self._status_line(wanted, entry, goes, stays))
        for text in different:
            showing.show(showing.note(text, "\N{MIDDLE DOT}"))

    def clean(self, *, everything: bool = False) -> None:
        """Remove what the lesson brought, and nothing else; then no lesson is started.

        :param everything: also what has the lesson's names, or no name and one of its images,
            and came since the lesson started without being seen in one of its cells: where you
            worked in a terminal on a Docker of your own.
        :raises CourseError: where the engine does not answer or would not remove something.
        """
        with self._talking():
            journal = self.journal
            now = read_standing(self.client)
            goes = self._left_by(journal.read(), now, everything=everything)
            self._listening.stop()
            lesson_state.remove(self.client, goes)
            journal.write(Entry())
        self._before = Standing()
        self._seen, self._colours = None, {}
        showing.show(showing.note(f"cleaned up: {goes.counted()}", "\N{CHECK MARK}"))

    def close(self) -> None:
        """Stop listening and give up the connection; the next call makes a new one."""
        self._listening.stop()
        super().close()

    def progress(self) -> None:
        """Show the course at a glance: each lesson, the points so far, and what is next."""
        from course_lib.overview import overview
        from course_lib.progress import Progress

        here = Path.cwd()
        known = Progress.of(here, self._environ)
        root = known.workspace or here

        def link(lesson: Lesson) -> str:
            notebook = root / lesson.assignment / f"{lesson.name}.ipynb"
            return Path(os.path.relpath(notebook, here)).as_posix() if notebook.is_file() else ""

        showing.show(overview(self._catalog(), known.scores(), link))

    def question(self, question_id: str) -> None:
        """Show a self-check question; nothing while lessons are graded, it gives no points.

        :raises UnknownQuestion: where the course has none of that id.
        """
        from course_lib import questions

        question = questions.find(question_id, self._lesson.key if self._lesson else "")
        if not showing.attended(self._environ):
            return
        if showing.shell() is None:
            showing.show(question.still())
            return
        from course_lib.question_widget import QuestionWidget

        QuestionWidget(question).show()

    # --- inside --------------------------------------------------------------------------

    def _different_here(self, lesson: Lesson, info: Mapping[str, Any]) -> list[str]:
        """What a lesson should say first about the kind of Docker in use.

        :raises NotOnThisDocker: where what the lesson is about cannot be had there.
        """
        if self.engine.kind == "embedded":
            return []
        daemon = daemons.examine(self.engine.host, self.engine.product, info)
        found = daemon.concerning(lesson.touches)
        missing = next((difference for difference in found if difference.missing), None)
        if missing is not None:
            raise NotOnThisDocker(
                f"{missing.text}, and this lesson is about them",
                f'do it on the embedded engine: lab.start("{lesson.key}", engine="embedded")',
            )
        return [f"{daemon.kind}: {difference.text}" for difference in found]

    def _left_by(self, entry: Entry, now: Standing, *, everything: bool = False) -> Standing:
        return lesson_state.left_by(
            entry,
            [entry.own] if entry.own is not None else self._catalog().lessons(),
            now,
            own_engine=self.engine.kind == "embedded",
            everything=everything,
        )

    def _port_free_here(self, port: int) -> bool:
        # What a daemon elsewhere listens on cannot be seen from here.
        address = "127.0.0.1" if self.engine.kind == "embedded" else ""
        return not self.engine.host.startswith("unix://") or self._port_free(port, address)

    def _status_line(
        self, lesson: Lesson, entry: Entry, goes: Standing, stays: Standing
    ) -> showing.Exhibit:
        engine = self.engine
        parts = [
            lesson.title,
            f"{engine.label} (API {engine.api_version})",
            f"DOCKER_HOST={engine.host}",
        ]
        if clients.find(self._environ) is None:
            parts.append(f"no docker command here: {clients.mending_command(self._environ)}")
        if entry.lesson == lesson.key and goes.containers:
            names = ", ".join(container.name for container in goes.containers)
            parts.append(f"put away from your last round: {names}")
        if entry.lesson:
            earlier = entry.own or self._catalog().lesson(entry.lesson)
            images = {with_tag(image) for image in earlier.images}
            spared = [
                container.name
                for container in stays.without(entry.before).containers
                if container.engine_named and with_tag(container.image) in images
            ]
            if spared:
                parts.append(f"left alone, since you may need them: {', '.join(spared)}")
        return showing.note(" \N{MIDDLE DOT} ".join(parts), "\N{CHECK MARK}")


def _names(what: str, names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise UsageError(f"{what} are a list of names", f'as in lab.start({what}=["..."])')
    return tuple(names)


handle = Lab()
"""This process's handle; the functions below are its methods."""

start = handle.start
clean = handle.clean
draw = handle.draw
live = handle.live
describe = handle.describe
diff = handle.diff
open = handle.open
progress = handle.progress
socket = handle.socket
question = handle.question
topology = handle.topology
trace = handle.trace
