"""``unzip``."""

from __future__ import annotations

import io

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
        raise Fail(f"can't open {words[0]}[.zip]: {reason(error)}") from None
    except zipfile.BadZipFile:
        raise Fail("invalid zip magic") from None
    if "l" not in options and "q" not in options and "p" not in options:
        await proc.out(f"Archive:  {name}\n")
    folder = options.get("d", ".")
    for info in archive.infolist():
        if len(words) > 1 and not any(patterns.matches(w, info.filename) for w in words[1:]):
            continue
        if "l" in options:
            await proc.out(f"{info.file_size:>9}  {info.filename}\n")
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
    return 0
