"""What somebody at a terminal sees of BusyBox's shell is the same on both engines, key by key.

Each step names the last rows of the screen, down to the cursor, once the keys have done their work;
the whole screens are compared then. After Enter they must be such that nothing in between looks
like that: what is typed ahead of a program is shown in other places.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.pairs import Pair
from tests.contract.screens import Rooms, Screens, containers, shells

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("docker_command")]

UP, DOWN, RIGHT, LEFT = "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D"
PROMPT = "/ #"
DIGITS = "0123456789"
TAB = "\t"

Steps = list[tuple[str, str]]
"""Keys, and the last rows of the screen afterwards."""

EDITING: dict[str, Steps] = {
    "keys": [
        (f"echo wrld{LEFT * 3}o", "/ # echo world"),
        ("\r", PROMPT),
        ("two\x01echo one ", "/ # echo one two"),
        ("\x05 three", "/ # echo one two three"),
        ("\x01\x0b", PROMPT),
        ("abc\x1b[HX\x1b[FY\x1bOH1\x1bOF2\x1b[1~3\x1b[4~4", "/ # 31XabcY24"),
        ("\x15", PROMPT),
        ("echo a b  c\x17\x17", "/ # echo a"),
        (f"x{LEFT}\x1b[3~ b{LEFT * 2}{RIGHT}\x7f", "/ # echo a b"),
        ("\r", PROMPT),
        ("echo one-two three_four\x1bb\x1bb\x1bd\x1bf\x1b\x7f", "/ # echo one-two _"),
        ("\x1b[1;5DX\x1b[1;5CY", "/ # echo one-XtwoY _"),
        ("\x0c", "/ # echo one-XtwoY _"),
        ("\x03", PROMPT),
    ],
    "long lines": [
        (f"echo {DIGITS * 8}", DIGITS[1:]),
        (f"{LEFT * 20}X", f"/ # echo {DIGITS * 6}X{DIGITS}"[:80]),
        ("\x01", f"/ # echo {DIGITS * 6}X{DIGITS}"[:80]),
        ("\x05" + "\x7f" * 11, f"/ # echo {DIGITS * 6}X{DIGITS}"[:79]),
        ("\r", PROMPT),
        (f"echo {'a' * 71}", ""),
        ("b\x7f\x7f", f"/ # echo {'a' * 70}"),
        ("\x15" + "x" * 300, "x" * 64),
        (f"{LEFT * 100}\x0b", "x" * 44),
        ("\x15", PROMPT),
    ],
    "history": [
        ("echo 1\r", PROMPT),
        ("echo 2\r", PROMPT),
        ("echo 2\r", PROMPT),
        (f"draft{UP}{UP}", "/ # echo 1"),
        (f"{UP}{UP}{DOWN}{DOWN}{DOWN}", "/ # draft"),
        (f"\x15{UP}x", "/ # echo 2x"),
        ("\r", PROMPT),
        ("\x10\x10\x0e", "/ # echo 2x"),
        ("\x15", PROMPT),
    ],
    "completion": [
        ("mkdir -p /t/dir1 /t/dir2; cd /t; >file; >'a b'; >.dot\r", "/t #"),
        (f"cat f{TAB}", "/t # cat file"),
        (f"d{TAB}", "/t # cat file dir"),
        (TAB, "/t # cat file dir"),
        (f"1{TAB}", "/t # cat file dir1/"),
        (f"\x15ls {TAB}{TAB}", "/t # ls"),
        (f"a{TAB}", "/t # ls a\\ b"),
        (f'\x15cat "di{TAB}', '/t # cat "dir'),
        (f"\x15cd {TAB}", "/t # cd dir"),
        (f"\x15true;hostn{TAB}", "/t # true;hostname"),
        (f"\x15./{TAB}{TAB}", "/t # ./"),
        (f"\x15nothing{TAB}{TAB}", "/t # nothing"),
        ("\x15", "/t #"),
    ],
    "open commands": [
        ("for i in 1 2; do\r", ">"),
        ("echo $i\r", ">"),
        ("done\r", PROMPT),
        ("echo 'a\r", ">"),
        ("b'\r", PROMPT),
        ("true &&\r", ">"),
        ("cat <<END | wc -l\r", ">"),
        ("one\r", ">"),
        ("two\r", ">"),
        ("END\r", PROMPT),
        ('echo "x\r', ">"),
        ("\x03", PROMPT),
        ("echo $?; echo a \\\r", ">"),
        ("b\r", PROMPT),
        (f"{UP}{UP}", "/ # echo $?; echo a \\"),
        ("\x15", PROMPT),
    ],
    "pasted": [
        ("for i in 1 2 3\rdo\recho $i\rdone\rprintf end:\r", "end:/ #"),
        ("\recho a\recho b\rprintf c:\r", "c:/ #"),
        ("clear; cat\rone\rtwo\r", "one\ntwo\n"),
        ("\x04", PROMPT),
    ],
    "prompts": [
        ("PS1='$PWD> '; cd /tmp\r", "/tmp>"),
        ("PS1='\\u@\\h:\\W\\$ '\r", "root@box:tmp#"),
        ("cd /\r", "root@box:#"),
        ("PS1='a\\nb> '\r", "b>"),
        ("PS1='\\[\\e[31m\\]red\\[\\e[0m\\]> '\r", "red>"),
        (f"abc{LEFT}X\x03", "red>"),
    ],
}

RUNNING: dict[str, Steps] = {
    "interrupt": [
        ("abc\x03", PROMPT),
        ("echo $?\r", PROMPT),
        ("sh -c 'echo up; sleep 100'\r", "up\n"),
        ("\x03", PROMPT),
        ("echo $?; sh -c 'echo up; cat'\r", "up\n"),
        ("line\r", "up\nline\nline\n"),
        ("\x03", PROMPT),
        ("echo up; while :; do :; done\r", "up\n"),
        ("\x03", PROMPT),
        ("sh -c 'echo up; sleep 100'; echo not reached\r", "up\n"),
        ("\x03", PROMPT),
        ("sh -c 'echo up; exec sleep 100'\r", "up\n"),
        ("\x1c", PROMPT),
        ("echo $?\r", PROMPT),
    ],
    "traps": [
        ("trap 'echo got' INT\r", PROMPT),
        ("\x03", PROMPT),
        ("sh -c 'echo up; sleep 100'\r", "up\n"),
        ("\x03", PROMPT),
        ("trap '' INT\r", PROMPT),
        ("ab\x03", PROMPT),
        ("trap - INT; trap 'echo bye' EXIT\r", PROMPT),
        ("\x03", PROMPT),
    ],
    "jobs": [
        ("stopped() { until grep -q State:.T /proc/$1/status; do :; done; }\r", PROMPT),
        ("cat & stopped $!\r", PROMPT),
        ("fg\r", "cat\n"),
        ("line\r", "cat\nline\nline\n"),
        ("\x04", PROMPT),
        ("(exit 3) & wait $!\r", PROMPT),
        # (Whether `wait` finds a job that has ended or waits for its end shows.)
        (
            "ended() { while grep -q State:.[RS] /proc/$1/status 2> /dev/null; do :; done; }\r",
            PROMPT,
        ),
        ("clear; sleep 1000 & one=$!; sleep 2000 & two=$!; jobs\r", PROMPT),
        ("kill %1; ended $one; /bin/true; wait %1\r", PROMPT),
        ("kill %2; ended $two; /bin/true; wait %2\r", PROMPT),
        ("sleep 1000 & kill -STOP $!; stopped $!\r", PROMPT),
        ("f() { sh -c 'echo up; sleep 100'; echo after; }\r", PROMPT),
        ("f\r", "up\n"),
        ("\x1a", PROMPT),
        ("echo $?; jobs\r", PROMPT),
        ("bg\r", PROMPT),
        ("jobs\r", PROMPT),
        ("exit\r", PROMPT),
    ],
    "reading": [
        ("echo up; read a b\r", "up\n"),
        ("x y z\r", PROMPT),
        ("echo $a-$b; read -p 'name? ' n\r", "name?"),
        ("bob\x7fX\r", PROMPT),
        ("echo $n; cat > /tmp/f\r", "boX\n"),
        ("abc\x17d e\x17f\x15a-b\x17c\r", "a-c\n"),
        ("end\x04\x04", "end/ #"),
        ("clear; cat /tmp/f\r", "end/ #"),
        ("stty -echo\r", PROMPT),
        ("echo unseen\r", PROMPT),
        ("stty echo; stty | tail -n 2\r", PROMPT),
    ],
    "less": [
        ("seq 100 > /tmp/n; less /tmp/n\r", "/tmp/n"),
        (" ", ":"),
        ("jjk", ":"),
        ("=", "/tmp/n lines 25-47/100 47%"),
        ("50g", ":"),
        ("/6\r", ":"),
        ("nnN", ":"),
        ("?1\r", ":"),
        ("G", "(END)"),
        ("g", "/tmp/n"),
        ("q", PROMPT),
        ("clear; echo $(seq 60) | less\r", "standard input"),
        ("q", PROMPT),
    ],
    "vi": [
        ("printf 'one\\ntwo\\nthree\\nfour\\n' > /tmp/v; clear; vi /tmp/v\r", "one"),
        ("jl", "one\ntwo"),
        ("x", "one\nto"),
        ("iX", "one\ntXo"),
        ("\x1b", "one\ntXo"),
        ("GA!\x1b", "one\ntXo\nthree\nfour!"),
        (":", ":"),
        ("%s/o/0/g\r", "0ne\ntX0\nthree\nf0ur!"),
        (":nosuch\r", "0ne\ntX0\nthree\nf0ur!"),
        (":set number\r", "0ne\ntX0\nthree\nf0ur!"),
        (":q\r", "0ne\ntX0\nthree\nf0ur!"),
        (":w\r", "0ne\ntX0\nthree\nf0ur!"),
        ("1GO" + "y" * 90, "y" * 79),
        ("\x1b", "y" * 79),
        ("0", "y" * 80),
    ],
    "more": [
        ("seq 60 > /tmp/n; more /tmp/n\r", "--More-- (61% of 171 bytes)"),
        ("\r", "--More-- (64% of 171 bytes)"),
        ("x", "(Enter:next line Space:next page Q:quit R:show the rest)"),
        (" ", "--More-- (133% of 171 bytes)"),
        ("q", PROMPT),
        ("clear; seq 30 | more\r", "--More--"),
        ("r", PROMPT),
    ],
}


@pytest.fixture(scope="module")
def rooms(pair: Pair) -> Iterator[Rooms]:
    with containers(pair) as made:
        yield made


@pytest.fixture
def shell(rooms: Rooms) -> Iterator[Screens]:
    with shells(rooms, "sh", PROMPT) as screens:
        yield screens


@pytest.mark.parametrize("topic", EDITING | RUNNING)
def test_screens_are_the_same(shell: Screens, topic: str) -> None:
    for keys, shown in (EDITING | RUNNING)[topic]:
        shell.type(keys, shown)
