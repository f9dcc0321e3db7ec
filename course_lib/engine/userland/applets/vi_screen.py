"""The screen of ``vi``, by prompt_toolkit: the text, a line of status, the ``:`` line.

Known to differ from a real vi: no ``.`` to repeat, no ``ZQ``, and what prompt_toolkit has beyond.
"""

from __future__ import annotations

import asyncio

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Condition, has_arg, has_focus, vi_insert_mode, vi_navigation_mode
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.key_binding.vi_state import InputMode
from prompt_toolkit.layout import (
    BufferControl,
    ConditionalContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    UIContent,
    Window,
)
from prompt_toolkit.layout.processors import BeforeInput
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.widgets import SearchToolbar

from course_lib.engine.userland import signals
from course_lib.engine.userland.applets.vi import Commands, File, Refused
from course_lib.engine.userland.applets.vi_terminal import Keys, Screen
from course_lib.engine.userland.process import ContainerProcess
from course_lib.engine.userland.tty import PseudoTerminal


async def run(
    proc: ContainerProcess, terminal: PseudoTerminal, file: File, text: str, commands: list[str]
) -> None:
    """Edit until ``:q``, or until the terminal is gone.

    :param commands: ``:`` commands that come first.
    """
    drawn = asyncio.Event()
    screen = Screen(proc, terminal, drawn.set)
    keys = Keys()
    editor = _Editor(file, text, keys, screen)

    async def draw() -> None:
        while True:
            await drawn.wait()
            drawn.clear()
            await screen.pump()

    async def read() -> None:
        while data := await proc.stdin.read(4096):
            keys.feed(data)
        editor.hang_up()

    proc.on_signal(signals.SIGWINCH, lambda _signum: editor.resized())
    threads = [proc.thread(draw), proc.thread(read)]
    try:
        await editor.run(commands)
    finally:
        for thread in threads:
            thread.cancel()
        await screen.pump()


class _Text(BufferControl):
    """The text, and ``~`` in every row below it."""

    def create_content(self, width: int, height: int, preview_search: bool = False) -> UIContent:
        content = super().create_content(width, height, preview_search)
        count, line = content.line_count, content.get_line
        content.get_line = lambda row: line(row) if row < count else [("", "~")]
        content.line_count = max(count, height)
        return content


class _Editor:
    def __init__(self, file: File, text: str, keys: Keys, screen: Screen) -> None:
        self._file = file
        self._commands = Commands(file)
        self._buffer = Buffer(document=Document(text, 0), multiline=True)
        self._line = Buffer(multiline=False)
        search = SearchToolbar(vi_mode=True)
        self._window = Window(_Text(self._buffer, search_buffer_control=search.control))
        self._colon = Window(
            BufferControl(self._line, input_processors=[BeforeInput(":")]), height=1
        )
        asked = has_focus(self._line)
        body = HSplit([
            self._window,
            search,
            ConditionalContainer(self._colon, asked),
            ConditionalContainer(Window(FormattedTextControl(self._status), height=1), ~asked),
        ])  # fmt: skip
        self._app: Application[None] = Application(
            Layout(body, focused_element=self._window),
            key_bindings=self._keys(),
            editing_mode=EditingMode.VI,
            full_screen=True,
            include_default_pygments_style=False,
            enable_page_navigation_bindings=True,
            color_depth=ColorDepth.DEPTH_1_BIT,
            terminal_size_polling_interval=None,
            input=keys,
            output=screen,
        )
        self._app.key_processor.before_key_press += self._unsay
        self._app.ttimeoutlen = 0.1  # seconds after which Escape is that key alone

    async def run(self, commands: list[str]) -> None:
        for command in commands:
            if await self._command(command):
                return
        await self._app.run_async(
            pre_run=self._begin, set_exception_handler=False, handle_sigint=False
        )

    def _begin(self) -> None:
        self._app.vi_state.input_mode = InputMode.NAVIGATION

    def resized(self) -> None:
        """The window has another size."""
        self._app._on_resize()

    def hang_up(self) -> None:
        """Nobody types any more."""
        if self._app.is_running:
            self._app.exit()

    def _unsay(self, _sender: object) -> None:
        self._file.message = ""

    def _status(self) -> str:
        if self._file.message:
            return self._file.message
        document = self._buffer.document
        count = document.line_count
        row = document.cursor_position_row + 1
        mode = "I" if self._app.vi_state.input_mode == InputMode.INSERT else "-"
        changed = " [Modified]" if self._buffer.text != self._file.saved else ""
        only = " [Readonly]" if self._file.read_only else ""
        name = self._file.name or "No file"
        return f"{mode} {name}{only}{changed} {row}/{count} {100 * row // count}%"

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        in_text = has_focus(self._buffer)
        in_line = has_focus(self._line)

        @keys.add(":", filter=in_text & vi_navigation_mode)
        def _ask(event: KeyPressEvent) -> None:
            self._line.reset()
            event.app.layout.focus(self._colon)
            event.app.vi_state.input_mode = InputMode.INSERT

        @keys.add("enter", filter=in_line)
        def _do(event: KeyPressEvent) -> None:
            command = self._line.text
            self._leave_line(event)
            event.app.create_background_task(self._typed(command))

        @keys.add("escape", filter=in_line, eager=True)
        @keys.add("c-c", filter=in_line)
        @keys.add("backspace", filter=in_line & Condition(lambda: not self._line.text))
        def _leave(event: KeyPressEvent) -> None:
            self._leave_line(event)

        @keys.add("c-c", filter=in_text & vi_insert_mode)
        def _end_insert(event: KeyPressEvent) -> None:
            event.app.vi_state.input_mode = InputMode.NAVIGATION

        @keys.add("G", filter=in_text & vi_navigation_mode & has_arg)
        def _to_line(event: KeyPressEvent) -> None:
            # (prompt_toolkit's own goes through a history, which a file has not.)
            place = self._buffer.document.translate_row_col_to_index(event.arg - 1, 0)
            self._buffer.cursor_position = place

        @keys.add("Z", "Z", filter=in_text & vi_navigation_mode)
        def _save_and_end(event: KeyPressEvent) -> None:
            event.app.create_background_task(self._typed("x"))

        return keys

    def _leave_line(self, event: KeyPressEvent) -> None:
        event.app.layout.focus(self._window)
        event.app.vi_state.input_mode = InputMode.NAVIGATION

    async def _typed(self, command: str) -> None:
        if await self._command(command):
            self._app.exit()
        self._app.invalidate()

    async def _command(self, command: str) -> bool:
        self._file.message = ""
        document = self._buffer.document
        try:
            text, row, ends = await self._commands.run(
                command, document.text, document.cursor_position_row
            )
        except Refused as refusal:
            self._file.message = str(refusal)
            return False
        if text != document.text:
            self._buffer.save_to_undo_stack()
            self._buffer.document = Document(text, 0)
        if row != document.cursor_position_row or text != document.text:
            place = self._buffer.document.translate_row_col_to_index(row, 0)
            self._buffer.cursor_position = place
        return ends
