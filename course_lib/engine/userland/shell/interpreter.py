"""Runs the syntax tree."""

from __future__ import annotations

import errno
from collections.abc import Sequence

from course_lib.engine.interfaces import Applet, OpenFile
from course_lib.engine.userland import loader, signals
from course_lib.engine.userland.pipe import pipe
from course_lib.engine.userland.process import ContainerProcess, ReplaceImage
from course_lib.engine.userland.shell import builtins, nodes, unparse, xtrace
from course_lib.engine.userland.shell.errors import (
    BreakLoop,
    ContinueLoop,
    Interrupted,
    ReturnFunction,
    ShellError,
    ShellExit,
)
from course_lib.engine.userland.shell.jobs import Job, describe
from course_lib.engine.userland.shell.nodes import Node
from course_lib.engine.userland.shell.redirect import RedirectFailed, Redirections
from course_lib.engine.userland.shell.shell import Shell

MAX_FUNCTIONS = 200
"""Calls within calls; each takes a few frames of Python's stack, which has an end."""

ControlFlowEnd = (ShellExit, ReturnFunction)


async def run(shell: Shell, node: Node, *, tested: bool = False, last: bool = False) -> int:
    """Run a command and set ``$?``.

    :param tested: its failure is looked at, so ``set -e`` does not end the shell.
    :param last: nothing follows in this process, so it may become the program it runs.
    """
    await shell.proc.tick()
    if shell.pending or shell.interrupted:
        await handle_signals(shell)
    if shell.options["noexec"] and not shell.interactive:
        return 0
    checked = False
    match node:
        case nodes.Command():
            status = await _command(shell, node, tested=tested, last=last)
            checked = True
        case nodes.Sequence():
            status = 0
            final = len(node.nodes) - 1
            for number, part in enumerate(node.nodes):
                status = await run(shell, part, tested=tested, last=last and number == final)
        case nodes.AndOr():
            status = await _and_or(shell, node, tested, last)
        case nodes.Not():
            status = int(not await run(shell, node.body, tested=True))
        case nodes.Pipeline():
            status = await _pipeline(shell, node)
            checked = True
        case nodes.Background():
            status = await _background(shell, node)
        case nodes.Subshell():
            status = await _subshell(shell, node)
            checked = True
        case nodes.Redirected():
            status = await _redirected(shell, node, tested)
            checked = True
        case nodes.If():
            status = await _if(shell, node, tested, last)
        case nodes.While():
            status = await _while(shell, node, tested)
        case nodes.For():
            status = await _for(shell, node, tested)
        case nodes.Case():
            status = await _case(shell, node, tested, last)
        case nodes.Function():
            shell.functions[node.name] = node.body
            status = 0
    shell.status = status
    if shell.pending:
        await handle_signals(shell)
    if checked and status and shell.options["errexit"] and not tested and not shell.tested:
        raise ShellExit(status)
    return status


async def run_subshell(shell: Shell, node: Node) -> int:
    """Run a command as the whole of a process that was forked for it."""
    try:
        status = await run(shell, node, last=True)
    except ControlFlowEnd as end:
        status = end.status
    except ShellError as error:
        await shell.complain(error.message, error.command)
        status = error.status
    except (BreakLoop, ContinueLoop):
        status = 0
    return await run_exit_trap(shell, status)


async def run_exit_trap(shell: Shell, status: int) -> int:
    """Run the trap on EXIT, if there is one, and tell the shell's exit code."""
    action = shell.traps.pop(0, None)
    if not action:
        return status
    shell.status = status
    try:
        await builtins.run_string(shell, action)
    except ControlFlowEnd as end:
        return end.status
    except ShellError as error:
        await shell.complain(error.message, error.command)
        return error.status
    return status


async def handle_signals(shell: Shell) -> None:
    """Run the traps of signals that came; Ctrl-C brings an interactive shell to its prompt."""
    if shell.interrupted:
        shell.interrupted = False
        raise Interrupted
    while shell.pending:
        signum = shell.pending.popleft()
        action = shell.traps.get(signum)
        if action:
            status = shell.status
            await builtins.run_string(shell, action)
            shell.status = status


# --- compound commands -----------------------------------------------------------------------


async def _and_or(shell: Shell, node: nodes.AndOr, tested: bool, last: bool) -> int:
    status = await run(shell, node.first, tested=True)
    final = len(node.rest) - 1
    for number, (sign, part) in enumerate(node.rest):
        if (sign == "&&") == (status == 0):
            ends = number == final
            status = await run(shell, part, tested=tested or not ends, last=last and ends)
    return status


