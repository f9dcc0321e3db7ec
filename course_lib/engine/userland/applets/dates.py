"""Dates: ``date``, and dates given to ``touch``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from course_lib.engine.interfaces import Process
from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    UsageError,
    program,
    reason,
)
from course_lib.engine.userland.process import ContainerProcess
from course_lib.engine.userland.timezones import zone_of

_FORMATS = (
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H", "%Y-%m-%d", "%H:%M:%S", "%H:%M",
    "%Y.%m.%d-%H:%M:%S", "%Y.%m.%d-%H:%M", "%m.%d-%H:%M:%S", "%m.%d-%H:%M",
    "%a %b %d %H:%M:%S UTC %Y", "%b %d %H:%M:%S %Y",
)  # fmt: skip
_COMPACT = re.compile(r"(?:(\d{4})|(\d\d)(?=\d{8}))?(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d\d))?\Z")


def parse_date(text: str, now_ns: int, *, zone: tzinfo = UTC, rest_is_now: bool = False) -> int:
    """Nanoseconds since the epoch of a date as BusyBox takes it.

    :param zone: of the date.
    :param rest_is_now: what of a time of the day is not said is as now, instead of 0.

    :raises Fail: ``invalid date 'x'``.
    """
    now = datetime.fromtimestamp(now_ns / 1e9, zone)
    if re.fullmatch(r"@-?\d+", text):
        return int(text[1:]) * 1_000_000_000
    for form in _FORMATS:
        found = _parsed(text, form, now.year)
        if found is None:
            continue
        if "%m" not in form and "%b" not in form:
            found = found.replace(month=now.month, day=now.day)
        if rest_is_now:
            unsaid = {"%H": "hour", "%M": "minute", "%S": "second"}
            found = found.replace(
                **{name: getattr(now, name) for part, name in unsaid.items() if part not in form}
            )
        return int(found.replace(tzinfo=zone).timestamp()) * 1_000_000_000
    match = _COMPACT.match(text)
    if match:
        year = int(match[1] or 0) or (2000 + int(match[2]) if match[2] else now.year)
        month, day, hour, minute = (int(match[n]) for n in (3, 4, 5, 6))
        try:
            found = datetime(year, month, day, hour, minute, int(match[7] or 0), tzinfo=zone)
        except ValueError:
            raise Fail(f"invalid date '{text}'") from None
        return int(found.timestamp()) * 1_000_000_000
    raise Fail(f"invalid date '{text}'")


def _parsed(text: str, form: str, year: int) -> datetime | None:
    """A date by a format; as by ``mktime`` the 30th of February is in March."""
    try:
        return _read(text, form, year, has_year="%Y" in form)
    except ValueError:
        match = re.fullmatch(r"(\d{4}-\d\d)-(29|30|31)(.*)", text)
        if match is None or not form.startswith("%Y-%m-%d"):
            return None
    try:
        first = datetime.strptime(f"{match[1]}-01{match[3]}", form)
    except ValueError:
        return None
    return first + timedelta(days=int(match[2]) - 1)


def _by_format(text: str, form: str, now_ns: int, zone: tzinfo) -> int:
    """``-D FORMAT``: what the format does not say is as now.

    :raises Fail: the text is not in that format.
    """
    now = datetime.fromtimestamp(now_ns // 1_000_000_000, zone)
    try:
        found = _read(text, form, now.year, has_year=bool(re.search("%[YyCGsDFcx]", form)))
    except ValueError:
        raise Fail(f"invalid date '{text}'") from None
    return int(found.replace(tzinfo=zone).timestamp()) * 1_000_000_000


def _read(text: str, form: str, year: int, *, has_year: bool) -> datetime:
    """``strptime``, which has to know the year: one that is not said may be a leap year.

    :raises ValueError: the text is not in that format.
    """
    if has_year:
        return datetime.strptime(text, form)
    return datetime.strptime(f"{year} {text}", f"%Y {form}")


_PRECISIONS = {
    "date": "", "hours": "T%H%:z", "minutes": "T%H:%M%:z", "seconds": "T%H:%M:%S%:z",
    "ns": "T%H:%M:%S,%N%:z",
}  # fmt: skip


def format_date(when_ns: int, form: str, zone: tzinfo = UTC) -> str:
    """``strftime`` with GNU's ``%N``, ``%s``, ``%:z`` and ``%-d``."""
    moment = datetime.fromtimestamp(when_ns // 1_000_000_000, zone)

    def one(match: re.Match[str]) -> str:
        flag, letter = match[1], match[2]
        if letter == "N":
            return f"{when_ns % 1_000_000_000:09d}"
        if letter == "s":
            return str(when_ns // 1_000_000_000)
        if flag == ":" and letter == "z":
            offset = moment.strftime("%z")
            return f"{offset[:3]}:{offset[3:5]}"
        if letter == "e":
            text = f"{moment.day:2d}"
        elif letter == "k":
            text = f"{moment.hour:2d}"
        elif letter == "P":
            text = moment.strftime("%p").lower()
        elif letter in "aAbBcCdDFgGhHIjmMnprRStTuUVwWxXyYzZ%l":
            text = moment.strftime(f"%{letter}")
        else:
            return match[0]
        if flag == "-":
            return text.lstrip("0 ") or "0"
        return text

    return re.sub(r"%([-_0^:]?)(.)", one, form, flags=re.DOTALL)


@program(
    "Rs:ud:D:r:",
    "[-Ru] [-d TIME] [-r FILE] [+FMT] | [-s TIME]",
    "Print time (using +FMT)",
    long={
        "rfc-2822": "R",
        "set=": "s",
        "utc": "u",
        "universal": "u",
        "date=": "d",
        "reference=": "r",
        "iso-8601?": "I",
    },
    name="date",
)
async def _date(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print the date; setting it is not permitted in a container."""
    now = proc.machine.clock.time_ns()
    zone = UTC if "u" in options else zone_of(proc)
    form = "%a %b %e %H:%M:%S %Z %Y"
    when = now
    if words and words[0].startswith("+"):
        form = words.pop(0)[1:]
    if len(words) > 1:
        raise UsageError
    given = [options["s"]] if "s" in options else words
    for text in given:
        when = parse_date(text, now, zone=zone)
    if "d" in options and "D" in options:
        when = _by_format(options["d"], options["D"], now, zone)
    elif "d" in options:
        when = parse_date(options["d"], now, zone=zone)
    if "r" in options:
        try:
            when = proc.fs.stat(proc.path(options["r"])).mtime_ns
        except OSError as error:
            raise Fail(f"can't stat '{options['r']}': {reason(error)}") from None
    if given:
        await proc.err("date: can't set date: Operation not permitted\n")
    if "R" in options:
        form = "%a, %d %b %Y %H:%M:%S %z"
    elif "I" in options:
        precision = options["I"] or "date"
        known = next((name for name in _PRECISIONS if name.startswith(precision)), None)
        if known is None:
            raise UsageError
        form = f"%Y-%m-%d{_PRECISIONS[known]}"
    await proc.out(format_date(when, form, zone) + "\n")
    return 0


async def date(proc: Process) -> int:
    """Print the date; ``-I`` has an argument that may be missing, which ``getopt`` cannot say."""
    proc.argv[1:] = [
        f"--iso-8601={word[2:]}" if word.startswith("-I") else word for word in proc.argv[1:]
    ]
    return await _date(proc)
