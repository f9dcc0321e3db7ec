"""A notebook's turn in ``course run``: a folder and a kernel of its own, from opening to closing.

What takes longest of a short lesson is the start of its kernel, which has nothing to do with other
lessons: a turn is opened while another one runs.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from graders.nbgrader import lesson_modules

CELL_SECONDS = 300
"""For a cell, and for a kernel to come up: nbclient's own minute is too short on a busy machine."""
CLEAN = "from course_lib import lab\nlab.clean()"
"""Run at the end, whatever happened: the lesson's things go as they came."""


class Turn:
    """``notebook`` in an empty temporary folder, with a kernel of its own.

    The kernel has ``environment``, where the engine is named. What is wrong with the notebook is
    told by :meth:`run`.
    """

    def __init__(self, notebook: Path, environment: Mapping[str, str]) -> None:
        self._notebook, self._environment = notebook, environment
        self._stack = AsyncExitStack()
        self._client: Any = None
        self._error: str | None = None

    async def open(self) -> None:
        """Make the folder, and start the kernel, which comes up meanwhile."""
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="course-run-"))
        copy = Path(folder) / self._notebook.name
        try:
            shutil.copy(self._notebook, copy)
        except OSError as problem:
            self._error = f"{self._notebook} cannot be read: {problem.strerror}"
        else:
            await self._start_kernel(copy)

    async def _start_kernel(self, path: Path) -> None:
        import nbformat
        from jupyter_client.kernelspec import NoSuchKernel

        from graders.nbgrader.scores_only import ScoresOnly

        try:
            notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
            nbformat.validate(notebook)
        except (ValueError, TypeError, AttributeError, KeyError, nbformat.ValidationError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            self._error = f"{path.name} is no notebook: {reason}"
            return
        client = ScoresOnly(
            notebook,
            timeout=CELL_SECONDS,
            startup_timeout=CELL_SECONDS,
            resources={"metadata": {"path": str(path.parent)}},
            shutdown_kernel="immediate",
            record_timing=False,
        )
        manager = client.create_kernel_manager()
        client.extra_arguments = [lesson_modules.ARGUMENT]
        # Not by TCP: ports that were free a moment ago are what lessons' engines and other kernels
        # take, and a kernel that finds one of its five taken dies.
        sockets = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="kernel-"))
        manager.transport, manager.ip = "ipc", str(Path(sockets, "socket"))
        self._stack.push_async_callback(_end, client, manager)
        try:
            # A kernel's own log lines are not for whoever reads the scores.
            await client.async_start_new_kernel(
                env=dict(self._environment), stderr=subprocess.DEVNULL
            )
        except NoSuchKernel as error:
            self._error = str(error)
            return
        self._client = client

    async def __aenter__(self) -> Self:
        """Waits until the kernel answers."""
        if self._client is not None:
            try:
                await self._client.async_start_new_kernel_client()
            except RuntimeError as error:  # it died, or takes too long
                self._client, self._error = None, str(error).splitlines()[0]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the kernel, whether it ran or not, and takes the folder away."""
        ending = asyncio.ensure_future(self._stack.aclose())
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            # Interrupted now, it would leave a process behind.
            await ending
            raise

    async def run(self) -> tuple[float, float, str | None]:
        """Execute the notebook: points earned, seconds, and the first thing that went wrong."""
        begun = time.monotonic()
        earned, error = (0.0, self._error) if self._client is None else await self._execute()
        return earned, round(time.monotonic() - begun, 3), error

    async def _execute(self) -> tuple[float, str | None]:
        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

        from graders.nbgrader.check_cells import score

        cells = self._client.nb.cells
        error, started = None, False
        for index, cell in enumerate(cells):
            try:
                await self._client.async_execute_cell(cell, index)
            except CellExecutionError as problem:
                error = error or f"cell {index + 1}: {problem.ename}: {problem.evalue}"
                if not started:
                    # `lab.start` refused: what follows would run on whatever there is.
                    return 0.0, error
            except (CellTimeoutError, DeadKernelError) as problem:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    # nbclient takes any cancellation for that of a dead kernel.
                    raise asyncio.CancelledError from None
                return 0.0, error or f"cell {index + 1}: {str(problem).splitlines()[0]}"
            started = started or cell.cell_type == "code"
        error = await self._clean() or error
        return float(sum(score(cells[check]) or 0.0 for check in self._client.checks)), error

    async def _clean(self) -> str | None:
        import nbformat
        from nbclient.exceptions import CellExecutionError

        cells = self._client.nb.cells
        cells.append(nbformat.v4.new_code_cell(CLEAN))  # type: ignore[no-untyped-call]
        try:
            await self._client.async_execute_cell(cells[-1], len(cells) - 1)
        except CellExecutionError as problem:
            return f"cleaning up: {problem.ename}: {problem.evalue}"
        finally:
            cells.pop()
        return None


async def _end(client: Any, manager: Any) -> None:
    """Of a kernel that may never have come up."""
    if client.kc is not None:
        client.kc.stop_channels()
    if manager.has_kernel:
        await manager.shutdown_kernel(now=True)