async def _if(shell: Shell, node: nodes.If, tested: bool, last: bool) -> int:
    if await run(shell, node.test, tested=True) == 0:
        return await run(shell, node.then, tested=tested, last=last)
    if node.otherwise is not None:
        return await run(shell, node.otherwise, tested=tested, last=last)
    return 0


async def _while(shell: Shell, node: nodes.While, tested: bool) -> int:
    status = 0
    shell.loops += 1
    try:
        while True:
            await shell.proc.tick()
            try:
                if (await run(shell, node.test, tested=True) == 0) == node.until:
                    return status
                status = await run(shell, node.body, tested=tested)
            except ContinueLoop as jump:
                if jump.depth > 1 and shell.loops > 1:
                    raise ContinueLoop(jump.depth - 1) from None
            except BreakLoop as jump:
                if jump.depth > 1 and shell.loops > 1:
                    raise BreakLoop(jump.depth - 1) from None
                return 0
    finally:
        shell.loops -= 1


async def _for(shell: Shell, node: nodes.For, tested: bool) -> int:
    shell.line = node.line + shell.line_base
    values = await shell.expander.fields(node.words)
    status = 0
    shell.loops += 1
    try:
        for value in values:
            shell.variables.set(node.name, value)
            try:
                status = await run(shell, node.body, tested=tested)
            except ContinueLoop as jump:
                if jump.depth > 1 and shell.loops > 1:
                    raise ContinueLoop(jump.depth - 1) from None
            except BreakLoop as jump:
                if jump.depth > 1 and shell.loops > 1:
                    raise BreakLoop(jump.depth - 1) from None
                return 0
    finally:
        shell.loops -= 1
    return status


async def _case(shell: Shell, node: nodes.Case, tested: bool, last: bool) -> int:
    from course_lib.engine.userland.shell import patterns

    shell.line = node.line + shell.line_base
    word = await shell.expander.string(node.word)
    for choices, body in node.items:
        for choice in choices:
            if patterns.matches(await shell.expander.pattern(choice), word):
                if body is None:
                    return 0
                return await run(shell, body, tested=tested, last=last)
    return 0


async def _redirected(shell: Shell, node: nodes.Redirected, tested: bool) -> int:
    try:
        async with Redirections(shell, node.redirects):
            return await run(shell, node.body, tested=tested)
    except RedirectFailed as error:
        await shell.complain(str(error))
        return 1


# --- other processes -------------------------------------------------------------------------


async def _in_child(shell: Shell, proc: ContainerProcess, node: Node) -> int:
    twin = shell.fork_state(proc)
    return await run_subshell(twin, node)


async def _subshell(shell: Shell, node: nodes.Subshell) -> int:
    body: Node = nodes.Redirected(node.body, node.redirects) if node.redirects else node.body
    child = shell.proc.fork(
        lambda proc: _in_child(shell, proc, body),
        new_group=shell.options["monitor"],
        reset=shell.reset_signals(),
    )
    return await wait_foreground(shell, [child], node)


async def _pipeline(shell: Shell, node: nodes.Pipeline) -> int:
    members = _start_pipeline(shell, node.commands)
    return await wait_foreground(shell, members, node)


def _start_pipeline(shell: Shell, commands: Sequence[Node]) -> list[ContainerProcess]:
    members: list[ContainerProcess] = []
    previous: OpenFile | None = None
    final = len(commands) - 1
    for number, command in enumerate(commands):
        fds = dict(shell.proc.fds)
        if previous is not None:
            fds[0] = previous
        following: OpenFile | None = None
        writer: OpenFile | None = None
        if number < final:
            following, writer = pipe()
            fds[1] = writer

        child = _fork(shell, command, fds, members)
        members.append(child)
        for end in (previous, writer):
            if end is not None:
                end.close()
        previous = following
    return members


def _fork(
    shell: Shell, command: Node, fds: dict[int, OpenFile], members: list[ContainerProcess]
) -> ContainerProcess:
    child = shell.proc.fork(
        lambda proc: _in_child(shell, proc, command),
        fds=fds,
        new_group=shell.options["monitor"],
        reset=shell.reset_signals(),
    )
    if shell.options["monitor"] and members:
        child.pgid = members[0].pid
    return child


async def _background(shell: Shell, node: nodes.Background) -> int:
    body: Node = nodes.Redirected(node.body, node.redirects) if node.redirects else node.body
    fds = dict(shell.proc.fds)
    if not shell.options["monitor"]:
        from course_lib.engine.userland.files import NullFile

        fds[0] = NullFile()
    members = (
        _start_pipeline(shell, body.commands)
        if isinstance(body, nodes.Pipeline) and shell.options["monitor"]
        else [_fork(shell, body, fds, [])]
    )
    if not shell.options["monitor"]:
        for member in members:
            member.on_signal(signals.SIGINT, "ignore")
            member.on_signal(signals.SIGQUIT, "ignore")
    shell.last_background = members[-1].pid
    job = shell.jobs.add(members, unparse.text(node.body))
    if shell.interactive:
        await shell.proc.err(f"[{job.number}] {members[-1].pid}\n" if shell.bash else "")
    return 0


