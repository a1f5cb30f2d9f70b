"""multiprocessing's Lock, RLock, Semaphore and BoundedSemaphore, and the lock of a Condition: `acq`, `rel` and
who waits.

Stamps cannot travel by a semaphore of the system, so every operation of the program is written, and the
reader orders them by time. What queues, events and shared values do with locks inside themselves is not;
of a queue's own locks only a long wait is told, as one for the queue.
"""

from __future__ import annotations

import os
import sys
import time
from _weakref import ref

from logq import identity, waits
from logq.emit import event
from logq.holding import held_by, hold, let_go
from logq.lane import here
from logq.patching import dress, replace
from logq.sites import caller_site, is_machinery, site_from
from logq.trouble import swallowed

from . import shared_things, shared_values, signals
from .shared_things import SharedThing
from .taken import _block

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.lane import Lane, Site

__all__ = ["note_given", "note_taken", "owner_of", "past_makers", "patch", "tell_wait_of", "thing_of"]

_WAY_THERE = os.sep + os.path.join("multiprocessing", "context.py")
_SYNCHRONIZE = os.sep + os.path.join("multiprocessing", "synchronize.py")
_FAMILIES = {"Semaphore": "sem", "BoundedSemaphore": "sem", "Condition": "cond"}


class Hold:
    """One acquisition, in its lane's list of what it holds beside the locks of threads. A forked child does not
    hold it."""

    __slots__ = ("holder", "number", "since", "site", "thing")

    stays_behind = True

    def __init__(self, thing: SharedThing, lane: Lane, site: Site | None) -> None:
        self.thing = thing
        self.number = (thing.home, thing.number)
        self.holder: Lane | None = lane
        self.site = site
        self.since = time.monotonic_ns()

    def as_held(self) -> dict[str, object]:
        return {"obj": self.thing.reference(), "site": self.site, "since": self.since}

    def is_there(self) -> bool:
        return True

    def place(self) -> tuple[Any, int]:
        return (None, self.site[1] if self.site is not None else 0)


def patch(synchronize: Any) -> None:
    lock = synchronize.SemLock
    replace(lock, "__init__", _wrap_init)
    replace(lock, "_make_methods", _wrap_make_methods)
    replace(lock, "__enter__", _wrap_enter)
    replace(lock, "__exit__", _wrap_exit)


# Which locks are the program's own. ---------------------------------------------------------------


def _wrap_init(original: Callable[..., None]) -> Any:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if identity.me is not None:
            try:
                _announce(self, sys._getframe(1))
            except Exception:
                swallowed()

    return dress(init, original)


def _announce(lock: Any, frame: Any) -> None:
    kind = type(lock).__name__
    frame = past_makers(frame, lock)
    if frame is not None and frame.f_code.co_name == "__init__" and frame.f_code.co_filename.endswith(_SYNCHRONIZE):
        condition = frame.f_locals.get("self")
        if type(condition).__name__ != "Condition" or "_lock" in condition.__dict__:
            return
        kind = "Condition"
        frame = past_makers(frame, condition)
    if frame is None:
        return
    value = shared_values.kind_of(frame.f_code)
    if is_machinery(frame.f_code.co_filename) and value is None:
        return
    family = _FAMILIES.get(kind, "lock")
    size = lock._semlock._get_value() if family == "sem" else None
    thing = SharedThing(family, value or f"multiprocessing.{kind}", caller_site(3), size, None if value else lock)
    if value is not None:
        thing.name = thing._find_name()
    lock._logq_thing = thing
    if lock._semlock.name is not None:  # a forked child gets it without a name
        shared_things.know(lock._semlock.name, thing)
    _replace_methods(lock)


def past_makers(frame: Any, made: Any) -> Any:
    """The frame that has asked for the object, from one that makes it."""
    while frame is not None:
        inside = frame.f_code.co_name == "__init__" and frame.f_locals.get("self") is made
        if not inside and not frame.f_code.co_filename.endswith(_WAY_THERE):
            return frame
        frame = frame.f_back
    return None


