"""The filter language of list, prune and event calls: ``filters={"label": {"a=b": true}}``.

Follows Moby's ``api/types/filters``: a filter has one or more values, a thing passes when one
value of each filter matches. The older form ``{"label": ["a=b"]}`` is read too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping

from course_lib.engine.errdefs import InvalidParameter


class InvalidFilter(InvalidParameter):
    """A filter that does not exist or has a value that makes no sense."""

    def __init__(self, name: str = "", values: Iterable[str] | str | None = None) -> None:
        message = "invalid filter"
        if name:
            shown = ""
            if values is not None:
                text = values if isinstance(values, str) else "[" + " ".join(values) + "]"
                shown = f"={text}"
            message += f" '{name}{shown}'"
        super().__init__(message)


class Filters:
    """Filter names with their values, in the order given."""

    def __init__(self, fields: Mapping[str, Iterable[str]] | None = None) -> None:
        self._fields: dict[str, tuple[str, ...]] = {
            name: tuple(dict.fromkeys(values)) for name, values in (fields or {}).items()
        }

    @classmethod
    def parse(cls, text: str | None) -> Filters:
        """Read the ``filters`` query parameter; nothing or ``""`` means no filters.

        :raises InvalidFilter: it is not JSON of one of the two forms.
        """
        if not text:
            return cls()
        try:
            data = json.loads(text)
        except ValueError:
            raise InvalidFilter from None
        if data is None:
            return cls()
        if not isinstance(data, dict):
            raise InvalidFilter
        fields: dict[str, list[str]] = {}
        for name, values in data.items():
            if isinstance(values, dict) and all(isinstance(v, bool) for v in values.values()):
                fields[name] = list(values)
            elif isinstance(values, list) and all(isinstance(v, str) for v in values):
                fields[name] = values
            elif values is None:
                fields[name] = []
            else:
                raise InvalidFilter
        return cls(fields)

    def __contains__(self, name: object) -> bool:
        return name in self._fields

    def __bool__(self) -> bool:
        return bool(self._fields)

    def get(self, name: str) -> tuple[str, ...]:
        """All values of a filter, ``()`` where it was not given."""
        return self._fields.get(name, ())

    def names(self) -> Collection[str]:
        """The filters that were given."""
        return self._fields.keys()

    def validate(self, accepted: Collection[str]) -> None:
        """Refuse the first filter that the call does not know."""
        for name in self._fields:
            if name not in accepted:
                raise InvalidFilter(name)

    def without(self, name: str) -> Filters:
        """The same filters but one."""
        return Filters({key: values for key, values in self._fields.items() if key != name})

    def replace(self, name: str, values: Iterable[str]) -> Filters:
        """The same filters with other values for one."""
        return Filters({**self._fields, name: tuple(values)})

    def exact(self, name: str, source: str) -> bool:
        """True without such a filter, or where one of its values is ``source``."""
        values = self._fields.get(name)
        return not values or source in values

    def match(self, name: str, source: str) -> bool:
        """As :meth:`exact`, but a value may also be a regular expression found in ``source``."""
        values = self._fields.get(name)
        if not values or source in values:
            return True
        return any(_search(value, source) for value in values)

    def prefix(self, name: str, source: str) -> bool:
        """As :meth:`exact`, but a value may also be a prefix of ``source`` (Moby: FuzzyMatch)."""
        values = self._fields.get(name)
        return not values or any(source.startswith(value) for value in values)

    def labels(self, name: str, labels: Mapping[str, str] | None) -> bool:
        """Every value ``key`` or ``key=value`` must be among the labels (Moby: MatchKVList)."""
        values = self._fields.get(name)
        if not values:
            return True
        if not labels:
            return False
        for value in values:
            key, has_value, wanted = value.partition("=")
            if key not in labels or (has_value and labels[key] != wanted):
                return False
        return True

    def boolean(self, name: str, default: bool) -> bool:
        """The filter as a truth value (Moby: GetBoolOrDefault).

        :raises InvalidFilter: none of its values is 1, 0, true or false, or they contradict
            each other.
        """
        if name not in self._fields:
            return default
        values = self._fields[name]
        is_true = not {"1", "true"}.isdisjoint(values)
        if is_true == (not {"0", "false"}.isdisjoint(values)):
            raise InvalidFilter(name, values or None)
        return is_true


def _search(pattern: str, source: str) -> bool:
    try:
        return re.search(pattern, source) is not None
    except re.error:  # Moby, too, takes a pattern that does not compile for one that never matches
        return False
