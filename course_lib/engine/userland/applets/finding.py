"""``find``: its expression, its actions, and the walk."""

from __future__ import annotations

import stat
from collections.abc import Callable

from course_lib.engine.userland.applets import find_primaries
from course_lib.engine.userland.applets.common import (
    Fail,
    integer,
    join,
    reason,
)
from course_lib.engine.userland.applets.files import ask
from course_lib.engine.userland.applets.find_primaries import Here, Test, constant
from course_lib.engine.userland.applets.net_options import UsageError, refuse
from course_lib.engine.userland.process import ContainerProcess


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

        async def either(here: Here) -> bool:
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

        async def both(here: Here) -> bool:
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

            async def no(here: Here) -> bool:
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
        if word in find_primaries.WITH_ARGUMENT:
            return find_primaries.WITH_ARGUMENT[word](self._proc, self._argument(word))
        if word in find_primaries.ALONE:
            return find_primaries.ALONE[word](self._proc)
        makers: dict[str, Callable[[], Test]] = {
            "-print": self._print, "-print0": lambda: self._print("\0"), "-prune": self._prune,
            "-quit": self._quit, "-delete": self._delete, "-exec": lambda: self._exec(word),
            "-ok": lambda: self._exec(word), "-depth": self._set_depth, "-d": self._set_depth,
            "-xdev": self._set_device, "-mount": self._set_device, "-follow": self._set_follow,
            "-maxdepth": self._set_most, "-mindepth": self._set_least,
        }  # fmt: skip
        if word not in makers:
            raise UsageError(f"unrecognized: {word}")
        return makers[word]()

    # --- actions -----------------------------------------------------------------------------

    def _print(self, end: str = "\n") -> Test:
        self._acted = True

        async def act(here: Here) -> bool:
            await self._proc.out(here.path + end)
            return True

        return act

    def _prune(self) -> Test:
        async def act(here: Here) -> bool:
            here.prune = True
            return True

        return act

    def _quit(self) -> Test:
        self._acted = True

        async def act(_here: Here) -> bool:
            raise _Quit

        return act

    def _delete(self) -> Test:
        self._acted = True
        self._depth_first = True

        async def act(here: Here) -> bool:
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

            async def collect(here: Here) -> bool:
                collected.append(here.path)
                if len(collected) >= 1000:
                    await self._run([*command[:-1], *collected])
                    collected.clear()
                return True

            return collect

        async def act(here: Here) -> bool:
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
        return constant(True)

    def _set_device(self) -> Test:
        self._same_device = True
        return constant(True)

    def _set_follow(self) -> Test:
        self._follow = True
        return constant(True)

    def _set_most(self) -> Test:
        self._most = integer(self._argument("-maxdepth"), low=0)
        return constant(True)

    def _set_least(self) -> Test:
        self._least = integer(self._argument("-mindepth"), low=0)
        return constant(True)

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
        here = Here(path, found, depth)
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

    async def _judge(self, here: Here) -> None:
        if here.depth < self._least:
            return
        fits = self._expression is None or await self._expression(here)
        if fits and not self._acted:
            await self._proc.out(here.path + "\n")


class _Quit(Exception):
    pass
