from __future__ import annotations

import pytest

from course_lib.pasted import oddities


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("!docker run –d nginx", "–d "),
        ("!docker run ––name web nginx", "––name "),
        ("!docker run -d —rm nginx", "—rm "),
        ("!docker run --net‑alias es nginx", "--net‑alias "),
        ("said = !docker ps −a", "−a "),
        ("!docker run -d \\\n    —name web nginx", "—name "),
        ("%%sh\ncd x\ndocker run –d nginx", "–d "),
        ("%%bash\nfor i in 1 2; do docker rm –f $i; done", "–f "),
        ("!docker ps --format ‘{{.Names}}’", "‘ and ’ quote nothing"),
        ("!docker run nginx sh -c “ls”", "“ and ” quote nothing"),
        ("!docker ps\u00a0-a", "looks like a space"),
        ("!docker\u200b ps", "looks like a space"),
    ],
)
def test_what_came_along_is_named(cell: str, says: str) -> None:
    assert any(says in sentence for sentence in oddities(cell)), oddities(cell)


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "!docker run -d --name web -p 8080:80 nginx",
        "!docker ps --format '{{.Names}}'",
        "print('docker run –d')  # a text of Python's",
        "# docker run —rm\n!docker ps",
        "!echo “hello” – and goodbye",
        "!docker run alpine echo a-b–c",
        "%%writefile notes.txt\ndocker run —rm",
    ],
)
def test_what_is_no_mistake_is_left_alone(cell: str) -> None:
    assert oddities(cell) == []


def test_each_is_said_once() -> None:
    assert len(oddities("!docker run –d nginx\n!docker run –d nginx")) == 1
