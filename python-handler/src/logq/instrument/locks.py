"""threading.Lock and RLock: who holds them, since when and from where; who waits for them.

The C lock does the locking, in one step; what is noted about it is noted by whoever holds it. Locks
that the standard library makes for itself stay C locks: queues, pools, events and logging order
nobody by their insides. Locks made in C or by `_thread`, and those that were there before, are not seen.
"""

from __future__ import annotations

import sys
import time
from _thread import LockType
from _thread import RLock as _CRLock

from logq import identity, waits
from logq import lane as lanes
from logq.lane import here
from logq.objects import Thing
from logq.patching import replace
from logq.sites import absolute, is_machinery
from logq.stamp import merge_into, merge_lock

from . import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.lane import Lane, Site, Stamp

__all__ = ["patch"]

_mono = time.monotonic_ns
_frame = sys._getframe
_spot = lanes._here
_no_loop = lanes._no_loop
_MOMENT_NS = int(waits.MOMENT * 1e9)
_LONGEST = 4_000_000.0  # seconds; what is longer, or no number, the C lock judges itself
_MANY = 100

# The C function that makes a lock, as `threading` had it.
_make: Callable[..., Any] = LockType


def patch(threading: Any) -> None:
    global _make
    if getattr(threading, "_CRLock", None) is None:  # gevent has put its own locks here
        return
    if identity.me is None or threading.Lock is Lock:
        return
    _make = threading.Lock
    original = threading.Lock
    replace(threading, "Lock", lambda _: Lock)
    if threading._CRLock is _CRLock:
        replace(threading, "_CRLock", lambda _: RLock)
    _rebind_early(original)
    signals.guard_interrupt()


def _rebind_early(original: Any) -> None:
    """Modules of the program that have said `from threading import Lock` already."""
    for module in list(sys.modules.values()):
        filename = getattr(module, "__file__", None)
        if not isinstance(filename, str) or is_machinery(filename):
            continue
        for name, bound in list(vars(module).items()):
            if bound is original and "lock" in name.lower() and "alloc" not in name:
                replace(module, name, lambda _: Lock)


class _Taken(Thing):
    """What is known of one lock. Changed by its holder only; it does not keep the lock alive."""

    __slots__ = ("code", "crossed", "holder", "lasti", "made", "since", "stamp")

    def __init__(self, family: str, kind: str, made: Any, lock: Any) -> None:
        super().__init__(family, kind, None, None, lock)
        self.made = made  # code and position, for `site`
        self.holder: Lane | None = None
        self.code: Any = None
        self.lasti = 0
        self.since = 0
        self.stamp: Stamp | None = None
        self.crossed = False  # the last release was by another lane than the acquisition: a signal

    def tell(self) -> None:
        if self.site is None and self.made is not None:
            self.site = _resolve(*self.made)
        super().tell()

    def is_there(self) -> bool:
        return self.owner is not None and self.owner() is not None

    def as_held(self) -> dict[str, object]:
        if self.told is not identity.me:
            self.tell()
        return {"obj": self.reference(), "site": _resolve(self.code, self.lasti), "since": self.since}

    def as_owned(self) -> dict[str, object]:
        """Of a lock that another lane may be releasing right now."""
        holder, code, lasti, since = self.holder, self.code, self.lasti, self.since
        process = identity.me
        if holder is None or process is None:
            return {}
        return {"owner": holder.reference(process), "held_at": _resolve(code, lasti), "held_since": since}


def _resolve(code: Any, position: int) -> Site | None:
    """The line of an instruction. To ask the frame for its line costs more than a lock may."""
    if code is None:
        return None
    line = code.co_firstlineno
    if hasattr(code, "co_lines"):
        for begin, end, number in code.co_lines():
            if begin <= position < end:
                line = number or line
                break
    else:
        import dis

        for begin, number in dis.findlinestarts(code):
            if begin > position:
                break
            line = number
    return (absolute(code.co_filename), line, code.co_name)


def _user_frame(frame: Any) -> Any:
    """The nearest frame that is the program's own, or the first of all."""
    nearest = frame
    while frame is not None:
        if not is_machinery(frame.f_code.co_filename):
            return frame
        frame = frame.f_back
    return nearest


def _running() -> Lane | None:
    return here() if identity.me is not None else None


def _take(taken: _Taken, frame: Any) -> None:
    """The running lane has just acquired the lock."""
    lane: Lane | None = _spot.lane
    if lane is None or lane.process is not identity.me or lanes.running_loop is not _no_loop:
        lane = _running()
        if lane is None:
            taken.holder = None
            return
    code = frame.f_code
    if is_machinery(code.co_filename):
        frame = _user_frame(frame)
        code = frame.f_code
    taken.code = code
    taken.lasti = frame.f_lasti
    taken.since = _mono()
    taken.holder = lane
    lane.held.append(taken)
    stamp = taken.stamp
    if stamp is not None and stamp[0] is not lane:
        if taken.crossed:
            merge_into(lane, stamp, taken)
        else:
            merge_lock(lane, stamp, taken)


