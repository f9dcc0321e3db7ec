"""What a full-screen program of prompt_toolkit sees of a container's terminal.

Keys and output go through the process's own descriptors: nothing of the engine's terminal,
signals or environment is touched.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from prompt_toolkit.data_structures import Size
from prompt_toolkit.input.base import Input
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.output.vt100 import Vt100_Output

from course_lib.engine.userland.process import ContainerProcess
from course_lib.engine.userland.tty import PseudoTerminal


class Keys(Input):
    """Keys that are typed, as :meth:`feed` gets their bytes."""

    def __init__(self) -> None:
        self._pressed: list[KeyPress] = []
        self._parser = Vt100Parser(self._pressed.append)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._ready: Callable[[], None] | None = None
        self._closed = False

    def feed(self, data: bytes) -> None:
        """Bytes of the terminal; none at its end."""
        self._closed = self._closed or not data
        self._parser.feed(self._decoder.decode(data))
        if self._ready is not None:
            self._ready()

    def fileno(self) -> int:
        raise NotImplementedError  # there is no descriptor, and nobody asks for it

    def typeahead_hash(self) -> str:
        return str(id(self))

    def read_keys(self) -> list[KeyPress]:
        pressed = self._pressed[:]
        self._pressed.clear()
        return pressed

    def flush_keys(self) -> list[KeyPress]:
        self._parser.flush()
        return self.read_keys()

    @property
    def closed(self) -> bool:
        return self._closed

    def raw_mode(self) -> AbstractContextManager[None]:
        return nullcontext()  # the program has set its terminal itself

    def cooked_mode(self) -> AbstractContextManager[None]:
        return nullcontext()

    @contextmanager
    def attach(self, input_ready_callback: Callable[[], None]) -> Iterator[None]:
        before, self._ready = self._ready, input_ready_callback
        try:
            yield
        finally:
            self._ready = before

    @contextmanager
    def detach(self) -> Iterator[None]:
        before, self._ready = self._ready, None
        try:
            yield
        finally:
            self._ready = before


class _Written:
    """Collects what is drawn, for :meth:`Screen.pump`."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        """Nothing: the pump writes."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise OSError("no descriptor")


class Screen(Vt100_Output):
    """Draws on the terminal of a process.

    :param notify: called when something is there to :meth:`pump`.
    """

    def __init__(
        self, proc: ContainerProcess, terminal: PseudoTerminal, notify: Callable[[], None]
    ) -> None:
        self._proc = proc
        self._written = _Written()
        self._notify = notify

        def size() -> Size:
            rows, columns = terminal.size
            return Size(rows or 24, columns or 80)

        super().__init__(self._written, size, term="xterm", enable_cpr=False)  # type: ignore[arg-type]

    def flush(self) -> None:
        super().flush()
        if self._written.text:
            self._notify()

    async def pump(self) -> None:
        """Write what was drawn since the last time."""
        text, self._written.text = self._written.text, ""
        if text:
            await self._proc.out(text)
