"""A notebook's turn in ``course run``: a folder and a kernel of its own, from opening to closing.

What takes longest of a short lesson is the start of its kernel, which has nothing to do with other
lessons: a turn is opened while another one runs.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from graders.nbgrader import lesson_modules

CELL_SECONDS = 300
"""For a cell, and for a kernel to come up: nbclient's own minute is too short on a busy machine."""
CLEAN = "from course_lib import lab\nlab.clean()"
"""Run at the end, whatever happened: the lesson's things go as they came."""


class Turn:
    """Opens ``notebook`` in an empty temporary folder, and starts a kernel that comes up meanwhile.

    The kernel inherits the environment of this moment. What is wrong with the notebook is told by
    :meth:`run`.
    """

    def __init__(self, notebook: Path) -> None:
        self._stack = ExitStack()
        self._client: Any = None
        self._error: str | None = None
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="course-run-"))
        copy = Path(folder) / notebook.name
        try:
            shutil.copy(notebook, copy)
            self._open(copy)
        except OSError as problem:
            self._error = f"{notebook} cannot be read: {problem.strerror}"
        except BaseException:
            self.close()
            raise

    def _open(self, path: Path) -> None:
        import nbformat
        from jupyter_client.kernelspec import NoSuchKernel
        from nbclient import NotebookClient

        try:
            notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
            nbformat.validate(notebook)
        except (ValueError, TypeError, AttributeError, KeyError, nbformat.ValidationError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            self._error = f"{path.name} is no notebook: {reason}"
            return
        client = NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            startup_timeout=CELL_SECONDS,
            resources={"metadata": {"path": str(path.parent)}},
            shutdown_kernel="immediate",
        )
        manager = client.create_kernel_manager()
        client.extra_arguments = [lesson_modules.ARGUMENT]
        # Not by TCP: ports that were free a moment ago are what lessons' engines and other kernels
        # take, and a kernel that finds one of its five taken dies.
        sockets = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="kernel-"))
        manager.transport, manager.ip = "ipc", str(Path(sockets, "socket"))
        try:
            # A kernel's own log lines are not for whoever reads the scores.
            client.start_new_kernel(stderr=subprocess.DEVNULL)
        except NoSuchKernel as error:
            self._error = str(error)
            return
        self._stack.callback(_end, manager)
        self._client = client

    def __enter__(self) -> Self:
        """Waits until the kernel answers."""
        if self._client is not None:
            try:
                self._stack.enter_context(self._client.setup_kernel())
            except RuntimeError as error:  # it died, or takes too long
                self._client, self._error = None, str(error).splitlines()[0]
            except BaseException:
                self.close()
                raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the kernel, whether it ran or not, and takes the folder away."""
        self._stack.close()

    def run(self) -> tuple[float, float, str | None]:
        """Execute the notebook: points earned, seconds, and the first thing that went wrong."""
        begun = time.monotonic()
        earned, error = (0.0, self._error) if self._client is None else self._execute()
        return earned, round(time.monotonic() - begun, 3), error

    def _execute(self) -> tuple[float, str | None]:
        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

        from graders.nbgrader.scores import is_check, score

        cells = self._client.nb.cells
        error, started = None, False
        for index, cell in enumerate(cells):
            try:
                self._client.execute_cell(cell, index)
            except CellExecutionError as problem:
                error = error or f"cell {index + 1}: {problem.ename}: {problem.evalue}"
                if not started:
                    # `lab.start` refused: what follows would run on whatever there is.
                    return 0.0, error
            except (CellTimeoutError, DeadKernelError) as problem:
                return 0.0, error or f"cell {index + 1}: {str(problem).splitlines()[0]}"
            started = started or cell.cell_type == "code"
        error = self._clean() or error
        checks = [cell for cell in cells if is_check(cell)]
        return float(sum(score(cell) or 0.0 for cell in checks)), error

    def _clean(self) -> str | None:
        import nbformat
        from nbclient.exceptions import CellExecutionError

        cells = self._client.nb.cells
        cells.append(nbformat.v4.new_code_cell(CLEAN))  # type: ignore[no-untyped-call]
        try:
            self._client.execute_cell(cells[-1], len(cells) - 1)
        except CellExecutionError as problem:
            return f"cleaning up: {problem.ename}: {problem.evalue}"
        finally:
            cells.pop()
        return None


def _end(manager: Any) -> None:
    """Of a kernel that nobody has waited for; one that has run is gone by then."""
    from jupyter_core.utils import run_sync

    if manager.has_kernel:
        run_sync(manager.shutdown_kernel)(now=True)
