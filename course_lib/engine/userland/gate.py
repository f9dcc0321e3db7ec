"""The gate between a process's coroutine and the event loop.

A process is a coroutine that is not awaited directly: a gate passes it each result itself, and
before each step looks whether the process may run. That is how ``docker pause`` and ``SIGSTOP``
freeze programs that know nothing of it, how CPU time is counted, and how the machine knows
which process a system call comes from (``/proc/self``).
"""

from __future__ import annotations

import asyncio
import contextlib
import types
from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from course_lib.engine.userland.machine import ContainerMachine
    from course_lib.engine.userland.process import ContainerProcess

T = TypeVar("T")

_STUBBORN = 8
"""How often a killed coroutine may go on awaiting in its clean-up before it is dropped."""

_REST_TURNS = 8
"""Turns of the loop without a step of any process after which all of them wait for something.
What one of them does wakes another a turn or two later."""


@types.coroutine
def pass_turn() -> Generator[None, None, None]:
    """Let everything else that is ready run once."""
    yield


async def takes_steps(machine: ContainerMachine) -> bool:
    """Whether some process of the machine goes on without waiting; true at its next step."""
    seen = machine.steps
    for _ in range(_REST_TURNS):
        await pass_turn()
        if machine.steps != seen:
            return True
    return False


class Gate:
    """Awaitable that drives ``make()`` as part of ``process``.

    The coroutine is made at the first step: a process killed before that never had one.
    """

    __slots__ = ("_make", "_process")

    def __init__(
        self, process: ContainerProcess, make: Callable[[], Coroutine[Any, Any, T]]
    ) -> None:
        self._process = process
        self._make = make

    def __await__(self) -> Generator[Any, Any, Any]:
        process = self._process
        machine = process.machine
        coroutine = self._make()
        error: BaseException | None = None
        value: Any = None
        cleaning = 0
        while True:
            while process.frozen and not process.dying:
                try:
                    yield from process.thawed().__await__()
                except asyncio.CancelledError as cancelled:
                    error = cancelled  # a timer that ran out; it is noticed after the thaw
            machine.steps += 1
            before, machine.current = machine.current, process
            process.slice_started = started = machine.clock.monotonic()
            try:
                if error is not None:
                    failure, error = error, None
                    awaited = coroutine.throw(failure)
                else:
                    awaited = coroutine.send(value)
            except StopIteration as end:
                return end.value
            finally:
                machine.current = before
                process.cpu += machine.clock.monotonic() - started
            if process.dying:
                cleaning += 1
                if cleaning > _STUBBORN:
                    _drop(coroutine)
                    raise asyncio.CancelledError
                error = asyncio.CancelledError()
                continue
            value = None
            try:
                value = yield awaited
            except GeneratorExit:
                _drop(coroutine)
                raise
            except BaseException as failure:
                error = process.interruption(failure) or failure


def _drop(coroutine: Coroutine[Any, Any, Any]) -> None:
    # It may await even while it is closed; nothing more can be done for it then.
    with contextlib.suppress(RuntimeError, asyncio.CancelledError):
        coroutine.close()
