"""``getopt``: the options of a script's arguments, put in order."""

from __future__ import annotations

from course_lib.engine.userland.applets.common import Fail, Options, program
from course_lib.engine.userland.applets.net_options import UsageError
from course_lib.engine.userland.process import ContainerProcess


@program(
    "o:n:qQs:Tual:",
    "[OPTIONS] [--] OPTSTRING PARAMS",
    "Parse command options",
    long={
        "options=": "o", "name=": "n", "quiet": "q", "quiet-output": "Q", "shell=": "s",
        "test": "T", "unquoted": "u", "alternative": "a", "longoptions=": "l",
    },
    permute=False,
)  # fmt: skip
async def getopt(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print arguments in a form that ``eval set --`` takes."""
    if "T" in options:
        return 4
    quoted = "u" not in options
    if proc.argv[1:] and not proc.argv[1].startswith("-"):
        letters, arguments, quoted = words[0].lstrip("-+"), words[1:], False
    elif "o" in options:
        letters, arguments = options["o"], words
    elif words:
        letters, arguments = words[0], words[1:]
    else:
        raise Fail("missing optstring argument")
    names = [name for value in options.all("l") for name in value.replace(" ", ",").split(",")]
    run = _Parser(letters, [name for name in names if name], alternative="a" in options)
    run.take(arguments)
    if "q" not in options:
        name = options.get("n", "getopt")
        await proc.err("".join(f"{name}: {message}\n" for message in run.errors))
    if "Q" not in options:
        found = "".join(
            f" {name}" + (f" {_quote(value, quoted)}" if value is not None else "")
            for name, value in run.found
        )
        rest = "".join(f" {_quote(word, quoted)}" for word in run.words)
        await proc.out(f"{found} --{rest}\n")
    return int(bool(run.errors))


def _quote(word: str, quoted: bool) -> str:
    return "'" + word.replace("'", "'\\''") + "'" if quoted else word


class _Parser:
    """``getopt_long(3)``: options in ``found``, other words in ``words``."""

    def __init__(self, letters: str, names: list[str], *, alternative: bool) -> None:
        self._stops = letters.startswith("+")
        letters = letters.lstrip("+-:")
        self._letters = {
            letter: len(letters[n + 1 : n + 3]) - len(letters[n + 1 : n + 3].lstrip(":"))
            for n, letter in enumerate(letters)
            if letter != ":"
        }
        self._names = {name.rstrip(":"): name.count(":") for name in names}
        self._alternative = alternative
        self.found: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.errors: list[str] = []

    def take(self, arguments: list[str]) -> None:
        rest = list(arguments)
        while rest:
            word = rest.pop(0)
            if word == "--":
                self.words += rest
                return
            long = word.startswith("--") or (
                self._alternative and word[:1] == "-" and len(word) > 2
            )
            try:
                if long and self._names:
                    self._long(word, rest)
                elif word.startswith("-") and len(word) > 1:
                    self._short(word[1:], rest)
                else:
                    self.words.append(word)
                    if self._stops:
                        self.words += rest
                        return
            except UsageError as error:
                self.errors.append(str(error))

    def _long(self, word: str, rest: list[str]) -> None:
        name, equals, value = word.lstrip("-").partition("=")
        matches = [name] if name in self._names else [n for n in self._names if n.startswith(name)]
        if not matches:
            raise UsageError(f"unrecognized option '{word.partition('=')[0]}'")
        if len({self._names[match] for match in matches}) > 1:
            listed = "".join(f" '--{match}'" for match in matches)
            raise UsageError(f"option '{word}' is ambiguous; possibilities:{listed}")
        wants = self._names[matches[0]]
        if not wants and equals:
            raise UsageError(f"option '--{matches[0]}' doesn't allow an argument")
        if wants == 1 and not equals:
            if not rest:
                raise UsageError(f"option '--{matches[0]}' requires an argument")
            value = rest.pop(0)
        self.found.append((f"--{matches[0]}", value if wants else None))

    def _short(self, letters: str, rest: list[str]) -> None:
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter not in self._letters:
                self.errors.append(f"invalid option -- '{letter}'")
                continue
            wants = self._letters[letter]
            if not wants:
                self.found.append((f"-{letter}", None))
                continue
            if wants == 1 and not letters:
                if not rest:
                    raise UsageError(f"option requires an argument -- '{letter}'")
                letters = rest.pop(0)
            self.found.append((f"-{letter}", letters))
            return
