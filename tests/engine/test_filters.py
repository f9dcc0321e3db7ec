"""The filter language, with dockerd's error texts."""

import json
import re

import pytest

from course_lib.engine.filters import Filters, InvalidFilter


@pytest.mark.parametrize("text", ['{"label": {"a=b": true, "c": true}}', '{"label": ["a=b", "c"]}'])
def test_both_forms_are_read(text: str) -> None:
    filters = Filters.parse(text)
    assert filters.get("label") == ("a=b", "c")
    assert "label" in filters
    assert "name" not in filters


@pytest.mark.parametrize("text", [None, "", "{}", "null"])
def test_nothing_filters_nothing(text: str | None) -> None:
    filters = Filters.parse(text)
    assert not filters
    assert filters.match("name", "anything")


@pytest.mark.parametrize("text", ["abc", "[]", "1", '{"a": 1}', '{"a": {"b": 2}}', '{"a": [1]}'])
def test_other_json_is_invalid(text: str) -> None:
    with pytest.raises(InvalidFilter, match=r"^invalid filter$"):
        Filters.parse(text)


def test_unknown_filter_is_named() -> None:
    with pytest.raises(InvalidFilter, match=r"^invalid filter 'foo'$"):
        Filters.parse('{"foo": ["a"]}').validate({"label"})


@pytest.mark.parametrize(("value", "truth"), [("1", True), ("true", True), ("0", False)])
def test_boolean(value: str, truth: bool) -> None:
    assert Filters({"dangling": [value]}).boolean("dangling", not truth) is truth
    assert Filters().boolean("dangling", truth) is truth


def test_boolean_shows_what_it_got() -> None:
    with pytest.raises(InvalidFilter, match=r"^invalid filter 'dangling=\[x y\]'$"):
        Filters({"dangling": ["x", "y"]}).boolean("dangling", False)


@pytest.mark.parametrize(
    ("values", "shown"), [(["1", "0"], "=[1 0]"), (["true", "false"], "=[true false]"), ([], "")]
)
def test_boolean_that_says_both_or_nothing(values: list[str], shown: str) -> None:
    with pytest.raises(InvalidFilter, match=re.escape(f"invalid filter 'dangling{shown}'")):
        Filters({"dangling": values}).boolean("dangling", False)


def test_boolean_needs_one_value_that_says_something() -> None:
    assert Filters({"dangling": ["maybe", "true", "1"]}).boolean("dangling", False)


def test_match_takes_regular_expressions_and_bad_ones() -> None:
    assert Filters({"name": ["^we"]}).match("name", "web")
    assert not Filters({"name": ["^we"]}).match("name", "owe")
    assert not Filters({"name": ["("]}).match("name", "web")
    assert Filters({"name": ["("]}).match("name", "(")


def test_labels_must_all_be_there() -> None:
    labels = {"stage": "prod", "owner": ""}
    assert Filters({"label": ["stage", "stage=prod"]}).labels("label", labels)
    assert not Filters({"label": ["stage", "stage=dev"]}).labels("label", labels)
    assert not Filters({"label": ["stage"]}).labels("label", None)
    assert Filters(json.loads('{"label": ["owner="]}')).labels("label", labels)
