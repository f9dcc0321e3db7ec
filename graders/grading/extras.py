"""What some classes need and most do not: loaded before the fork, once a submission names it.

matplotlib takes half a second to load with numpy, and a fifth of the memory of which every fork
copies the tables; the engine's redis a quarter of a second. The warm parent has them from the first
submission on in which their names stand. A notebook that hides the name loads them itself, as
anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntFlag
from typing import Any

from course_lib import warm_engine
from graders.grading import figures


class Extras(IntFlag):
    """Some of them, as one byte."""

    NONE = 0
    FIGURES = 1
    REDIS = 2


_WORDS = {
    Extras.FIGURES: re.compile(r"matplotlib|pyplot|pylab|seaborn|pandas|numpy"),
    Extras.REDIS: re.compile(r"redis"),
}


def wanted(texts: Iterable[str]) -> Extras:
    """Those that notebooks name."""
    found = Extras.NONE
    for text in texts:
        for extra, words in _WORDS.items():
            if words.search(text):
                found |= extra
    return found


def load(extras: Extras, shell: Any) -> None:
    """Load them for every fork from now on.

    :param shell: of the kernel that :func:`graders.grading.kernel.warm` made.
    """
    if Extras.FIGURES in extras:
        figures.load(shell)
    if Extras.REDIS in extras:
        warm_engine.preload_redis()
