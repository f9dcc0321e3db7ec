"""Points in time of ``until`` filters."""

from __future__ import annotations

import pytest

from course_lib.engine.errdefs import EngineError
from course_lib.engine.image.moments import moment_ns

NOW = 1_700_000_000 * 10**9
HOUR = 3600 * 10**9


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1h", NOW - HOUR),
        ("1h30m", NOW - HOUR * 3 // 2),
        ("1.5h", NOW - HOUR * 3 // 2),
        ("-1h", NOW + HOUR),
        ("10ms", NOW - 10**7),
        ("1600000000", 1_600_000_000 * 10**9),
        ("1600000000.25", 1_600_000_000 * 10**9 + 250_000_000),
        ("2020-01-01", 1_577_836_800 * 10**9),
        ("2020-01-01T01:00:00Z", 1_577_836_800 * 10**9 + HOUR),
        ("2020-01-01T01:00:00+01:00", 1_577_836_800 * 10**9),
    ],
)
def test_moments(text: str, moment: int) -> None:
    assert moment_ns(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "1x", "h", "1.2.3"])
def test_moments_refused(text: str) -> None:
    with pytest.raises(EngineError):
        moment_ns(text, NOW)