async def wait_foreground(shell: Shell, members: list[ContainerProcess], node: Node) -> int:
    """Wait for a foreground job: its status, with ``pipefail`` that of the last that failed."""
    return await wait_members(shell, members, node)


async def wait_members(shell: Shell, members: list[ContainerProcess], what: Node | str) -> int:
    """Wait for the processes of a foreground job."""
    terminal = shell.terminal if shell.options["monitor"] else None
    if terminal is not None:
        terminal.foreground = members[0].pgid
    try:
        statuses: list[int] = []
        for member in members:
            status = await member.wait_event()
            if status is None:
                text = what if isinstance(what, str) else unparse.text(what)
                job = shell.jobs.add(members, text)
                await shell.proc.err(f"\n[{job.number}]+  Stopped                    {job.text}\n")
                return 128 + signals.SIGTSTP
            statuses.append(status)
    finally:
        if terminal is not None:
            terminal.foreground = shell.proc.pgid
        shell.reap()
    await tell_signal(shell, members[-1], statuses[-1])
    if shell.options["pipefail"]:
        return next((status for status in reversed(statuses) if status), 0)
    return statuses[-1]


async def tell_signal(shell: Shell, member: ContainerProcess, status: int) -> None:
    """What a shell prints of a command that a signal ended."""
    signum = status - 128
    if member.killed_by != signum:
        return
    if signum == signals.SIGINT:
        if shell.interactive:
            raise Interrupted
        return
    if signum != signals.SIGPIPE and shell.proc.pid == shell.root_pid:
        text = describe(status)
        if shell.interactive or not shell.subshell:
            await shell.proc.err(f"{text}\n")


# --- simple commands -------------------------------------------------------------------------


async def _command(shell: Shell, node: nodes.Command, *, tested: bool, last: bool) -> int:
    shell.line = node.line + shell.line_base
    shell.substitution_status = None
    words = list(node.words)
    if words and _is_word(words[0], "[["):
        return await _condition(shell, node)
    argv = await _arguments(shell, words)
    if not argv:
        return await _assignments_only(shell, node)
    name = argv[0]
    special = builtins.is_special(name)
    if name in shell.functions and not special:
        return await _function(shell, name, argv, node, tested)
    builtin = builtins.find(name, shell)
    if builtin is not None:
        return await _builtin(shell, builtin, argv, node, special, tested)
    return await _external(shell, argv, node, last)


def _is_word(word: nodes.Word, text: str) -> bool:
    return len(word) == 1 and isinstance(word[0], nodes.Text) and word[0].text == text


async def _arguments(shell: Shell, words: list[nodes.Word]) -> list[str]:
    """Expand the words; those of ``export``, ``local`` … that assign are not split."""
    argv: list[str] = []
    for number, word in enumerate(words):
        if (
            number
            and argv
            and argv[0] in builtins.ASSIGNING
            and isinstance(word[0], nodes.Text)
            and not word[0].quoted
            and builtins.ENTRY.match(word[0].text)
        ):
            argv.append(await _assignment_word(shell, word))
        else:
            argv += await shell.expander.fields([word])
    return argv


async def _assignment_word(shell: Shell, word: nodes.Word) -> str:
    first = word[0]
    assert isinstance(first, nodes.Text)
    name, _, rest = first.text.partition("=")
    value: nodes.Word = (nodes.Text(rest), *word[1:]) if rest else word[1:]
    return f"{name}={await shell.expander.string(value, assignment=True)}"


async def _assignments_only(shell: Shell, node: nodes.Command) -> int:
    try:
        async with Redirections(shell, node.redirects):
            traced = []
            for name, word in node.assignments:
                value = await shell.expander.string(word, assignment=True)
                traced.append(f"{name}={value}")
                shell.variables.set(name, value)
            if shell.options["xtrace"]:
                await xtrace.show(shell, traced, [])
    except RedirectFailed as error:
        await shell.complain(str(error))
        return 1
    return shell.substitution_status or 0


async def _values(shell: Shell, node: nodes.Command) -> list[tuple[str, str]]:
    return [
        (name, await shell.expander.string(word, assignment=True))
        for name, word in node.assignments
    ]


