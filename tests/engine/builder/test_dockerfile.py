"""Lines and words of Dockerfiles, patterns of contexts, and values as Go writes them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.engine.builder.context import ignore_patterns, ignored, matches
from course_lib.engine.builder.dockerfile import parse
from course_lib.engine.builder.goquote import go_duration, go_list, go_quote, go_rune
from course_lib.engine.builder.instructions import read_stages
from course_lib.engine.builder.lexer import Lexer, LexError
from course_lib.engine.errdefs import EngineError


def test_continuations_comments_and_blank_lines() -> None:
    found = parse(
        b"\xef\xbb\xbf# comment\n\nFROM a\n\n  run echo \\\n  # not this\n\n  x \\  \n"
        b"  y # kept\nCMD z"
    )
    assert [(line.word, line.args, line.number) for line in found.lines] == [
        ("FROM", ["a"], 3),
        ("run", ["echo   x   y # kept"], 5),
        ("CMD", ["z"], 10),
    ]
    assert found.warnings[0] == (
        "[WARNING]: Empty continuation line found in: run echo   x   y # kept"
    )


def test_another_escape_character() -> None:
    found = parse(b"# escape=`\nFROM a\nRUN echo c:\\ `\n d\n")
    assert found.escape == "`"
    assert found.lines[1].args == ["echo c:\\  d"]


def test_directives_come_before_everything() -> None:
    assert parse(b"# a comment\n# escape=`\nFROM a\n").escape == "\\"


@pytest.mark.parametrize(
    ("line", "flags", "args", "is_json"),
    [
        ("COPY --from=x --chown='a b' c d", ["--from=x", "--chown=a b"], ["c", "d"], False),
        ("COPY -- --a b", [], ["--a", "b"], False),
        ('CMD [ "a", "b" ]', [], ["a", "b"], True),
        ('CMD [ "a", b ]', [], ['[ "a", b ]'], False),
        ('ENV a="b c" d=e\\ f', [], ["a", '"b c"', "d", "e\\ f"], False),
        ("ENV a b c", [], ["a", "b c"], False),
        ("HEALTHCHECK --interval=1s CMD a b", ["--interval=1s"], ["CMD", "a b"], False),
        ("ONBUILD COPY a b", [], ["COPY", "a", "b"], False),
        ("EXPOSE 80  90/udp", [], ["80", "90/udp"], False),
    ],
)
def test_arguments(line: str, flags: list[str], args: list[str], is_json: bool) -> None:
    (found,) = parse(line.encode()).lines
    assert (found.flags, found.args, found.is_json) == (flags, args, is_json)


def test_here_documents() -> None:
    found = parse(b"RUN cat <<A <<-'B' && x\none\nA\n\ttwo\n\tB\nCMD z\n").lines
    assert [(one.name, one.content, one.chomp) for one in found[0].heredocs] == [
        ("A", "one\n", False),
        ("B", "\ttwo\n", True),
    ]
    assert found[1].word == "CMD"


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_read_or_refused(data: bytes, with_base: bool) -> None:
    with contextlib.suppress(EngineError):
        stages, _ = read_stages(parse((b"FROM a\n" if with_base else b"") + data))
        assert bool(stages) or not with_base


ENV = {"x": "abc.tar.gz", "empty": "", "a": "1"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$x ${x} '$x' \"$x\"", "abc.tar.gz abc.tar.gz $x abc.tar.gz"),
        ("\\$x \\\\ a\\ b", "$x \\ a b"),
        ("${n:-d} ${empty:-d} ${empty-d} ${a:-d}", "d d  1"),
        ("${n:+s}|${a:+s}|${empty+s}", "|s|s"),
        ("${x%.*} ${x%%.*} ${x#*.} ${x##*.}", "abc.tar abc tar.gz gz"),
        ("${x/a/b} ${x//a/b} ${x/./}", "bbc.tar.gz bbc.tbr.gz abctar.gz"),
        ("${x?no} $", "abc.tar.gz $"),
        ("$1 $nope.", " ."),
    ],
)
def test_words(text: str, expected: str) -> None:
    assert Lexer().word(text, ENV) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("'a", "unexpected end of statement while looking for matching single-quote"),
        ('"a', "unexpected end of statement while looking for matching double-quote"),
        ("${", "syntax error: missing '}'"),
        ("${}", "syntax error: bad substitution"),
        ("${x:-d", "syntax error: missing '}'"),
        ("${n?}", "n: is not allowed to be unset"),
        ("${empty:?why}", "empty: why"),
        ("${x!y}", "unsupported modifier (!) in substitution"),
    ],
)
def test_words_that_are_none(text: str, message: str) -> None:
    with pytest.raises(LexError) as error:
        Lexer().word(text, ENV)
    assert str(error.value) == f"failed to process {go_quote(text)}: {message}"


def test_splitting() -> None:
    assert Lexer().words("80 $b '7 8'", {"b": "9 10"}) == ["80", "9", "10", "7 8"]


@given(st.text(max_size=40))
def test_any_text_is_a_word_or_refused(text: str) -> None:
    with contextlib.suppress(LexError):
        assert all(Lexer().words(text, ENV))


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*.txt", "a.txt", True),
        ("*.txt", "d/a.txt", False),
        ("d?r/[a-c]*", "dir/b", True),
        ("d?r/[^a-c]*", "dir/b", False),
        ("a\\*b", "a*b", True),
        ("[", "[", False),
        ("[]a]", "]", False),
    ],
)
def test_patterns_of_copy(pattern: str, path: str, fits: bool) -> None:
    assert matches(pattern, path) is fits


@pytest.mark.parametrize(
    ("text", "path", "out"),
    [
        ("*\n!a\n", "a", False),
        ("*\n!a\n", "b", True),
        ("d\n", "d/e/f", True),
        ("**/x\n", "d/e/x", True),
        ("**/x\n", "x", True),
        ("d/**\n!d/keep\n", "d/keep", False),
        ("/a\n", "a", True),
        ("# a\n\n", "a", False),
        ("a*\n!ab\nab\n", "ab", True),
    ],
)
def test_ignored_paths(text: str, path: str, out: bool) -> None:
    assert ignored(path, ignore_patterns(text)) is out


def test_values_as_go_writes_them() -> None:
    assert go_quote('a"\\\n\x01\x7fé') == '"a\\"\\\\\\n\\x01\\x7fé"'
    assert go_list(["a", "b c"], quoted=True) == '["a" "b c"]'
    assert [go_rune(number) for number in (0, 3, 10, 39, 65)] == [
        "'\\x00'",
        "'\\x03'",
        "'\\n'",
        "'\\''",
        "'A'",
    ]
    times = (0, 1, 1_500, 2_000_000, 1_500_000_000, 90_000_000_000, 3_600_000_000_000)
    assert [go_duration(ns) for ns in times] == "0s 1ns 1.5µs 2ms 1.5s 1m30s 1h0m0s".split()
