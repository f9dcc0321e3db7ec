"""Words of findings that many checks share."""

from __future__ import annotations

import pytest

from graders.facts import described, excerpt
from graders.storage_view import MountView


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1: lo\n", "'1: lo'"),
        ("lo\n  eth0", "'lo eth0'"),
        ("", "''"),
        (f"{'word ' * 11}and a long end", f"'{'word ' * 11}and …'"),
        ("x" * 200, f"'{'x' * 60} …'"),
        (f"a {'x' * 200}", f"'a {'x' * 58} …'"),
    ],
)
def test_a_text_that_goes_on_says_so(text: str, shown: str) -> None:
    assert excerpt(text) == shown


@pytest.mark.parametrize(
    ("mount", "words"),
    [
        (MountView("volume", "/data", False, "state"), "the volume state"),
        (MountView("volume", "/data", False, "5" * 64), "the volume 555555555555"),
        (MountView("bind", "/data", False, source="/srv"), "a bind mount: /srv of the host"),
        (MountView("tmpfs", "/data", False), "a tmpfs"),
    ],
)
def test_what_is_mounted_is_said_in_the_words_of_the_lessons(mount: MountView, words: str) -> None:
    assert described(mount) == words
