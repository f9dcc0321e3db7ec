"""Bytes shown as numbers: ``od``, ``hexdump``, ``xxd``; and compared: ``cmp``."""

from __future__ import annotations

import re

from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    decode,
    integer,
    program,
    read_file,
    reason,
    size,
    text_lines,
)
from course_lib.engine.userland.applets.hexdump_format import dump
from course_lib.engine.userland.process import ContainerProcess


@program(
    "A:abcdDeFhiIlLoOsxXvN:j:t:w:",
    "[-abcdfhilovxs] [-t TYPE] [-A RADIX] [-N SIZE] [-j SKIP] [-w[BYTES]] [FILE]...",
    "Print FILEs (or stdin) unambiguously, as octal bytes by default",
)
async def od(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print bytes as numbers."""
    data = await _joined(proc, words)
    skip = integer(options.get("j", "0"))
    data = data[skip:]
    if "N" in options:
        data = data[: integer(options["N"])]
    kinds: list[str] = []
    for letter, value in options.in_order():
        if letter == "t":
            if wrong := re.sub(r"[acdoux](?:\d+|[CSIL])?", "", value):
                raise Fail(f"invalid character '{wrong[0]}' in type string '{value}'")
            kinds += re.findall(r"[acdoux](?:\d+|[CSIL])?", value)
        elif letter in _OD_KINDS:
            kinds.append(_OD_KINDS[letter])
        elif letter in "eFfS":
            raise Fail(f"-{letter} is not supported by the embedded engine")
    radix = options.get("A", "o")
    form = {"o": "%07o", "d": "%07d", "x": "%06x", "n": ""}.get(radix, "%07o")
    width = integer(options.get("w", "16"), low=1)
    previous = None
    starred = False
    for start in range(0, len(data), width):
        row = data[start : start + width]
        if row == previous and "v" not in options and len(row) == width:
            if not starred:
                await proc.out("*\n")
            starred = True
            continue
        previous, starred = row, False
        for number, kind in enumerate(kinds or ["o2"]):
            label = form % (start + skip) if form and number == 0 else " " * (7 if form else 0)
            await proc.out(label + _od_row(row, kind) + "\n")
    if form:
        await proc.out(form % (len(data) + skip) + "\n")
    return 0


async def _joined(proc: ContainerProcess, words: list[str]) -> bytes:
    parts = []
    for word in words or ["-"]:
        try:
            parts.append(await read_file(proc, word))
        except OSError as error:
            raise Fail(f"{word}: {reason(error)}") from None
    return b"".join(parts)


_OD_KINDS = {
    "a": "a", "b": "o1", "c": "c", "d": "u2", "D": "u4", "h": "x2", "i": "d4", "I": "d8",
    "l": "d8", "L": "d8", "o": "o2", "O": "o4", "s": "d2", "x": "x2", "X": "x4",
}  # fmt: skip
_OD_NAMES = (
    "nul soh stx etx eot enq ack bel bs ht nl vt ff cr so si "
    "dle dc1 dc2 dc3 dc4 nak syn etb can em sub esc fs gs rs us sp"
).split()
_OD_ESCAPES = {0: "\\0", 7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}


def _od_row(row: bytes, kind: str) -> str:
    if kind[0] == "a":
        named = [*_OD_NAMES, *map(chr, range(33, 127)), "del"]
        return "".join(f"{named[b & 0x7F]:>4}" for b in row)
    if kind[0] == "c":
        cells = [_OD_ESCAPES.get(b) or (chr(b) if 32 <= b < 127 else f"{b:03o}") for b in row]
        return "".join(f"{cell:>4}" for cell in cells)
    size_text = kind[1:] or "4"
    size = {"C": 1, "S": 2, "I": 4, "L": 8}.get(size_text) or int(size_text)
    digits = {
        "o": {1: 3, 2: 6, 4: 11, 8: 22}, "x": {1: 2, 2: 4, 4: 8, 8: 16},
        "u": {1: 3, 2: 5, 4: 10, 8: 20}, "d": {1: 4, 2: 6, 4: 11, 8: 20},
    }[kind[0]].get(size, 11)  # fmt: skip
    text = ""
    for start in range(0, len(row), size):
        piece = row[start : start + size].ljust(size, b"\0")
        value = int.from_bytes(piece, "little", signed=kind[0] == "d")
        if kind[0] in "ox":
            text += f" {value:0{digits}{kind[0]}}"
        else:
            text += f" {value:>{digits}}"
    return text


@program(
    "bcdoxCn:s:ve:f:",
    "[-bcdoxCv] [-n LEN] [-s OFS] [FILE]...",
    "Display FILEs (or stdin) in a user specified format",
)
async def hexdump(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print bytes in hexadecimal."""
    formats = options.all("e")
    for name in options.all("f"):
        formats += [line for line in text_lines(await read_file(proc, name)) if line.strip()]
    data = await _joined(proc, words)
    skip = integer(options.get("s", "0"))
    data = data[skip:]
    if "n" in options:
        data = data[: integer(options["n"])]
    if formats:
        await proc.out(dump(data, formats, skip, every="v" in options))
        return 0
    canonical = "C" in options or proc.argv[0].endswith("hd")
    previous = None
    starred = False
    for start in range(0, len(data), 16):
        row = data[start : start + 16]
        if row == previous and "v" not in options and len(row) == 16:
            if not starred:
                await proc.out("*\n")
            starred = True
            continue
        previous, starred = row, False
        if canonical:
            cells = [f"{b:02x}" for b in row] + ["  "] * (16 - len(row))
            text = "".join(chr(b) if 32 <= b < 127 else "." for b in row)
            left, right = " ".join(cells[:8]), " ".join(cells[8:])
            await proc.out(f"{start + skip:08x}  {left}  {right}  |{text}|\n")
        else:
            shown = _hexdump_row(row, options)
            full = len(_hexdump_row(bytes(16), options))
            await proc.out(f"{start + skip:07x}{shown:<{full}}\n")
    if data:
        await proc.out(f"{len(data) + skip:0{8 if canonical else 7}x}\n")
    return 0


def _hexdump_row(row: bytes, options: Options) -> str:
    if "b" in options:
        return "".join(f" {b:03o}" for b in row)
    if "c" in options:
        return "".join(
            f"{_OD_ESCAPES.get(b) or (chr(b) if 32 <= b < 127 else f'{b:03o}'):>4}" for b in row
        )
    values = [
        int.from_bytes(row[n : n + 2].ljust(2, b"\0"), "little") for n in range(0, len(row), 2)
    ]
    if "d" in options:
        return "".join(f"   {v:05d}" for v in values)
    if "o" in options:
        return "".join(f"  {v:06o}" for v in values)
    if "x" in options:
        return "".join(f"    {v:04x}" for v in values)
    return "".join(f" {v:04x}" for v in values)


@program(
    "pg:c:s:l:riaeo:",
    "[-pri] [-g N] [-c N] [-l LEN] [-s OFS] [FILE]",
    "Hex dump FILE (or stdin)",
    most=1,
)
async def xxd(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print bytes in hexadecimal, or make bytes of such a print."""
    data = await _joined(proc, words)
    if "r" in options:
        await proc.out(_xxd_reverse(decode(data), plain="p" in options))
        return 0
    skip = integer(options.get("s", "0"))
    data = data[skip:]
    if "l" in options:
        data = data[: integer(options["l"])]
    if "i" in options:
        await proc.out(_xxd_include(data, words))
        return 0
    if "p" in options:
        columns = integer(options.get("c", "30"), low=1)
        rows = [data[n : n + columns].hex() for n in range(0, len(data), columns)]
        await proc.out("".join(f"{line}\n" for line in rows))
        return 0
    columns = integer(options.get("c", "16"), low=1)
    group = integer(options.get("g", "2"), low=0) or columns
    for start in range(0, len(data), columns):
        row = data[start : start + columns]
        cells = [row[n : n + group].hex() for n in range(0, len(row), group)]
        width = columns * 2 + -(-columns // group) - 1
        text = "".join(chr(b) if 32 <= b < 127 else "." for b in row)
        await proc.out(f"{start + skip:08x}: {' '.join(cells):<{width}}  {text}\n")
    return 0


def _xxd_include(data: bytes, words: list[str]) -> str:
    """An array for C, with its length where a file was named."""
    rows = [", ".join(f"0x{b:02x}" for b in data[n : n + 12]) for n in range(0, len(data), 12)]
    body = "".join(f"  {row},\n" for row in rows)
    if not words:
        return body
    name = re.sub(r"\W", "_", words[0], flags=re.ASCII)
    return f"unsigned char {name}[] = {{\n{body}}};\nunsigned int {name}_len = {len(data)};\n"


def _xxd_reverse(text: str, *, plain: bool) -> bytes:
    out = bytearray()
    for line in text.splitlines():
        body = line if plain else line.partition(":")[2].lstrip(" ").partition("  ")[0]
        digits = re.sub(r"[^0-9a-fA-F]", "", body)
        out += bytes.fromhex(digits[: len(digits) & ~1])
    return bytes(out)


@program(
    "lsn:i:",
    "[-ls] [-n LEN] FILE1 [FILE2]",
    "Compare FILE1 with FILE2 (or stdin)",
    least=1,
    most=4,
)
async def cmp(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Find the first difference of two files."""
    names = [words[0], words[1] if len(words) > 1 else "-"]
    skips = [*words[2:], "0", "0"][:2]
    contents = []
    for name in names:
        try:
            contents.append(await read_file(proc, name))
        except OSError as error:
            if "s" in options:
                return 2
            raise Fail(f"{name}: {reason(error)}", 2) from None
    left, right = (content[size(skip) :] for content, skip in zip(contents, skips, strict=True))
    if "n" in options:
        left, right = left[: integer(options["n"])], right[: integer(options["n"])]
    if left == right:
        return 0
    silent, every = "s" in options, "l" in options
    common = min(len(left), len(right))
    for position in range(common):
        if left[position] == right[position]:
            continue
        if silent:
            return 1
        if not every:
            line = left.count(b"\n", 0, position) + 1
            await proc.out(f"{names[0]} {names[1]} differ: char {position + 1}, line {line}\n")
            return 1
        await proc.out(f"{position + 1} {left[position]:3o} {right[position]:3o}\n")
    if len(left) != len(right) and not silent:
        shorter = names[0] if len(left) < len(right) else names[1]
        await proc.err(f"cmp: EOF on {shorter}\n")
    return 1
