"""``echo`` and ``printf``, as programs and for the shell's builtins."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from course_lib.engine.interfaces import Process

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIMPLE = {
    "a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, "e": 27,
    '"': 34, "'": 39,
}  # fmt: skip
_DIRECTIVE = re.compile(r"%([-+ 0#]*)(\*|\d+)?(?:\.(\*|\d*))?([hlLz]*)(.?)", re.DOTALL)


def encode(text: str) -> bytes:
    """Text of arguments as the bytes it came from."""
    return text.encode("utf-8", "surrogateescape")


def unescape(text: str, *, zero_prefix: bool) -> tuple[bytes, bool]:
    r"""Escapes replaced, and whether a ``\c`` ended the output.

    :param zero_prefix: octal numbers are ``\0nnn`` (``echo -e``, ``%b``) as well as ``\nnn``.
    """
    out = bytearray()
    position = 0
    while position < len(text):
        char = text[position]
        position += 1
        if char != "\\" or position == len(text):
            out += encode(char)
            continue
        char = text[position]
        position += 1
        if char == "c":
            return bytes(out), True
        if char in _SIMPLE and not (char in "\"'" and zero_prefix):
            out.append(_SIMPLE[char])
        elif char in "01234567":
            most = 4 if zero_prefix and char == "0" else 3
            digits = re.match(f"[0-7]{{1,{most}}}", text[position - 1 :])
            assert digits
            position += len(digits[0]) - 1
            out.append(int(digits[0], 8) & 0xFF)
        elif char == "x" and (digits := re.match("[0-9A-Fa-f]{1,2}", text[position:])):
            position += len(digits[0])
            out.append(int(digits[0], 16))
        else:
            out += encode("\\" + char)
    return bytes(out), False


def echo_text(words: list[str]) -> bytes:
    """What BusyBox's echo prints for these arguments."""
    newline, escapes = True, False
    words = list(words)
    while words and re.fullmatch("-[neE]+", words[0]):
        for letter in words.pop(0)[1:]:
            if letter == "n":
                newline = False
            else:
                escapes = letter == "e"
    text = " ".join(words)
    if not escapes:
        return encode(text) + (b"\n" if newline else b"")
    data, stopped = unescape(text, zero_prefix=True)
    return data + (b"\n" if newline and not stopped else b"")


async def echo(proc: Process) -> int:
    """Print the arguments."""
    await proc.out(echo_text(proc.argv[1:]))
    return 0


async def printf(proc: Process) -> int:
    """Print formatted."""
    return await run_printf(proc, proc.argv[1:], "printf")


async def run_printf(proc: Process, words: list[str], name: str) -> int:
    """``printf``: the format is used again until the arguments are used up."""
    if words[:1] == ["--"]:
        words = words[1:]
    if not words:
        await proc.err("BusyBox v1.36.1 () multi-call binary.\n\nUsage: printf FORMAT [ARG]...\n")
        return 1
    run = _Format(words[0], words[1:])
    for piece in run.output():
        await proc.out(piece)
        for message in run.errors:
            await proc.err(f"{name}: {message}\n")
        run.errors.clear()
    for message in run.errors:
        await proc.err(f"{name}: {message}\n")
    return run.status


def formatted(
    template: str, arguments: list[str], *, quoting: bool = False
) -> tuple[bytes, list[str], int]:
    """What ``printf`` prints, what it complains of, and its exit code.

    :param quoting: there is bash's ``%q``.
    """
    run = _Format(template, arguments, quoting=quoting)
    return b"".join(run.output()), run.errors, run.status


def quoted(text: str) -> str:
    """A text as the shell would read it again, with backslashes (bash's ``%q``)."""
    if not text:
        return "''"
    return re.sub(r"[^\w%+,./:=@^-]", r"\\\g<0>", text)


