"""Build arguments: what ``ARG`` declares and ``--build-arg`` gives (moby ``buildargs.go``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from course_lib.engine.builder.goquote import go_list

PREDEFINED = frozenset(
    name
    for word in ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
    for name in (word, word.lower())
)
"""Usable without a declaration, and no part of the history unless declared."""


class BuildArguments:
    """The arguments of a build or of one of its stages.

    :param given: by ``--build-arg``; ``None`` for a name without a value.
    """

    def __init__(self, given: Mapping[str, str | None]) -> None:
        self._given = given
        self._declared: dict[str, str | None] = {}
        self._global: dict[str, str | None] = {}
        self._used: set[str] = set()

    def for_stage(self) -> BuildArguments:
        """What a new stage begins with: globals can be declared again, nothing else is there."""
        stage = BuildArguments(self._given)
        stage._global = dict(self._global)
        stage._used = set(self._used)
        return stage

    def merge_used(self, stage: BuildArguments) -> None:
        """A stage is over: what it declared counts as used."""
        self._used |= stage._used

    def declare(self, name: str, value: str | None) -> None:
        """``ARG`` in a stage."""
        self._declared[name] = value
        self._used.add(name)

    def declare_global(self, name: str, value: str | None) -> None:
        """``ARG`` before the first ``FROM``."""
        self.declare(name, value)
        self._global[name] = value

    def values(self) -> dict[str, str]:
        """Every declared or predefined argument that has a value."""
        return self._values(self._declared)

    def global_values(self) -> dict[str, str]:
        """Those that ``FROM`` may use."""
        return self._values(self._global)

    def _values(self, declared: Mapping[str, str | None]) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in (*declared, *sorted(PREDEFINED)):
            for value in (self._given.get(name), declared.get(name), self._global.get(name)):
                if value is not None:
                    found.setdefault(name, value)
                    break
        return found

    def beside(self, env: Sequence[str]) -> dict[str, str]:
        """The values of the arguments that the environment of the image does not override."""
        names = {entry.partition("=")[0] for entry in env}
        return {name: value for name, value in self.values().items() if name not in names}

    def in_history(self, values: Mapping[str, str], command: Sequence[str]) -> tuple[str, ...]:
        """A command with the arguments it ran with before it: ``|1 A=b /bin/sh -c …``."""
        if not values:
            return tuple(command)
        shown = sorted(
            f"{name}={value}"
            for name, value in values.items()
            if name in self._declared or name not in PREDEFINED
        )
        return (f"|{len(shown)}", *shown, *command)

    def warning(self) -> str:
        """About arguments that no stage declared; empty where there are none."""
        unused = sorted(set(self._given) - self._used - PREDEFINED)
        if not unused:
            return ""
        return f"[Warning] One or more build-args {go_list(unused)} were not consumed\n"
