"""The checks that grade the course.

In a notebook: ``from graders import check``, then ``check("publish-any-port")``. The other words
are for exercises of a class's own (:mod:`graders.own`, :mod:`graders.words`).
"""

from graders.expectation import met, missed
from graders.notebook import check
from graders.own import exercise
from graders.words import answer, container, fact, network, volume

__all__ = [
    "answer", "check", "container", "exercise", "fact", "met", "missed", "network", "volume",
]  # fmt: skip
