"""How control leaves a command of the shell other than by its status."""

from __future__ import annotations


class ControlFlow(Exception):
    """Base of what unwinds the interpreter."""


class BreakLoop(ControlFlow):
    """``break N``."""

    def __init__(self, depth: int) -> None:
        super().__init__(depth)
        self.depth = depth


class ContinueLoop(ControlFlow):
    """``continue N``."""

    def __init__(self, depth: int) -> None:
        super().__init__(depth)
        self.depth = depth


class ReturnFunction(ControlFlow):
    """``return N`` of a function or a sourced file."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class ShellExit(ControlFlow):
    """``exit N``, and whatever else ends this shell."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status & 0xFF


class Interrupted(ControlFlow):
    """Ctrl-C at an interactive shell: back to the prompt."""


class ShellError(ControlFlow):
    """An error that ends a non-interactive shell: expansion, syntax, special builtin.

    The message goes out with the shell's usual prefix when it is caught, or before that, where
    redirections are about to be taken back.
    """

    def __init__(self, message: str, status: int = 2, *, command: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.command = command
        self.reported = False


_BASHS_WORDS = (
    (": is read only", ": readonly variable", 1),
    (": parameter not set or null", ": parameter null or not set", 127),
    (": parameter not set", ": unbound variable", 127),
)


def in_bashs_words(error: ShellError) -> None:
    """Give an error of ash's the words and the status that it has in bash."""
    for ash, bash, status in _BASHS_WORDS:
        if error.message.endswith(ash):
            error.message = error.message.removesuffix(ash) + bash
            error.status = status