async def _trace(shell: Shell, values: list[tuple[str, str]], argv: list[str]) -> None:
    if shell.options["xtrace"]:
        await xtrace.show(shell, [f"{name}={value}" for name, value in values], argv)


async def _builtin(
    shell: Shell,
    builtin: builtins.Builtin,
    argv: list[str],
    node: nodes.Command,
    special: bool,
    tested: bool,
) -> int:
    before_tested = shell.tested
    shell.tested = tested or shell.tested
    try:
        async with Redirections(shell, node.redirects) as scope:
            values = await _values(shell, node)
            await _trace(shell, values, argv)
            scope.lasting = argv[0] == "exec" and len(argv) == 1
            if not special:
                return await _regular(shell, values, builtin, argv)
            for name, value in values:
                shell.variables.set(name, value)
            return await builtin(shell, argv)
    except RedirectFailed as error:
        await shell.complain(str(error))
        if special and not shell.interactive:
            raise ShellExit(1) from None
        return 1
    except BrokenPipeError:
        await shell.proc.broken_pipe()
        return 1
    except InterruptedError:
        await handle_signals(shell)
        return 130
    except OSError as error:
        await shell.complain(f"write error: {error.strerror}", argv[0])
        return 1
    finally:
        shell.tested = before_tested


async def _regular(
    shell: Shell, values: list[tuple[str, str]], builtin: builtins.Builtin, argv: list[str]
) -> int:
    """A builtin whose errors do not end the shell, and for which assignments are temporary."""
    if values:
        shell.variables.enter()
    try:
        for name, value in values:
            shell.variables.make_local(name)
            shell.variables.set(name, value)
        return await builtin(shell, argv)
    except ShellError as error:
        await shell.complain(error.message, error.command)
        return error.status
    finally:
        if values:
            shell.variables.leave()


async def _function(
    shell: Shell, name: str, argv: list[str], node: nodes.Command, tested: bool
) -> int:
    if shell.functions_depth > MAX_FUNCTIONS:
        raise ShellError("recursion too deep")
    positional, loops, before_tested = shell.positional, shell.loops, shell.tested
    depth = shell.functions_depth
    shell.variables.enter()
    try:
        async with Redirections(shell, node.redirects):
            values = await _values(shell, node)
            await _trace(shell, values, argv)
            for variable, value in values:
                shell.variables.make_local(variable)
                shell.variables.set(variable, value, export=True)
            shell.positional = argv[1:]
            shell.loops = 0
            shell.functions_depth += 1
            shell.tested = tested or shell.tested
            return await run(shell, shell.functions[name], tested=tested)
    except ReturnFunction as end:
        return end.status
    except RedirectFailed as error:
        await shell.complain(str(error))
        return 1
    finally:
        shell.functions_depth = depth
        shell.positional, shell.loops, shell.tested = positional, loops, before_tested
        shell.variables.leave()


async def _external(shell: Shell, argv: list[str], node: nodes.Command, last: bool) -> int:
    replace = last and not shell.traps and not shell.interactive
    try:
        async with Redirections(shell, node.redirects):
            values = await _values(shell, node)
            await _trace(shell, values, argv)
            env = shell.variables.environment()
            env.update(values)
            path = await _find(shell, argv[0], env)
            if isinstance(path, int):
                return path
            if replace:
                await _become(shell, path, argv, env)
            child = await _spawn(shell, path, argv, env)
    except RedirectFailed as error:
        await shell.complain(str(error))
        return 1
    return await wait_foreground(shell, [child], node)


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
    except OSError as error:
        failure = error

    async def run_script(proc: ContainerProcess) -> int:
        twin = shell.fork_state(proc)
        try:
            await _exec_failed(twin, failure, path, argv, env)
        except ShellExit as end:
            return end.status
        return 126

    return shell.proc.fork(run_script, new_group=group, reset=shell.reset_signals())


async def run_program(shell: Shell, argv: list[str], env: dict[str, str]) -> int:
    """Run a program in the foreground (``command NAME``)."""
    path = await _find(shell, argv[0], env)
    if isinstance(path, int):
        return path
    child = await _spawn(shell, path, argv, env)
    return await wait_foreground(shell, [child], nodes.Sequence(()))


async def wait_job(shell: Shell, job: Job) -> int:
    """Wait for a job that is in the foreground again."""
    return await wait_members(shell, job.members, job.text)


async def _condition(shell: Shell, node: nodes.Command) -> int:
    from course_lib.engine.userland.shell import condition

    try:
        async with Redirections(shell, node.redirects):
            return await condition.evaluate(shell, node.words[1:])
    except RedirectFailed as error:
        await shell.complain(str(error))
        return 1
