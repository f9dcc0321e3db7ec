"""``cal``."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime

from course_lib.engine.userland.applets.common import Fail, Options, integer, program
from course_lib.engine.userland.process import ContainerProcess

_GAP = "  "


@program("jmy", "[-jmy] [[MONTH] YEAR]", "Display a calendar", most=2)
async def cal(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print a month or a year."""
    now = datetime.fromtimestamp(proc.machine.clock.time_ns() / 1e9, UTC)
    year, month = now.year, now.month
    if words:
        year = _within(words[-1], 9999)
        month = _within(words[0], 12) if len(words) > 1 else 0
    if "y" in options:
        month = 0
    if year < 1753:
        raise Fail("years before 1753 are not there in containers of the embedded engine")
    page = _Page(year, julian="j" in options, monday="m" in options)
    await proc.out(page.month(month) if month else page.year())
    return 0


def _within(text: str, high: int) -> int:
    value = integer(text)
    if not 1 <= value <= high:
        raise Fail(f"number {text} is not in 1..{high} range")
    return value


class _Page:
    """A year's days in rows of weeks; ``julian`` counts them through the year."""

    def __init__(self, year: int, *, julian: bool, monday: bool) -> None:
        self._year = year
        self._julian = julian
        self._calendar = calendar.Calendar(0 if monday else 6)
        self._cell = 3 if julian else 2
        self._width = 7 * self._cell + 6
        names = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"]
        self._heading = " ".join(
            names[day].rjust(self._cell) for day in self._calendar.iterweekdays()
        )

    def month(self, month: int) -> str:
        title = f"{calendar.month_name[month]} {self._year}"
        indent = (self._width - len(title)) // 2
        rows = [row.rstrip() or " " * (self._width + 1) for row in self._rows(month)]
        return "\n".join([" " * indent + title, self._heading, *rows]) + "\n"

    def year(self) -> str:
        beside = 2 if self._julian else 3
        whole = beside * self._width + (beside - 1) * len(_GAP)
        out = [_center(str(self._year), whole), ""]
        for first in range(1, 13, beside):
            months = range(first, first + beside)
            out.append(_GAP.join(_center(calendar.month_name[m], self._width) for m in months))
            out.append(_GAP.join([self._heading] * beside))
            columns = [self._rows(m) for m in months]
            rows = [_GAP.join(row).rstrip() for row in zip(*columns, strict=True)]
            out += [row or " " * 79 for row in rows]  # (BusyBox leaves a blank row as it is)
        return "\n".join(out) + "\n"

    def _rows(self, month: int) -> list[str]:
        weeks = self._calendar.monthdayscalendar(self._year, month)
        weeks += [[0] * 7 for _ in range(6 - len(weeks))]
        return [" ".join(self._day(month, day).rjust(self._cell) for day in week) for week in weeks]

    def _day(self, month: int, day: int) -> str:
        if not day:
            return ""
        return str(date(self._year, month, day).timetuple().tm_yday if self._julian else day)


def _center(text: str, width: int) -> str:
    free = width - len(text)
    return " " * (free // 2) + text + " " * (free - free // 2)
