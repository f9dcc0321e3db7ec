"""A student's values on their way to the grader: plain as they are, and nothing of theirs runs."""

from __future__ import annotations

import json
from enum import IntEnum
from typing import Any

import numpy
import pytest
from IPython.utils.text import SList

from graders.answers import as_text, describe
from graders.grading.answers import MAX_ITEMS, MAX_TEXT, read_answers
from graders.grading.plain import answers


def told(value: Any) -> Any:
    """What the grader is given of a variable with that value."""
    document = json.loads(json.dumps(answers({"it": value, "other": 1}, ["it", "unset"])))
    return read_answers(document, ["it", "unset"])["it"]


PORTS = {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "32768"}], 443: None}


@pytest.mark.parametrize(
    "value",
    ["", "é 32768", 0, -(2**70), 1.5, True, None, ..., [], [1, ["a"]], (1, "b"), {"a", "b"},
     frozenset("c"), PORTS],
)  # fmt: skip
def test_plain_values_arrive_as_they_are(value: Any) -> None:
    assert told(value) == value
    assert type(told(value)) is type(value) or isinstance(value, set)


class Port(IntEnum):
    WEB = 8080


def test_what_libraries_give_is_read_as_what_it_is() -> None:
    captured = told(SList(["32768"]))
    assert (as_text(captured), describe(captured)) == ("32768", "'32768'")
    for value in (numpy.int64(8080), numpy.uint16(8080), Port.WEB):
        assert (told(value), type(told(value))) == (8080, int)
    assert told(numpy.float64(0.5)) == 0.5
    assert told(numpy.bool_(True)) is True


def test_other_values_are_shown_by_their_kind() -> None:
    shown = {
        "b'32768' (of the type bytes; a text or a whole number is asked for)": b"32768",
        "nan (of the type float; a text or a whole number is asked for)": float("nan"),
        "<EnumType> (of the type EnumType; a text or a whole number is asked for)": Port,
        "a number of 16610 bits (of the type int; a text or a whole number is asked for)": 10**5000,
    }
    assert {describe(told(value)): value for value in shown.values()}.keys() == shown.keys()


class Ran(BaseException):
    """A student's code did."""


def run(*_: object) -> Any:
    raise Ran


class Sly(type):
    """A type that says what it is by code of its own."""

    __name__ = property(run)
    __instancecheck__ = __subclasscheck__ = __getattribute__ = __hash__ = __eq__ = run


HOOKS = dict.fromkeys(
    ("__repr__", "__str__", "__index__", "__int__", "__float__", "__len__", "__iter__", "__eq__",
     "__getitem__", "__getattribute__", "__hash__", "__bool__", "items", "keys", "bit_length",
     "item", "dtype", "__array__", "__length_hint__", "__format__", "__json__", "__reduce__"),
    run,
)  # fmt: skip


@pytest.mark.parametrize(
    ("base", "words", "plain"),
    [
        (str, ("32768",), "32768"), (int, (32768,), 32768), (float, (1.5,), 1.5),
        (list, ([1],), [1]), (tuple, ([1],), (1,)), (set, ([1],), {1}), (dict, ([(1, 2)],), {1: 2}),
        (frozenset, ([1],), {1}), (numpy.int64, (7,), 7), (numpy.float64, (0.5,), 0.5),
        (numpy.str_, ("a",), "a"),
    ],
)  # fmt: skip
def test_a_class_of_their_own_is_the_builtin_that_it_comes_from(
    base: Any, words: tuple[Any, ...], plain: Any
) -> None:
    assert told(type("Their", (base,), HOOKS)(*words)) == plain


def test_a_class_that_only_calls_itself_numpys_is_not_asked() -> None:
    names = HOOKS | {"__module__": "numpy"}
    made = type("integer", (type("generic", (), names),), names)
    assert repr(told(object.__new__(made))) == "<integer>"


def test_nothing_of_theirs_is_asked() -> None:
    made: Any = Sly("Their", (), HOOKS | {"__class__": property(run)})
    assert repr(told(object.__new__(made))) == "<Their>"
    assert repr(told(made)) == "<Sly>"
    key = type("Key", (str,), {"__hash__": lambda _: hash("it"), "__eq__": run})("it")
    namespace: Any = {key: "theirs"}
    assert answers(namespace, ["it"]) == {}


def test_of_too_much_comes_the_beginning() -> None:
    deep: Any = []
    for _ in range(9999):
        deep = [deep]
    assert repr(told(deep)) == "[[[[<list>]]]]"
    assert told("x" * (MAX_TEXT + 1)) == "x" * MAX_TEXT
    many = [[n] * MAX_ITEMS for n in range(MAX_ITEMS)]
    assert sum(len(some) for some in told(many)) <= MAX_ITEMS
    long = ["x" * MAX_TEXT] * MAX_ITEMS
    assert sum(map(len, told(long))) == MAX_TEXT


@pytest.mark.parametrize(
    "entry",
    [
        None, {}, {"json": []}, {"items": 1, "type": "list"}, {"items": [], "type": "Popen"},
        {"pairs": [[{"items": [], "type": "list"}, {"json": 1}]]}, {"pairs": [[1, 2, 3]]},
        {"other": "x"}, {"other": "x", "type": "\0"},
    ],
)  # fmt: skip
def test_what_is_no_answer_in_form_is_as_if_it_were_not_set(entry: Any) -> None:
    assert read_answers({"it": entry}, ["it"]) == {}
    assert read_answers([entry], ["it"]) == {}
