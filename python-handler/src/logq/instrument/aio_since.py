"""Since when each task awaits what it awaits: the watchdog looks twice a second, so that an `await` costs nothing.

What it says is when the task was first seen so: never before the truth, and half a second after it at the most,
while the interpreter lets the watchdog run. It is no part of what decides whether anything hangs.
"""

from __future__ import annotations

from _weakref import ref

from logq import watchdog
from logq.trouble import swallowed

from . import aio_known

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["forget", "patch"]

_EVERY_NS = 500_000_000
_MAX_TASKS = 1000  # the rest has no `since`

_looked = 0


def patch(_tasks: Any) -> None:
    if _look not in watchdog.ticks:
        watchdog.ticks.append(_look)


def forget() -> None:
    if _look in watchdog.ticks:
        watchdog.ticks.remove(_look)


def _look(now: int) -> None:
    global _looked
    if now - _looked < _EVERY_NS:
        return
    _looked = now
    for task in aio_known.all_tasks()[:_MAX_TASKS]:
        try:
            future = getattr(task, "_fut_waiter", None)
            if future is None or not hasattr(task, "_logq_lane"):
                continue
            known = getattr(task, "_logq_awaits", None)
            if known is None or known[0]() is not future:
                task._logq_awaits = (ref(future), now)
        except Exception:
            swallowed()
