"""Locks that Python does not keep, and all that a lane holds of any kind.

On a file (`fcntl`, or one that only one process can create), of a database's transaction, of a manager in
another process. Where it is not known whether such a lock was given back, it counts as held: that can hide a
race, and never makes one up.
"""

from __future__ import annotations

import time

from logq.holding import held_by
from logq.lane import here

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.flow import Lane

__all__ = ["hold", "holding", "let_go", "lock_called", "outside"]


class Outside:
    """A lock that Python does not see: on a file, or a transaction."""

    __slots__ = ("is_there", "name", "since")

    def __init__(self, name: str, is_there: Callable[[], bool]) -> None:
        self.name = name
        self.since = time.monotonic_ns()
        self.is_there = is_there  # a closed file is locked no more

    def as_held(self) -> dict[str, object]:
        return {"obj": self.name}


# What each lane holds of those, by name.
outside: dict[Lane, dict[str, Outside]] = {}


def _always() -> bool:
    return True


def hold(lane: Lane, name: str, is_there: Callable[[], bool] = _always) -> None:
    if len(outside) > 1000:
        outside.pop(next(iter(outside)), None)
    held = outside.setdefault(lane, {})
    if len(held) < 16:
        held[name] = Outside(name, is_there)


def lock_called(name: str, method: str) -> None:
    """Of a manager's lock. Said to be held from the call on, and while a try for it fails: that can hide a race."""
    if method == "acquire":
        hold(here(), "manager:" + name)
    else:
        let_go(here(), "manager:" + name)


def let_go(lane: Lane, name: str) -> None:
    held = outside.get(lane)
    if held is not None:
        held.pop(name, None)
        if not held:
            outside.pop(lane, None)


def holding(lane: Lane) -> tuple[Any, ...]:
    if lane.sole is None and not outside:
        return ()
    held = [(taken, taken.since) for taken in held_by(lane)]
    for lock in list(outside.get(lane, {}).values()):
        if lock.is_there():
            held.append((lock, lock.since))
        else:
            let_go(lane, lock.name)
    return tuple(held)
