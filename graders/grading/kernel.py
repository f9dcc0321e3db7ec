"""The student's side: an IPython kernel in a forked process, without ZMQ.

It is ipykernel's own kernel and shell, so cells run as they do under JupyterLab; only what
ipykernel would send over ZMQ goes through one socket instead. :func:`warm` is called once,
before the fork; :func:`serve` in the child never returns.

Nothing here is trusted: whatever this process says about itself may be said by the student.
"""

from __future__ import annotations

import asyncio
import io
import logging
import os
import random
import socket
import string
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from course_lib import command_lines, lean
from graders.grading import plain, wire
from graders.grading.interrupts import Interrupts

_FLUSH_AT = 16 * 1024
_MATPLOTLIB = "module://matplotlib_inline.backend_inline"
"""What ipykernel sets for every kernel."""


class _Stream(io.TextIOBase):
    """``sys.stdout`` of the kernel: gathers text, and gives it over before anything else."""

    encoding = "UTF-8"
    errors = "replace"

    def __init__(self, name: str, descriptor: int, send: Callable[[str, Any], None]) -> None:
        self.name = name
        self._descriptor = descriptor
        self._send = send
        self._parts: list[str] = []
        self._size = 0
        self._lock = threading.RLock()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        with self._lock:
            self._parts.append(text)
            self._size += len(text)
            if self._size >= _FLUSH_AT:
                self.flush()
        return len(text)

    def flush(self) -> None:
        with self._lock:
            text, self._parts, self._size = "".join(self._parts), [], 0
            for start in range(0, len(text), _FLUSH_AT):
                self._send("stream", {"name": self.name, "text": text[start : start + _FLUSH_AT]})


def warm() -> Any:
    """The kernel, made but not yet anybody's. Imports what lessons import."""
    os.environ["MPLBACKEND"] = _MATPLOTLIB
    from jupyter_client.session import Session
    from traitlets.config import Config

    class Wire(Session):
        """Gives messages to whoever holds the other end, once :func:`serve` set that up."""

        deliver: Any = None

        def send(
            self, stream: Any, msg_or_type: Any, content: Any = None, *_: Any, **__: Any
        ) -> Any:
            if isinstance(msg_or_type, str):
                kind = msg_or_type
            else:
                kind, content = msg_or_type["header"]["msg_type"], msg_or_type["content"]
            if self.deliver is not None:
                self.deliver(kind, content or {})
            return msg_or_type

    config = Config()
    # Its thread must not be there when others are forked; ``In`` and ``Out`` work without.
    config.HistoryManager.enabled = False
    log = logging.getLogger("graders.grading.kernel")
    log.addHandler(logging.NullHandler())
    log.propagate = False
    # Nobody debugs here, and a debugger that waits costs time in every process.
    with lean.without("debugpy"):
        from ipykernel.ipkernel import IPythonKernel

        make: Any = IPythonKernel
        kernel = make(config=config, session=Wire(key=b"grading"), log=log)
    kernel.shell_channel_thread = SimpleNamespace(parent_thread=threading.main_thread())
    command_lines.hasten()
    _use_once(kernel.shell)
    return kernel


def _use_once(shell: Any) -> None:
    """Load what lessons load with their first cells, commands and pictures."""
    import docker

    from course_lib import lab, questions, trace
    from course_lib.diagrams import layout, lettering, svg
    from course_lib.diagrams import trace as traces
    from graders import notebook, words

    for letter in string.printable.strip():
        for bold in (False, True):
            lettering.advance(letter, bold)
            lettering.outline(letter, bold)
    shell.find_cell_magic("sh")
    _ = (docker, lab, notebook, questions, trace, layout, svg, traces, words)


def serve(kernel: Any, control: socket.socket, environment: Mapping[str, str]) -> None:
    """Run what is asked for until the other end closes; then the process ends.

    Standard output and error of the process are the pipes that it was forked with.
    """
    interrupts = Interrupts()
    os.environ.clear()
    os.environ.update(environment)
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    lock = threading.Lock()

    def deliver(kind: str, content: Any) -> None:
        with interrupts.held(), lock:
            wire.send(control, {"kind": kind, "content": content}, wire.MAX_FRAME)

    out, err = _Stream("stdout", 1, deliver), _Stream("stderr", 2, deliver)

    def ordered(kind: str, content: Any) -> None:
        if kind != "stream":
            out.flush()
            err.flush()
        deliver(kind, content)

    kernel.session.deliver = ordered
    sys.stdout, sys.stderr = out, err
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    kernel.io_loop = SimpleNamespace(  # for await in a cell, and for exit()
        add_callback=loop.call_soon_threadsafe, call_later=loop.call_later, stop=lambda: None
    )
    code = 70
    try:
        while True:
            request = wire.receive(control)
            if request["do"] == "nothing":
                continue
            answer = _answer(kernel, loop, interrupts, request)
            ordered("reply", answer)
            if kernel.shell.exit_now:
                break
        code = 0
    except wire.BrokenWireError:
        code = 0  # nobody is left to ask for anything
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)


def _answer(
    kernel: Any, loop: asyncio.AbstractEventLoop, interrupts: Interrupts, request: Any
) -> dict[str, Any]:
    if request["do"] == "count":
        # A cell that runs elsewhere: it counts, as every cell does.
        number = kernel.shell.execution_count
        kernel.shell.execution_count += 1
        return {"status": "ok", "execution_count": number}
    if request["do"] == "answers":
        return {"answers": plain.answers(kernel.shell.user_ns, request["names"])}
    try:
        with interrupts.cell():
            reply = loop.run_until_complete(
                kernel.do_execute(
                    request["code"],
                    False,
                    store_history=True,
                    allow_stdin=False,
                    cell_id=request["id"],
                )
            )
    except KeyboardInterrupt:  # before the student's code, or after
        reply = {"status": "error", "ename": "KeyboardInterrupt", "evalue": ""}
    found = {"status": reply["status"], "execution_count": reply.get("execution_count")}
    if reply["status"] == "error":
        found["ename"] = str(reply.get("ename"))
        found["evalue"] = str(reply.get("evalue"))
        found["traceback"] = [str(line) for line in reply.get("traceback") or ()]
    return found