def _give(taken: _Taken) -> None:
    """The running lane is about to release the lock."""
    holder = taken.holder
    if holder is None:
        return
    lane: Lane | None = _spot.lane
    if lane is None or lane.process is not identity.me or lanes.running_loop is not _no_loop:
        lane = _running()
    taken.holder = None
    held = holder.held
    if held and held[-1] is taken:
        held.pop()
    else:
        _drop(held, taken)
    if lane is None:
        taken.stamp = None
        return
    lane.left = True
    hard = lane.hard
    soft = lane.soft
    taken.crossed = lane is not holder
    taken.stamp = (lane, lane.seq, tuple(hard) if hard else (), tuple(soft) if soft else ())


def _drop(held: list[Any], taken: _Taken) -> None:
    try:
        held.remove(taken)
    except ValueError:
        pass


# Blocking. ------------------------------------------------------------------------------------


@signals.leave_open
def _block(outcome: list[bool], acquire: Callable[..., bool], timeout: float) -> None:
    """Blocks where a signal's handler may end it. `outcome` gets the result in the step that acquires."""
    outcome.extend(map(acquire, (True,), (timeout,)))


def _wait(taken: _Taken, on: str, acquire: Callable[..., bool], release: Callable[[], None], timeout: float) -> bool:
    """Acquires what could not be had at once. `timeout` in seconds, or -1."""
    outcome: list[bool] = []
    wait: waits.Wait | None = None
    since = _mono()
    try:
        if 0 <= timeout <= waits.MOMENT:
            _block(outcome, acquire, timeout)
            return outcome[-1]
        _block(outcome, acquire, waits.MOMENT)
        if outcome[-1]:
            return True
        wait = waits.begin(on, since, taken, taken.as_owned(), None if timeout < 0 else timeout)
        left = timeout if timeout < 0 else max(0.0, timeout - (_mono() - since) / 1e9)
        _block(outcome, acquire, left)
    except BaseException:
        if outcome and outcome[-1]:
            release()
        if wait is not None:
            wait.end("exc")
        raise
    if wait is not None:
        wait.end("ok" if outcome[-1] else "timeout")
    return outcome[-1]


def _timeout_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> float | None:
    """How long a call of `acquire` may block, or None: not at all, or only C can tell what it means."""
    if len(args) > 2 or not set(kwargs) <= {"blocking", "timeout"}:
        return None
    if (args and "blocking" in kwargs) or (len(args) > 1 and "timeout" in kwargs):
        return None
    blocking = args[0] if args else kwargs.get("blocking", True)
    timeout = args[1] if len(args) > 1 else kwargs.get("timeout", -1)
    if type(blocking) not in (bool, int) or not blocking or type(timeout) not in (float, int):
        return None
    if timeout == -1 or 0 <= timeout < _LONGEST:
        return float(timeout)
    return None


# Lock. ----------------------------------------------------------------------------------------


class _Kind(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, LockType)  # ours say that they are one, by `__class__`


class Lock(metaclass=_Kind):
    """A C lock, and what is known of it."""

    __slots__ = ("__weakref__", "_logq_free", "_logq_raw", "_logq_taken", "_logq_try")

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        raw = _make(*args, **kwargs)
        frame = _frame(1)
        if identity.me is None or is_machinery(frame.f_code.co_filename):
            return raw
        self = object.__new__(cls)
        self._logq_raw = raw
        self._logq_try = raw.acquire
        self._logq_free = raw.release
        self._logq_taken = _Taken("lock", "threading.Lock", (frame.f_code, frame.f_lasti), self)
        _forget_lost()
        return self

    def __init_subclass__(cls, **_: Any) -> None:
        raise TypeError("type '_thread.lock' is not an acceptable base type")

    def acquire(self, *args: Any, **kwargs: Any) -> bool:
        timeout = _timeout_of(args, kwargs) if args or kwargs else -1.0
        if timeout is None:
            if not self._logq_try(*args, **kwargs):
                return False
        elif not self._logq_try(False) and not _wait(
            self._logq_taken, "lock", self._logq_try, self._logq_free, timeout
        ):
            return False
        try:
            _take(self._logq_taken, _frame(1))
        except Exception:
            self._logq_taken.holder = None
        return True

    def __enter__(self) -> bool:
        if not self._logq_try(False):
            _wait(self._logq_taken, "lock", self._logq_try, self._logq_free, -1.0)
        try:
            _take(self._logq_taken, _frame(1))
        except Exception:
            self._logq_taken.holder = None
        return True

    def release(self) -> None:
        try:
            _give(self._logq_taken)
        except Exception:
            self._logq_taken.holder = None
        self._logq_free()

    def __exit__(self, kind: Any, problem: Any, traceback: Any) -> None:
        try:
            _give(self._logq_taken)
        except Exception:
            self._logq_taken.holder = None
        self._logq_free()

    def locked(self) -> bool:
        return bool(self._logq_raw.locked())

    acquire_lock = acquire
    release_lock = release
    locked_lock = locked

    def _at_fork_reinit(self) -> None:
        self._logq_raw._at_fork_reinit()
        _reset(self._logq_taken)

    def __repr__(self) -> str:
        return f"<{'locked' if self.locked() else 'unlocked'} _thread.lock object at {id(self):#x}>"

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("cannot pickle '_thread.lock' object")

    @property
    def __class__(self) -> Any:
        return LockType


