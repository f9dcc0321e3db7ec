"""``kill`` and its relatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from course_lib.engine.interfaces import Process
from course_lib.engine.userland import signals
from course_lib.engine.userland.process import ContainerProcess

Resolve = Callable[[str], int | None]


async def kill(proc: Process) -> int:
    """Send a signal to processes."""
    return await kill_words(proc, proc.argv[1:], "kill", lambda _: None)


async def kill_words(proc: Process, words: list[str], name: str, resolve: Resolve) -> int:
    """``kill`` with its arguments; ``resolve`` knows names of jobs."""
    if words[:1] == ["-l"]:
        return await _list(proc, words[1:], name)
    signum: int | None = signals.SIGTERM
    if words and words[0] in ("-s", "-n"):
        spec, words = (words[1] if len(words) > 1 else ""), words[2:]
        signum = signals.parse(spec)
    elif words and words[0].startswith("-") and len(words[0]) > 1 and words[0] != "--":
        spec, words = words[0][1:], words[1:]
        signum = signals.parse(spec)
    else:
        spec = ""
    if words[:1] == ["--"]:
        words = words[1:]
    if signum is None:
        await proc.err(f"{name}: bad signal name '{spec}'\n")
        return 1
    if not words:
        await proc.err(f"{name}: you need to specify whom to kill\n")
        return 1
    status = 0
    for word in words:
        if not await _one(proc, word, signum, name, resolve):
            status = 1
    return status


async def _one(proc: Process, word: str, signum: int, name: str, resolve: Resolve) -> bool:
    target = resolve(word)
    if target is None:
        if not word.lstrip("-").isdigit():
            await proc.err(f"{name}: invalid number '{word}'\n")
            return False
        target = int(word)
    process = cast(ContainerProcess, proc)
    try:
        process.machine.kill(process, target, signum)
    except OSError as error:
        await proc.err(f"{name}: can't kill pid {word}: {error.strerror}\n")
        return False
    return True


async def _list(proc: Process, words: list[str], name: str) -> int:
    if not words:
        for number, text in sorted(signals.NAMES.items()):
            await proc.out(f"{number:>2}) {text}\n")
        await proc.out(f"{signals.RTMIN:>2}) RTMIN\n{signals.RTMAX:>2}) RTMAX\n")
        return 0
    for word in words:
        if word.isdigit():
            number = int(word) & 0x7F
            await proc.out(f"{'EXIT' if number == 0 else signals.name_of(number)}\n")
            continue
        found = signals.parse(word)
        if found is None:
            await proc.err(f"{name}: unknown signal '{word}'\n")
            return 1
        await proc.out(f"{found}\n")
    return 0
