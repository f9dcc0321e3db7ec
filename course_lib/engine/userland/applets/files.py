"""Programs that make, remove and print files."""

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
    open_input,
    program,
    read_file,
    reason,
    size,
)
from course_lib.engine.userland.modes import parse_mode
from course_lib.engine.userland.process import ContainerProcess


@program("nbvteAu", "[-nbvteA] [FILE]...", "Print FILEs to stdout")
async def cat(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print files."""
    status = 0
    marks = _CatMarks(options)
    for name in words or ["-"]:
        try:
            file = open_input(proc, name)
            try:
                if marks.any:
                    await proc.out(marks.apply(await _all(proc, name)))
                else:
                    while chunk := await file.read(1 << 17):
                        await proc.out(chunk)
            finally:
                file.close()
        except BrokenPipeError:
            raise
        except OSError as error:
            verb = "read error" if error.errno == errno.EISDIR else f"can't open '{name}'"
            await proc.err(f"cat: {verb}: {reason(error)}\n")
            status = 1
    return status


async def _all(proc: ContainerProcess, name: str) -> bytes:
    return await read_file(proc, name)


class _CatMarks:
    """Line numbers and visible control characters; numbering goes on over files."""

    def __init__(self, options: Options) -> None:
        everything = "A" in options
        self._ends = everything or "e" in options
        self._tabs = everything or "t" in options
        self._controls = everything or any(c in options for c in "vet")
        self._number = "n" in options or "b" in options
        self._skip_blank = "b" in options
        self._line = 0
        self.any = self._number or self._controls

    def apply(self, data: bytes) -> bytes:
        out = bytearray()
        for line in data.splitlines(keepends=True):
            body = line.removesuffix(b"\n")
            if self._number and not (self._skip_blank and not body):
                self._line += 1
                out += b"%6d\t" % self._line
            out += self._visible(body) if self._controls else body
            if line.endswith(b"\n"):
                out += b"$\n" if self._ends else b"\n"
        return bytes(out)

    def _visible(self, body: bytes) -> bytes:
        out = bytearray()
        for byte in body:
            value = byte
            if value >= 128:
                out += b"M-"
                value -= 128
            if value == 9 and not self._tabs and byte < 128:
                out.append(9)
            elif value < 32:
                out += bytes((94, value + 64))
            elif value == 127:
                out += b"^?"
            else:
                out.append(value)
        return bytes(out)


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
        try:
            if "p" in options:
                make_parents(proc, name, mode)
            else:
                proc.fs.mkdir(proc.path(name), mode)
                if mode & 0o7000:
                    proc.fs.chmod(proc.path(name), mode)
        except OSError as error:
            await proc.err(f"mkdir: can't create directory '{name}': {reason(error)}\n")
            status = 1
            continue
        if "v" in options:
            await proc.out(f"created directory: '{name}'\n")
    return status


def make_parents(proc: ContainerProcess, name: str, mode: int) -> None:
    """``mkdir -p``: what is there already is no error if it is a directory."""
    parts = name.rstrip("/").split("/")
    for number in range(1, len(parts) + 1):
        partial = "/".join(parts[:number]) or "/"
        last = number == len(parts)
        try:
            proc.fs.mkdir(proc.path(partial), mode if last else 0o777 & ~proc.umask)
        except FileExistsError:
            if not stat.S_ISDIR(proc.fs.stat(proc.path(partial)).mode):
                raise


@program(
    "p",
    "[-p] DIRECTORY...",
    "Remove DIRECTORY if it is empty",
    long={"parents": "p", "ignore-fail-on-non-empty": "I"},
    least=1,
)
async def rmdir(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Remove empty directories."""
    status = 0
    for name in words:
        path = name
        while True:
            try:
                proc.fs.rmdir(proc.path(path))
            except OSError as error:
                if not ("I" in options and error.errno == errno.ENOTEMPTY):
                    await proc.err(f"rmdir: '{name}': {reason(error)}\n")
                    status = 1
                break
            path = path.rstrip("/").rpartition("/")[0]
            if "p" not in options or not path:
                break
    return status


@program(
    "firR",
    "[-irf] FILE...",
    "Remove (unlink) FILEs",
    long={"force": "f", "recursive": "r", "interactive": "i"},
)
async def rm(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Remove files and trees."""
    force = "f" in options
    if not words:
        if force:
            return 0
        raise UsageError
    remover = Remover(proc, force, "r" in options or "R" in options, "i" in options)
    for name in words:
        await remover.remove(name, top=True)
    return remover.status


class Remover:
    """Removes files and, where asked to, whole trees.

    :ivar status: exit code so far.
    """

    def __init__(
        self, proc: ContainerProcess, force: bool, recursive: bool, interactive: bool
    ) -> None:
        self._proc = proc
        self._force = force
        self._recursive = recursive
        self._interactive = interactive and not force
        self.status = 0

    async def remove(self, name: str, *, top: bool = False) -> None:
        proc = self._proc
        await proc.tick()
        if top and base_name(name) in (".", ".."):
            await self._failed("can't remove '.' or '..'")
            return
        try:
            found = proc.fs.stat(proc.path(name), follow=False)
        except OSError as error:
            if not (self._force and error.errno in (errno.ENOENT, errno.ENOTDIR)):
                await self._failed(f"can't remove '{name}': {reason(error)}")
            return
        if stat.S_ISDIR(found.mode):
            await self._directory(name)
            return
        if self._interactive and not await ask(proc, f"rm: remove '{name}'? "):
            return
        try:
            proc.fs.unlink(proc.path(name))
        except OSError as error:
            await self._failed(f"can't remove '{name}': {reason(error)}")

    async def _directory(self, name: str) -> None:
        proc = self._proc
        if not self._recursive:
            await self._failed(f"'{name}' is a directory")
            return
        if self._interactive and not await ask(proc, f"rm: descend into directory '{name}'? "):
            return
        try:
            for child in proc.fs.listdir(proc.path(name)):
                await self.remove(join(name, child))
            if self._interactive and not await ask(proc, f"rm: remove directory '{name}'? "):
                return
            proc.fs.rmdir(proc.path(name))
        except OSError as error:
            await self._failed(f"can't remove '{name}': {reason(error)}")

    async def _failed(self, message: str) -> None:
        await self._proc.err(f"rm: {message}\n")
        self.status = 1


async def ask(proc: ContainerProcess, question: str) -> bool:
    """Ask on standard error; yes is an answer that begins with y."""
    await proc.err(question)
    answer = b""
    while byte := await proc.stdin.read(1):
        answer += byte
        if byte == b"\n":
            break
    return answer[:1] in (b"y", b"Y")


@program("", "FILE", "Delete FILE by calling unlink()", least=1, most=1)
async def unlink(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Remove one file."""
    try:
        proc.fs.unlink(proc.path(words[0]))
    except OSError as error:
        raise Fail(f"can't remove file '{words[0]}': {reason(error)}") from None
    return 0


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
    into = is_directory(proc, target, follow="n" not in options) and "T" not in options
    if len(sources) > 1 and not into:
        raise Fail(f"target '{target}' is not a directory")
    status = 0
    for source in sources:
        name = join(target, base_name(source)) if into else target
        path = proc.path(name)
        try:
            if "f" in options and exists(proc, name):
                fs.unlink(path)
            if "s" in options:
                fs.symlink(source, path)
            else:
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
            raise Fail(f"{options['r']}: {reason(error)}") from None
    elif "d" in options or "t" in options:
        from course_lib.engine.userland.applets.dates import parse_date

        when = parse_date(options.get("d", options.get("t", "")), now)
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
        length = size(wanted.lstrip("+-"))
        if wanted[:1] in "+-":
            length = max(0, file.stat().size + (length if wanted[0] == "+" else -length))
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
        raise Fail("(null): Invalid argument")
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
            raise Fail(reason(error)) from None
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


@program("", "[FILE]...", "Write all buffered blocks to disk")
async def sync(_proc: ContainerProcess, _options: Options, _words: list[str]) -> int:
    """Nothing is buffered here, so there is nothing to wait for."""
    return 0


@program(
    "ai",
    "[-ai] [FILE]...",
    "Copy stdin to each FILE, and also to stdout",
    long={"append": "a", "ignore-interrupts": "i"},
)
async def tee(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Copy standard input to files and to standard output."""
    status = 0
    mode = os.O_APPEND if "a" in options else os.O_TRUNC
    outputs = []
    if "i" in options:
        proc.on_signal(2, "ignore")
    for name in words:
        try:
            flags = os.O_WRONLY | os.O_CREAT | mode
            outputs.append(proc.fs.open(proc.path(name), flags, 0o666 & ~proc.umask))
        except OSError as error:
            await proc.err(f"tee: {name}: {reason(error)}\n")
            status = 1
    while chunk := await proc.stdin.read(65536):
        await proc.out(chunk)
        for file in outputs:
            await file.write(chunk)
    for file in outputs:
        file.close()
    return status
