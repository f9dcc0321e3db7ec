"""What the instructions of a Dockerfile are, read from its lines and checked.

Follows BuildKit's ``frontend/dockerfile/instructions``, error texts included. The instructions that
do no more than change the configuration say here how they change it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from course_lib.engine.builder import health
from course_lib.engine.builder.dockerfile import Dockerfile, Heredoc, Line, heredoc
from course_lib.engine.builder.flags import read_flags, suggestion
from course_lib.engine.builder.goquote import go_list
from course_lib.engine.container.signals import parse_signal
from course_lib.engine.errdefs import EngineError, InvalidParameter
from course_lib.engine.image.model import ImageConfig

Expander = Callable[[str], str]

_NAMES = (
    "ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL "
    "STOPSIGNAL USER VOLUME WORKDIR"
).split()
_STAGE_NAME = re.compile(r"[a-z][a-z0-9-_.]*")
DEFAULT_SHELL = ("/bin/sh", "-c")


@dataclass(slots=True)
class Instruction:
    """One step. ``code`` is the line as it is printed."""

    code: str

    def expand(self, expander: Expander) -> None:
        """Put in the values of variables, where this instruction has them."""

    def apply(self, config: ImageConfig) -> tuple[ImageConfig, str]:
        """The configuration after this step, and what the history calls the step.

        :raises EngineError: a value makes no sense.
        """
        raise NotImplementedError


@dataclass(slots=True)
class Env(Instruction):
    """``ENV``."""

    pairs: list[tuple[str, str]]

    def expand(self, expander: Expander) -> None:
        self.pairs = [(expander(name), expander(value)) for name, value in self.pairs]

    def apply(self, config: ImageConfig) -> tuple[ImageConfig, str]:
        env = list(config.env)
        for name, value in self.pairs:
            entry = f"{name}={value}"
            for number, old in enumerate(env):
                if old.partition("=")[0] == name:
                    env[number] = entry
                    break
            else:
                env.append(entry)
        text = "".join(f" {name}={value}" for name, value in self.pairs)
        return replace(config, env=tuple(env)), f"ENV{text}"


@dataclass(slots=True)
class Label(Instruction):
    """``LABEL``, and what ``docker build --label`` adds, which is taken as it is."""

    pairs: list[tuple[str, str]]
    literal: bool = False

    def expand(self, expander: Expander) -> None:
        if not self.literal:
            self.pairs = [(expander(name), expander(value)) for name, value in self.pairs]

    def apply(self, config: ImageConfig) -> tuple[ImageConfig, str]:
        text = "".join(f" {name}={value}" for name, value in self.pairs)
        labels = {**(config.labels or {}), **dict(self.pairs)}
        return replace(config, labels=labels), f"LABEL{text}"


@dataclass(slots=True)
class Maintainer(Instruction):
    """``MAINTAINER``."""

    name: str

    def apply(self, config: ImageConfig) -> tuple[ImageConfig, str]:
        return config, f"MAINTAINER {self.name}"


@dataclass(slots=True)
class Transfer(Instruction):
    """``ADD`` and ``COPY``.

    :param source: of ``--from``.
    """

    word: str
    sources: list[str]
    destination: str
    chown: str
    chmod: str
    source: str = ""

    def expand(self, expander: Expander) -> None:
        self.chown = expander(self.chown)
        self.sources = [expander(source) for source in self.sources]
        self.destination = expander(self.destination)


@dataclass(slots=True)
class OnBuild(Instruction):
    """``ONBUILD``."""

    trigger: str

    def apply(self, config: ImageConfig) -> tuple[ImageConfig, str]:
        triggers = (*(config.on_build or ()), self.trigger)
        return replace(config, on_build=triggers), f"ONBUILD {self.trigger}"


@dataclass(slots=True)
class Workdir(Instruction):
    """``WORKDIR``."""

    path: str

    def expand(self, expander: Expander) -> None:
        self.path = expander(self.path)

    def apply(self, config: ImageConfig) -> tuple[ImageConfig, str]:
        if not self.path:
            raise EngineError("cannot normalize nothing")
        path = clean(posixpath.join("/", config.working_dir, self.path))
        return replace(config, working_dir=path), f"WORKDIR {path}"


@dataclass(slots=True)
class Command(Instruction):
    """A command line: ``RUN``, ``CMD``, ``ENTRYPOINT``.

    :param is_json: it is executed as it is, without a shell.
    """

    words: list[str]
    is_json: bool

    def command(self, config: ImageConfig) -> tuple[str, ...]:
        """What is executed."""
        if self.is_json:
            return tuple(self.words)
        return (*(config.shell or DEFAULT_SHELL), *self.words)


@dataclass(slots=True)
class Run(Command):
    """``RUN``; ``flags`` are BuildKit's."""

    flags: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Cmd(Command):
    """``CMD``."""

    def apply(self, config: ImageConfig) -> tuple[ImageConfig, str]:
        command = self.command(config)
        return replace(config, cmd=command), f"CMD {go_list(command, quoted=True)}"


