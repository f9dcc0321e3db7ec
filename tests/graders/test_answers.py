from __future__ import annotations

import numpy as np
import pytest
from IPython.utils.text import SList

from graders import answers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (32768, "32768"),
        ("32768", "32768"),
        (" 32768\n", "32768"),
        ("\u00a032768", "32768"),
        (np.int64(32768), "32768"),
        (SList(["32768"]), "32768"),
    ],
)
def test_as_text_takes_forms_of_the_same_answer(value: object, text: str) -> None:
    assert answers.as_text(value) == text


@pytest.mark.parametrize("value", [None, ..., "", "  \n"])
def test_as_text_knows_nothing_answered(value: object) -> None:
    assert answers.as_text(value) is None


@pytest.mark.parametrize(
    "value",
    [
        *(True, 32768.0, ["32768"], SList(["a", "b"]), SList([]), {}, object()),
        pytest.param(10**5000, id="thousands of digits"),
    ],
)
def test_as_text_of_another_type_is_no_answer(value: object) -> None:
    assert answers.as_text(value) == ""


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("32768", 32768),
        ("0.0.0.0:32768", 32768),
        ("[::]:32768", 32768),
        ("80/tcp -> 0.0.0.0:32768", 32768),
        ("32768/tcp", 32768),
        ("0.0.0.0:32768->80/tcp", 80),
        ("172.17.0.2", None),
        ("132768", None),
        ("x32768", None),
        ("٣٢٧٦٨", None),
        ("", None),
    ],
)
def test_port_in_reads_the_last_number(text: str, port: int | None) -> None:
    assert answers.port_in(text) == port


@pytest.mark.parametrize("text", ["٣٢٧٦٨", "+80", "8 0", "80/tcp", "", "³"])
def test_is_digits_wants_plain_digits(text: str) -> None:
    assert not answers.is_digits(text)


@pytest.mark.parametrize(
    ("text", "address", "alone"),
    [
        ("172.17.0.2", "172.17.0.2", True),
        ("172.17.0.2/16", "172.17.0.2", False),
        ("FD00:0::2", "fd00::2", True),
        ("fd00::2/64", "fd00::2", False),
        ("172.17.0", None, False),
        ("172.17.0.02", None, False),
        ("web", None, False),
        ("172.17.0.2:80", None, False),
    ],
)
def test_address_in_reads_with_and_without_prefix(
    text: str, address: str | None, alone: bool
) -> None:
    assert answers.address_in(text) == address
    assert answers.is_address(text) is alone


def test_describe_shortens_long_answers() -> None:
    assert answers.describe("80") == "'80'"
    assert len(answers.describe("x" * 500)) < 61
