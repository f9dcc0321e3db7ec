"""The embedded engine in a process forked from a warm one: ready in milliseconds.

Grading gives every notebook an engine of its own. To start a Python for each would take longer
than most notebooks do; here the modules are loaded once, by :func:`preload`, and each engine is
a fork. The one module beside :mod:`course_lib.embedded` that starts engines.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
from functools import cache
from pathlib import Path

_RARE = "course_lib.engine.userland.applets.vi"
"""The editor, for which prompt-toolkit is loaded: nobody types in it while a notebook is graded."""


def preload() -> None:
    """Import what forked engines need, and read the catalogue, so that they need not."""
    package = importlib.import_module("course_lib.engine")
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.endswith("__main__") and not module.name.startswith(_RARE):
            importlib.import_module(module.name)
    importlib.import_module("course_lib.engine.__main__")
    # What the engine loads with the first script, and with nginx's first configuration.
    for name in ("libdash", "crossplane"):
        importlib.import_module(name)
    catalogue = importlib.import_module("course_lib.engine.engine").catalogue()
    for name in catalogue.recipes():
        catalogue.image(name)


def preload_redis() -> None:
    """Import what the engine's redis loads with its first client."""
    importlib.import_module("course_lib.engine.userland.servers.redis.dataset").load_fakeredis()


@cache
def words_of_names() -> tuple[frozenset[str], frozenset[str]]:
    """Of which the engine makes the name of a container that nobody named: adjective, surname."""
    names = importlib.import_module("course_lib.engine.names")
    return frozenset(names.ADJECTIVES), frozenset(names.SURNAMES)


def serve(socket: Path, state: Path, ready: int) -> int:
    """Be an engine until SIGTERM; gives the exit code.

    :param ready: descriptor to which a line is written once it answers.
    """
    main = importlib.import_module("course_lib.engine.__main__").main
    words = ["--socket", os.fspath(socket), "--state", os.fspath(state), "--ready-fd", str(ready)]
    code: int = main(words)
    return code
