"""threading's Condition, in which all that is built upon it blocks: Event, Semaphore, Barrier, queues, futures.

A wait blocks in a lock made for that one wait. Ours notices when it takes long, and carries the stamp
of who notifies. What the wait is for is read from the callers of `Condition.wait`, and only when it is
written. Order by events, semaphores and barriers is the affair of files of their own.
"""

from __future__ import annotations

import sys
import time
from _thread import RLock, allocate_lock
from types import FunctionType

from logq import identity, waits
from logq.native import is_green
from logq.objects import Thing
from logq.patching import add, dress, replace
from logq.sites import caller_site, is_machinery
from logq.stamp import leave, merge
from logq.trouble import swallowed
from logq.unseen import hide

from . import barriers, flags, purposes, rlocks, semaphores
from .wakes import last_of, note_wake

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.lane import Stamp

__all__ = ["patch"]

_MOMENT = waits.MOMENT
_frame = sys._getframe
_mono = time.monotonic_ns


def patch(threading: Any) -> None:
    if is_green():  # in gevent's locks nobody blocks as in the interpreter's
        return
    condition = threading.Condition
    _note_purposes(threading)
    replace(condition, "wait", lambda original: _with_own_waiter(original, threading))
    add(condition, "_logq_thing", None)  # of those that the library makes for itself
    replace(condition, "notify", _wrap_notify)
    note_made = _init_wrapper(condition, "cond", None, depth=2)
    replace(condition, "__init__", lambda original: _spare_library(original, note_made(original), threading))
    for kind, family, attach in (
        (threading.Event, "event", None),
        (threading.Semaphore, "sem", semaphores.attach),
        (threading.Barrier, "barrier", barriers.attach),
    ):
        replace(kind, "__init__", _init_wrapper(kind, family, attach))
    flags.patch(threading)
    semaphores.patch(threading)
    barriers.patch(threading)


def _note_purposes(threading: Any) -> None:
    purposes.note(threading.Condition.wait, "cond", _tell, is_through=True)
    purposes.note(threading.Event.wait, "event", _tell, is_through=True)
    purposes.note_silent(threading.Thread.start)


def _tell(frame: Any) -> Any:
    waited_for = frame.f_locals.get("self")
    return getattr(waited_for, "_logq_thing", None), last_of(waited_for)


# Condition. -----------------------------------------------------------------------------------


def _spare_library(original: Callable[..., None], noting: Callable[..., None], threading: Any) -> Any:
    """A condition that the library makes for itself, one for each future, is not worth a word, nor is its lock."""
    kind = threading.Condition
    has_c_lock = getattr(threading, "_CRLock", None) is not None  # gevent has put its own locks here

    def init(self: Any, lock: Any = None) -> None:
        if type(self) is kind and is_machinery(_frame(1).f_code.co_filename):
            original(self, RLock() if lock is None and has_c_lock else lock)
        else:
            process = identity.me
            if lock is None and has_c_lock and process is not None and process.options.races:
                lock = rlocks.RLock.made_at(_frame(1))  # who looks for races must know who holds it
            noting(self, lock)

    return dress(init, original)


def _wrap_notify(original: Callable[..., None]) -> Any:
    def notify(self: Any, n: int = 1) -> None:
        thing = self._logq_thing
        if thing is None or identity.me is None:
            original(self, n)
            return
        waiters = len(self._waiters)
        try:
            original(self, n)
        except BaseException as problem:
            hide(problem)
            raise
        note_wake(thing, self, "notify", sys._getframe(1), waiters)

    return dress(notify, original)


def _with_own_waiter(original: Any, threading: Any) -> Any:
    """The same code, which finds our lock where it looks for `_allocate_lock`."""
    code = getattr(original, "__code__", None)
    if code is None or "_allocate_lock" not in code.co_names or original.__closure__:
        return original
    world = dict(vars(threading))
    world["_allocate_lock"] = _make_waiter
    wait = FunctionType(code, world, original.__name__, original.__defaults__)
    wait.__kwdefaults__ = original.__kwdefaults__
    return dress(wait, original)


def _make_waiter() -> Any:
    """In the place of `allocate_lock`, called by `Condition.wait`."""
    lock = allocate_lock()
    if identity.me is None:
        return lock
    waiter = _Waiter.__new__(_Waiter)
    waiter._lock = lock
    waiter._is_new = True
    # Told only of a condition of the program's own, not of one inside an event or a queue. To ask a frame
    # for its variables is dear, so first: does the library itself wait?
    frame = _frame(1)
    caller = frame.f_back.f_code if frame.f_back is not None else None
    if caller is not None and is_machinery(caller.co_filename) and caller.co_name != "wait_for":
        thing = None
    else:
        thing = getattr(frame.f_locals.get("self"), "_logq_thing", None)
    waiter._thing = thing
    waiter.release = lock.release if thing is None else waiter._notify
    return waiter


class _Waiter:
    """The lock of one wait: its owner takes it twice, who notifies releases it."""

    __slots__ = ("_is_new", "_lock", "_stamp", "_thing", "release")
    _is_new: bool
    _lock: Any
    _stamp: Stamp | None
    _thing: Thing | None
    release: Callable[[], None]

    def _notify(self) -> None:
        if self._lock.locked():
            self._stamp = leave()
        self._lock.release()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if self._is_new:
            self._is_new = False
            self._stamp = None
            return bool(self._lock.acquire())
        since = _mono()
        try:
            got = bool(self._lock.acquire(blocking, timeout if not blocking or 0 <= timeout <= _MOMENT else _MOMENT))
            if not got and blocking and not 0 <= timeout <= _MOMENT:
                got = self._block(timeout, _frame(1), since)
        except BaseException as problem:
            hide(problem)
            raise
        if got and self._thing is not None:
            merge(self._stamp, self._thing)
        return got

    def _block(self, timeout: float, frame: Any, since: int) -> bool:
        """It has waited for a moment in vain."""
        wait = purposes.begin_wait(frame, since, None if timeout < 0 else timeout)
        left = timeout if timeout < 0 else max(0.0, timeout - (time.monotonic_ns() - since) / 1e9)
        res = "exc"
        try:
            got = bool(self._lock.acquire(True, left))
            res = "ok" if got else "timeout"
            return got
        finally:
            if wait is not None:
                wait.end(res)


def _init_wrapper(
    kind: Any, family: str, attach: Callable[[Any, Thing], None] | None, depth: int = 1
) -> Callable[[Any], Any]:
    """`depth` is how far away the caller is."""

    def wrap(original: Callable[..., None]) -> Any:
        def init(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            if identity.me is not None:
                try:
                    frame: Any = sys._getframe(depth)
                    while type(self) is not kind and frame.f_code.co_name == "__init__":
                        if frame.f_locals.get("self") is not self:
                            break
                        frame = frame.f_back  # of a subclass
                    if not is_machinery(frame.f_code.co_filename):
                        thing = Thing(family, f"threading.{type(self).__name__}", caller_site(2), None, self)
                        self._logq_thing = thing
                        if attach is not None:
                            attach(self, thing)
                except Exception:
                    swallowed()

        return dress(init, original)

    return wrap
