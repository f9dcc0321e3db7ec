"""Exec instances."""

from __future__ import annotations

from typing import Any

from course_lib.engine.container.exec import Exec

Json = dict[str, Any]


def exec_instance(instance: Exec) -> Json:
    """``GET /exec/{id}/json``."""
    spec = instance.spec
    process: Json = {
        "arguments": instance.arguments,
        "entrypoint": instance.entrypoint,
        "privileged": spec.privileged,
        "tty": spec.tty,
    }
    if spec.user:
        process["user"] = spec.user
    return {
        "ID": instance.id,
        "Running": instance.running,
        "ExitCode": instance.exit_code,
        "ProcessConfig": process,
        "OpenStdin": spec.attach_stdin,
        "OpenStderr": spec.attach_stderr,
        "OpenStdout": spec.attach_stdout,
        "CanRemove": False,
        "ContainerID": instance.container.id,
        "DetachKeys": "",
        "Pid": instance.pid,
    }
