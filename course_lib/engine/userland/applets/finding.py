"""``find``."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Awaitable, Callable

from course_lib.engine.interfaces import FileStat
from course_lib.engine.userland import users
from course_lib.engine.userland.applets.common import (
    Fail,
    base_name,
    integer,
    is_gnu,
    join,
    reason,
)
from course_lib.engine.userland.applets.files import ask
from course_lib.engine.userland.applets.net_options import UsageError, refuse
from course_lib.engine.userland.modes import parse_mode
from course_lib.engine.userland.process import ContainerProcess
from course_lib.engine.userland.shell import patterns


class _Here:
    """The file that an expression is asked about."""

    __slots__ = ("depth", "found", "path", "prune")

    def __init__(self, path: str, found: FileStat, depth: int) -> None:
        self.path = path
        self.found = found
        self.depth = depth
        self.prune = False


Test = Callable[[_Here], Awaitable[bool]]


_TYPES: dict[str, Callable[[int], bool]] = {
    "f": stat.S_ISREG, "d": stat.S_ISDIR, "l": stat.S_ISLNK, "b": stat.S_ISBLK,
    "c": stat.S_ISCHR, "p": stat.S_ISFIFO, "s": stat.S_ISSOCK,
}  # fmt: skip


_UNITS = {"": 512, "b": 512, "c": 1, "w": 2, "k": 1024, "M": 1 << 20, "G": 1 << 30}


async def find(proc: ContainerProcess) -> int:
    """Walk trees and do something with the files that fit."""
    try:
        run = _Find(proc)
        return await run.everything()
    except UsageError as error:
        return await refuse(proc, "find", error, "[-HL] [PATH]... [OPTIONS] [ACTIONS]")
    except Fail as error:
        await proc.err(f"find: {error}\n")
        return error.code


class _Find:
    """One run: parses the expression into closures and walks."""

    def __init__(self, proc: ContainerProcess) -> None:
        self._proc = proc
        words = proc.argv[1:]
        self._follow = False
        self._follow_top = False
        while words and words[0] in ("-H", "-L", "-P"):
            self._follow = words[0] == "-L"
            self._follow_top = words[0] == "-H"
            words = words[1:]
        self._starts: list[str] = []
        while words and not words[0].startswith(("-", "(", "!")):
            self._starts.append(words[0])
            words = words[1:]
        self._words = words
        self._position = 0
        self._least, self._most = 0, 1 << 30
        self._depth_first = False
        self._same_device = False
        self._acted = False
        self._batches: list[tuple[list[str], list[str]]] = []
        self._now = proc.machine.clock.time_ns()
        self.status = 0
        expression = self._alternatives() if words else None
        if self._position < len(self._words):
            raise UsageError(f"unrecognized: {self._words[self._position]}")
        self._expression = expression

    # --- expression --------------------------------------------------------------------------

    def _peek(self) -> str | None:
        return self._words[self._position] if self._position < len(self._words) else None

    def _argument(self, name: str) -> str:
        if self._position >= len(self._words):
            raise Fail(f"{name} requires an argument")
        self._position += 1
        return self._words[self._position - 1]

    def _alternatives(self) -> Test:
        tests = [self._conjunction()]
        while self._peek() in ("-o", "-or"):
            self._position += 1
            tests.append(self._conjunction())
        if len(tests) == 1:
            return tests[0]

        async def either(here: _Here) -> bool:
            for test in tests:
                if await test(here):
                    return True
            return False

        return either

    def _conjunction(self) -> Test:
        tests = []
        while (word := self._peek()) is not None and word not in ("-o", "-or", ")"):
            if word in ("-a", "-and"):
                self._position += 1
                continue
            tests.append(self._negation())
        if len(tests) == 1:
            return tests[0]

        async def both(here: _Here) -> bool:
            for test in tests:
                if not await test(here):
                    return False
            return True

        return both

    def _negation(self) -> Test:
        word = self._words[self._position]
        self._position += 1
        if word in ("!", "-not"):
            if self._peek() is None:
                raise Fail("option requires an argument: !")
            inner = self._negation()

            async def no(here: _Here) -> bool:
                return not await inner(here)

            return no
        if word == "(":
            group = self._alternatives()
            if self._peek() != ")":
                raise Fail("unpaired '('")
            self._position += 1
            return group
        return self._primary(word)

    def _primary(self, word: str) -> Test:
        makers: dict[str, Callable[[], Test]] = {
            "-name": lambda: self._name(word), "-iname": lambda: self._name(word),
            "-path": lambda: self._path_test(word), "-ipath": lambda: self._path_test(word),
            "-regex": self._regex, "-type": self._type, "-perm": self._perm,
            "-mtime": lambda: self._age(86400), "-mmin": lambda: self._age(60),
            "-atime": lambda: self._age(86400), "-ctime": lambda: self._age(86400),
            "-amin": lambda: self._age(60), "-cmin": lambda: self._age(60),
            "-newer": self._newer, "-size": self._size, "-links": self._links,
            "-inum": self._inum, "-user": self._user, "-group": self._group,
            "-empty": self._empty, "-executable": self._executable, "-print": self._print,
            "-print0": lambda: self._print("\0"), "-prune": self._prune, "-quit": self._quit,
            "-delete": self._delete, "-exec": lambda: self._exec(word),
            "-ok": lambda: self._exec(word), "-true": lambda: _constant(True),
            "-false": lambda: _constant(False), "-depth": self._set_depth,
            "-d": self._set_depth, "-xdev": self._set_device, "-mount": self._set_device,
            "-follow": self._set_follow, "-maxdepth": self._set_most,
            "-mindepth": self._set_least, "-samefile": self._same_file,
        }  # fmt: skip
        if word not in makers:
            raise UsageError(f"unrecognized: {word}")
        return makers[word]()

    def _name(self, word: str) -> Test:
        pattern = self._argument(word)
        fold = word == "-iname"
        pattern = pattern.lower() if fold else pattern

        async def test(here: _Here) -> bool:
            name = base_name(here.path)
            return patterns.matches(pattern, name.lower() if fold else name)

        return test

    def _path_test(self, word: str) -> Test:
        pattern = self._argument(word)
        fold = word == "-ipath"
        pattern = pattern.lower() if fold else pattern

        async def test(here: _Here) -> bool:
            return patterns.matches(pattern, here.path.lower() if fold else here.path)

        return test

    def _regex(self) -> Test:
        from course_lib.engine.userland import regex

        expression = regex.basic(self._argument("-regex"))

        async def test(here: _Here) -> bool:
            return expression.fullmatch(here.path) is not None

        return test

    def _type(self) -> Test:
        letters = self._argument("-type")
        kinds = [_TYPES.get(letter) for letter in letters.split(",")]
        if None in kinds:
            raise Fail(f"invalid argument '{letters}' to '-type'")

        async def test(here: _Here) -> bool:
            return any(kind is not None and kind(here.found.mode) for kind in kinds)

        return test

    def _perm(self) -> Test:
        text = self._argument("-perm")
        mode = parse_mode(text.lstrip("-/"), 0, is_directory=False, umask=0)
        if mode is None:
            raise Fail(f"invalid mode '{text}'")

        async def test(here: _Here) -> bool:
            bits = stat.S_IMODE(here.found.mode)
            if text.startswith("-"):
                return bits & mode == mode
            if text.startswith("/"):
                return bool(bits & mode) or not mode
            return bits == mode

        return test

    def _number(self, name: str, text: str) -> Callable[[int], bool]:
        value = integer(text.lstrip("+-"))
        if text.startswith("+"):
            return lambda actual: actual > value
        if text.startswith("-"):
            return lambda actual: actual < value
        return lambda actual: actual == value

    def _age(self, unit: int) -> Test:
        fits = self._number("-mtime", self._argument("-mtime"))

        async def test(here: _Here) -> bool:
            return fits((self._now - here.found.mtime_ns) // (unit * 1_000_000_000))

        return test

    def _newer(self) -> Test:
        name = self._argument("-newer")
        try:
            limit = self._proc.fs.stat(self._proc.path(name)).mtime_ns
        except OSError as error:
            raise Fail(f"{name}: {reason(error)}") from None

        async def test(here: _Here) -> bool:
            return here.found.mtime_ns > limit

        return test

    def _size(self) -> Test:
        text = self._argument("-size")
        match = re.fullmatch(r"([+-]?\d+)([bcwkMG]?)", text)
        if match is None:
            raise Fail(f"invalid number '{text}'")
        unit = _UNITS[match[2]]
        if is_gnu(self._proc):
            fits = self._number("-size", match[1])
        else:  # BusyBox counts bytes
            unit, bytes_ = 1, int(match[1].lstrip("+-")) * unit
            sign = match[1][0] if match[1][0] in "+-" else ""
            fits = self._number("-size", f"{sign}{bytes_}")

        async def test(here: _Here) -> bool:
            return fits(-(-here.found.size // unit))

        return test

    def _links(self) -> Test:
        fits = self._number("-links", self._argument("-links"))

        async def test(here: _Here) -> bool:
            return fits(here.found.nlink)

        return test

    def _inum(self) -> Test:
        fits = self._number("-inum", self._argument("-inum"))

        async def test(here: _Here) -> bool:
            return fits(here.found.ino)

        return test

    def _user(self) -> Test:
        name = self._argument("-user")
        user = users.user_by_name(self._proc.machine.fs, name)
        if user is None and not name.isdigit():
            raise Fail(f"unknown user {name}")
        uid = user.uid if user else int(name)

        async def test(here: _Here) -> bool:
            return here.found.uid == uid

        return test

    def _group(self) -> Test:
        name = self._argument("-group")
        group = users.group_by_name(self._proc.machine.fs, name)
        if group is None and not name.isdigit():
            raise Fail(f"unknown group {name}")
        gid = group.gid if group else int(name)

        async def test(here: _Here) -> bool:
            return here.found.gid == gid

        return test

    def _empty(self) -> Test:
        async def test(here: _Here) -> bool:
            if stat.S_ISDIR(here.found.mode):
                return not self._proc.fs.listdir(self._proc.path(here.path))
            return stat.S_ISREG(here.found.mode) and here.found.size == 0

        return test

    def _executable(self) -> Test:
        async def test(here: _Here) -> bool:
            return self._proc.fs.access(self._proc.path(here.path), os.X_OK)

        return test

    def _same_file(self) -> Test:
        name = self._argument("-samefile")
        try:
            other = self._proc.fs.stat(self._proc.path(name))
        except OSError as error:
            raise Fail(f"{name}: {reason(error)}") from None

        async def test(here: _Here) -> bool:
            return (here.found.dev, here.found.ino) == (other.dev, other.ino)

        return test

    # --- actions -----------------------------------------------------------------------------

    def _print(self, end: str = "\n") -> Test:
        self._acted = True

        async def act(here: _Here) -> bool:
            await self._proc.out(here.path + end)
            return True

        return act

    def _prune(self) -> Test:
        async def act(here: _Here) -> bool:
            here.prune = True
            return True

        return act

    def _quit(self) -> Test:
        self._acted = True

        async def act(_here: _Here) -> bool:
            raise _Quit

        return act

    def _delete(self) -> Test:
        self._acted = True
        self._depth_first = True

        async def act(here: _Here) -> bool:
            path = self._proc.path(here.path)
            if here.path in (".", ".."):
                return True
            try:
                if stat.S_ISDIR(here.found.mode):
                    self._proc.fs.rmdir(path)
                else:
                    self._proc.fs.unlink(path)
            except OSError as error:
                await self._failed(here.path, error)
            return True

        return act

    def _exec(self, word: str) -> Test:
        self._acted = True
        command: list[str] = []
        while (item := self._peek()) is not None:
            self._position += 1
            if item == ";" or (item == "+" and command[-1:] == ["{}"]):
                break
            command.append(item)
        else:
            raise Fail(f"{word} requires an argument")
        if item == "+":
            collected: list[str] = []
            self._batches.append((command[:-1], collected))

            async def collect(here: _Here) -> bool:
                collected.append(here.path)
                if len(collected) >= 1000:
                    await self._run([*command[:-1], *collected])
                    collected.clear()
                return True

            return collect

        async def act(here: _Here) -> bool:
            words = [part.replace("{}", here.path) for part in command]
            if word == "-ok" and not await ask(self._proc, f"{' '.join(words)} ?"):
                return False
            return await self._run(words) == 0

        return act

    async def _run(self, words: list[str]) -> int:
        try:
            child = await self._proc.spawn(words, fds=self._proc.fds)
        except OSError as error:
            await self._proc.err(f"find: {words[0]}: {reason(error)}\n")
            self.status = 1
            return 127
        return await child.wait()

    # --- settings ----------------------------------------------------------------------------

    def _set_depth(self) -> Test:
        self._depth_first = True
        return _constant(True)

    def _set_device(self) -> Test:
        self._same_device = True
        return _constant(True)

    def _set_follow(self) -> Test:
        self._follow = True
        return _constant(True)

    def _set_most(self) -> Test:
        self._most = integer(self._argument("-maxdepth"), low=0)
        return _constant(True)

    def _set_least(self) -> Test:
        self._least = integer(self._argument("-mindepth"), low=0)
        return _constant(True)

    # --- walking -----------------------------------------------------------------------------

    async def everything(self) -> int:
        """Walk all trees; tells the exit code."""
        try:
            for start in self._starts or ["."]:
                await self._walk(start, 0, None)
        except _Quit:
            pass
        for command, collected in self._batches:
            if collected and await self._run([*command, *collected]):
                self.status = 1
        return self.status

    async def _failed(self, path: str, error: OSError) -> None:
        await self._proc.err(f"find: {path}: {reason(error)}\n")
        self.status = 1

    async def _walk(self, path: str, depth: int, device: int | None) -> None:
        proc = self._proc
        await proc.tick()
        follow = self._follow or (self._follow_top and depth == 0)
        try:
            try:
                found = proc.fs.stat(proc.path(path), follow=follow)
            except FileNotFoundError:
                found = proc.fs.stat(proc.path(path), follow=False)
        except OSError as error:
            await self._failed(path, error)
            return
        here = _Here(path, found, depth)
        if not self._depth_first:
            await self._judge(here)
        folder = stat.S_ISDIR(found.mode) and not here.prune and depth < self._most
        other = self._same_device and device is not None and found.dev != device
        if folder and not other:
            try:
                names = proc.fs.listdir(proc.path(path))
            except OSError as error:
                await self._failed(path, error)
                names = []
            for name in sorted(names):
                await self._walk(join(path, name), depth + 1, found.dev)
        if self._depth_first:
            await self._judge(here)

    async def _judge(self, here: _Here) -> None:
        if here.depth < self._least:
            return
        fits = self._expression is None or await self._expression(here)
        if fits and not self._acted:
            await self._proc.out(here.path + "\n")


class _Quit(Exception):
    pass


def _constant(value: bool) -> Test:
    async def test(_here: _Here) -> bool:
        return value

    return test
