"""Reads JSON bodies as Go's ``encoding/json`` does, with its error texts.

A schema says which fields there are and of which type. What is decoded is a plain ``dict`` that
holds only what the client gave, under the canonical field names: Go matches names without
regard to case, ignores unknown fields, and takes ``null`` for "not given".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from course_lib.engine.errdefs import InvalidParameter

Decoded = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scalar:
    """``go`` is the type's name in Go: ``string``, ``bool``, ``int64``, ``mount.Type`` …

    :param kind: what is underneath a type with a name of its own: ``string``, ``int64`` …
    """

    go: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class StringOrList:
    """Moby's ``strslice.StrSlice``: one string or a list of strings."""

    go: str = "string"


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list; ``go`` is its type in error texts."""

    item: Schema
    go: str = "[]string"


@dataclass(frozen=True, slots=True)
class MapOf:
    """An object with free keys."""

    value: Schema
    go: str = "map[string]string"


@dataclass(frozen=True, slots=True)
class Anything:
    """Kept as it comes."""

    go: str = "interface {}"


@dataclass(frozen=True, slots=True)
class Struct:
    """An object with known fields.

    :param fields: by canonical name; a name ``Resources.Memory`` stands for the field
        ``Memory`` of an embedded struct, which shows in error texts alone.
    """

    name: str
    fields: Mapping[str, Schema]
    go: str = ""
    by_lower_name: dict[str, tuple[str, str, Schema]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        for path, schema in self.fields.items():
            name = path.rpartition(".")[2]
            self.by_lower_name[name.lower()] = (name, path, schema)


Schema = Scalar | StringOrList | ListOf | MapOf | Anything | Struct

STRING = Scalar("string")
BOOL = Scalar("bool")
INT = Scalar("int")
INT64 = Scalar("int64")
DURATION = Scalar("time.Duration", "int64")
FILE_MODE = Scalar("fs.FileMode", "uint32")
STRINGS = ListOf(STRING)
STRING_MAP = MapOf(STRING)
EMPTY = Struct("", {}, "struct {}")

_BITS = {"int": 63, "int64": 63, "uint64": 64, "uint16": 16, "uint": 64, "int32": 31, "uint32": 32}
_KEY = "looking for beginning of object key string"
_EXPECTING = {
    "Expecting value": "looking for beginning of value",
    "Expecting property name enclosed in double quotes": _KEY,
    "Illegal trailing comma before end of object": _KEY,
    "Expecting ':' delimiter": "after object key",
}


def decode(schema: Struct, text: bytes) -> Decoded | None:
    """Decode a body; ``None`` for JSON ``null``.

    :raises InvalidParameter: with the text that dockerd would give.
    """
    return _struct(schema, load(text), schema.name, "")


def load(text: bytes) -> Any:
    """Any JSON value, or an error in Go's words."""
    try:
        source = text.decode("utf-8", "replace").lstrip(" \t\r\n")
        if not source:
            raise InvalidParameter("invalid JSON: got EOF while reading request body")
        value, end = _DECODER.raw_decode(source)
    except json.JSONDecodeError as error:
        raise InvalidParameter(f"invalid JSON: {_syntax(error)}") from None
    except RecursionError:
        raise InvalidParameter("invalid JSON: exceeded max depth") from None
    if source[end:].strip(" \t\r\n"):
        raise InvalidParameter("unexpected content after JSON")
    return value


def _no_constant(name: str) -> Any:
    raise InvalidParameter(
        f"invalid JSON: invalid character '{name[0]}' looking for beginning of value"
    )


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def _syntax(error: json.JSONDecodeError) -> str:
    position = error.pos
    while position < len(error.doc) and error.doc[position] in " \t\r\n":
        position += 1
    if position >= len(error.doc) or error.msg.startswith("Unterminated string"):
        return "unexpected EOF"
    character = error.doc[position]
    shown = "\\''" if character == "'" else "'\"'" if character == '"' else repr(character)
    if error.msg == "Expecting ',' delimiter":
        where = "after object key:value pair" if _in_object(error) else "after array element"
    elif error.msg == "Illegal trailing comma before end of object":
        rest = error.doc[position + 1 :].lstrip()
        shown = f"'{rest[:1]}'"
        where = _EXPECTING[error.msg]
    else:
        where = _EXPECTING.get(error.msg, "in string literal")
    return f"invalid character {shown} {where}"


def _in_object(error: json.JSONDecodeError) -> bool:
    depth: list[str] = []
    in_string = escaped = False
    for character in error.doc[: error.pos]:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "{[":
            depth.append(character)
        elif character in "}]" and depth:
            depth.pop()
    return bool(depth) and depth[-1] == "{"


def kind(value: Any) -> str:
    """What Go calls a value of JSON."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _wrong(value: Any, go: str, owner: str, stack: str, *, exact: bool = False) -> InvalidParameter:
    what = f"number {json.dumps(value)}" if exact else kind(value)
    where = f"Go struct field {owner}.{stack}" if stack else "Go value"
    return InvalidParameter(
        f"invalid JSON: json: cannot unmarshal {what} into {where} of type {go}"
    )


def _value(schema: Schema, value: Any, owner: str, stack: str) -> Any:
    if isinstance(schema, Scalar):
        return _scalar(schema, value, owner, stack)
    if isinstance(schema, Struct):
        return _struct(schema, value, owner, stack) or {}
    if isinstance(schema, ListOf):
        if not isinstance(value, list):
            raise _wrong(value, schema.go, owner, stack)
        return [None if item is None else _value(schema.item, item, owner, stack) for item in value]
    if isinstance(schema, MapOf):
        if not isinstance(value, dict):
            raise _wrong(value, schema.go, owner, stack)
        return {
            key: None if item is None else _value(schema.value, item, owner, stack)
            for key, item in value.items()
        }
    if isinstance(schema, StringOrList):
        if isinstance(value, str):
            return [value]
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise _wrong(value, schema.go, owner, stack)
        return list(value)
    return value


def _scalar(schema: Scalar, value: Any, owner: str, stack: str) -> Any:
    go, kind = schema.go, schema.kind or schema.go
    if kind == "string":
        if not isinstance(value, str):
            raise _wrong(value, go, owner, stack)
    elif kind == "bool":
        if not isinstance(value, bool):
            raise _wrong(value, go, owner, stack)
    elif kind.startswith("float"):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong(value, go, owner, stack)
    else:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong(value, go, owner, stack)
        unsigned = kind.startswith("u")
        limit = 1 << _BITS[kind]
        if isinstance(value, float) or not (0 if unsigned else -limit) <= value < limit:
            raise _wrong(value, go, owner, stack, exact=True)
    return value


def _struct(schema: Struct, value: Any, owner: str, stack: str) -> Decoded | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _wrong(value, schema.go or schema.name, owner, stack)
    result: Decoded = {}
    for key, item in value.items():
        known = schema.by_lower_name.get(key.lower())
        if known is None or item is None:
            continue
        name, path, kind = known
        result[name] = _value(kind, item, schema.name, f"{stack}.{path}" if stack else path)
    return result
