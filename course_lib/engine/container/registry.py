"""Finds containers: by full ID, by name, by a prefix of the ID; and hands out names.

Look-ups cost O(log n); names are reserved before a container exists, so that two creations at
the same time cannot get the same one (Moby: ``container/view.go``, ``daemon/names.go``).
"""

from __future__ import annotations

import bisect
import json
import re
from collections.abc import Iterator

from course_lib.engine.container.container import Container
from course_lib.engine.errdefs import Conflict, InvalidParameter, NotFound
from course_lib.engine.ids import Identities

NAME_CHARS = "[a-zA-Z0-9][a-zA-Z0-9_.-]"
_NAME = re.compile(NAME_CHARS + "+")


class NoSuchContainer(NotFound):
    """``No such container: web``."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"No such container: {reference}")


class Registry:
    """All containers of the engine."""

    def __init__(self, ids: Identities) -> None:
        self._ids = ids
        self._by_id: dict[str, Container] = {}
        self._sorted: list[str] = []
        self._names: dict[str, str] = {}
        self._links: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Container]:
        return iter(list(self._by_id.values()))

    def get(self, reference: str) -> Container:
        """A container by ID, name (with or without slash) or unambiguous prefix of its ID.

        :raises NotFound: there is none. :raises InvalidParameter: several IDs begin so.
        """
        if not reference:
            raise InvalidParameter('invalid name or ID supplied: ""')
        found = self._by_id.get(reference) or self._by_id.get(
            self._names.get(reference.removeprefix("/"), "")
        )
        if found is not None:
            return found
        matches = self.by_prefix(reference)
        if not matches:
            raise NoSuchContainer(reference)
        if len(matches) > 1:
            raise InvalidParameter(f"multiple IDs found with provided prefix: {reference}")
        return self._by_id[matches[0]]

    def find(self, container_id: str) -> Container | None:
        """A container by its full ID."""
        return self._by_id.get(container_id)

    def by_prefix(self, prefix: str) -> list[str]:
        """Up to two IDs that begin with ``prefix``."""
        if not prefix:
            return []
        index = bisect.bisect_left(self._sorted, prefix)
        return [name for name in self._sorted[index : index + 2] if name.startswith(prefix)]

    def add(self, container: Container) -> None:
        """A container whose name is reserved for it comes to exist."""
        self._by_id[container.id] = container
        bisect.insort(self._sorted, container.id)

    def remove(self, container: Container) -> None:
        """It is gone, and its name is free."""
        if self._by_id.pop(container.id, None) is not None:
            del self._sorted[bisect.bisect_left(self._sorted, container.id)]
        self.release(container.name, container.id)
        for name in self._links.pop(container.id, ()):
            del self._names[name]
        for alias in container.links or ():
            self.release_link(container.name, alias)

    def owner(self, name: str) -> str | None:
        """The ID of the container with exactly that name."""
        return self._names.get(name.removeprefix("/"))

    def reserve(self, name: str, container_id: str) -> str:
        """Take a name; ``""`` draws one. Gives the name without slash.

        :raises InvalidParameter: it is none. :raises Conflict: somebody has it.
        """
        if not name:
            return self._draw(container_id)
        plain = name.removeprefix("/")
        if not _NAME.fullmatch(plain):
            raise InvalidParameter(
                f"Invalid container name ({name}), only {NAME_CHARS} are allowed"
            )
        holder = self._names.get(plain)
        if holder is not None:
            raise Conflict(
                f"Conflict. The container name {json.dumps('/' + plain)} is already in use by "
                f"container {json.dumps(holder)}. You have to remove (or rename) that container "
                "to be able to reuse that name."
            )
        self._names[plain] = container_id
        return plain

    def release(self, name: str, container_id: str) -> None:
        """Give a name back, if it is that container's."""
        if self._names.get(name) == container_id:
            del self._names[name]

    def reserve_link(self, parent: str, alias: str, child_id: str) -> bool:
        """Let ``parent/alias`` be a name of a container too; false where it is another's."""
        name = f"{parent}/{alias}"
        if self._names.setdefault(name, child_id) != child_id:
            return False
        names = self._links.setdefault(child_id, [])
        if name not in names:
            names.append(name)
        return True

    def release_link(self, parent: str, alias: str) -> None:
        """Give such a name back."""
        name = f"{parent}/{alias}"
        child_id = self._names.pop(name, "")
        if child_id:
            self._links[child_id].remove(name)
            if not self._links[child_id]:
                del self._links[child_id]

    def link_names(self, container_id: str) -> list[str]:
        """The names that links give a container: ``web/db``."""
        return list(self._links.get(container_id, ()))

    def _draw(self, container_id: str) -> str:
        for attempt in range(6):
            name = self._ids.container_name(attempt)
            if name not in self._names:
                break
        else:
            name = container_id[:12]
        self._names[name] = container_id
        return name
