r"""What BusyBox's ash takes beyond POSIX, written so that dash's parser takes it too.

:func:`encode` rewrites ``${x:0:2}``, ``${x/a/b}``, ``&>``, ``function f`` and the operators
within ``[[ ]]`` into forms of POSIX that carry a mark, and escapes bytes that are not ASCII
(dash uses some of them itself). A mark begins with DEL (0x7f). The rewriting does not look at
quotes; it needs not, because :func:`decode` restores every mark in what turns out to be literal
text.
"""

from __future__ import annotations

import re

from course_lib.engine.userland.shell import bashtext
from course_lib.engine.userland.shell.bashtext import ESCAPE

SUBSTRING = f"{ESCAPE}o"
REPLACE = f"{ESCAPE}r"
BOTH_OUTPUTS = f"{ESCAPE}b"
HERE_STRING = f"{ESCAPE}h"
DESCRIPTOR = f"{ESCAPE}n"
_FUNCTION = "_embedded_function_"

# In [[ ]]: operators of the shell that are ordinary characters there.
_CONDITION = {"&": "A", "|": "O", "<": "L", ">": "G", "(": "P", ")": "Q", ";": "S"}
_CONDITION_BACK = {letter: sign for sign, letter in _CONDITION.items()}

_PARAMETER = r"(\$\{[A-Za-z_][A-Za-z0-9_]*|\$\{[0-9@*]+)"
_SUBSTRING_RE = re.compile(_PARAMETER + r":(?=[^-+=?}:])")
_REPLACE_RE = re.compile(_PARAMETER + r"/")
_BOTH_RE = re.compile(r"&>(?!>)([ \t]*)")
_STRING_RE = re.compile(r"<<<([ \t]*)")
_FUNCTION_RE = re.compile(
    r"(^|[;&|({\n])([ \t]*)"
    r"(function[ \t]+([A-Za-z_][A-Za-z0-9_]*)[ \t]*(?:\([ \t]*\))?)(?=\s*[{(\n])"
)
_DESCRIPTOR_RE = re.compile(r"(?:^|(?<=[\s;&|(){}]))(\d{2,4})(<>|<&|>&|>>|>\||<(?!<)|>)([ \t]*)")
_QUOTED_RE = re.compile(r"\$'(?:[^'\\]|\\.)*'", re.DOTALL)
_ESCAPED_RE = re.compile(r"\\(?:([uUecE]|x(?![0-9a-fA-F]))|.)", re.DOTALL)
_CONDITION_RE = re.compile(r"(?:^|(?<=[\s;&|(!]))\[\[(?=\s)")
_SUSPICIOUS = re.compile(r"[^\x00-\x7e]|\$\{[A-Za-z0-9_@*]+[:/]|&>|<<<|function|\[\[|\d\d[<>]|\$'")

_MARK_RE = re.compile(
    rf"-{ESCAPE}([or])|>&{ESCAPE}b([0-9a-f]*)_|<&{ESCAPE}h([0-9a-f]*)_"
    rf"|>&{ESCAPE}n([0-9a-f]*)_"
    rf"|{ESCAPE}([0-9a-f]{{2}})|{ESCAPE}([A-Z])"
    rf"|{_FUNCTION}([0-9a-f]+)_[A-Za-z0-9_]+\(\)"
)


def _marks_of(bash: bool) -> str:
    """Signs to mark within ``[[ ]]``; in ash all but two mean there what they mean elsewhere."""
    return "&|()<>;" if bash else "&|"


def encode(text: str, bash: bool = False) -> bytes:
    """Script text as dash's parser shall see it: ASCII bytes with marks.

    :param bash: also take what bash has and ash has not: ``<<<``.
    """
    if _SUSPICIOUS.search(text) or (bash and bashtext.SUSPICIOUS.search(text)):
        text = _escape(text)
        text = bashtext.rewrite(text) if bash else _QUOTED_RE.sub(_plain_quoted, text)
        if "[[" in text:
            text = _conditions(text, _marks_of(bash))
        text = _SUBSTRING_RE.sub(rf"\1-{SUBSTRING}", text)
        text = _REPLACE_RE.sub(rf"\1-{REPLACE}", text)
        text = _DESCRIPTOR_RE.sub(lambda m: f">&{DESCRIPTOR}{m[0].encode().hex()}_", text)
        text = _BOTH_RE.sub(lambda m: f">&{BOTH_OUTPUTS}{m[1].encode().hex()}_", text)
        if bash:
            text = _STRING_RE.sub(lambda m: f"<&{HERE_STRING}{m[1].encode().hex()}_", text)
        text = _FUNCTION_RE.sub(_function, text)
    return text.encode("ascii").replace(b"\0", b"")


