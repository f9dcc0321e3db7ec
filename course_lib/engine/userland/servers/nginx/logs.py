"""nginx's access and error logs."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from course_lib.engine.interfaces import FileSystem, OpenFile, Process
from course_lib.engine.userland.servers.nginx.config import ConfigError
from course_lib.engine.userland.servers.nginx.model import LEVELS, Configuration


class Logs:
    """Open log files of one process, by path.

    :param files: with the rights of the master, which opens them for its workers.
    """

    def __init__(self, proc: Process, files: FileSystem | None = None) -> None:
        self._proc = proc
        self._fs = files or proc.fs
        self._files: dict[str, OpenFile] = {}

    def open_all(self, configuration: Configuration) -> None:
        """Open every log that the configuration names.

        :raises ConfigError: one cannot be opened.
        """
        paths = {configuration.error_log[0], configuration.http.error_log[0]}
        for server in configuration.servers:
            for settings in (server.settings, *(loc.settings for loc in server.locations)):
                paths.add(settings.error_log[0])
                paths.update(log.path for log in settings.access_logs)
        for path in sorted(paths):
            self.file(path)

    def file(self, path: str) -> OpenFile:
        """The log at a path, opened when first asked for."""
        found = self._files.get(path)
        if found is None:
            if path == "stderr":
                found = self._proc.stderr.dup()
            elif path.startswith(("syslog:", "memory:")):
                raise ConfigError(f'log "{path}" is not supported by the embedded engine')
            else:
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
                try:
                    found = self._fs.open(path, flags, 0o644)
                except OSError as error:
                    reason = f"({error.errno}: {error.strerror})"
                    raise ConfigError(f'open() "{path}" failed {reason}') from None
            self._files[path] = found
        return found

    async def write(self, path: str, line: str) -> None:
        """Append a line; a log that cannot be written stops nobody."""
        try:
            await self.file(path).write(line.encode("utf-8", "surrogateescape"))
        except (OSError, ConfigError):
            return

    async def error(self, target: tuple[str, str], level: str, message: str) -> None:
        """A line of an error log, if its level asks for it.

        :param target: path and threshold, as in ``error_log``.
        """
        path, threshold = target
        if LEVELS.index(level) < LEVELS.index(threshold):
            return
        now = datetime.fromtimestamp(self._proc.machine.clock.time_ns() / 1e9, UTC)
        pid = self._proc.pid
        stamp = now.strftime("%Y/%m/%d %H:%M:%S")
        await self.write(path, f"{stamp} [{level}] {pid}#{pid}: {message}\n")

    def close(self) -> None:
        """Close all; they are opened again when next written to."""
        for file in self._files.values():
            file.close()
        self._files.clear()