@dataclass(slots=True)
class Entrypoint(Command):
    """``ENTRYPOINT``."""

    def apply(self, config: ImageConfig) -> tuple[ImageConfig, str]:
        command = self.command(config) if self.words else None
        text = f"ENTRYPOINT {go_list(command or (), quoted=True)}"
        return replace(config, entrypoint=command), text


@dataclass(slots=True)
class Healthcheck(Instruction):
    """``HEALTHCHECK``."""

    check: health.Check

    def apply(self, config: ImageConfig) -> tuple[ImageConfig, str]:
        # What the new check does not say stays, as where dockerd completes a step's container.
        check = {**(config.healthcheck or {}), **self.check.config()}
        return replace(config, healthcheck=check), f"HEALTHCHECK {self.check}"


@dataclass(slots=True)
class Expose(Instruction):
    """``EXPOSE``; the words are split once more when variables have been put in."""

    ports: list[str]

    def apply(self, config: ImageConfig) -> tuple[ImageConfig, str]:
        from course_lib.engine.builder.ports import exposed

        found = sorted({*config.exposed_ports, *exposed(self.ports)})
        return replace(config, exposed_ports=tuple(found)), f"EXPOSE {' '.join(self.ports)}"


@dataclass(slots=True)
class User(Instruction):
    """``USER``."""

    user: str

    def expand(self, expander: Expander) -> None:
        self.user = expander(self.user)

    def apply(self, config: ImageConfig) -> tuple[ImageConfig, str]:
        return replace(config, user=self.user), f"USER {self.user}"


@dataclass(slots=True)
class Volume(Instruction):
    """``VOLUME``."""

    paths: list[str]

    def expand(self, expander: Expander) -> None:
        self.paths = [expander(path) for path in self.paths]

    def apply(self, config: ImageConfig) -> tuple[ImageConfig, str]:
        if not all(self.paths):
            raise EngineError("VOLUME specified can not be an empty string")
        volumes = tuple(sorted({*config.volumes, *self.paths}))
        return replace(config, volumes=volumes), f"VOLUME {go_list(self.paths)}"


@dataclass(slots=True)
class StopSignal(Instruction):
    """``STOPSIGNAL``."""

    signal: str

    def expand(self, expander: Expander) -> None:
        self.signal = expander(self.signal)

    def apply(self, config: ImageConfig) -> tuple[ImageConfig, str]:
        parse_signal(self.signal)
        return replace(config, stop_signal=self.signal), f"STOPSIGNAL {self.signal}"


@dataclass(slots=True)
class Arg(Instruction):
    """``ARG``; a value of ``None`` is none at all."""

    pairs: list[tuple[str, str | None]]

    def expand(self, expander: Expander) -> None:
        self.pairs = [
            (expander(name), None if value is None else expander(value))
            for name, value in self.pairs
        ]

    def apply(self, config: ImageConfig) -> tuple[ImageConfig, str]:
        shown = [name if value is None else f"{name}={value}" for name, value in self.pairs]
        return config, f"ARG {' '.join(shown)}"


