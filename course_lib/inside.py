"""A short-lived container that looks from inside a network or another container.

It brings its own tools, so a student's container needs none and nothing in it is touched. It
carries a label and removes itself even when its maker is killed.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from course_lib.errors import EngineUnavailable
from course_lib.sdk import exec_output

LABEL = "docker-course.probe"
LIFETIME_SECONDS = 60
COMMAND_SECONDS = 4.0
TIMED_OUT = 124
SLEEP = ("sleep", str(LIFETIME_SECONDS))
QUIET_SECONDS, QUIET_FACTOR = 0.2, 10.0
REPLY = re.compile(r"bytes from .*seq=", re.MULTILINE)
"""How ``ping`` tells of an answer, BusyBox' as well as iputils'."""


def make(
    api: Any,
    image: str,
    network_mode: str,
    *,
    command: Sequence[str] = SLEEP,
    binds: Sequence[str] = (),
    start: bool = True,
) -> str:
    """Make one in ``network_mode`` (a network's name or ``container:ID``); returns its ID.

    :param binds: as for ``docker run -v``.
    :param start: False makes it without starting it: enough for looking at its files.
    :raises docker.errors.APIError: it cannot be made or started; then none is left.
    """
    container: str = api.create_container(
        image,
        entrypoint=list(command),
        name=f"course-probe-{secrets.token_hex(4)}",
        labels={LABEL: "1"},
        host_config=api.create_host_config(
            network_mode=network_mode, auto_remove=True, binds=list(binds)
        ),
    )["Id"]
    if start:
        try:
            api.start(container)
        except BaseException:
            remove(api, container)
            raise
    return container


def run(
    api: Any, container: str, command: Sequence[str], *, user: str = ""
) -> tuple[int, str, str]:
    """Exit code (124 after :data:`COMMAND_SECONDS`), output and errors of a command there."""
    instance = api.exec_create(container, list(command), user=user)["Id"]
    try:
        out, err = within(COMMAND_SECONDS, lambda: exec_output(api, instance))
    except TimeoutError:
        return TIMED_OUT, "", f"no answer within {COMMAND_SECONDS:g} seconds"
    code: int = api.exec_inspect(instance)["ExitCode"]
    return code, _decode(out), _decode(err)


def answers(
    api: Any, container: str, address: str, *, clock: Callable[[], float] = time.monotonic
) -> bool:
    """Whether ``address`` answers an echo request from there within a second.

    Its silence is told before the second is over where answers come quickly: the container's own
    loopback is asked at the same time and by the same way, and what takes ten times as long as its
    answer, and a while more, is silence. Where that takes long (a busy machine, a daemon that takes
    its time for each ``exec``) the second is waited for.

    :raises EngineUnavailable: nothing can be said, as where the engine is too slow.
    """
    asked = _begun(lambda: echoed(api, container, address))
    begun = clock()
    compared = echoed(api, container, "127.0.0.1")
    enough = QUIET_SECONDS + QUIET_FACTOR * (clock() - begun)
    try:
        return bool(asked.result(enough if compared else None))
    except TimeoutError:
        return False


def echoed(api: Any, container: str, address: str) -> bool:
    """Whether an answer came to one echo request, for which a second is waited.

    :raises EngineUnavailable: it did not end, or there is no ``ping``.
    """
    code, out, err = run(api, container, ("ping", "-c", "1", "-W", "1", address))
    if code in (TIMED_OUT, 126, 127):
        raise EngineUnavailable(f"ping does not work inside: {err or out}", "run the cell again")
    return bool(REPLY.search(out))


def remove(api: Any, container: str) -> None:
    """Take it away; it may be gone or going already.

    :raises docker.errors.APIError: it stays.
    """
    from docker.errors import APIError, NotFound

    try:
        api.remove_container(container, force=True, v=True)
    except NotFound:
        return
    except APIError as error:
        # dockerd answers 409 while its own removal (AutoRemove) is under way.
        if error.status_code != 409:
            raise
        try:
            api.wait(container, timeout=10, condition="removed")
        except NotFound:
            return


def within(seconds: float, call: Callable[[], Any]) -> Any:
    """The result of ``call``, or ``TimeoutError``; then its thread ends with the container.

    From outside, because wget's own limit is not to be had everywhere.
    """
    return _begun(call).result(seconds)


def _begun(call: Callable[[], Any]) -> Future[Any]:
    """Its result, once it is there: a thread calls it."""
    future: Future[Any] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except Exception as error:
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "replace")
