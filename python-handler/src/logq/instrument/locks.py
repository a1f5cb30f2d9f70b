"""threading.Lock: who holds it, since when and from where; who waits for it. RLock stands in `rlocks.py`.

The C lock does the locking, in one step; what is noted about it is noted by whoever holds it. Locks
that the standard library makes for itself stay C locks: queues, pools, events and logging order
nobody by their insides. Locks made in C or by `_thread`, and those that were there before, are not seen.
"""

from __future__ import annotations

import sys
import time
from _thread import LockType

from logq import exits, identity, snapshot
from logq import lane as lanes
from logq.patching import replace
from logq.sites import is_machinery
from logq.unseen import hide

from . import rlocks, signals, uses
from .pickled_types import look_like, stands_for
from .polls import end_polls, note_poll, polls_of
from .taken import (
    Taken,
    acquire_slowly,
    forget_contended,
    forget_lost,
    give,
    list_contended,
    reset,
    sound_depth,
    take,
    timeout_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["forget", "patch"]

# Of the C type, which mypy need not know better than we do.
_acquire: Any = LockType.acquire
_release: Any = LockType.release

_mono = time.monotonic_ns
_frame = sys._getframe
_spot = lanes.spot
_make: Callable[..., Any] = LockType  # what makes a C lock, as `threading` had it


def patch(threading: Any) -> None:
    global _make, _spot
    _spot = lanes.spot
    if getattr(threading, "_CRLock", None) is None:  # gevent has put its own locks here
        return
    if identity.me is None or threading.Lock is Lock or type(threading.Lock()) is not LockType:
        return
    _make = threading.Lock
    original = threading.Lock
    replace(threading, "Lock", lambda _: Lock)
    rlocks.patch(threading)
    _rebind_early(original)
    signals.guard_interrupt()
    if identity.me.capture == "full":
        uses.tell_of(Lock)
        uses.tell_of(rlocks.RLock)
    if ("polls", polls_of) not in snapshot.of_lane:
        snapshot.of_lane.append(("polls", polls_of))
    if ("locks", list_contended) not in exits.contributors:
        exits.contributors.append(("locks", list_contended))


def forget() -> None:
    global _spot
    _spot = lanes.spot
    rlocks.forget()
    forget_contended()


def _rebind_early(original: Any) -> None:
    """Modules of the program that have said `from threading import Lock` already."""
    for module in list(sys.modules.values()):
        filename = getattr(module, "__file__", None)
        if not isinstance(filename, str) or is_machinery(filename):
            continue
        for name, bound in list(vars(module).items()):
            if bound is original and "alloc" not in name:
                replace(module, name, lambda _: Lock)


# Lock. ----------------------------------------------------------------------------------------


class _Kind(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, LockType)  # ours say that they are one, by `__class__`


class Lock(metaclass=_Kind):
    """A C lock, and what is known of it."""

    __slots__ = ("__weakref__", "_logq_raw", "_logq_taken", "_logq_try")
    _logq_raw: Any
    _logq_taken: Taken
    _logq_try: Any  # the C lock's `acquire`

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        raw = _make(*args, **kwargs)
        frame = _frame(1)
        if identity.me is None or is_machinery(frame.f_code.co_filename):
            return raw
        self = object.__new__(cls)
        self._logq_raw = raw
        self._logq_try = raw.acquire
        self._logq_taken = Taken("lock", "threading.Lock", (frame.f_code, frame.f_lasti), self)
        forget_lost()
        return self

    def __init_subclass__(cls, **_: Any) -> None:
        raise TypeError("type '_thread.lock' is not an acceptable base type")

    def acquire(self, *args: Any, **kwargs: Any) -> bool:
        timeout = timeout_of(args, kwargs) if args or kwargs else -1.0
        try:
            sound_depth()
            if timeout is None:
                if not _acquire(self._logq_raw, *args, **kwargs):
                    note_poll(self._logq_taken, _frame(1), True, self._logq_taken.holder)
                    return False
                end_polls(self._logq_taken)
            elif not _acquire(self._logq_raw, False) and not self._logq_wait(timeout):
                return False
        except BaseException as problem:
            hide(problem)
            raise
        try:
            take(self._logq_taken, _frame(1), timeout == -1.0)
        except RecursionError:
            pass
        return True

    def _logq_wait(self, timeout: float) -> bool:
        raw = self._logq_raw
        return acquire_slowly(self._logq_taken, "lock", raw.acquire, raw.release, timeout)

    # At a program's recursion limit every call of ours raises: that costs the note, never the lock. `acquire` sounds
    # the depth before it takes the lock, or `release` could find less room than it did.

    # `__enter__` and `__exit__`, of RLock too, have what `take` and `give` do inline, for a lane that holds nothing
    # else and takes the lock where it did before: most uses of a lock are these, and a call would double them.

    def __enter__(self) -> bool:
        if not self._logq_try(*(False,)):  # in a tuple that is there: for plain arguments C would have to make one
            try:
                self._logq_wait(-1.0)
            except BaseException as problem:
                hide(problem)
                raise
        taken = self._logq_taken
        try:
            frame = _frame(1)
            lane = _spot.lane
            code = frame.f_code
            if code is taken.usual and lane is taken.last and lane.sole is None:
                taken.at = (lane, code, frame.f_lasti, _mono())
                lane.sole = taken
                return True
        except Exception:  # this thread has no lane yet
            pass
        try:
            take(taken, _frame(1))
        except RecursionError:
            pass
        return True

    def release(self) -> None:
        try:
            give(self._logq_taken)
        except RecursionError:
            self._logq_taken.at = None
        try:
            _release(self._logq_raw)
        except BaseException as problem:
            hide(problem)
            raise

    def __exit__(self, kind: object, problem: object, traceback: object) -> None:
        taken = self._logq_taken
        try:
            lane = _spot.lane
            if lane.sole is taken:
                taken.at = lane.sole = None
                taken.stamp = lane.mark or lane.stamp()
            else:
                give(taken)
        except Exception:
            try:
                give(taken)
            except RecursionError:
                taken.at = None
        _release(self._logq_raw)

    def locked(self) -> bool:
        locked = bool(self._logq_raw.locked())
        note_poll(self._logq_taken, _frame(1), locked, self._logq_taken.holder if locked else None)
        return locked

    acquire_lock = acquire
    release_lock = release
    locked_lock = locked

    def _at_fork_reinit(self) -> None:
        self._logq_raw._at_fork_reinit()
        reset(self._logq_taken)

    def __repr__(self) -> str:
        return f"<{'locked' if self._logq_raw.locked() else 'unlocked'} _thread.lock object at {id(self):#x}>"

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("cannot pickle '_thread.lock' object")

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return LockType


Lock.__module__, Lock.__name__, Lock.__qualname__ = "_thread", "lock", "lock"
look_like(Lock, LockType)
stands_for(Lock, "threading.Lock")

signals.guard(Lock.acquire, Lock.__enter__, Lock.release, Lock.__exit__, Lock._logq_wait)
