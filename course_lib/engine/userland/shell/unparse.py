"""Commands as text again, for ``jobs``."""

from __future__ import annotations

from course_lib.engine.userland.shell import nodes
from course_lib.engine.userland.shell.nodes import Node, Redirect, Word


def text(node: Node) -> str:
    """One line that shows what a command is."""
    match node:
        case nodes.Command():
            parts = [f"{name}={_word(word)}" for name, word in node.assignments]
            parts += [_word(word) for word in node.words]
            return " ".join(parts) + _redirects(node.redirects)
        case nodes.Pipeline():
            return " | ".join(text(command) for command in node.commands)
        case nodes.Sequence():
            return "; ".join(text(part) for part in node.nodes)
        case nodes.AndOr():
            rest = "".join(f" {sign} {text(part)}" for sign, part in node.rest)
            return text(node.first) + rest
        case nodes.Not():
            return f"! {text(node.body)}"
        case nodes.Timed():
            return f"time {'-p ' if node.posix else ''}{text(node.body)}"
        case nodes.Background():
            return f"{text(node.body)} &"
        case nodes.Subshell():
            return f"({text(node.body)})" + _redirects(node.redirects)
        case nodes.Redirected():
            return text(node.body) + _redirects(node.redirects)
        case nodes.If():
            return f"if {text(node.test)}; then {text(node.then)}{_otherwise(node)}; fi"
        case nodes.While():
            word = "until" if node.until else "while"
            return f"{word} {text(node.test)}; do {text(node.body)}; done"
        case nodes.For():
            words = " ".join(_word(word) for word in node.words)
            return f"for {node.name} in {words}; do {text(node.body)}; done"
        case nodes.Case():
            return f"case {_word(node.word)} in ... esac"
        case nodes.Function():
            return f"{node.name}() {{ {text(node.body)}; }}"


def _otherwise(node: nodes.If) -> str:
    return f"; else {text(node.otherwise)}" if node.otherwise is not None else ""


def _redirects(redirects: tuple[Redirect, ...]) -> str:
    shown = ""
    for redirect in redirects:
        default = 0 if redirect.kind.startswith("<") else 1
        number = "" if redirect.fd == default or redirect.kind == "&>" else str(redirect.fd)
        target = "..." if redirect.kind == "<<" else _word(redirect.target)
        shown += f" {number}{redirect.kind}{target}"
    return shown


def _word(word: Word) -> str:
    shown = ""
    for part in word:
        match part:
            case nodes.Text():
                shown += f'"{part.text}"' if part.quoted else part.text
            case nodes.Parameter():
                shown += _parameter(part)
            case nodes.CommandSubstitution():
                shown += f"$({text(part.body) if part.body else ''})"
            case nodes.Arithmetic():
                shown += f"$(({_word(part.expression)}))"
    return shown


def _parameter(part: nodes.Parameter) -> str:
    inner = _word(part.word)
    match part.operator:
        case "":
            return f"${{{part.name}}}"
        case "length":
            return f"${{#{part.name}}}"
        case "substring":
            return f"${{{part.name}:{inner}}}"
        case "replace":
            return f"${{{part.name}/{inner}}}"
        case _:
            return f"${{{part.name}{':' if part.colon else ''}{part.operator}{inner}}}"
