"""``unzip``."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING

from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    join,
    program,
    read_file,
    reason,
)
from course_lib.engine.userland.applets.files import exists, make_parents
from course_lib.engine.userland.process import ContainerProcess
from course_lib.engine.userland.shell import patterns

if TYPE_CHECKING:
    import zipfile


@program(
    "lnopqd:j", "[-lnojpq] FILE[.zip] [FILE]... [-d DIR]", "Extract FILEs from ZIP archive", least=1
)
async def unzip(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Unpack a zip archive."""
    import zipfile

    name = words[0] if exists(proc, words[0]) else words[0] + ".zip"
    try:
        data = await read_file(proc, name)
        archive = zipfile.ZipFile(io.BytesIO(data))
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        raise Fail(
            f"can't open {words[0]}[.zip]{'' if missing else f': {reason(error)}'}"
        ) from None
    except zipfile.BadZipFile:
        await proc.out(f"Archive:  {name}\n")
        raise Fail("short read") from None
    if "q" not in options and "p" not in options:
        await proc.out(f"Archive:  {name}\n")
    if "l" in options:
        await proc.out("  Length      Date    Time    Name\n---------  ---------- -----   ----\n")
    listed: list[int] = []
    try:
        await _extract(proc, options, words, archive, listed)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        raise Fail(str(error)) from None
    if "l" in options:
        await proc.out(
            f" --------                     -------\n{sum(listed):>9}{len(listed):>22} files\n"
        )
    return 0


async def _extract(
    proc: ContainerProcess,
    options: Options,
    words: list[str],
    archive: zipfile.ZipFile,
    listed: list[int],
) -> None:
    """Unpack or list what was asked for; ``listed`` gets the sizes."""
    folder = options.get("d", ".")
    for info in archive.infolist():
        if len(words) > 1 and not any(patterns.matches(w, info.filename) for w in words[1:]):
            continue
        if "l" in options:
            year, month, day, hour, minute, _ = info.date_time
            when = f"{month:02}-{day:02}-{year} {hour:02}:{minute:02}"
            await proc.out(f"{info.file_size:>9}  {when}   {info.filename}\n")
            listed.append(info.file_size)
            continue
        if "p" in options:
            await proc.out(archive.read(info))
            continue
        parts = [p for p in info.filename.split("/") if p not in ("", ".")]
        if ".." in parts:
            raise Fail(f"name with '..' encountered: '{info.filename}'")
        target = join(folder, "/".join(parts))
        if info.is_dir():
            make_parents(proc, target, 0o777)
            continue
        if exists(proc, target) and "o" not in options:
            if "n" in options:
                continue
            raise Fail(f"'{target}' exists")
        make_parents(proc, target.rpartition("/")[0] or ".", 0o777)
        if "q" not in options:
            await proc.out(f"  inflating: {target.removeprefix('./')}\n")
        proc.fs.write_bytes(proc.path(target), archive.read(info), 0o644)