Lock.__module__, Lock.__name__, Lock.__qualname__ = "_thread", "lock", "lock"


def _reset(taken: _Taken) -> None:
    holder, taken.holder, taken.stamp = taken.holder, None, None
    if holder is not None:
        _drop(holder.held, taken)


def _forget_lost() -> None:
    """Locks that were dropped while they were held would gather in their lane."""
    lane: Lane | None = _spot.lane
    if lane is not None and len(lane.held) > _MANY:
        lane.held[:] = [taken for taken in lane.held if taken.is_there()]


# RLock. ---------------------------------------------------------------------------------------

_racquire = _CRLock.acquire
_rrelease = _CRLock.release
_rowned: Any = _CRLock._is_owned  # type: ignore[attr-defined]
_rsave: Any = _CRLock._release_save  # type: ignore[attr-defined]
_rrestore: Any = _CRLock._acquire_restore  # type: ignore[attr-defined]


class RLock(_CRLock):  # type: ignore[misc, valid-type]
    """The C lock that its thread may take again; only its outermost level is noted."""

    __slots__ = ("_logq_depth", "_logq_taken")

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        frame = _frame(1)
        if frame.f_globals.get("__name__") == "threading" and frame.f_back is not None:
            frame = frame.f_back  # through the function `threading.RLock`
        if cls is RLock and (identity.me is None or is_machinery(frame.f_code.co_filename)):
            return _CRLock(*args, **kwargs)
        self = _CRLock.__new__(cls, *args, **kwargs)
        self._logq_depth = 0
        self._logq_taken = _Taken("rlock", "threading.RLock", (frame.f_code, frame.f_lasti), self)
        _forget_lost()
        return self

    def acquire(self, *args: Any, **kwargs: Any) -> bool:
        timeout = _timeout_of(args, kwargs) if args or kwargs else -1.0
        if timeout is None:
            if not _racquire(self, *args, **kwargs):
                return False
        elif not _racquire(self, False) and not self._logq_wait(timeout):
            return False
        self._logq_depth += 1
        if self._logq_depth == 1:
            try:
                _take(self._logq_taken, _frame(1))
            except Exception:
                swallowed()
        return True

    def __enter__(self) -> bool:
        if not _racquire(self, False):
            self._logq_wait(-1.0)
        self._logq_depth += 1
        if self._logq_depth == 1:
            try:
                _take(self._logq_taken, _frame(1))
            except Exception:
                swallowed()
        return True

    def _logq_wait(self, timeout: float) -> bool:
        return _wait(self._logq_taken, "rlock", super().acquire, super().release, timeout)

    def release(self) -> None:
        if _rowned(self):
            self._logq_leave()
        _rrelease(self)

    def __exit__(self, kind: Any, problem: Any, traceback: Any) -> None:
        if _rowned(self):
            self._logq_leave()
        _rrelease(self)

    def _logq_leave(self) -> None:
        if self._logq_depth == 1:
            try:
                _give(self._logq_taken)
            except Exception:
                swallowed()
        if self._logq_depth:
            self._logq_depth -= 1

    def _release_save(self) -> Any:
        if _rowned(self):
            try:
                _give(self._logq_taken)
            except Exception:
                swallowed()
            self._logq_depth = 0
        return _rsave(self)

    def _acquire_restore(self, state: Any) -> None:
        wait = None
        if _racquire(self, True, waits.MOMENT):
            for _ in range(state[0] - 1):
                _racquire(self, False)
        else:
            taken = self._logq_taken
            wait = waits.begin("rlock", _mono() - _MOMENT_NS, taken, taken.as_owned())
            _rrestore(self, state)  # it cannot be interrupted: a `with` around the wait must find it held
        self._logq_depth = state[0]
        try:
            _take(self._logq_taken, _frame(1))
        except Exception:
            self._logq_taken.holder = None
        if wait is not None:
            wait.end("ok")

    def _at_fork_reinit(self) -> None:
        super()._at_fork_reinit()
        self._logq_depth = 0
        _reset(self._logq_taken)

    def __repr__(self) -> str:
        return super().__repr__().replace(" RLock object", " _thread.RLock object")

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("cannot pickle '_thread.RLock' object")


RLock.__module__, RLock.__name__, RLock.__qualname__ = "_thread", "RLock", "RLock"

signals.guard(_wait, Lock.acquire, Lock.__enter__, Lock.release, Lock.__exit__)
signals.guard(RLock.acquire, RLock.__enter__, RLock.release, RLock.__exit__)
signals.guard(RLock._release_save, RLock._acquire_restore, RLock._logq_wait)
