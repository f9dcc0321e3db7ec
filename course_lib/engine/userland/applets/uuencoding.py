"""Bytes as text: ``uuencode``, ``uudecode``, ``base32`` and ``base64``."""

from __future__ import annotations

import base64 as base64_module
import binascii
import re

from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    decode,
    integer,
    is_gnu,
    program,
    read_file,
    reason,
)
from course_lib.engine.userland.process import ContainerProcess

_WHOLE = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
"""Base64 up to its end."""


async def _read(proc: ContainerProcess, name: str) -> bytes:
    try:
        return await read_file(proc, name)
    except OSError as error:
        raise Fail(f"{name}: {reason(error)}") from None


async def _out_in_lines(proc: ContainerProcess, text: bytes, options: Options) -> None:
    """Print text in lines of ``-w`` characters; 0 is one line without an end."""
    width = integer(options.get("w", "76"), low=0)
    if not width:
        await proc.out(text)
        return
    lines = [text[n : n + width] for n in range(0, len(text), width)]
    await proc.out(b"".join(line + b"\n" for line in lines))


@program("m", "[-m] [FILE] STORED_FILENAME", "Uuencode FILE (or stdin) to stdout", least=1, most=2)
async def uuencode(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Write a file as text that :func:`uudecode` takes."""
    mode = 0o666 & ~proc.umask
    if len(words) == 2:
        data = await _read(proc, words[0])
        mode = proc.fs.stat(proc.path(words[0])).mode & 0o777
    else:
        data = await _read(proc, "-")
    if "m" in options:
        lines = [base64_module.b64encode(data[n : n + 45]) for n in range(0, len(data), 45)]
        body = b"".join(line + b"\n" for line in lines) + b"====\n"
        head = "begin-base64"
    else:
        chunks = [data[n : n + 45] for n in range(0, len(data), 45)]
        body = b"".join(binascii.b2a_uu(chunk, backtick=True) for chunk in chunks) + b"`\nend\n"
        head = "begin"
    await proc.out(f"{head} {mode:o} {words[-1]}\n")
    await proc.out(body)
    return 0


@program("o:", "[-o OUTFILE] [INFILE]", "Uudecode a file", most=1)
async def uudecode(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Write the file that :func:`uuencode` was given."""
    lines = (await _read(proc, words[0] if words else "-")).splitlines()
    head = re.compile(rb"begin(-base64)? ([0-7]+) (.+)")
    start = next((n for n, line in enumerate(lines) if head.match(line)), None)
    match = None if start is None else head.match(lines[start])
    if start is None or match is None:
        raise Fail("no 'begin' line")
    body = bytearray()
    end = b"====" if match[1] else b"end"
    for line in lines[start + 1 :]:
        if line.strip() == end:
            break
        try:
            body += base64_module.b64decode(line) if match[1] else binascii.a2b_uu(line)
        except binascii.Error:
            raise Fail("line too long" if not match[1] else "truncated base64 input") from None
    else:
        raise Fail("short file")
    name = options.get("o", decode(match[3]).strip())
    if name in ("-", "/dev/stdout"):
        await proc.out(bytes(body))
        return 0
    path = proc.path(name)
    try:
        proc.fs.write_bytes(path, bytes(body), int(match[2], 8) & 0o777)
        proc.fs.chmod(path, int(match[2], 8) & 0o777)
    except OSError as error:
        raise Fail(f"can't open '{name}': {reason(error)}") from None
    return 0


@program(
    "dw:",
    "[-d] [-w COL] [FILE]",
    "Base32 encode or decode FILE to standard output",
    gnu_long={"decode": "d", "wrap=": "w"},
    most=1,
)
async def base32(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Encode or decode base32."""
    data = await _read(proc, words[0] if words else "-")
    if "d" in options:
        try:
            await proc.out(base64_module.b32decode(re.sub(rb"\s", b"", data)))
        except binascii.Error:
            raise Fail("truncated input") from None
        return 0
    await _out_in_lines(proc, base64_module.b32encode(data), options)
    return 0


@program(
    "dw:",
    "[-d] [-w COL] [FILE]",
    "Base64 encode or decode FILE to standard output",
    gnu_long={"decode": "d", "wrap=": "w"},
    most=1,
)
async def base64(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Encode or decode base64."""
    data = await _read(proc, words[0] if words else "-")
    if "d" in options:
        text = re.sub(rb"\s" if is_gnu(proc) else rb"[^A-Za-z0-9+/=]", b"", data)
        whole = _WHOLE.match(text)
        assert whole
        await proc.out(base64_module.b64decode(whole[0]))
        if rest := text[whole.end() :].strip(b"="):
            raise Fail("invalid input" if is_gnu(proc) and len(rest) > 3 else "truncated input")
        return 0
    await _out_in_lines(proc, base64_module.b64encode(data), options)
    return 0
