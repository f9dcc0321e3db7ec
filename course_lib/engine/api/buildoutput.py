"""A build on its way to the client: its output as it comes, and its end when nobody listens."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING

from course_lib.engine.api.format import build as show
from course_lib.engine.api.messages import Response
from course_lib.engine.errdefs import EngineError

if TYPE_CHECKING:
    from course_lib.engine.builder.options import Said
    from course_lib.engine.image.pull import PullProgress

log = logging.getLogger("course_lib.engine.api")

LIMIT = 1 << 20
"""Bytes that wait for the client before the build waits too."""


class BuildOutput:
    """The body of an answer to ``POST /build``; closing it ends the build.

    :param over: called when the build is over, however it ended.
    :param aux: whether the client understands the IDs of finished images.
    """

    def __init__(self, over: Callable[[], None], *, aux: bool) -> None:
        self._over = over
        self._aux = aux
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._quiet = False
        self._changed = asyncio.Event()
        self._task: asyncio.Task[str] | None = None

    # --- the build's side ------------------------------------------------------------------

    def start(self, work: Coroutine[None, None, str]) -> None:
        """Begin; the coroutine gives the ID of the image."""
        self._task = asyncio.create_task(self._run(work))

    async def _run(self, work: Coroutine[None, None, str]) -> str:
        from course_lib.engine.builder.options import BuildFailed

        image = ""
        try:
            image = await work
        except (EngineError, BuildFailed) as error:
            self._put(show.failure(error))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            self._put(show.failure(EngineError(f"{error.filename}: {reason}")))
        except Exception as error:
            log.exception("build failed")
            words = f"internal error of the embedded engine: {type(error).__name__}: {error}"
            self._put(show.failure(EngineError(words)))
        finally:
            self._over()
            self._ended = True
            self._changed.set()
        return image

    def say(self, piece: Said | PullProgress) -> None:
        """A piece of output."""
        self._put(show.piece(piece, aux=self._aux))

    def _put(self, data: bytes) -> None:
        if data:
            self._waiting.append(data)
            self._size += len(data)
            self._changed.set()

    async def room(self) -> None:
        """Wait while the client does not read."""
        while self._size > LIMIT and not self._quiet:
            self._changed.clear()
            await self._changed.wait()

    # --- the client's side -----------------------------------------------------------------

    def __aiter__(self) -> BuildOutput:
        return self

    async def __anext__(self) -> bytes:
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._take()

    def _take(self) -> bytes:
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._size = 0
        self._changed.set()
        return data

    async def aclose(self) -> None:
        """The client has gone, or has all of it."""
        if self._task is not None:
            await asyncio.sleep(0)  # what has not begun could not tidy up
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def quiet(self) -> Response:
        """Nothing but the ID of the image; where the build fails, all that it said."""
        self._quiet = True
        assert self._task is not None
        try:
            image = await self._task
        finally:
            await self.aclose()
        said = self._take()
        return Response(200, show.text(f"{image}\n") if image else said, "application/json")
