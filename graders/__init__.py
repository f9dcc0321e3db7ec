"""The checks that grade the course.

In a notebook: ``from graders import check``, then ``check("publish-any-port")``. The other words
are for exercises of a class's own (:mod:`graders.own`, :mod:`graders.words`).

The names below are imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.lazy import exports

if TYPE_CHECKING:
    from graders.expectation import met, missed
    from graders.notebook import check
    from graders.own import exercise
    from graders.words import answer, container, fact, network, volume

__all__ = [
    "answer", "check", "container", "exercise", "fact", "met", "missed", "network", "volume",
]  # fmt: skip

__getattr__ = exports(
    __name__,
    {
        "check": ("notebook", "check"),
        "exercise": ("own", "exercise"),
        "met": ("expectation", "met"),
        "missed": ("expectation", "missed"),
        **{name: ("words", name) for name in ("answer", "container", "fact", "network", "volume")},
    },
)