@dataclass(slots=True)
class Shell(Instruction):
    """``SHELL``."""

    words: list[str]

    def apply(self, config: ImageConfig) -> tuple[ImageConfig, str]:
        return replace(config, shell=tuple(self.words)), f"SHELL {go_list(self.words)}"


@dataclass(slots=True)
class Stage:
    """``FROM`` and what follows it. ``name`` is in small letters, empty where none was given."""

    code: str
    base: str
    name: str
    platform: str
    steps: list[Instruction] = field(default_factory=list)


def clean(path: str) -> str:
    """Go's ``filepath.Clean`` of an absolute path."""
    return "/" + posixpath.normpath(path).lstrip("/")


# --- reading -----------------------------------------------------------------------------


def read_stages(dockerfile: Dockerfile) -> tuple[list[Stage], list[Arg]]:
    """The stages, and the ``ARG`` lines before the first of them.

    :raises InvalidParameter: with BuildKit's words.
    """
    stages: list[Stage] = []
    before: list[Arg] = []
    for line in dockerfile.lines:
        try:
            found = read(line)
        except EngineError as error:
            raise InvalidParameter(
                f"dockerfile parse error on line {line.number}: {error}"
            ) from None
        if isinstance(found, Stage):
            stages.append(found)
        elif stages:
            stages[-1].steps.append(found)
        elif isinstance(found, Arg):
            before.append(found)
        else:
            raise InvalidParameter("no build stage in current context")
    return stages, before


def read(line: Line) -> Instruction | Stage:
    """One instruction.

    :raises InvalidParameter: with BuildKit's words.
    """
    reader = _READERS.get(line.word.lower())
    if reader is None:
        raise InvalidParameter(f"unknown instruction: {line.word}{suggestion(line.word, _NAMES)}")
    return reader(line, line.original.strip())


def read_step(line: Line) -> Instruction:
    """An instruction that is no ``FROM``.

    :raises InvalidParameter: with BuildKit's words.
    """
    found = read(line)
    if isinstance(found, Stage):
        raise InvalidParameter("*instructions.Stage is not a command type")
    return found


def _at_least_one(line: Line) -> None:
    if not line.args:
        raise InvalidParameter(f"{line.word.upper()} requires at least one argument")


def _exactly_one(line: Line) -> str:
    if len(line.args) != 1:
        raise InvalidParameter(f"{line.word.upper()} requires exactly one argument")
    return line.args[0]


def _pairs(line: Line) -> list[tuple[str, str]]:
    read_flags(line.flags)
    _at_least_one(line)
    names = line.args[::2]
    if not all(names):
        raise InvalidParameter(f"{line.word.upper()} names can not be blank")
    return list(zip(names, line.args[1::2], strict=True))


def _env(line: Line, code: str) -> Instruction:
    return Env(code, _pairs(line))


def _label(line: Line, code: str) -> Instruction:
    return Label(code, _pairs(line))


def _maintainer(line: Line, code: str) -> Instruction:
    name = _exactly_one(line)
    read_flags(line.flags)
    return Maintainer(code, name)


def _transfer(line: Line, code: str) -> Instruction:
    word = line.word.upper()
    if len(line.args) < 2:
        raise InvalidParameter(
            f"{word} requires at least two arguments, but only one was provided. "
            "Destination could not be determined"
        )
    strings = ("chown", "chmod", "from") if word == "COPY" else ("chown", "chmod", "checksum")
    booleans = ("link",) if word == "COPY" else ("link", "keep-git-dir")
    flags = read_flags(line.flags, strings=strings, booleans=booleans)
    *sources, destination = line.args
    if heredoc(destination) is not None:
        raise InvalidParameter(f"{word} cannot accept a heredoc as a destination")
    # The classic builder knows nothing of here-documents: they are no sources.
    sources = [source for source in sources if heredoc(source) is None]
    return Transfer(
        code,
        word,
        sources,
        destination,
        flags.get("chown", ""),
        flags.get("chmod", ""),
        flags.get("from", ""),
    )