class _Format:
    """One run over a format and its arguments."""

    def __init__(self, template: str, arguments: list[str], *, quoting: bool = False) -> None:
        self._template = template
        self._quoting = quoting
        self._arguments = arguments
        self._used = 0
        self.errors: list[str] = []
        self.status = 0
        self.ended = False

    def output(self) -> Iterator[bytes]:
        while True:
            before = self._used
            for piece in self._once():
                if piece is None:
                    return
                yield piece
                if self.ended:
                    return
            if self._used >= len(self._arguments) or self._used == before:
                return

    def _once(self) -> Iterator[bytes | None]:
        position = 0
        template = self._template
        while position < len(template):
            percent = template.find("%", position)
            if percent < 0:
                percent = len(template)
            if percent > position:
                data, stopped = unescape(template[position:percent], zero_prefix=False)
                yield data
                if stopped:
                    yield None
                position = percent
                continue
            if template.startswith("%%", position):
                yield b"%"
                position += 2
                continue
            if self._quoting and template.startswith("%q", position):
                yield encode(quoted(self._next() or ""))
                position += 2
                continue
            match = _DIRECTIVE.match(template, position)
            assert match
            position = match.end()
            data_or_end = self._convert(match)
            if data_or_end is None:
                yield None
                return
            yield data_or_end

    def _next(self) -> str | None:
        self._used += 1
        index = self._used - 1
        return self._arguments[index] if index < len(self._arguments) else None

    def _convert(self, match: re.Match[str]) -> bytes | None:
        flags, width, precision, sizes, kind = match.groups()
        padded_bytes = kind == "b" and len(match[0]) > 2
        if kind not in "diouxXfeEgGcsb" or not kind or padded_bytes:
            # BusyBox cuts the size of the type (``l``, ``z`` …) out of the format.
            shown = match[0].replace(f"{sizes}{kind}", kind) + self._template[match.end() :]
            self.errors.append(f"{shown}: invalid format")
            self.status = 1
            return None
        if width == "*":
            number = self._number(self._next() or "0")
            flags += "-" if number < 0 else ""
            width = str(abs(number))
        if precision == "*":
            number = self._number(self._next() or "0")
            precision = str(number) if number >= 0 else None
        argument = self._next()
        if kind == "c":
            text = encode(argument or "")[:1]
            return _pad(text, flags, width)
        if kind == "s":
            text = encode(argument or "")
            if precision is not None:
                text = text[: int(precision or 0)]
            return _pad(text, flags, width)
        if kind == "b":
            text, stopped = unescape(argument or "", zero_prefix=True)
            if stopped:
                self.ended = True
            return text
        return self._numeric(kind, flags, width, precision, argument)

    def _numeric(
        self, kind: str, flags: str, width: str | None, precision: str | None, argument: str | None
    ) -> bytes:
        form = f"%{flags}{width or ''}{'' if precision is None else '.' + precision}"
        if kind in "feEgG":
            return (form + kind).encode() % self._float(argument or "")
        number = self._number(argument or "", 64 if kind in "ouxX" else 63)
        if kind in "ouxX" and number < 0:
            number += 1 << 64
        if "#" in flags and kind == "o":
            digits = f"0{number:o}"
            return _pad(digits.encode(), flags, width)
        return (form + ("d" if kind in "iu" else kind)).encode() % number

    def _number(self, text: str, bits: int = 63) -> int:
        stripped = text.strip()
        if stripped[:1] in ("'", '"'):
            return ord(stripped[1]) if len(stripped) > 1 else 0
        sign = -1 if stripped.startswith("-") else 1
        digits = stripped.lstrip("+-")
        base = 16 if digits[:2].lower() == "0x" else 8 if digits[:1] == "0" else 10
        try:
            number = sign * int(digits, base)
            if -(1 << 63) <= number < 1 << bits:
                return number
            raise ValueError
        except ValueError:
            self.errors.append(f"invalid number '{text}'")
            self.status = 1
            return 0

    def _float(self, text: str) -> float:
        try:
            return float(text)
        except ValueError:
            self.errors.append(f"invalid number '{text}'")
            self.status = 1
            return 0.0


def _pad(text: bytes, flags: str, width: str | None) -> bytes:
    size = int(width or 0)
    return text.ljust(size) if "-" in flags else text.rjust(size)
