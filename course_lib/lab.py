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
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib import (
    braces,
    clients,
    command_lines,
    connect,
    daemons,
    first_cell,
    lesson_state,
    pages,
    pasted,
    showing,
)
from course_lib.catalog import Catalog, Lesson, course
from course_lib.cells import CellWatch
from course_lib.errors import (
    CourseError,
    EngineUnavailable,
    JournalError,
    NotOnThisDocker,
    UsageError,
)
from course_lib.images import read_image_table, with_tag
from course_lib.journal import Entry, Journal
from course_lib.preparation import prepare
from course_lib.recorder import EventFile, EventRecorder
from course_lib.standing import Cell, Standing, read_standing, words_of
from course_lib.storage import look_into
from course_lib.topology import Difference, Topology, snapshot
from course_lib.topology import diff as difference

if TYPE_CHECKING:
    from docker import DockerClient

    from course_lib.diagrams import Picture, View
    from course_lib.live import Following

VIEWS: tuple[View, ...] = ("networks", "volumes")
TOOLS = "alpine"
"""The course's image for looking from inside."""


class Lab:
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
        self._catalog = catalog
        self._environ = environ
        self._clock = clock
        self._port_free = port_free
        self._engine: connect.Engine | None = None
        self._client: DockerClient | None = None
        self._before = Standing()
        self._watch: CellWatch | None = None
        self._recorder: EventRecorder | None = None
        self._seen: Topology | None = None
        self._begun: Topology | None = None
        self._lesson: Lesson | None = None
        self._live: Following | None = None

    # --- the engine in use ---------------------------------------------------------------

    @property
    def engine(self) -> connect.Engine:
        """The engine in use; chosen and readied when first asked for."""
        if self._engine is None:
            self._engine = connect.connect(environ=self._environ)
            connect.use(self._engine, self._environ)
        return self._engine

    @property
    def client(self) -> DockerClient:
        """A client of the Docker SDK for it."""
        if self._client is None:
            self._client = self.engine.client()
        return self._client

    def socket(self) -> str:
        """The path to name as the source of a mount for the engine's socket.

        ``/var/run/docker.sock`` nearly everywhere; a rootless Docker has it elsewhere.
        """
        return self.engine.socket

    @property
    def journal(self) -> Journal:
        """What is written of the lesson on this engine."""
        with self._talking():
            identity = self.client.info().get("ID") or self.engine.host
        if self.engine.product == "Podman":
            identity = self.engine.host  # it makes up another ID for every answer
        return Journal.of_engine(identity, self._environ)

    # --- the lesson ----------------------------------------------------------------------

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
        status = _Status()
        if showing.shell() is not None:
            command_lines.hasten()
        self._connect(engine, status.announce)
        with self._talking():
            different = self._different_here(wanted)
            journal = self.journal
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
            lesson_state.ensure_images(self.client, wanted.images, table, status.announce)
            self._stop_listening()
            lesson_state.remove(self.client, goes)
            started = self._clock()
            # Once more: removing and pulling took a while, and what came meanwhile is not ours.
            self._before = read_standing(self.client).without(goes)
            begun = Entry(
                wanted.key, started, started, self._before, own=mine if lesson is None else None
            )
            # Written first: what a preparation leaves half-done is the lesson's as well.
            journal.write(begun)
            prepared = prepare(wanted.key, self.client, table)
            if prepared:
                journal.write(replace(begun, prepared=prepared))
            self._seen, self._lesson = None, wanted
            self._begun = self._look(self.client, self._before)
            self._listen(wanted, journal, started)
        status.finish(self._status_line(wanted, entry, stays))
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
            self._stop_listening()
            lesson_state.remove(self.client, goes)
            journal.write(Entry())
        self._before = Standing()
        self._seen = None
        showing.show(showing.note(f"cleaned up: {_counted(goes)}", "\N{CHECK MARK}"))

    def close(self) -> None:
        """Stop listening and give up the connection; the next call makes a new one."""
        self._stop_listening()
        self._stop_live()
        if self._client is not None:
            self._client.close()
        self._engine = self._client = None

    # --- looking -------------------------------------------------------------------------

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
        from course_lib.diagrams.compared import Compared

        view = self._view(None)
        now = self.topology(contents=view == "volumes")
        before, self._seen = self._seen or self._begun, now
        found = difference(before, now) if before is not None else Difference()
        return Compared(found.changes, before, now, view)

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
        from course_lib import diagrams
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
            return diagrams.draw(now, since=last, view=view)

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
                lesson_state.ensure_images(self.client, (TOOLS,), table, _Status().announce)
                image = table.get(TOOLS).reference
                seen = trace.look(self.client.api, image, mode, target, port)
        found = trace.way(topology, sender, target, port, seen)
        showing.show(draw_trace(found, topology).exhibit())

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

        question = questions.find(question_id)
        if not showing.attended(self._environ):
            return
        if showing.shell() is None:
            showing.show(question.still())
            return
        from IPython.display import display

        from course_lib.question_widget import QuestionWidget

        display(QuestionWidget(question).bundle(), raw=True)  # type: ignore[no-untyped-call]

    # --- inside --------------------------------------------------------------------------

    def _connect(self, engine: str | None, announce: Callable[[str], None]) -> None:
        found = connect.connect(engine, environ=self._environ, announce=announce)
        connect.use(found, self._environ)
        command = clients.find(self._environ)
        if command is not None:
            clients.put_on_path(command, self._environ)
        if self._client is not None:
            self._client.close()
        self._engine, self._client = found, None

    def _different_here(self, lesson: Lesson) -> list[str]:
        """What a lesson should say first about the kind of Docker in use.

        :raises NotOnThisDocker: where what the lesson is about cannot be had there.
        """
        if self.engine.kind == "embedded":
            return []
        daemon = daemons.examine(self.engine.host, self.engine.product, self.client.info())
        found = daemon.concerning(lesson.touches)
        missing = next((difference for difference in found if difference.missing), None)
        if missing is not None:
            raise NotOnThisDocker(
                f"{missing.text}, and this lesson is about them",
                f'do it on the embedded engine: lab.start("{lesson.key}", engine="embedded")',
            )
        return [f"{daemon.kind}: {difference.text}" for difference in found]

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
        from course_lib import diagrams

        view = self._view(view)
        now = self.topology(everything=everything, contents=view == "volumes")
        return now, diagrams.draw(now, since=self._seen, view=view)

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

    def _listen(self, lesson: Lesson, journal: Journal, started: int) -> None:
        shell = showing.shell()
        if shell is not None:

            def note(cell: Cell) -> None:
                # Losing a note costs tidiness alone; an error here would show below every cell.
                with suppress(JournalError):
                    journal.add_cell(lesson.key, started, cell)

            self._watch = CellWatch(words_of(lesson), note, self._clock)
            self._watch.attach(shell)
            braces.attach(shell)
            first_cell.attach(shell)
            pasted.attach(shell)
        if lesson.events:
            self._recorder = EventRecorder(self.engine.client, EventFile(journal.events_path).keep)
            self._recorder.start(started // 1_000_000_000)

    def _stop_listening(self) -> None:
        shell = showing.shell()
        if self._watch is not None and shell is not None:
            self._watch.detach(shell)
        if self._recorder is not None:
            self._recorder.stop()
        self._watch = self._recorder = None

    def _status_line(self, lesson: Lesson, entry: Entry, stays: Standing) -> showing.Exhibit:
        engine = self.engine
        parts = [
            lesson.title,
            f"{engine.label} (API {engine.api_version})",
            f"DOCKER_HOST={engine.host}",
        ]
        if clients.find(self._environ) is None:
            parts.append(f"no docker command here: {clients.mending_command(self._environ)}")
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

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """Errors of the SDK as one clear line."""
        from docker.errors import APIError, DockerException
        from requests.exceptions import RequestException

        try:
            yield
        except APIError as error:
            reason = error.explanation or str(error)
            raise EngineUnavailable(f"the engine at {self.engine.host} said: {reason}") from None
        except (DockerException, RequestException) as error:
            raise EngineUnavailable(
                f"the engine at {self.engine.host} does not answer: {error}",
                "run lab.start(...) again",
            ) from None


class _Status:
    """The line that ``start`` shows: first what takes a while, in the end what is ready."""

    def __init__(self) -> None:
        self._handle: Any = None

    def announce(self, text: str) -> None:
        self._show(showing.note(f"{text} \N{HORIZONTAL ELLIPSIS}"))

    def finish(self, exhibit: showing.Exhibit) -> None:
        self._show(exhibit)

    def _show(self, exhibit: showing.Exhibit) -> None:
        if self._handle is None:
            self._handle = showing.show(exhibit)
        else:
            self._handle.update(exhibit)


def _names(what: str, names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise UsageError(f"{what} are a list of names", f'as in lab.start({what}=["..."])')
    return tuple(names)


def _counted(goes: Standing) -> str:
    counts = [
        (len(goes.containers), "container"),
        (len(goes.networks), "network"),
        (len(goes.volumes), "volume"),
        (len(goes.tags), "image"),
        (len(goes.services), "service"),
    ]
    words = [f"{count} {word}{'s' if count > 1 else ''}" for count, word in counts if count]
    return ", ".join(words) or "nothing was left"


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
