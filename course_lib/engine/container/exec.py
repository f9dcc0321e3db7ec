"""Exec instances: further programs in a running container."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from course_lib.engine.container.container import Container
from course_lib.engine.container.stdio import Streams
from course_lib.engine.interfaces import Process


@dataclass(slots=True)
class ExecSpec:
    """What ``docker exec`` asked for."""

    argv: list[str]
    env: list[str] = field(default_factory=list)
    user: str = ""
    working_dir: str = ""
    tty: bool = False
    privileged: bool = False
    attach_stdin: bool = False
    attach_stdout: bool = False
    attach_stderr: bool = False
    detach_keys: bytes = b""
    console_size: tuple[int, int] | None = None


@dataclass(slots=True, eq=False)
class Exec:
    """One instance. ``exit_code`` is ``None`` until it has ended."""

    id: str
    container: Container
    spec: ExecSpec
    streams: Streams
    running: bool = False
    exit_code: int | None = None
    pid: int = 0
    process: Process | None = None
    started: bool = False
    ended_ns: int = 0

    @property
    def entrypoint(self) -> str:
        """The program."""
        return self.spec.argv[0]

    @property
    def arguments(self) -> list[str]:
        """Its arguments."""
        return self.spec.argv[1:]

    @property
    def title(self) -> str:
        """As events show it: ``exec_start: sh -c ls``."""
        return f"{self.entrypoint} {' '.join(self.arguments)}"


RUNC_FAILURE = (
    "failed to create task for container: failed to create shim task: OCI runtime create "
    "failed: runc create failed: unable to start container process: "
)
"""How dockerd begins to say that a container's first process cannot be made."""


def start_failure(argv0: str, error: Exception, *, during_exec: bool) -> tuple[str, int]:
    """The words of runc for a program that cannot be executed, and the exit code dockerd takes.

    Texts as containerd 1.7 and runc 1.1 give them.
    """
    prefix = (
        "OCI runtime exec failed: exec failed: unable to start container process: "
        if during_exec
        else RUNC_FAILURE
    )
    if isinstance(error, KeyError):
        return prefix + f"{error.args[0]}: unknown", 126 if during_exec else 128
    program = json.dumps(argv0, ensure_ascii=False)
    if isinstance(error, FileNotFoundError):
        if "/" in argv0:
            return (
                prefix + f"exec: {program}: stat {argv0}: no such file or directory: unknown",
                127,
            )
        return prefix + f"exec: {program}: executable file not found in $PATH: unknown", 127
    if isinstance(error, PermissionError):
        return prefix + f"exec: {program}: permission denied: unknown", 126
    if isinstance(error, IsADirectoryError):
        return prefix + f"exec: {program}: is a directory: unknown: permission denied", 126
    reason = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
    return prefix + f"exec: {program}: {reason}: unknown", 128
