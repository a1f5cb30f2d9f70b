"""Tasks that wait for each other in a circle while the rest of their loop goes on.

Such a program never stands still, so the watchdog writes of its own accord what it sees: a later kill
then takes nothing away. A circle of tasks has a lock of asyncio's in it, so only tasks that hold one are
looked at, three times a second.
"""

from __future__ import annotations

from logq import identity, snapshot, watchdog
from logq.holding import held_by
from logq.lane import Lane

from . import aio_known, aio_waits
from .taken import Taken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["check", "forget", "patch"]

_PAUSE = 300_000_000  # ns between two looks: what both see does not come apart by itself
_MANY = 2000
_LONGEST = 64

_last = 0
_seen: frozenset[str] = frozenset()
_told: set[frozenset[str]] = set()


def patch(_locks: Any) -> None:
    if check not in watchdog.ticks:
        watchdog.ticks.append(check)


def forget() -> None:
    _told.clear()
    if check in watchdog.ticks:
        watchdog.ticks.remove(check)


def check(now: int) -> None:
    """Called by the watchdog, `now` in monotonic ns."""
    global _last, _seen
    if now - _last < _PAUSE or len(_told) >= 16:
        return
    _last = now
    circle = _find()
    if circle and circle == _seen and circle not in _told:
        _told.add(circle)
        snapshot.write("closed", circle=sorted(circle))
    _seen = circle


def _find() -> frozenset[str]:
    tasks = {}
    for task in aio_known.all_tasks():
        lane: Lane | None = getattr(task, "_logq_lane", None)
        if lane is not None and not lane.over and lane.process is identity.me:
            tasks[lane.key] = task
    if len(tasks) > _MANY:
        return frozenset()
    for key, task in tasks.items():
        if any(isinstance(taken, Taken) for taken in held_by(task._logq_lane)):
            circle = _follow(key, tasks)
            if circle:
                return circle
    return frozenset()


def _follow(key: str, tasks: dict[str, Any]) -> frozenset[str]:
    """The circle that begins at one task; nothing if its chain of waits has an end."""
    path: list[str] = []
    at: object = key
    while isinstance(at, str) and at in tasks and len(path) < _LONGEST:
        if at in path:
            return frozenset(path[path.index(at) :])
        path.append(at)
        at = aio_waits.owner_of(tasks[at])
    return frozenset()
