"""threading.RLock: as `locks.py`'s Lock, but that only its outermost level is noted.

Its methods look like Lock's and are not shared with them: one call more would cost more than all that they do, and
it is the C lock itself, since conditions ask that for its level and to give up all of them at once.
"""

from __future__ import annotations

import _thread
import sys
import time

from logq import identity, waits
from logq import lane as lanes
from logq.patching import replace
from logq.sites import is_machinery
from logq.unseen import hide

from . import signals
from .pickled_types import look_like
from .polls import end_polls, note_poll
from .taken import Taken, acquire_slowly, forget_lost, give, reset, sound_depth, take, timeout_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["RLock", "forget", "patch"]

# The C type, which mypy need not know better than we do.
_CRLock: Any = _thread.RLock
_racquire = _CRLock.acquire
_rrelease = _CRLock.release
_rowned: Any = _CRLock._is_owned
_rsave: Any = _CRLock._release_save
_rrestore: Any = _CRLock._acquire_restore

_mono = time.monotonic_ns
_frame = sys._getframe
_spot = lanes.spot
_MOMENT_NS = int(waits.MOMENT * 1e9)


def patch(threading: Any) -> None:
    """Puts it where `threading.RLock` and conditions take theirs from; `locks.py` knows whether it may."""
    global _spot
    _spot = lanes.spot
    if threading._CRLock is _CRLock:
        replace(threading, "_CRLock", lambda _: RLock)


def forget() -> None:
    global _spot
    _spot = lanes.spot


class RLock(_CRLock):  # type: ignore[misc]
    """The C lock that its thread may take again; only its outermost level is noted. Whether one is the outermost says
    the note itself, so that what most uses do is to set and to clear that and nothing else."""

    __slots__ = ("_logq_again", "_logq_taken")
    _logq_again: int  # how often it was taken beside the outermost time
    _logq_taken: Taken

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        frame = _frame(1)
        if frame.f_globals.get("__name__") == "threading" and frame.f_back is not None:
            frame = frame.f_back  # through the function `threading.RLock`
        if cls is RLock and (identity.me is None or is_machinery(frame.f_code.co_filename)):
            return _CRLock(*args, **kwargs)
        self = _CRLock.__new__(cls, *args, **kwargs)
        self._logq_again = 0
        self._logq_taken = Taken("rlock", "threading.RLock", (frame.f_code, frame.f_lasti), self)
        forget_lost()
        return self

    @classmethod
    def made_at(cls, frame: Any) -> Any:
        """One that the library makes for the program, in the function of `frame`."""
        self = _CRLock.__new__(cls)
        self._logq_again = 0
        self._logq_taken = Taken("rlock", "threading.RLock", (frame.f_code, frame.f_lasti), self)
        return self

    def acquire(self, *args: Any, **kwargs: Any) -> bool:
        timeout = timeout_of(args, kwargs) if args or kwargs else -1.0
        try:
            sound_depth()
            if timeout is None:
                if not _racquire(self, *args, **kwargs):
                    note_poll(self._logq_taken, _frame(1), True, self._logq_taken.holder)
                    return False
                end_polls(self._logq_taken)
            elif not _racquire(self, False) and not self._logq_wait(timeout):
                return False
        except BaseException as problem:
            hide(problem)
            raise
        if self._logq_taken.at is not None:
            self._logq_again += 1
            return True
        try:
            take(self._logq_taken, _frame(1), timeout == -1.0)
        except RecursionError:
            pass
        return True

    def __enter__(self) -> bool:
        if not _racquire(self, False):
            try:
                self._logq_wait(-1.0)
            except BaseException as problem:
                hide(problem)
                raise
        taken = self._logq_taken
        try:
            lane = _spot.lane
            if lane.sole is None and lane is taken.last:  # which holds nothing, so this is the outermost level
                frame = _frame(1)
                code = frame.f_code
                if code is taken.usual:
                    taken.at = (lane, code, frame.f_lasti, _mono())
                    lane.sole = taken
                    return True
        except Exception:  # this thread has no lane yet
            pass
        if taken.at is not None:
            self._logq_again += 1
            return True
        try:
            take(taken, _frame(1))
        except RecursionError:
            pass
        return True

    def _logq_wait(self, timeout: float) -> bool:
        return acquire_slowly(self._logq_taken, "rlock", super().acquire, super().release, timeout)

    def release(self) -> None:
        try:
            if _rowned(self):
                self._logq_leave()
        except RecursionError:
            if self._logq_again:
                self._logq_again -= 1
            else:
                self._logq_taken.at = None
        try:
            _rrelease(self)
        except BaseException as problem:
            hide(problem)
            raise

    def __exit__(self, kind: object, problem: object, traceback: object) -> None:
        taken = self._logq_taken
        try:
            lane = _spot.lane
            if not self._logq_again and lane.sole is taken:
                taken.at = lane.sole = None
                taken.stamp = lane.mark or lane.stamp()
            elif _rowned(self):
                self._logq_leave()
        except Exception:
            try:
                if _rowned(self):
                    self._logq_leave()
            except RecursionError:
                if self._logq_again:
                    self._logq_again -= 1
                else:
                    taken.at = None
        _rrelease(self)

    def _logq_leave(self) -> None:
        if self._logq_again:
            self._logq_again -= 1
        else:
            give(self._logq_taken)

    def _release_save(self) -> Any:
        if _rowned(self):
            give(self._logq_taken)
            self._logq_again = 0
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
        self._logq_again = state[0] - 1
        take(self._logq_taken, _frame(1))
        if wait is not None:
            wait.end("ok")

    def _at_fork_reinit(self) -> None:
        super()._at_fork_reinit()
        self._logq_again = 0
        reset(self._logq_taken)

    def __repr__(self) -> str:
        return str(super().__repr__()).replace(" RLock object", " _thread.RLock object")

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("cannot pickle '_thread.RLock' object")


RLock.__module__, RLock.__name__, RLock.__qualname__ = "_thread", "RLock", "RLock"
look_like(RLock, _CRLock)

signals.guard(RLock.acquire, RLock.__enter__, RLock.release, RLock.__exit__)
signals.guard(RLock._release_save, RLock._acquire_restore, RLock._logq_wait)
