"""The names of one network: who answers to what (libnetwork: ``svcInfo``)."""

from __future__ import annotations

from collections.abc import Sequence


class NameTable:
    """Names and addresses of a network's endpoints; lookups do not depend on how many there are.

    Several endpoints may share a name; names are compared without regard to case.
    """

    def __init__(self) -> None:
        self._addresses: dict[str, dict[str, str]] = {}  # name -> endpoint ID -> address
        self._names: dict[str, dict[str, str]] = {}  # address -> endpoint ID -> first name

    def add(
        self, endpoint_id: str, names: Sequence[str], address: str, *, reverse: bool = True
    ) -> None:
        """An endpoint came; its first name is the one that a reverse lookup gives.

        :param reverse: whether a reverse lookup is to find it at all.
        """
        for name in names:
            self._addresses.setdefault(name.lower(), {})[endpoint_id] = address
        if names and reverse:
            self._names.setdefault(address, {})[endpoint_id] = names[0]

    def remove(self, endpoint_id: str, names: Sequence[str], address: str) -> None:
        """An endpoint goes."""
        for name in names:
            _drop(self._addresses, name.lower(), endpoint_id)
        _drop(self._names, address, endpoint_id)

    def addresses(self, name: str) -> list[str]:
        """Addresses behind a name, each once, in order of arrival."""
        return list(dict.fromkeys(self._addresses.get(name.lower(), {}).values()))

    def name(self, address: str) -> str:
        """The name of an address, ``""`` where nobody has it."""
        return next(iter(self._names.get(address, {}).values()), "")

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._addresses

    def __len__(self) -> int:
        return len(self._addresses)


def _drop(table: dict[str, dict[str, str]], key: str, endpoint_id: str) -> None:
    entries = table.get(key)
    if entries is not None:
        entries.pop(endpoint_id, None)
        if not entries:
            del table[key]
