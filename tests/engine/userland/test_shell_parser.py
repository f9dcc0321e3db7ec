"""The grammar: dash's parser, what ash has beyond it, and text that must not hurt."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.engine.userland.shell import bashisms, dash, unparse
from course_lib.engine.userland.shell.nodes import (
    Command,
    Function,
    Parameter,
    Redirect,
    Sequence,
    Text,
)


def words(script: str) -> list[str]:
    """The literal words of one simple command."""
    parsed = dash.parse(script)
    assert parsed.fault is None
    (command,) = parsed.commands
    assert isinstance(command, Command)
    found = []
    for word in command.words:
        assert all(isinstance(part, Text) for part in word)
        found.append("".join(part.text for part in word if isinstance(part, Text)))
    return found


@given(st.text(st.characters(codec="utf-8", exclude_characters="'\0"), min_size=1))
@settings(max_examples=300, deadline=None)
def test_quoted_text_comes_through_unchanged(text: str) -> None:
    assert words(f"echo '{text}'") == ["echo", text]


@pytest.mark.parametrize(
    "text",
    ["${x:0:2}", "${x/a/b}", "a &> b", "[[ a && b ]]", "function f() {", "\x7f", "\x7fo", "é ü €",
     "-\x7fr", "function f { echo ${x:1}; } &> /dev/null", "\x81\x82\x83", "日本語"],
)  # fmt: skip
def test_marks_are_undone_in_literal_text(text: str) -> None:
    assert words(f"echo '{text}'") == ["echo", text]
    document = dash.parse(f"cat <<'END'\n{text}\nEND\n").commands[0]
    assert isinstance(document, Command)
    assert document.redirects[0].target == (Text(f"{text}\n", True),)


def test_bytes_that_are_no_text_survive() -> None:
    text = b"\xff\xfe\x81".decode("utf-8", "surrogateescape")
    assert words(f"echo {text} '{text}'") == ["echo", text, text]


@pytest.mark.parametrize(
    ("script", "operator", "word"),
    [("echo ${x:1:2}", "substring", "1:2"), ("echo ${x/a/b}", "replace", "a/b"),
     ("echo ${x//a}", "replace", "/a"), ("echo ${x:-y}", "-", "y"), ("echo ${x%.*}", "%", ".*"),
     ('echo "${x:1}"', "substring", "1")],
)  # fmt: skip
def test_parameters_beyond_posix(script: str, operator: str, word: str) -> None:
    (command,) = dash.parse(script).commands
    assert isinstance(command, Command)
    part = command.words[1][0]
    assert isinstance(part, Parameter)
    assert part.operator == operator
    assert "".join(p.text for p in part.word if isinstance(p, Text)) == word


def test_both_outputs_and_functions_with_a_keyword() -> None:
    (command,) = dash.parse("make &> log").commands
    assert isinstance(command, Command)
    assert command.redirects == (Redirect("&>", 1, (Text("log"),)),)
    for script in ("function f { :; }", "function f() { :; }", "f() { :; }"):
        (function,) = dash.parse(script).commands
        assert isinstance(function, Function)
        assert function.name == "f"


@pytest.mark.parametrize(
    ("script", "message", "incomplete"),
    [
        ("if true", 'syntax error: unexpected end of file (expecting "then")', True),
        ("fi", 'syntax error: unexpected "fi"', False),
        ('echo "a', "syntax error: unterminated quoted string", True),
        ("echo $((1", "syntax error: missing '))'", True),
        ("a | | b", 'syntax error: unexpected "|"', False),
        ("f( {", 'syntax error: unexpected word (expecting ")")', False),
    ],
)
def test_faults_in_busyboxs_words(
    script: str, message: str, incomplete: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    fault = dash.parse(script).fault
    assert fault is not None
    assert (fault.message, fault.incomplete) == (message, incomplete)
    assert capfd.readouterr() == ("", "")


def test_commands_before_a_fault_are_there() -> None:
    parsed = dash.parse("echo a\necho b\nfi\necho c\n")
    assert len(parsed.commands) == 2
    assert parsed.fault is not None
    assert parsed.fault.line == 3


@pytest.mark.parametrize(
    ("text", "is_open"),
    [("cat <<E\nfoo", True), ("cat <<E\nfoo\nE\n", False), ("echo '<<'", False),
     ("cat <<-E\n\tx\n\tE\n", False), ("a <<X; b <<Y\nX\nbody", True)],
)  # fmt: skip
def test_open_here_documents(text: str, is_open: bool) -> None:
    assert dash.open_here_document(text) is is_open


@pytest.mark.parametrize("opener", ["(", "{ ", "$(", "if ", "`", "f() ", '"$('])
def test_deep_nesting_is_refused_and_does_not_crash(opener: str) -> None:
    parsed = dash.parse("echo " * (opener[0] in '$"`') + opener * 100_000)
    assert parsed.fault is not None
    deep = dash.parse("echo " * (opener[0] in '$"`') + opener * 4_000)
    assert deep.fault is not None or deep.commands


def test_long_flat_scripts_are_fine() -> None:
    (sequence,) = dash.parse("a; " * 20_000 + "b").commands
    assert isinstance(sequence, Sequence)
    assert len(sequence.nodes) == 20_001
    assert dash.parse(" && ".join(["a"] * 4_000)).fault is None


TOKENS = st.sampled_from(
    ["if ", "then ", "fi", "while ", "do ", "done", "case ", "in ", "esac", ";;", ";", "&", "|",
     "&&", "(", ")", "{ ", "}", "$(", "$((", "))", "`", "'", '"', "\\", "${", "${x:", "#", "<<E",
     "\nE\n", "\n", ">", "<&", " a ", "x=1", "f()", "!", "~", "*", "$", "$'", "é", "\x7f", "\x7fo",
     "[[ ", " ]]", "&>", "function f ", "${x/", "%", "1"]
)  # fmt: skip


@given(st.lists(TOKENS, max_size=30))
@settings(max_examples=1000, deadline=None)
def test_any_text_parses_or_is_a_fault(tokens: list[str]) -> None:
    parsed = dash.parse("".join(tokens))
    assert parsed.fault is None or parsed.fault.message.startswith("syntax error")
    for command in parsed.commands:
        assert isinstance(unparse.text(command), str)


def test_aliases_count_only_where_they_are_given() -> None:
    plain = dash.parse("ll /tmp").commands[0]
    aliased = dash.parse("ll /tmp", {"ll": "ls -l"}).commands[0]
    again = dash.parse("ll /tmp", {}).commands[0]
    assert unparse.text(plain) == unparse.text(again) == "ll /tmp"
    assert unparse.text(aliased) == "ls -l /tmp"


@pytest.mark.parametrize("name", ["", "a b", "$x", "'", "(", "é", "a;b", "\n", "x" * 5000])
def test_names_that_cannot_be_aliases_do_no_harm(name: str) -> None:
    parsed = dash.parse("echo a", {name: "ls -l", "echo": "printf"})
    assert unparse.text(parsed.commands[0]) == "printf a"


@pytest.mark.parametrize(
    "script",
    ["a b | c && d || e", "for i in 1 2; do a; done", "if a; then b; else c; fi",
     "while a; do b; done", "(a; b) >x", "! a", "x=1 y=${z:-2} cmd $(sub) >out 2>&1"],
)  # fmt: skip
def test_commands_shown_as_text_mean_the_same(script: str) -> None:
    shown = unparse.text(dash.parse(script).commands[0])
    assert unparse.text(dash.parse(shown).commands[0]) == shown


def test_encoding_is_ascii() -> None:
    assert bashisms.encode("echo é").isascii()
    assert bashisms.decode(bashisms.encode("echo é ü \x7f").decode("ascii")) == "echo é ü \x7f"
