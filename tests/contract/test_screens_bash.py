"""What somebody at a terminal sees of bash, key by key: the same on both engines.

Steps as in ``test_screens``.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.pairs import Pair
from tests.contract.screens import Rooms, Screens, containers, shells

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("docker_command")]

UP, DOWN, RIGHT, LEFT = "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D"
PROMPT = "root@box:/#"
TAB = "\t"

TOPICS: dict[str, list[tuple[str, str]]] = {
    "keys": [
        (f"echo wrld{LEFT * 3}o", f"{PROMPT} echo world"),
        ("\r", PROMPT),
        ("two\x01echo one ", f"{PROMPT} echo one two"),
        ("\x05 three", f"{PROMPT} echo one two three"),
        ("\x01\x0b", PROMPT),
        ("abc\x1b[HX\x1b[FY\x1bOH1\x1bOF2", f"{PROMPT} 1XabcY2"),
        ("\x15", PROMPT),
        ("echo a b  c\x17\x17", f"{PROMPT} echo a"),
        (f"x{LEFT}\x04 b{LEFT * 2}{RIGHT}\x7f", f"{PROMPT} echo a b"),
        ("\r", PROMPT),
        ("echo one-two three_four\x1bb\x1bb\x1bd", f"{PROMPT} echo one-two _four"),
        ("\x03", PROMPT),
    ],
    "history": [
        ("echo 1\r", PROMPT),
        ("echo 2\r", PROMPT),
        (f"draft{UP}{UP}", f"{PROMPT} echo 1"),
        (f"{DOWN}{DOWN}", f"{PROMPT} draft"),
        (f"\x15{UP}x", f"{PROMPT} echo 2x"),
        ("\r", PROMPT),
        ("\x10\x10\x0e", f"{PROMPT} echo 2x"),
        ("\x15", PROMPT),
    ],
    "open commands": [
        ("for i in 1 2; do\r", ">"),
        ("echo $i\r", ">"),
        ("done\r", PROMPT),
        ("echo 'a\r", ">"),
        ("b'\r", PROMPT),
        ("cat <<END | wc -l\r", ">"),
        ("one\r", ">"),
        ("END\r", PROMPT),
        ('echo "x\r', ">"),
        ("\x03", PROMPT),
        ("echo $?; echo a \\\r", ">"),
        ("b\r", PROMPT),
    ],
    "completion": [
        ("mkdir -p /t/dir1 /t/dir2; cd /t; >file; >'a b'\r", "root@box:/t#"),
        (f"cat f{TAB}", "root@box:/t# cat file"),
        (f"d{TAB}", "root@box:/t# cat file dir"),
        (f"1{TAB}", "root@box:/t# cat file dir1/"),
        (f"\x15ls a{TAB}", "root@box:/t# ls a\\ b"),
        ("\x15", "root@box:/t#"),
        (f"true;mapf{TAB}", "root@box:/t# true;mapfile"),
        ("\x15", "root@box:/t#"),
    ],
    "interrupt": [
        ("abc", f"{PROMPT} abc"),
        ("\x03", PROMPT),
        ("echo $?\r", PROMPT),
        ("bash -c 'echo up; sleep 100'\r", "up\n"),
        ("\x03", PROMPT),
        ("echo $?; bash -c 'echo up; cat'\r", "up\n"),
        ("line\r", "up\nline\nline\n"),
        ("\x04", PROMPT),
        ("echo up; while :; do :; done\r", "up\n"),
        ("\x03", PROMPT),
        ("nosuch; echo $?\r", PROMPT),
        ("bash\r", PROMPT),
        ("\x04", PROMPT),
    ],
}


@pytest.fixture(scope="module")
def rooms(pair: Pair) -> Iterator[Rooms]:
    with containers(pair, "nginx") as made:
        yield made


@pytest.fixture
def shell(rooms: Rooms) -> Iterator[Screens]:
    with shells(rooms, "bash", PROMPT) as screens:
        yield screens


@pytest.mark.parametrize("topic", TOPICS)
def test_screens_are_the_same(shell: Screens, topic: str) -> None:
    for keys, shown in TOPICS[topic]:
        shell.type(keys, shown)
