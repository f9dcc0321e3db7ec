"""Simple commands: assignments, functions, builtins."""

from __future__ import annotations

from course_lib.engine.userland.shell import builtins, external, interpreter, nodes, xtrace
from course_lib.engine.userland.shell.errors import ReturnFunction, ShellError, ShellExit
from course_lib.engine.userland.shell.redirect import RedirectFailed, Redirections
from course_lib.engine.userland.shell.shell import Shell

MAX_FUNCTIONS = 1000
"""Calls within calls; each takes a few frames of Python's stack, which has an end."""


async def simple(shell: Shell, node: nodes.Command, *, tested: bool, last: bool) -> int:
    """A simple command: expand it, find out what it is, run it."""
    if not shell.bash:
        return await _simple(shell, node, tested=tested, last=last)
    from course_lib.engine.userland.shell import procsubst

    with procsubst.until_done(shell):
        return await _simple(shell, node, tested=tested, last=last)


async def _simple(shell: Shell, node: nodes.Command, *, tested: bool, last: bool) -> int:
    shell.line = node.line + shell.line_base
    shell.substitution_status = None
    words = list(node.words)
    if shell.bash:
        if words and _is_word(words[0], "[["):
            return await _condition(shell, node)
        from course_lib.engine.userland.shell import bashcommands

        if bashcommands.is_arithmetic(node):
            return await bashcommands.arithmetic(shell, node)
        if assigned := bashcommands.assignments(shell, node):
            return await bashcommands.assign(shell, node, *assigned, tested=tested)
        if declared := bashcommands.declared_arrays(node):
            return await bashcommands.declare(shell, *declared, tested=tested)
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
    return await external.run_external(shell, argv, node, last)


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
        async with Redirections(shell, node.redirects) as scope:
            await trace(shell, await _assigned(shell, node), [], scope)
    except RedirectFailed as error:
        await shell.complain(str(error))
        return 1
    return shell.substitution_status or 0


async def _assigned(shell: Shell, node: nodes.Command) -> list[tuple[str, str]]:
    """Assign in the shell itself; each sees those before it."""
    values = []
    for name, word in node.assignments:
        value = await shell.expander.string(word, assignment=True)
        shell.variables.set(name, value)
        values.append((name, value))
    return values


async def values_of(shell: Shell, node: nodes.Command) -> list[tuple[str, str]]:
    """Assign what stands before a command in the scope that is open; each sees those before it.

    :raises ShellError: one of the variables is read-only.
    """
    values = []
    for name, word in node.assignments:
        value = await shell.expander.string(word, assignment=True)
        shell.variables.make_local(name)
        shell.variables.set(name, value, export=True)
        values.append((name, value))
    return values


async def trace(
    shell: Shell, values: list[tuple[str, str]], argv: list[str], scope: Redirections
) -> None:
    """``set -x``."""
    if shell.options["xtrace"]:
        traced = [f"{name}={value}" for name, value in values]
        await xtrace.show(shell, traced, argv, scope.before(2))


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
            scope.lasting = argv[0] == "exec" and len(argv) == 1
            if node.assignments and not special:
                with shell.variables.scope():
                    return await _called(shell, builtin, argv, node, special, scope)
            return await _called(shell, builtin, argv, node, special, scope)
    except RedirectFailed as error:
        await shell.complain(str(error))
        if special and not shell.interactive and not shell.bash:
            raise ShellExit(1) from None
        return 1
    except BrokenPipeError:
        await shell.proc.broken_pipe()
        return 1
    except InterruptedError:
        await interpreter.handle_signals(shell)
        return 130
    except OSError as error:
        if argv[0] == "echo":  # the others of ash only fail
            await shell.proc.err(f"{shell.arg0_name()}: write error: {error.strerror}\n")
        return 1
    finally:
        shell.tested = before_tested


async def _called(
    shell: Shell,
    builtin: builtins.Builtin,
    argv: list[str],
    node: nodes.Command,
    special: bool,
    scope: Redirections,
) -> int:
    """A builtin, with its assignments; only the errors of a special one end the shell."""
    values = await (_assigned(shell, node) if special else values_of(shell, node))
    await trace(shell, values, argv, scope)
    try:
        return await builtin(shell, argv)
    except ShellError as error:
        if not shell.bash:
            error.command = error.command or argv[0]
        if special:
            raise
        await shell.report(error)
        return error.status


async def _function(
    shell: Shell, name: str, argv: list[str], node: nodes.Command, tested: bool
) -> int:
    if shell.functions_depth > MAX_FUNCTIONS:
        raise RecursionError  # the process ends as by a stack overflow, as in ash
    positional, loops, before_tested = shell.positional, shell.loops, shell.tested
    depth = shell.functions_depth
    shell.variables.enter()
    shell.calls.append(name)
    try:
        async with Redirections(shell, node.redirects) as scope:
            await trace(shell, await values_of(shell, node), argv, scope)
            shell.positional = argv[1:]
            shell.loops = 0
            shell.functions_depth += 1
            shell.tested = tested or shell.tested
            return await interpreter.run(shell, shell.functions[name], tested=tested)
    except ReturnFunction as end:
        return end.status
    except RedirectFailed as error:
        await shell.complain(str(error))
        return 1
    finally:
        shell.functions_depth = depth
        shell.calls.pop()
        shell.positional, shell.loops, shell.tested = positional, loops, before_tested
        shell.variables.leave()


async def _condition(shell: Shell, node: nodes.Command) -> int:
    from course_lib.engine.userland.shell import condition

    try:
        async with Redirections(shell, node.redirects):
            return await condition.evaluate(shell, node.words[1:])
    except RedirectFailed as error:
        await shell.complain(str(error))
        return 1
