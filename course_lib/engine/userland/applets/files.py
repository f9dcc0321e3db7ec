"""Programs that make files, directories and links, and set their times."""

from __future__ import annotations

import errno
import os
import re
import stat

from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    UsageError,
    base_name,
    join,
    program,
    reason,
    size,
)
from course_lib.engine.userland.modes import parse_mode
from course_lib.engine.userland.process import ContainerProcess
from course_lib.engine.userland.timezones import zone_of


@program(
    "pm:v",
    "[-m MODE] [-p] DIRECTORY...",
    "Create DIRECTORY",
    long={"mode=": "m", "parents": "p", "verbose": "v"},
    least=1,
)
async def mkdir(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Create directories."""
    mode = 0o777 & ~proc.umask
    if "m" in options:
        chosen = parse_mode(options["m"], 0o777, is_directory=True, umask=proc.umask)
        if chosen is None:
            raise Fail(f"invalid mode '{options['m']}'")
        mode = chosen
    status = 0
    for name in words:
        made = [name]
        try:
            if not name:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            if "p" in options:
                made = make_parents(proc, name, mode)
            else:
                proc.fs.mkdir(proc.path(name), mode)
                if mode & 0o7000:
                    proc.fs.chmod(proc.path(name), mode)
        except OSError as error:
            wrong = error.filename if "p" in options and error.filename else name
            await proc.err(f"mkdir: can't create directory '{wrong}': {reason(error)}\n")
            status = 1
            continue
        if "v" in options:
            await proc.out("".join(f"created directory: '{path}'\n" for path in made))
    return status


def make_parents(proc: ContainerProcess, name: str, mode: int) -> list[str]:
    """``mkdir -p``: what is there already is no error if it is a directory. Tells what was made.

    An ``OSError`` names what could not be made, as BusyBox does: ``a/`` of ``a/b``.
    """
    parts = name.rstrip("/").split("/")
    made = []
    for number in range(1, len(parts) + 1):
        partial = "/".join(parts[:number]) or "/"
        last = number == len(parts)
        shown = partial if last else f"{partial}/"
        try:
            proc.fs.mkdir(proc.path(partial), mode if last else 0o777 & ~proc.umask)
            made.append(shown)
        except OSError as error:
            if error.errno == errno.EEXIST and is_directory(proc, partial):
                continue
            wrong = errno.ENOTDIR if error.errno == errno.EEXIST and not last else error.errno or 0
            raise OSError(wrong, os.strerror(wrong), shown) from None
    return made


async def ask(proc: ContainerProcess, question: str) -> bool:
    """Ask on standard error; yes is an answer that begins with y."""
    await proc.err(question)
    answer = b""
    while byte := await proc.stdin.read(1):
        answer += byte
        if byte == b"\n":
            break
    return answer[:1] in (b"y", b"Y")


@program(
    "sfnbtvS:T",
    "[-sfnbtv] [-S SUF] TARGET... LINK|DIR",
    "Create a link LINK or DIR/TARGET to the specified TARGET(s)",
    least=1,
)
async def ln(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Make links."""
    target = words[-1] if len(words) > 1 else "."
    sources = words[:-1] if len(words) > 1 else words
    fs = proc.fs
    into = is_directory(proc, target, follow="n" not in options)
    if into and "T" in options:
        raise Fail(f"'{target}' is a directory")
    if len(sources) > 1 and not into:
        raise Fail(f"target '{target}' is not a directory")
    status = 0
    for source in sources:
        name = join(target, base_name(source)) if into else target
        if len(words) == 1:
            name = base_name(source)
        path = proc.path(name)
        try:
            if ("b" in options or "S" in options) and exists(proc, name):
                fs.rename(path, path + options.get("S", "~"))
            if "f" in options and exists(proc, name):
                fs.unlink(path)
            if "s" in options:
                fs.symlink(source, path)
            else:
                if not exists(proc, source):
                    name = source  # BusyBox looks at it first, and names it
                fs.link(proc.path(source), path)
        except OSError as error:
            await proc.err(f"ln: {name}: {reason(error)}\n")
            status = 1
            continue
        if "v" in options:
            await proc.out(f"'{name}' -> '{source}'\n")
    return status


@program("", "FILE LINK", "Create hard LINK to FILE", least=2, most=2)
async def link(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Make a hard link."""
    try:
        proc.fs.link(proc.path(words[0]), proc.path(words[1]))
    except OSError as error:
        raise Fail(f"can't create link '{words[1]}' to '{words[0]}': {reason(error)}") from None
    return 0


@program(
    "cr:d:t:ahm",
    "[-cham] [-d DATE] [-t DATE] [-r FILE] FILE...",
    "Update mtime of FILEs",
    long={"no-create": "c", "reference=": "r", "date=": "d", "no-dereference": "h"},
    least=1,
)
async def touch(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Set the time of files, making those that are missing."""
    now = proc.machine.clock.time_ns()
    when = now
    if "r" in options:
        try:
            when = proc.fs.stat(proc.path(options["r"])).mtime_ns
        except OSError as error:
            raise Fail(f"can't stat '{options['r']}': {reason(error)}") from None
    elif "d" in options or "t" in options:
        from course_lib.engine.userland.applets.dates import parse_date

        when = parse_date(
            options.get("d", options.get("t", "")),
            now,
            zone=zone_of(proc),
            rest_is_now="d" in options,
        )
    follow = "h" not in options
    status = 0
    for name in words:
        path = proc.path(name)
        try:
            if not exists(proc, name):
                if "c" in options:
                    continue
                proc.fs.open(path, os.O_WRONLY | os.O_CREAT, 0o666 & ~proc.umask).close()
            proc.fs.utime(path, when, when, follow=follow)
        except OSError as error:
            await proc.err(f"touch: {name}: {reason(error)}\n")
            status = 1
    return status


def exists(proc: ContainerProcess, name: str) -> bool:
    """Whether there is something of that name, be it a dangling link."""
    try:
        proc.fs.stat(proc.path(name), follow=False)
    except OSError:
        return False
    return True


def is_directory(proc: ContainerProcess, name: str, *, follow: bool = True) -> bool:
    """Whether the name leads to a directory."""
    try:
        return stat.S_ISDIR(proc.fs.stat(proc.path(name), follow=follow).mode)
    except OSError:
        return False


@program("cs:", "[-c] -s SIZE FILE...", "Truncate FILEs to SIZE", long={"size=": "s"}, least=1)
async def truncate(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Cut or extend files."""
    if "s" not in options:
        raise UsageError
    wanted = options["s"]
    status = 0
    for name in words:
        flags = os.O_WRONLY | (0 if "c" in options else os.O_CREAT)
        try:
            file = proc.fs.open(proc.path(name), flags, 0o666 & ~proc.umask)
        except FileNotFoundError:
            continue
        except OSError as error:
            await proc.err(f"truncate: {name}: {reason(error)}\n")
            status = 1
            continue
        length = size(wanted)
        try:
            file.truncate(length)
        except OSError as error:
            await proc.err(f"truncate: {name}: {reason(error)}\n")
            status = 1
        finally:
            file.close()
    return status


@program(
    "qdtp:uV",
    "[-dt] [-p DIR] [TEMPLATE]",
    "Create a temporary file with name based on TEMPLATE and print its name",
    most=1,
)
async def mktemp(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Make a file or directory with a new name."""
    folder = options.get("p", proc.env.get("TMPDIR", "/tmp"))
    template = words[0] if words else "tmp.XXXXXX"
    if not words or "t" in options or "p" in options:
        template = join(folder, template)
    if not template.endswith("XXXXXX"):
        if "q" in options:
            return 1
        raise Fail(": Invalid argument")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    random = proc.machine.ids.random
    for _ in range(100):
        match = re.search("X+$", template)
        assert match
        name = template[: match.start()] + "".join(random.choices(letters, k=len(match[0])))
        try:
            if "u" in options:
                if exists(proc, name):
                    continue
            elif "d" in options:
                proc.fs.mkdir(proc.path(name), 0o700)
            else:
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
                proc.fs.open(proc.path(name), flags, 0o600).close()
        except FileExistsError:
            continue
        except OSError as error:
            if "q" in options:
                return 1
            raise Fail(f": {reason(error)}") from None
        await proc.out(name + "\n")
        return 0
    raise Fail("File exists")


@program("m:", "[-m MODE] NAME", "Create named pipe", least=1)
async def mkfifo(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Make named pipes."""
    mode = parse_mode(options.get("m", "666"), 0o666, is_directory=False, umask=0)
    status = 0
    for name in words:
        try:
            proc.fs.mkfifo(proc.path(name), (mode or 0o666) & ~proc.umask)
        except OSError as error:
            await proc.err(f"mkfifo: {name}: {reason(error)}\n")
            status = 1
    return status


@program("m:", "[-m MODE] NAME TYPE", "Create a special file: p for a named pipe", least=2)
async def mknod(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Make named pipes; a container may not make devices."""
    name, kind, *_ = words
    mode = parse_mode(options.get("m", "666"), 0o666, is_directory=False, umask=0)
    try:
        if kind != "p":
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        proc.fs.mkfifo(proc.path(name), (mode or 0o666) & ~proc.umask)
    except OSError as error:
        raise Fail(f"{name}: {reason(error)}") from None
    return 0


@program("d", "[-d] FILE...", "Write all buffered blocks of FILEs to disk", least=1)
async def fsync(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Nothing is buffered here; only a file that is not there is an error."""
    for name in words:
        try:
            proc.fs.open(proc.path(name), os.O_RDONLY).close()
        except OSError as error:
            raise Fail(f"can't open '{name}': {reason(error)}") from None
    return 0


@program("", "[FILE]...", "Write all buffered blocks to disk")
async def sync(_proc: ContainerProcess, _options: Options, _words: list[str]) -> int:
    """Nothing is buffered here, so there is nothing to wait for."""
    return 0
