"""Limits of time on the injected clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from course_lib.engine.clock import Clock

_Result = TypeVar("_Result")


async def within(clock: Clock, seconds: float, work: Awaitable[_Result]) -> _Result:
    """The result of some work that may take so many seconds.

    :raises TimeoutError: it took longer, and has been cancelled.
    """
    task = asyncio.ensure_future(work)
    limit = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait((task, limit), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise TimeoutError(f"no answer within {seconds:g} s")
    finally:
        limit.cancel()
        await end(task)


async def end(task: asyncio.Future[_Result]) -> None:
    """Cancel a task and see it end; what it has to say of its end is dropped."""
    if not task.done():
        task.cancel()
        await asyncio.wait((task,))
    if not task.cancelled():
        task.exception()
