"""The checks that grade the course.

In a notebook: ``from graders import check``, then ``check("publish-any-port")``. The other words
are for exercises of a class's own (:mod:`graders.own`, :mod:`graders.words`).

The names below are imported when they are first used: what only writes a grade book does without
the Docker SDK.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graders.expectation import met, missed
    from graders.notebook import check
    from graders.own import exercise
    from graders.words import answer, container, fact, network, volume

__all__ = [
    "answer", "check", "container", "exercise", "fact", "met", "missed", "network", "volume",
]  # fmt: skip
_WHERE = {"check": "notebook", "exercise": "own", "met": "expectation", "missed": "expectation"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE.get(name, 'words')}"), name)
