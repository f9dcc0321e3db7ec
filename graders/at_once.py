"""Several looks at the same time: what one of them has to wait for, the others need not."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def at_once(*looks: Callable[[], T]) -> list[T]:
    """What they see, in their order, once all have ended; else the first one's error."""
    with ThreadPoolExecutor(len(looks), thread_name_prefix="look") as pool:
        seen = [pool.submit(look) for look in looks]
    return [one.result() for one in seen]
