"""What ``sed`` does with each line: POSIX' commands, and GNU's that BusyBox has too."""

from __future__ import annotations

import os

from course_lib.engine.interfaces import OpenFile
from course_lib.engine.userland.applets.common import (
    Fail,
    decode,
    encode,
    read_file,
)
from course_lib.engine.userland.applets.sed_input import Input
from course_lib.engine.userland.applets.sed_script import Address, Command
from course_lib.engine.userland.applets.sed_text import replacement, visible
from course_lib.engine.userland.process import ContainerProcess


class _Quit(Exception):
    def __init__(self, code: int, show: bool) -> None:
        super().__init__(code)
        self.code = code
        self.show = show


class Editor:
    """Runs the commands over the lines.

    :param quiet: print only what commands print.
    :param gnu: do as GNU's ``sed`` where BusyBox' does something else.
    :param end: of lines.
    """

    def __init__(
        self,
        proc: ContainerProcess,
        commands: list[Command],
        *,
        quiet: bool,
        gnu: bool,
        output: OpenFile,
        end: str = "\n",
    ) -> None:
        self._proc = proc
        self._gnu = gnu
        self._end = end
        self._open_line = False
        self._commands = commands
        self._quiet = quiet
        self._output = output
        self._files: dict[str, OpenFile] = {}
        self._input = Input(proc, [], b"")
        self._space = ""
        self._hold = ""
        self._number = 0
        self._append: list[str] = []
        self._replaced = False
        self._labels: dict[str, int] = {}
        self._flat: list[Command] = []
        self._ends: dict[int, int] = {}
        self._flatten(commands)
        self._labels = {c.text: n for n, c in enumerate(self._flat) if c.name == ":"}
        for command in self._flat:
            if command.name in "btT" and command.text and command.text not in self._labels:
                raise Fail(f"can't find label for jump to '{command.text}'")

    def _flatten(self, commands: list[Command]) -> None:
        for command in commands:
            self._flat.append(command)
            if command.name == "{":
                start = len(self._flat) - 1
                self._flatten(command.body)
                self._ends[start] = len(self._flat)

    async def run(self, names: list[str]) -> int:
        """Edit files; tells the exit code."""
        self._input = Input(self._proc, list(names), self._end.encode())
        try:
            while (line := await self._input.next()) is not None:
                self._number += 1
                self._space = line
                await self._cycle()
        except _Quit as end:
            if end.show:
                await self._end_cycle()
            return end.code
        finally:
            self._input.close()
            for file in self._files.values():
                file.close()
        return self._input.status

    async def _cycle(self) -> None:
        while True:
            await self._proc.tick()
            try:
                await self._commands_once()
            except _Restart:
                continue
            except _Deleted:
                await self._flush_appended()
                return
            break
        await self._end_cycle()

    async def _end_cycle(self) -> None:
        if not self._quiet:
            await self._print(self._space)
        await self._flush_appended()

    async def _flush_appended(self) -> None:
        for text in self._append:
            await self._write(text)
        self._append.clear()

    async def _print(self, text: str) -> None:
        cut = self._input.missing_end
        await self._write(text + ("" if cut else self._end))
        self._open_line = cut

    async def _write(self, text: str) -> None:
        if self._open_line:  # what comes behind a last line without its end gives it one
            text, self._open_line = self._end + text, False
        await self._proc.write(self._output, encode(text))

    async def _commands_once(self) -> None:
        self._replaced = False
        position = 0
        steps = 0
        while position < len(self._flat):
            steps += 1
            if not steps & 63:
                await self._proc.tick()
            command = self._flat[position]
            if not await self._selected(command):
                position = self._ends.get(position, position + 1)
                continue
            jump = await self._execute(command)
            position = position + 1 if jump is None else jump

    async def _selected(self, command: Command) -> bool:
        return await self._in_range(command) != command.negate

    async def _in_range(self, command: Command) -> bool:
        first, second = command.first, command.second
        if first is None:
            return True
        if second is None:
            return await self._at(first)
        if not command.active:
            if not await self._at(first):
                return False
            command.active = True
            command.last_line = self._number + second.number if second.kind == "plus" else 0
            if (second.kind == "line" and second.number <= self._number) or (
                second.kind == "plus" and second.number == 0
            ):
                command.active = False
            return True
        if second.kind == "line":
            if self._number >= second.number:
                command.active = False
                return self._number == second.number
        elif second.kind == "plus":
            command.active = self._number < command.last_line
        elif await self._at(second):
            command.active = False
        return True

    async def _at(self, address: Address) -> bool:
        match address.kind:
            case "line":
                return self._number == address.number
            case "last":
                return await self._input.is_last()
            case "step":
                if not address.step:
                    return self._number == address.number
                past = self._number - address.number
                return past >= 0 and past % address.step == 0
            case _:
                return bool(address.pattern and address.pattern.search(self._space))

    async def _execute(self, command: Command) -> int | None:
        match command.name:
            case "s":
                await self._substitute(command)
            case "y":
                self._space = self._space.translate(str.maketrans(command.text, command.flags))
            case "p":
                await self._write(self._space + self._end)
            case "P":
                await self._write(self._space.partition("\n")[0] + "\n")
            case "d":
                raise _Deleted
            case "D":
                if "\n" not in self._space:
                    raise _Deleted
                self._space = self._space.partition("\n")[2]
                raise _Restart
            case "=":
                await self._write(f"{self._number}\n")
            case "a":
                self._append.append(command.text)
            case "i":
                await self._write(command.text)
            case "c":
                if command.second is None or not command.active or command.negate:
                    await self._write(command.text)
                raise _Deleted
            case "n" | "N":
                await self._next(command.name)
            case "q" | "Q":
                raise _Quit(int(command.text or 0), command.name == "q")
            case "l" if self._gnu:  # BusyBox takes it, and prints nothing
                await self._write(visible(self._space) + "$\n")
            case "r":
                await self._read(command.text)
            case "w":
                await self._save(command.text, self._space)
            case "b":
                return self._target(command)
            case "t":
                if self._replaced:
                    self._replaced = False
                    return self._target(command)
            case "T":
                if not self._replaced:
                    return self._target(command)
                self._replaced = False
            case _:
                self._holding(command.name)
        return None

    def _holding(self, name: str) -> None:
        if name in "Gx":
            self._input.missing_end = False
        if name == "h":
            self._hold = self._space
        elif name == "H":
            self._hold += "\n" + self._space
        elif name == "g":
            self._space = self._hold
        elif name == "G":
            self._space += "\n" + self._hold
        elif name == "x":
            self._space, self._hold = self._hold, self._space
        elif name == "z":
            self._space = ""

    def _target(self, command: Command) -> int:
        return self._labels[command.text] if command.text else len(self._flat)

    async def _next(self, name: str) -> None:
        if await self._input.is_last():
            raise _Quit(0, True)
        if name == "n":
            if not self._quiet:
                await self._print(self._space)
            await self._flush_appended()
            self._space = await self._input.next() or ""
        else:
            await self._flush_appended()
            self._space += "\n" + (await self._input.next() or "")
        self._number += 1

    async def _substitute(self, command: Command) -> None:
        assert command.pattern is not None
        count = 0
        out = ""
        position = 0
        text = self._space
        changed = False
        for match in command.pattern.finditer(text):
            if match.start() == match.end() == position and position:
                continue  # nothing, right behind what was replaced
            count += 1
            if count < command.occurrence:
                continue
            out += text[position : match.start()] + replacement(command.text, match, gnu=self._gnu)
            position = match.end()
            changed = True
            if "g" not in command.flags:
                break
        if not changed:
            return
        self._space = out + text[position:]
        self._replaced = True
        if "p" in command.flags:
            await self._write(self._space + self._end)
        if "w" in command.flags:
            await self._save(command.body[0].text, self._space)

    async def _read(self, name: str) -> None:
        try:
            self._append.append(decode(await read_file(self._proc, name)))
        except OSError:
            return

    async def _save(self, name: str, text: str) -> None:
        if name == "/dev/stdout":
            await self._write(text + "\n")
            return
        if name not in self._files:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            mode = 0o666 & ~self._proc.umask
            self._files[name] = self._proc.fs.open(self._proc.path(name), flags, mode)
        await self._files[name].write(encode(text + "\n"))


class _Deleted(Exception):
    pass


class _Restart(Exception):
    pass
