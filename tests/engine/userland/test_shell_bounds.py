"""What a script may take: memory, depth; and no text of any kind breaks the shell."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_lib.engine.clock import SystemClock
from tests.engine.userland.conftest import Box

LIMIT = 60.0

_PIECES = st.sampled_from(
    ["echo", "a", "$x", '"$@"', "x=1", "${x#a}", "${x:-b}", "$((x+1))", "$(echo s)", "`echo t`",
     ";", "&&", "||", "|", "&", "(", ")", "{", "}", "\n", "if", "then", "else", "fi", "for", "in",
     "do", "done", "case", "esac", ";;", "!", "<", ">f", "2>&1", "<<E\nx\nE\n", "'q'", '"', "'",
     "\\", "*", "[a-z]", "~", "set -e", "true", "false", "read y", "local z", "f()", "f", "return",
     "break", "exit 3", "trap 'echo t' EXIT", "[", "]", "test", "-n", "=", "shift", "eval", "é"]
)  # fmt: skip


@given(st.lists(_PIECES, min_size=1, max_size=25))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_text_ends_with_a_status(container_root: Path, pieces: list[str]) -> None:
    async def run() -> tuple[int, str, str]:
        box = Box(container_root, SystemClock())
        return await asyncio.wait_for(box.run("sh", "-c", " ".join(pieces)), LIMIT)

    code, _, err = asyncio.run(run())
    assert 0 <= code <= 255
    assert "internal error" not in err


@pytest.mark.parametrize(
    "script",
    [
        "a=xxxxxxxxxxxxxxxx; while :; do a=$a$a; done; echo never",
        "x=$(yes); echo never",
    ],
)
async def test_memory_of_a_script_has_an_end(box: Box, script: str) -> None:
    code, out, err = await asyncio.wait_for(box.run("sh", "-c", script), LIMIT)
    assert (code, out) == (2, "")
    assert "out of memory" in err


async def test_calls_within_calls_have_an_end(box: Box) -> None:
    code, _, err = await asyncio.wait_for(box.run("sh", "-c", "f() { f; }; f"), LIMIT)
    assert (code, err) == (139, "sh: stack overflow\n")
