"""Names of a package that are imported when they are first used.

A package that offers its parts in this way costs nothing until one of them is asked for: the engine
answers long before all of its modules are loaded, and what writes a grade book does without the
Docker SDK.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module


def exports(package: str, where: Mapping[str, tuple[str, str]]) -> Callable[[str], object]:
    """A package's ``__getattr__`` (PEP 562).

    :param package: the package's ``__name__``.
    :param where: for each name the module below the package, and what it is called there.
    """

    def get(name: str) -> object:
        try:
            module, attribute = where[name]
        except KeyError:
            raise AttributeError(f"module {package!r} has no attribute {name!r}") from None
        return getattr(import_module(f"{package}.{module}"), attribute)

    return get
