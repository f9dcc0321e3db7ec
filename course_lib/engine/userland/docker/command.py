"""What all commands of the ``docker`` client share: the connection, options, messages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from course_lib.engine.userland.applets.net_options import Options, UsageError, parse
from course_lib.engine.userland.docker.client import Client, DockerError
from course_lib.engine.userland.docker.template import TemplateError
from course_lib.engine.userland.process import ContainerProcess

Body = Callable[["Context", Options], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Context:
    """One run of a command."""

    proc: ContainerProcess
    client: Client
    name: str

    async def out(self, text: str) -> None:
        await self.proc.out(text)

    async def err(self, text: str) -> None:
        await self.proc.err(text)

    async def each(self, words: list[str], act: Callable[[str], Awaitable[str | None]]) -> int:
        """Do something to each word; print what comes of it, go on after a refusal."""
        code = 0
        for word in words:
            try:
                shown = await act(word)
            except DockerError as error:
                if not error.status:
                    raise
                await self.err(f"{error}\n")
                code = 1
                continue
            if shown is not None:
                await self.out(f"{shown}\n")
        return code

    def template_failed(self, error: TemplateError) -> DockerError:
        """What the command says of a template that cannot be used."""
        return DockerError(f"template parsing error: {error}", 64 if error.parsing else 1)


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its options as for :func:`parse`, and how many words it takes."""

    body: Body
    usage: str
    summary: str
    short: str = ""
    long: Mapping[str, str] | None = None
    least: int = 0
    most: int | None = None
    permute: bool = True

    async def run(self, context: Context, argv: list[str]) -> int:
        """Parse the words and run it.

        :raises DockerError: wrong words, or what the engine refused.
        """
        title = f"docker {context.name}"
        if "--help" in argv and self.permute:
            await context.out(f"{self._help(title)}\n")
            return 0
        try:
            options = parse(argv, self.short, {"help": "help", **(self.long or {})},
                            permute=self.permute)  # fmt: skip
        except UsageError as error:
            raise DockerError(_flag_message(str(error), title), 125) from None
        if "help" in options:
            await context.out(f"{self._help(title)}\n")
            return 0
        count = len(options.words)
        if count < self.least or (self.most is not None and count > self.most):
            raise DockerError(f'"{title}" {self._wanted()}\nSee \'{title} --help\'.\n\n'
                              f"{self._help(title)}")  # fmt: skip
        return await self.body(context, options)

    def _wanted(self) -> str:
        if self.most == 0:
            return "accepts no arguments."
        plural = "argument" if self.least == 1 else "arguments"
        if self.least == self.most:
            return f"requires exactly {self.least} {plural}."
        if self.most is not None and self.least == 0:
            return f"requires at most {self.most} argument{'s' if self.most != 1 else ''}."
        return f"requires at least {self.least} {plural}."

    def _help(self, title: str) -> str:
        return f"Usage:  {title} {self.usage}\n\n{self.summary}"


def _flag_message(message: str, title: str) -> str:
    """getopt's complaint in the words of Docker's own parser."""
    subject = message.rpartition(" ")[2].strip("'")
    if message.startswith("unrecognized"):
        text = f"unknown flag: {subject.partition('=')[0]}"
    elif message.startswith("invalid option"):
        text = f"unknown shorthand flag: '{subject}' in -{subject}"
    elif "requires an argument" in message:
        what = subject if not message.startswith("option '") else message.split("'")[1]
        text = (
            f"flag needs an argument: {what if what.startswith('--') else f'{what!r} in -{what}'}"
        )
    else:
        text = message
    return f"{text}\nSee '{title} --help'."


def key_values(words: list[str]) -> dict[str, str]:
    """``a=b`` words as a dictionary; no sign means an empty value."""
    return {key: value for key, _, value in (word.partition("=") for word in words)}


def filters(context: Context, words: list[str]) -> dict[str, Any]:
    """``--filter`` words as the API takes them.

    :raises DockerError: one is not ``name=value``.
    """
    found: dict[str, dict[str, bool]] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise DockerError(
                f'invalid argument "{word}" for "-f, --filter" flag: bad format of filter '
                f"(expected name=value)\nSee 'docker {context.name} --help'.",
                125,
            )
        found.setdefault(name.strip().lower(), {})[value.strip()] = True
    return found
