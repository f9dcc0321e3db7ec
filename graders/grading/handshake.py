"""What travels to a Dask cluster as code, not by name: there the package may not be (yet)."""

from __future__ import annotations

from typing import Any


def look() -> dict[str, Any]:
    """How a worker would grade, asked before anything is sent there; ``missing``: why it cannot."""
    try:
        from graders.grading.cluster_worker import describe
    except ImportError as error:
        return {"missing": str(error)}
    return describe()


def farewell(run: str, client: str) -> Any:
    """For the scheduler: once that client is gone, however that happens, so is what it had there.

    :param run: the name of its plugin on the workers.
    """
    from distributed import SchedulerPlugin

    leaving = client

    class Farewell(SchedulerPlugin):  # type: ignore[misc]
        name = run

        def remove_client(self, scheduler: Any, client: str) -> None:
            if client == leaving:
                scheduler.remove_plugin(run)
                scheduler.loop.add_callback(scheduler.unregister_worker_plugin, None, run)

    return Farewell()
