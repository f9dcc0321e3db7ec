"""The engine that a notebook works on: chosen, connected, and what goes wrong in talking to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from course_lib import clients, connect
from course_lib.errors import EngineUnavailable
from course_lib.journal import Journal

if TYPE_CHECKING:
    from docker import DockerClient


class EngineInUse:
    """One engine and one client for it, both made when first asked for."""

    def __init__(self, environ: MutableMapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._engine: connect.Engine | None = None
        self._client: DockerClient | None = None

    @property
    def engine(self) -> connect.Engine:
        """The engine in use; chosen and readied when first asked for."""
        if self._engine is None:
            self._engine = connect.connect(environ=self._environ)
            connect.use(self._engine, self._environ)
        return self._engine

    @property
    def client(self) -> DockerClient:
        """A client of the Docker SDK for it."""
        if self._client is None:
            self._client = self.engine.client()
        return self._client

    def socket(self) -> str:
        """The path to name as the source of a mount for the engine's socket.

        ``/var/run/docker.sock`` nearly everywhere; a rootless Docker has it elsewhere.
        """
        return self.engine.socket

    @property
    def journal(self) -> Journal:
        """What is written of the lesson on this engine."""
        with self._talking():
            return self._journal_of(self.client.info())

    def _journal_of(self, info: Mapping[str, Any]) -> Journal:
        """The journal of the engine that gave this answer to ``GET /info``."""
        identity = info.get("ID") or self.engine.host
        if self.engine.product == "Podman":
            identity = self.engine.host  # it makes up another ID for every answer
        return Journal.of_engine(identity, self._environ)

    def close(self) -> None:
        """Give up the connection; the next call makes a new one."""
        if self._client is not None:
            self._client.close()
        self._engine = self._client = None

    def _connect(self, engine: str | None, announce: Callable[[str], None]) -> None:
        found = connect.connect(engine, environ=self._environ, announce=announce)
        connect.use(found, self._environ)
        command = clients.find(self._environ)
        if command is not None:
            clients.put_on_path(command, self._environ)
        if self._client is not None:
            self._client.close()
        self._engine, self._client = found, None

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """Errors of the SDK as one clear line."""
        from docker.errors import APIError, DockerException
        from requests.exceptions import RequestException

        try:
            yield
        except APIError as error:
            reason = error.explanation or str(error)
            raise EngineUnavailable(f"the engine at {self.engine.host} said: {reason}") from None
        except (DockerException, RequestException) as error:
            raise EngineUnavailable(
                f"the engine at {self.engine.host} does not answer: {_reason(error)}",
                "run lab.start(...) again",
            ) from None


def _reason(error: BaseException) -> str:
    """What the system said, without the exceptions that it is wrapped in."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    inner = [_reason(one) for one in error.args if isinstance(one, BaseException)]
    return inner[0] if inner else str(error)
