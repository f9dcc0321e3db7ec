"""The multi-call program: runs the applet it is called as."""

from __future__ import annotations

from typing import cast

from course_lib.engine.interfaces import Process
from course_lib.engine.userland import applets
from course_lib.engine.userland.applets.net_options import BUSYBOX
from course_lib.engine.userland.process import ContainerProcess


async def busybox(proc: Process) -> int:
    """Run the applet named by the program's own name, or by its first argument."""
    name = proc.argv[0].rsplit("/", 1)[-1].removeprefix("-")
    if name == "busybox":
        if len(proc.argv) < 2 or proc.argv[1] in ("--help", "-h"):
            columns = ", ".join(["[", *[n for n in applets.names() if n != "["]])
            await proc.out(
                f"{BUSYBOX}\n\nUsage: busybox [function [arguments]...]\n"
                "   or: busybox --list\n   or: function [arguments]...\n\n"
                f"Currently defined functions:\n\t{columns}\n"
            )
            return 0
        if proc.argv[1] == "--list":
            await proc.out("".join(f"{n}\n" for n in applets.names()))
            return 0
        proc.argv[:] = proc.argv[1:]
        name = proc.argv[0].rsplit("/", 1)[-1]
    applet = applets.find(name) if name in applets.linked() else None
    if applet is None:
        await proc.err(f"{name}: applet not found\n")
        return 127
    cast(ContainerProcess, proc).comm = name[:15]
    return await applet(proc)


async def lacking(proc: Process) -> int:
    """Stands for an applet that the real image has."""
    name = proc.argv[0].rsplit("/", 1)[-1]
    await proc.err(f"{name}: not available in containers of the embedded engine\n")
    return 127
