"""What a lesson's first cell imports: an extension of IPython that a kernel loads as it comes up.

``course run`` starts a lesson's kernel while the one before runs: what is imported then takes less
of anybody's time. Everywhere else a lesson imports its modules itself.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from course_lib import lean, looking

ARGUMENT = f"--IPKernelApp.extra_extensions={__name__}"
"""Makes a kernel load it."""


def load_ipython_extension(_: Any) -> None:
    """Import them; names and variables of the notebook are left alone."""
    with lean.importing():
        for name in ("course_lib.lab", "graders.notebook", "docker"):
            import_module(name)
        looking.load_pictures()
