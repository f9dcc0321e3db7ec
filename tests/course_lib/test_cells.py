from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from course_lib.cells import CellWatch
from course_lib.standing import Cell


@dataclass
class FakeEvents:
    """The part of IPython's event manager that is used."""

    callbacks: dict[str, list[Callable[[Any], None]]] = field(
        default_factory=lambda: {"pre_run_cell": [], "post_run_cell": []}
    )

    def register(self, name: str, callback: Callable[[Any], None]) -> None:
        self.callbacks[name].append(callback)

    def unregister(self, name: str, callback: Callable[[Any], None]) -> None:
        self.callbacks[name].remove(callback)


@dataclass
class FakeShell:
    events: FakeEvents = field(default_factory=FakeEvents)
    user_ns: dict[str, list[str]] = field(default_factory=dict)
    input_transformers_cleanup: list[object] = field(default_factory=list)
    custom_exceptions: tuple[type[Exception], ...] = ()

    def set_custom_exc(self, kinds: tuple[type[Exception], ...], explain: object) -> None:
        self.custom_exceptions = kinds

    def run(self, source: str | None) -> None:
        info = type("Info", (), {"raw_cell": source})
        for callback in self.events.callbacks["pre_run_cell"]:
            callback(info)
        for callback in self.events.callbacks["post_run_cell"]:
            callback(None)


def test_cells_are_told_with_their_times_and_what_they_name() -> None:
    shell, seen, times = FakeShell(), list[Cell](), iter(range(100))
    watch = CellWatch(("nginx", "alpine"), seen.append, lambda: next(times))
    watch.attach(shell)
    shell.run("!docker run -d nginx")
    shell.run("lab.draw()")
    shell.run(None)
    shell.run("!docker run alpine && docker run nginx")
    watch.detach(shell)
    shell.run("!docker run nginx")
    assert seen == [
        Cell(1, 2, ("nginx",)), Cell(3, 4), Cell(5, 6), Cell(7, 8, ("nginx", "alpine")),
    ]  # fmt: skip


def test_the_cell_that_starts_the_lesson_counts_from_there_on() -> None:
    shell, seen, times = FakeShell(), list[Cell](), iter(range(100))
    shell.user_ns["In"] = ["", "lab.start('x')\nget_ipython().system('docker run -d nginx')"]
    watch = CellWatch(("nginx",), seen.append, lambda: next(times))
    watch.attach(shell)
    for callback in shell.events.callbacks["post_run_cell"]:
        callback(None)
        callback(None)
    assert seen == [Cell(0, 1, ("nginx",))]