def _wrap_make_methods(original: Callable[[Any], None]) -> Any:
    """A spawned child makes its locks from what it was sent. What is known of them comes after that."""

    def _make_methods(self: Any) -> None:
        original(self)
        try:
            if identity.me is not None and sys._getframe(1).f_code.co_name == "__setstate__":
                _replace_methods(self)
        except Exception:
            swallowed()

    return dress(_make_methods, original)


def thing_of(lock: Any) -> SharedThing | None:
    """What is known of one of the program's locks, also where it came from another process."""
    if lock is None or not hasattr(lock, "_semlock"):  # a condition may be given any lock
        return None
    thing: SharedThing | None = lock.__dict__.get("_logq_thing")
    if thing is None:
        thing = shared_things.find(lock._semlock.name)
        if thing is not None:
            lock._logq_thing = thing
    return thing


# What they do. ------------------------------------------------------------------------------------


def _replace_methods(lock: Any) -> None:
    plain_acquire, plain_release = lock._semlock.acquire, lock._semlock.release
    itself = ref(lock)  # no circle: the system's semaphore goes with the lock

    def acquire(*args: Any, **kwargs: Any) -> bool:
        lock = itself()
        thing = thing_of(lock) if lock is not None else None
        timeout = _timeout_of(args, kwargs)
        if identity.me is None or thing is None or timeout is _ODD:
            return bool(plain_acquire(*args, **kwargs))
        return _acquire_for(sys._getframe(1), lock, thing, plain_acquire, timeout)

    def release() -> None:
        lock = itself()
        thing = thing_of(lock) if lock is not None else None
        if identity.me is not None and thing is not None and not _is_inside(thing, sys._getframe(1)):
            _note_release(lock, thing)
        plain_release()

    lock.acquire = dress(acquire, plain_acquire)
    lock.release = dress(release, plain_release)
    signals.guard(acquire, release)


def _is_inside(thing: SharedThing, frame: Any) -> bool:
    """Whether a shared value uses its own lock for one operation: that is its affair, and not told."""
    return thing.kind in shared_values.KINDS and shared_values.operation(frame) is not None


def _acquire_for(frame: Any, lock: Any, thing: SharedThing, plain: Callable[..., bool], timeout: float | None) -> bool:
    """`frame` is that of the function that asks for the lock."""
    operation = shared_values.operation(frame)
    if operation is None:
        return _acquire(lock, thing, plain, timeout)
    if thing.kind not in shared_values.KINDS:  # a value that was given a lock of the program's own
        got = _acquire(lock, thing, plain, timeout, operation.f_back)
    elif timeout is None:
        got = plain(False) or tell_wait_of(thing.family, thing, plain, None)
    else:
        got = plain(True, timeout)
    if got:
        shared_values.note(operation)
    return got


_ODD: Any = object()


def _timeout_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """None to wait for ever, seconds to wait at most; 0 not to wait. `_ODD` is for C to judge."""
    if kwargs or len(args) > 2:
        given = {"block": True, "timeout": None}
        if args or not set(kwargs) <= set(given):
            return _ODD
        given.update(kwargs)
        args = (given["block"], given["timeout"])
    block = args[0] if args else True
    timeout = args[1] if len(args) > 1 else None
    if type(block) not in (bool, int) or type(timeout) not in (int, float, type(None)):
        return _ODD
    return timeout if block else 0


def _acquire(
    lock: Any, thing: SharedThing, plain: Callable[..., bool], timeout: float | None, frame: Any = None
) -> bool:
    got = plain(False)
    if not got and (timeout is None or timeout > 0):
        on = "sem" if thing.family == "sem" else "lock"  # of a condition it is the lock
        got = tell_wait_of(on, thing, plain, timeout, lambda: owner_of(thing))
    if got:
        _note_acquisition(lock, thing, frame or sys._getframe(1))
    return got


