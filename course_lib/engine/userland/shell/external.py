"""Programs that the shell starts or becomes."""

from __future__ import annotations

import errno

from course_lib.engine.interfaces import Applet
from course_lib.engine.userland import loader
from course_lib.engine.userland.process import ContainerProcess, ReplaceImage
from course_lib.engine.userland.shell import commands, foreground, nodes
from course_lib.engine.userland.shell.errors import ShellError, ShellExit
from course_lib.engine.userland.shell.redirect import RedirectFailed, Redirections
from course_lib.engine.userland.shell.shell import Shell


async def run_external(shell: Shell, argv: list[str], node: nodes.Command, last: bool) -> int:
    """A program: in a child, or in place of the shell where nothing follows."""
    replace = last and not any(shell.traps.values()) and not shell.interactive
    try:
        async with Redirections(shell, node.redirects) as scope:
            with shell.variables.scope():
                values = await commands.values_of(shell, node)
                env = shell.variables.environment()
            await commands.trace(shell, values, argv, scope)
            path = await _find(shell, argv[0], env)
            if isinstance(path, int):
                return path
            if replace:
                await _become(shell, path, argv, env)
            child = await _spawn(shell, path, argv, env)
            if not shell.bash:  # ash waits with the command's redirections in place
                return await foreground.wait_foreground(shell, [child], node)
    except RedirectFailed as error:
        await shell.complain(str(error))
        return 1
    return await foreground.wait_foreground(shell, [child], node)


async def _find(shell: Shell, name: str, env: dict[str, str]) -> str | int:
    """The file of a command, or the status after saying why there is none."""
    try:
        search = shell.variables.get("PATH") if "PATH" not in env else env["PATH"]
        return loader.search(shell.proc.fs, name, search, shell.proc.cwd)
    except OSError as error:
        missing = error.errno in (errno.ENOENT, errno.ENOTDIR)
        if not name and not shell.bash:
            await shell.complain(": Permission denied")
            return 127
        if shell.bash:
            reason = "command not found" if missing and "/" not in name else error.strerror
            if error.errno == errno.EACCES and _is_directory(shell, name):
                reason = "Is a directory"
        else:
            reason = "not found" if missing else error.strerror
        await shell.complain(f"{name}: {reason}")
        return 127 if missing else 126


def _is_directory(shell: Shell, name: str) -> bool:
    import stat

    try:
        return stat.S_ISDIR(shell.proc.fs.stat(shell.proc.path(name)).mode)
    except OSError:
        return False


async def _become(shell: Shell, path: str, argv: list[str], env: dict[str, str]) -> None:
    """Replace this shell by the program; a script without ``#!`` is run by a shell."""
    try:
        await shell.proc.execute(argv, env=env, path=path)
    except OSError as error:
        await _exec_failed(shell, error, path, argv, env)


async def _exec_failed(
    shell: Shell, error: OSError, path: str, argv: list[str], env: dict[str, str]
) -> None:
    if error.errno != errno.ENOEXEC:
        missing = error.errno == errno.ENOENT
        reason = "not found" if missing else error.strerror
        await shell.complain(f"{argv[0]}: {reason}")
        raise ShellExit(127 if missing else 126) from None
    shell.proc.env = env
    raise ReplaceImage(loader.Program(_script_shell(shell), ("sh", path, *argv[1:]), path))


def _script_shell(shell: Shell) -> Applet:
    from course_lib.engine.userland.shell import main

    return main.bash if shell.bash else main.sh


async def _spawn(shell: Shell, path: str, argv: list[str], env: dict[str, str]) -> ContainerProcess:
    group = shell.options["monitor"]
    try:
        return await shell.proc.spawn(
            argv,
            env=env,
            fds=shell.proc.fds,
            new_group=group,
            path=path,
            reset=shell.reset_signals(),
        )
    except BlockingIOError as error:
        raise ShellError(f"can't fork: {error.strerror}") from None
    except OSError as error:
        failure = error

    async def run_script(twin: Shell) -> int:
        try:
            await _exec_failed(twin, failure, path, argv, env)
        except ShellExit as end:
            return end.status
        return 126

    return shell.fork(run_script, new_group=group, reset=shell.reset_signals())


async def run_program(shell: Shell, argv: list[str], env: dict[str, str]) -> int:
    """Run a program in the foreground (``command NAME``)."""
    path = await _find(shell, argv[0], env)
    if isinstance(path, int):
        return path
    child = await _spawn(shell, path, argv, env)
    return await foreground.wait_foreground(shell, [child], nodes.Sequence(()))
