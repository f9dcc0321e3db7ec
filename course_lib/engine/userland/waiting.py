"""Waiting with a limit, on the container's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from course_lib.engine.interfaces import Process

T = TypeVar("T")


async def cancel(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks and wait until they have gone; what they raised does not matter any more."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def within(
    proc: Process, seconds: float | None, work: Callable[[], Coroutine[Any, Any, T]]
) -> T:
    """The result of ``work()``; ``TimeoutError`` where it takes longer than ``seconds``.

    ``None`` sets no limit. The limit runs on the process's own clock, not on the loop's, so a
    test that advances the clock by hand advances it too.
    """
    if seconds is None:
        return await work()
    job = proc.thread(work)
    limit = proc.thread(lambda: proc.sleep(seconds))
    try:
        await asyncio.wait((job, limit), return_when=asyncio.FIRST_COMPLETED)
        if job.done():
            return job.result()
        raise TimeoutError
    finally:
        await cancel(job, limit)


async def first(proc: Process, *works: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    """Run several pieces of work until one of them ends; the rest is cancelled.

    What that one raised is raised here.
    """
    tasks = [proc.thread(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel(*(task for task in tasks if not task.done()))
    for task in done:
        task.result()
