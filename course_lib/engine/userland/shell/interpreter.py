"""Runs the syntax tree: lists, conditions, loops; traps between commands."""

from __future__ import annotations

from collections.abc import AsyncIterator

from course_lib.engine.userland.shell import builtins, commands, nodes, pipelines
from course_lib.engine.userland.shell.errors import (
    BreakLoop,
    ContinueLoop,
    Interrupted,
    ReturnFunction,
    ShellError,
    ShellExit,
)
from course_lib.engine.userland.shell.nodes import Node
from course_lib.engine.userland.shell.redirect import RedirectFailed, Redirections
from course_lib.engine.userland.shell.shell import ERR, Shell

ControlFlowEnd = (ShellExit, ReturnFunction)


async def run(shell: Shell, node: Node, *, tested: bool = False, last: bool = False) -> int:
    """Run a command and set ``$?``.

    :param tested: its failure is looked at, so ``set -e`` does not end the shell.
    :param last: nothing follows in this process, so it may become the program it runs.
    """
    await shell.proc.tick()
    if shell.interrupted:
        await handle_signals(shell)
    if shell.options["noexec"] and not shell.interactive:
        return 0
    checked = False
    match node:
        case nodes.Command():
            status = await commands.simple(shell, node, tested=tested, last=last)
            shell.pipe_statuses = [status]
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
        case nodes.Timed():
            from course_lib.engine.userland.shell import timing

            status = await timing.timed(shell, node, tested=tested)
        case nodes.Pipeline():
            status = await pipelines.pipeline(shell, node)
            checked = True
        case nodes.Background():
            status = await pipelines.background(shell, node)
        case nodes.Subshell():
            status = await pipelines.subshell(shell, node)
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
    if checked and status and not tested and not shell.tested:
        await _failed(shell, status)
    return status


async def _failed(shell: Shell, status: int) -> None:
    """What a failure that nobody looks at brings: the trap on ERR, the end by ``set -e``."""
    action = shell.traps.get(ERR)
    if action and (not shell.functions_depth or shell.options["errtrace"]):
        del shell.traps[ERR]  # it does not run for its own failures
        await builtins.run_string(shell, action)
        shell.traps.setdefault(ERR, action)
        shell.status = status
    if shell.options["errexit"]:
        raise ShellExit(status)


async def run_subshell(shell: Shell, node: Node, redirects: tuple[nodes.Redirect, ...] = ()) -> int:
    """Run a command as the whole of a process that was forked for it."""
    try:
        async with Redirections(shell, redirects) as scope:
            scope.lasting = True
            status = await run(shell, node, last=True)
    except RedirectFailed as error:
        await shell.complain(str(error))
        status = 1 if shell.bash else 2
    except ControlFlowEnd as end:
        status = end.status
    except ShellError as error:
        await shell.report(error)
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
        await shell.report(error)
        return error.status
    return status


async def handle_signals(shell: Shell) -> None:
    """Run the traps of signals that came; Ctrl-C brings an interactive shell to its prompt."""
    if shell.interrupted:
        shell.interrupted = False
        raise Interrupted
    while shell.pending:
        signum = min(shell.pending)
        shell.pending.remove(signum)
        action = shell.traps.get(signum)
        if action:
            status = shell.status
            await builtins.run_string(shell, action)
            shell.status = status


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
    status = 0
    shell.loops += 1
    try:
        async for _ in _rounds(shell, node):
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


async def _rounds(shell: Shell, node: nodes.For) -> AsyncIterator[None]:
    """The rounds of a loop over words, or of bash's ``for ((a; b; c))``."""
    if shell.bash:
        from course_lib.engine.userland.shell import bashcommands

        if parts := bashcommands.loop_parts(shell, node):
            first, test, step = parts
            await bashcommands.evaluate(shell, first)
            while await bashcommands.evaluate(shell, test):
                yield
                await bashcommands.evaluate(shell, step)
            return
    for value in await shell.expander.fields(node.words):
        shell.variables.set(node.name, value)
        yield


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
        if shell.bash:
            from course_lib.engine.userland.shell import procsubst

            with procsubst.until_done(shell):
                async with Redirections(shell, node.redirects):
                    return await run(shell, node.body, tested=tested)
        async with Redirections(shell, node.redirects):
            return await run(shell, node.body, tested=tested)
    except RedirectFailed as error:
        await shell.complain(str(error))
        return 1
