"""Gives every submission a clean engine of the course directory's own while it is graded."""

from __future__ import annotations

import atexit
import os
import sys
from pathlib import Path
from typing import Any

from nbgrader.preprocessors.base import NbGraderPreprocessor
from traitlets import Enum, Unicode

from course_lib import connect
from course_lib.embedded import EmbeddedEngine
from course_lib.errors import CourseError
from course_lib.showing import UNATTENDED


class PrepareEngine(NbGraderPreprocessor):
    """Comes before nbgrader's ``Execute``: kernels started after it use the engine it readied.

    An embedded engine is emptied for each notebook, so that nobody's containers meet another's,
    and ends with the program that grades. On a real Docker daemon nothing is emptied:
    ``lab.start`` removes what the lesson before it brought, and what the last one brought goes when
    the program that grades ends.
    """

    engine = Enum(
        ("embedded", "docker"),
        "embedded",
        help="the engine that submissions run on; docker means the one of DOCKER_HOST",
    ).tag(config=True)

    state = Unicode(
        "", help="where the embedded engine keeps its state while grading (required)"
    ).tag(config=True)

    # nbgrader offers no hook at the end of a run: what is due then is registered with ``atexit``.

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Ready the engine and let the kernel's environment name it."""
        if self.engine == "docker":
            found = connect.connect("docker")
            atexit.unregister(_clean)
            atexit.register(_clean)
        else:
            embedded = EmbeddedEngine.at(state=Path(self.state))
            embedded.reset()
            status = embedded.start()
            # Stopping twice does no harm.
            atexit.register(embedded.stop)
            found = connect.connect(
                "embedded", environ={**os.environ, "DOCKER_HOST": status.docker_host}
            )
        connect.use(found)
        os.environ[connect.VARIABLE] = found.kind
        os.environ[UNATTENDED] = "1"
        return nb, resources


def _clean() -> None:
    """Take away what the last submission brought to a Docker of the instructor's."""
    from course_lib import lab

    try:
        lab.clean()
    except CourseError as error:
        print(error, file=sys.stderr)