def decode(text: str) -> str:
    """Literal text of the parser with all marks undone."""
    if ESCAPE not in text and _FUNCTION not in text:
        return text
    data = _MARK_RE.sub(_restore, text)
    # Escaped bytes came one by one as surrogates or Latin-1; put characters together again.
    return data.encode("latin-1").decode("utf-8", "surrogateescape")


def function_name(name: str) -> str:
    """The name that a ``function f`` definition stands for."""
    return name.split("_", 4)[4] if name.startswith(_FUNCTION) else name


def _escape(text: str) -> str:
    data = text.encode("utf-8", "surrogateescape")
    return "".join(chr(b) if b < 0x7F else f"{ESCAPE}{b:02x}" for b in data)


def _function(match: re.Match[str]) -> str:
    raw = match[3].encode().hex()
    return f"{match[1]}{match[2]}{_FUNCTION}{raw}_{match[4]}()"


def _restore(match: re.Match[str]) -> str:
    operator, both, here, descriptor, byte, sign, raw = match.groups()
    if operator:
        return ":" if operator == "o" else "/"
    if byte:
        return chr(int(byte, 16))
    if sign:
        return _CONDITION_BACK.get(sign, match[0])
    if raw or descriptor:
        return bytes.fromhex(raw or descriptor).decode("latin-1")
    operator = "&>" if both is not None else "<<<"
    return operator + bytes.fromhex(both or here or "").decode("latin-1")


def descriptor(mark: str) -> tuple[int, str]:
    """The number and the operator of a redirection like ``10>file``, from its mark."""
    found = _DESCRIPTOR_RE.match(bytes.fromhex(mark).decode("ascii"))
    assert found is not None
    return int(found[1]), found[2]


def _plain_quoted(match: re.Match[str]) -> str:
    r"""``$'…'`` with the escapes that BusyBox does not know (``\u``, ``\e``, ``\c``) as text."""
    return _ESCAPED_RE.sub(lambda m: f"\\\\{m[1]}" if m[1] else m[0], match[0])


def _conditions(text: str, signs: str) -> str:
    """Mark the operators between ``[[`` and ``]]``, outside of quotes and ``$(...)``."""
    done: list[str] = []
    position = 0
    for match in _CONDITION_RE.finditer(text):
        if match.start() < position:
            continue
        end = _condition_end(text, match.end())
        if end is None:
            continue
        done.append(text[position : match.end()])
        done.append(_mark_condition(text[match.end() : end], signs))
        position = end
    done.append(text[position:])
    return "".join(done)


def _condition_end(text: str, start: int) -> int | None:
    match = re.compile(r"\s\]\](?=[\s;&|)]|$)").search(text, start)
    return match.start() if match else None


def _mark_condition(text: str, signs: str) -> str:
    done: list[str] = []
    position = 0
    while position < len(text):
        char = text[position]
        end = position + 1
        if char == "\\":
            end = position + 2
        elif char in "'\"":
            end = _after_quote(text, position)
        elif text.startswith("$(", position):
            end = _after_parenthesis(text, position + 1)
        elif char == "`":
            close = text.find("`", position + 1)
            end = len(text) if close < 0 else close + 1
        elif char in signs:
            done.append(f"{ESCAPE}{_CONDITION[char]}")
            position = end
            continue
        done.append(text[position:end])
        position = end
    return "".join(done)


def _after_quote(text: str, position: int) -> int:
    quote = text[position]
    position += 1
    while position < len(text) and text[position] != quote:
        position += 2 if quote == '"' and text[position] == "\\" else 1
    return min(position + 1, len(text))


def _after_parenthesis(text: str, position: int) -> int:
    depth = 0
    while position < len(text):
        char = text[position]
        if char in "'\"":
            position = _after_quote(text, position)
            continue
        depth += (char == "(") - (char == ")")
        position += 1
        if depth == 0:
            break
    return position