def owner_of(thing: SharedThing) -> dict[str, object]:
    """Who holds the lock, if it is a thread of this process. For the others' the reader compares their `acq`."""
    process = identity.me
    held = _held_here(thing)
    holder = held.holder if held is not None else None  # none: somebody has given it back since
    if process is None or holder is None:
        return {}
    return {"owner": holder.reference(process), "held_at": held.site, "held_since": held.since}


def _held_here(thing: SharedThing) -> Any:
    """The hold on it of a thread of this process, if there is one."""
    process = identity.me
    if process is None or thing.family == "sem":
        return None
    main = process.main
    for lane in [*([main] if main is not None else []), *list(process.lanes.values())]:
        for held in held_by(lane):
            if getattr(held, "thing", None) is thing:
                return held
    return None


def tell_wait_of(
    on: str,
    thing: SharedThing | None,
    plain: Callable[..., bool],
    timeout: float | None,
    facts: Callable[[], dict[str, object]] | None = None,
) -> bool:
    """Acquires what could not be had at once, with a `wait` if it takes longer than a moment."""
    outcome: list[bool] = []
    since = time.monotonic_ns()
    if timeout is not None and timeout <= waits.MOMENT:
        _block(outcome, plain, timeout)
        return outcome[-1]
    wait: waits.Wait | None = None
    res = "exc"
    try:
        _block(outcome, plain, waits.MOMENT)
        if outcome[-1]:
            return True
        wait = waits.begin(on, since, thing, facts() if facts is not None else None, timeout)
        left: Any = None if timeout is None else max(0.0, timeout - (time.monotonic_ns() - since) / 1e9)
        _block(outcome, plain, left)
        res = "ok" if outcome[-1] else "timeout"
    finally:
        if wait is not None:
            wait.end(res)
    return outcome[-1]


def _note_acquisition(lock: Any, thing: SharedThing, frame: Any) -> None:
    try:
        if lock._semlock.kind == 0 and lock._semlock._count() > 1:  # a recursive one, taken again
            return
        note_taken(thing, here(), site_from(frame))
    except Exception:
        swallowed()


def note_taken(thing: SharedThing, lane: Lane, site: Site | None) -> None:
    if thing.told is not identity.me:
        thing.tell()
    hold(lane, Hold(thing, lane, site))
    event("acq", {"obj": thing.reference(), "site": site}, lane)


def _note_release(lock: Any, thing: SharedThing) -> None:
    """Before it is free: the next one's `acq` must be later."""
    try:
        if lock._semlock.kind == 0 and lock._semlock._count() != 1:
            return
        note_given(thing)
    except Exception:
        swallowed()


def note_given(thing: SharedThing) -> None:
    if thing.told is not identity.me:
        thing.tell()
    lane = here()
    for held in reversed(held_by(lane)):
        if getattr(held, "thing", None) is thing:
            let_go(lane, held)
            break
    else:  # another thread took it
        elsewhere = _held_here(thing)
        if elsewhere is not None:
            elsewhere.holder = None
    event("rel", {"obj": thing.reference()}, lane)


def _wrap_enter(original: Callable[[Any], Any]) -> Any:
    def enter(self: Any) -> Any:
        if identity.me is None:
            return original(self)
        thing = thing_of(self)
        if thing is not None:
            return _acquire_for(sys._getframe(1), self, thing, self._semlock.acquire, None)
        purpose = self.__dict__.get("_logq_purpose")
        if purpose is not None and not self._semlock.acquire(False):
            tell_wait_of(purpose[0], purpose[1](), self._semlock.acquire, None)
        return True if purpose is not None else original(self)

    signals.guard(enter)
    return dress(enter, original)


def _wrap_exit(original: Callable[..., Any]) -> Any:
    def leave(self: Any, *args: Any) -> Any:
        if identity.me is not None:
            thing = thing_of(self)
            if thing is not None and not _is_inside(thing, sys._getframe(1)):
                _note_release(self, thing)
        return original(self, *args)

    signals.guard(leave)
    return dress(leave, original)
