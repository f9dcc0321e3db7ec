"""The streams of a container, joined to those of the command."""

from __future__ import annotations

from dataclasses import replace

from course_lib.engine.userland import tty
from course_lib.engine.userland.docker.client import Hijacked
from course_lib.engine.userland.docker.command import Context


async def unframe(context: Context, data: bytes) -> bytes:
    """Write whole frames to where they belong; give back what is not a whole one yet."""
    while len(data) >= 8 and len(data) >= 8 + int.from_bytes(data[4:8], "big"):
        size = int.from_bytes(data[4:8], "big")
        file = context.proc.stderr if data[0] == 2 else context.proc.stdout
        await context.proc.write(file, data[8 : 8 + size])
        data = data[8 + size :]
    return data


async def join(context: Context, raw: Hijacked, *, stdin: bool, terminal: bool) -> None:
    """Copy both ways until the other side ends.

    :param stdin: also send what comes on standard input.
    :param terminal: the container has one: what comes is not framed, and ours is set raw.
    """
    local = tty.terminal_of(context.proc.stdin) if terminal and stdin else None
    before = local.attributes if local else None
    if local is not None and before is not None:
        local.set_attributes(
            replace(before, icanon=False, echo=False, isig=False, icrnl=False, opost=False)
        )
    feeder = context.proc.thread(lambda: _feed(context, raw)) if stdin else None
    rest = b""
    try:
        while data := await raw.read():
            if terminal:
                await context.proc.out(data)
            else:
                rest = await unframe(context, rest + data)
    except ConnectionResetError:
        pass
    finally:
        if feeder is not None:
            feeder.cancel()
        if local is not None and before is not None:
            local.set_attributes(before)
        raw.close()


async def _feed(context: Context, raw: Hijacked) -> None:
    try:
        while data := await context.proc.stdin.read():
            await raw.write(data)
        raw.shutdown_write()
    except OSError:
        return
