from __future__ import annotations

import threading

import pytest

from graders.at_once import at_once

DEADLINE = 60.0


def test_looks_go_on_side_by_side_and_answer_in_their_order() -> None:
    both = threading.Barrier(2)

    def look(name: str) -> str:
        both.wait(DEADLINE)  # breaks where one is only begun once the other has ended
        return name

    assert at_once(lambda: look("dev"), lambda: look("prod")) == ["dev", "prod"]


def test_what_goes_wrong_is_raised_once_all_have_ended() -> None:
    failed, ended = threading.Event(), threading.Event()

    def broken() -> str:
        failed.set()
        raise OSError("no engine")

    def slower() -> str:
        failed.wait(DEADLINE)
        ended.set()
        return "seen"

    with pytest.raises(OSError, match="no engine"):
        at_once(broken, slower)
    assert ended.is_set()
