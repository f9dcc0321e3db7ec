"""``tr``: characters for characters."""

from __future__ import annotations

import re

from course_lib.engine.userland.applets.common import Fail, Options, encode, is_gnu, program
from course_lib.engine.userland.applets.printing import unescape
from course_lib.engine.userland.process import ContainerProcess

_TR_CLASSES = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "blank": "\t ", "digit": "0-9", "lower": "a-z",
    "upper": "A-Z", "space": "\t\n\x0b\x0c\r ", "xdigit": "0-9A-Fa-f",
    "punct": "!-/:-@[-`{-~", "cntrl": "\x00-\x1f\x7f", "print": " -~", "graph": "!-~",
}  # fmt: skip


def _tr_set(text: str, *, gnu: bool) -> bytes:
    """The bytes of a set with ranges, classes and escapes; a range backwards is empty.

    :raises Fail: where GNU's ``tr`` finds such a range wrong.
    """
    out = bytearray()
    position = 0
    while position < len(text):
        named = re.match(r"\[:(\w+):\]|\[=(.)=\]", text[position:])
        if named and (named[2] or named[1] in _TR_CLASSES):
            body = named[2] or _TR_CLASSES[named[1]]
            out += _tr_ranges(body.encode("latin-1")) if named[1] else encode(body)
            position += len(named[0])
            continue
        low, position = _tr_char(text, position, gnu=gnu)
        if text[position : position + 1] == "-" and position + 1 < len(text):
            high, after = _tr_char(text, position + 1, gnu=gnu)
            if len(low) == 1 and len(high) == 1:
                if low > high and gnu:
                    raise Fail("range-endpoints are in reverse order")
                out += bytes(range(low[0], high[0] + 1))
                position = after
                continue
        out += low
    return bytes(out)


def _tr_ranges(body: bytes) -> bytes:
    out = bytearray()
    position = 0
    while position < len(body):
        if body[position + 1 : position + 2] == b"-" and position + 2 < len(body):
            out += bytes(range(body[position], body[position + 2] + 1))
            position += 3
        else:
            out.append(body[position])
            position += 1
    return bytes(out)


def _tr_char(text: str, position: int, *, gnu: bool) -> tuple[bytes, int]:
    if text[position] == "\\" and position + 1 < len(text):
        match = re.match(r"\\([0-7]{1,3}|.)", text[position:], re.DOTALL)
        assert match
        data, _ = unescape(match[0], zero_prefix=False)
        if len(data) == 2 and not gnu:  # no escape at all: a backslash, and then what follows it
            return data[:1], position + 1
        if len(data) == 2:
            data = data[1:]
        return data, position + len(match[0])
    return encode(text[position]), position + 1


@program(
    "cdsC",
    "[-cds] STRING1 [STRING2]",
    "Translate, squeeze, or delete characters from stdin, writing to stdout",
    long={"complement": "c", "delete": "d", "squeeze-repeats": "s"},
    least=1,
    most=2,
    permute=False,
)
async def tr(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Replace, delete or squeeze characters."""
    gnu = is_gnu(proc)
    first = _tr_set(words[0], gnu=gnu)
    second = _tr_set(words[1], gnu=gnu) if len(words) > 1 else b""
    delete, squeeze = "d" in options, "s" in options
    if "c" in options or "C" in options:
        first = bytes(b for b in range(256) if b not in first)
    translate = not delete and len(words) == 2
    table = None
    if translate:
        if not second:
            raise Fail("STRING2 cannot be empty")
        padded = second + second[-1:] * (len(first) - len(second))
        mapping = list(range(256))
        for source, target in zip(first, padded, strict=False):
            mapping[source] = target
        table = bytes(mapping)
    squeezed = set(second if (translate or delete) and second else first) if squeeze else set()
    last = -1
    while chunk := await proc.stdin.read(65536):
        data = chunk.translate(table, first if delete else b"")
        if squeezed:
            out = bytearray()
            for byte in data:
                if byte != last or byte not in squeezed:
                    out.append(byte)
                last = byte
            data = bytes(out)
        await proc.out(data)
    return 0
