"""Twisted's DeferredLock and DeferredSemaphore: which coroutine holds one, so that a circle of them is seen.

Who acquires is known by the frame that calls `acquire`, which is the coroutine's own. One that is acquired by
`run()`, or from a callback, has no holder that could be named.
"""

from __future__ import annotations

import sys
import time
from _weakref import ref

from logq import identity
from logq.objects import Thing
from logq.patching import dress, replace
from logq.sites import is_machinery, position, user_place
from logq.trouble import swallowed
from logq.unseen import hide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["patch", "waited_for"]

_frame = sys._getframe


class _Taker:
    """A call of `acquire`: in which frame, where, and when it was granted."""

    __slots__ = ("code", "frame", "lasti", "lock", "since")

    def __init__(self, lock: Any, frame: Any) -> None:
        self.lock = ref(lock)
        self.frame = 0 if is_machinery(frame.f_code.co_filename) else id(frame)
        self.code, self.lasti = user_place(frame)
        self.since = 0


def patch(defer: Any) -> None:
    for kind in (defer.DeferredLock, defer.DeferredSemaphore):
        replace(kind, "__init__", _wrap_init)
        replace(kind, "acquire", _wrap_acquire)
        replace(kind, "release", _wrap_release)


def _wrap_init(original: Callable[..., None]) -> Any:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        try:
            if identity.me is not None:
                self._logq_site = user_place(_frame(1))
                self._logq_takers = []
        except Exception:
            swallowed()

    return dress(init, original)


def _wrap_acquire(original: Callable[..., Any]) -> Any:
    def acquire(self: Any) -> Any:
        deferred = original(self)
        if identity.me is not None and hasattr(self, "_logq_takers"):
            try:
                frame = _frame(1)
                if frame.f_code.co_name == "__aenter__" and frame.f_back is not None:
                    frame = frame.f_back
                _asks(self, deferred, _Taker(self, frame))
            except Exception:
                swallowed()
        return deferred

    return dress(acquire, original)


def _asks(lock: Any, deferred: Any, taker: _Taker) -> None:
    if deferred.called:
        taker.since = time.monotonic_ns()
        lock._logq_takers.append(taker)
    else:
        deferred._logq_taker = taker


def _wrap_release(original: Callable[..., Any]) -> Any:
    def release(self: Any) -> Any:
        takers = getattr(self, "_logq_takers", None)
        if takers is not None:
            try:
                _passes(self, takers, id(_frame(1)))
            except Exception:
                swallowed()
        try:
            return original(self)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(release, original)


def _passes(lock: Any, takers: list[_Taker], frame: int) -> None:
    """Who releases it has it no more, and the first who waits has it."""
    own = next((taker for taker in takers if taker.frame == frame), takers[0] if takers else None)
    if own is not None:
        takers.remove(own)
    waiting = lock.waiting[0] if lock.waiting else None
    taker: _Taker | None = getattr(waiting, "_logq_taker", None)
    if taker is not None:
        taker.since = time.monotonic_ns()
        takers.append(taker)


# For a snapshot. --------------------------------------------------------------------------------


def waited_for(deferred: Any, generators: dict[int, Any]) -> dict[str, object] | None:
    """What a Deferred that `acquire` has given is waited for; `generators` are those that wait, by their frames."""
    taker: _Taker | None = getattr(deferred, "_logq_taker", None)
    lock = taker.lock() if taker is not None else None
    process = identity.me
    if lock is None or process is None:
        return None
    thing = _thing_of(lock)
    thing.tell()
    holders = [(held, generators[held.frame]) for held in lock._logq_takers if held.frame in generators]
    if len(holders) != 1 or type(lock).__name__ != "DeferredLock":
        return {"on": "deferred", "obj": thing.reference()}
    held, waiting = holders[0]
    return {
        "on": "lock",
        "obj": thing.reference(),
        "owner": waiting.lane.reference(process),
        "held_at": position(held.code, held.lasti),
        "held_since": held.since,
    }


def _thing_of(lock: Any) -> Thing:
    thing: Thing | None = getattr(lock, "_logq_thing", None)
    if thing is None:
        family = "lock" if type(lock).__name__ == "DeferredLock" else "sem"
        site = position(*lock._logq_site)
        thing = lock._logq_thing = Thing(family, f"twisted.internet.defer.{type(lock).__name__}", site, None, lock)
    return thing
