"""Which tasks there are: those that asyncio knows of, wherever its version keeps them."""

from __future__ import annotations

from . import aio_loops

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["all_tasks", "patch"]

_module: Any = None  # asyncio.tasks


def patch(module: Any) -> None:
    global _module
    _module = module


def all_tasks() -> list[Any]:
    """The tasks that asyncio knows: copied in one step, since another thread is changing the sets."""
    if _module is None:
        return []
    known = getattr(_module, "_scheduled_tasks", None) or getattr(_module, "_all_tasks", None)
    references = list(getattr(known, "data", ()))
    tasks = [task for task in (reference() for reference in references) if task is not None]
    tasks += list(getattr(_module, "_eager_tasks", ()))
    if not hasattr(_module, "_py_all_tasks"):
        return tasks
    # Since 3.14 those made in C are in a list of its own, which it shows for one loop at a time.
    found = {id(task): task for task in tasks}
    for _, loop in aio_loops.running():
        found.update((id(task), task) for task in _module.all_tasks(loop))
    return list(found.values())
