"""What a Dask worker has of this package, asked before anything is sent there."""

from __future__ import annotations

from typing import Any


def look() -> dict[str, Any]:
    """How this machine would grade; ``missing`` says why it cannot.

    It travels to the worker as code, not by name: the worker may not have the package.
    """
    try:
        from graders.grading.cluster_worker import describe
    except ImportError as error:
        return {"missing": str(error)}
    return describe()