def _from(line: Line, code: str) -> Stage:
    name, args = "", line.args
    if len(args) == 3 and args[1].lower() == "as":
        name = args[2].lower()
        if not _STAGE_NAME.fullmatch(name):
            raise InvalidParameter(
                f'invalid name for build stage: "{args[2]}", name can\'t start with a number or '
                "contain symbols"
            )
    elif len(args) != 1:
        raise InvalidParameter("FROM requires either one or three arguments")
    flags = read_flags(line.flags, strings=("platform",))
    return Stage(code, args[0], name, flags.get("platform", ""))


def _on_build(line: Line, code: str) -> Instruction:
    _at_least_one(line)
    read_flags(line.flags)
    trigger = line.args[0].strip().upper()
    if trigger == "ONBUILD":
        raise InvalidParameter("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if trigger in {"MAINTAINER", "FROM"}:
        raise InvalidParameter(f"{trigger} isn't allowed as an ONBUILD trigger")
    original = re.sub(r"(?i)^\s*ONBUILD\s*", "", line.original)
    return OnBuild(code, original + "".join(_again(one) for one in line.heredocs))


def _again(one: Heredoc) -> str:
    return f"\n{one.content}{one.name}"


def _workdir(line: Line, code: str) -> Instruction:
    path = _exactly_one(line)
    read_flags(line.flags)
    return Workdir(code, path)


def _run(line: Line, code: str) -> Instruction:
    flags = (
        read_flags(line.flags, strings=("network", "security"), booleans=())
        if not any(flag.startswith("--mount") for flag in line.flags)
        else {"mount": ""}
    )
    return Run(code, line.args, line.is_json, list(flags))


def _cmd(line: Line, code: str) -> Instruction:
    read_flags(line.flags)
    return Cmd(code, line.args, line.is_json)


def _entrypoint(line: Line, code: str) -> Instruction:
    read_flags(line.flags)
    return Entrypoint(code, line.args, line.is_json)


def _healthcheck(line: Line, code: str) -> Instruction:
    return Healthcheck(code, health.read(line))


def _expose(line: Line, code: str) -> Instruction:
    _at_least_one(line)
    read_flags(line.flags)
    return Expose(code, sorted(line.args))


def _user(line: Line, code: str) -> Instruction:
    user = _exactly_one(line)
    read_flags(line.flags)
    return User(code, user)


def _volume(line: Line, code: str) -> Instruction:
    _at_least_one(line)
    read_flags(line.flags)
    paths = [path.strip() for path in line.args]
    if not all(paths):
        raise InvalidParameter("VOLUME specified can not be an empty string")
    return Volume(code, paths)


def _stop_signal(line: Line, code: str) -> Instruction:
    return StopSignal(code, _exactly_one(line))


def _arg(line: Line, code: str) -> Instruction:
    _at_least_one(line)
    pairs: list[tuple[str, str | None]] = []
    for word in line.args:
        name, has_value, value = word.partition("=")
        if not name:
            raise InvalidParameter("ARG names can not be blank")
        pairs.append((name, value if has_value else None))
    return Arg(code, pairs)


def _shell(line: Line, code: str) -> Instruction:
    read_flags(line.flags)
    _at_least_one(line)
    if not line.is_json:
        raise InvalidParameter("SHELL requires the arguments to be in JSON form")
    return Shell(code, line.args)


_READERS: dict[str, Callable[[Line, str], Instruction | Stage]] = {
    "add": _transfer,
    "arg": _arg,
    "cmd": _cmd,
    "copy": _transfer,
    "entrypoint": _entrypoint,
    "env": _env,
    "expose": _expose,
    "from": _from,
    "healthcheck": _healthcheck,
    "label": _label,
    "maintainer": _maintainer,
    "onbuild": _on_build,
    "run": _run,
    "shell": _shell,
    "stopsignal": _stop_signal,
    "user": _user,
    "volume": _volume,
    "workdir": _workdir,
}
