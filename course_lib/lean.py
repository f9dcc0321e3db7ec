"""Imports without what they pull in for nothing.

:func:`command` runs a module like ``python -m MODULE``: a Jupyter server starts with a second of
CPU less then, and takes 16 MB less.
"""

from __future__ import annotations

import builtins
import gc
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def without(*modules: str) -> Iterator[None]:
    """While it lasts, importing one of those modules fails, as if it were not installed."""
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(dict.fromkeys(modules))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def import_without(name: str, *modules: str) -> None:
    """Import a module for which, and for nobody else, those are not installed.

    Where other threads run, which may want them meanwhile.
    """
    if name in sys.modules:
        return

    def find(wanted: str, *rest: Any) -> Any:
        if wanted.partition(".")[0] in modules:
            raise ModuleNotFoundError(f"{name} is to do without {wanted}", name=wanted)
        return builtins.__import__(wanted, *rest)

    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    module = importlib.util.module_from_spec(spec)
    vars(module)["__builtins__"] = {**vars(builtins), "__import__": find}
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise


@contextmanager
def importing() -> Iterator[None]:
    """No garbage is looked for while a program loads its modules, nor among them later.

    Hardly anything of them is garbage; to look takes a seventh of loading them.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def import_nbformat() -> None:
    """Import nbformat in a seventh of the time.

    It imports jsonschema, which makes 40 parsers (``rfc3987-syntax``, 1.4 s of CPU) where that is
    installed, as it is with JupyterLab, and loads the locales of a library of dates (by way of
    ``isoduration``): for the formats ``iri`` and ``duration`` of schemas, which a notebook's schema
    has none of.
    """
    with without("rfc3987_syntax", "isoduration"):
        importlib.import_module("nbformat")


def command(module: str) -> list[str]:
    """The words that run a module so.

    (``-P``: what lies in the folder where somebody works is not imported.)
    """
    return [sys.executable, "-P", "-m", __spec__.name, module]


if __name__ == "__main__":
    import runpy

    import_nbformat()
    # (runpy puts the module's file in front of the arguments.)
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
