"""The condition inside a future: cheaper than the one it stands for, and its waits cost nothing while they are short.

To hand a job to a pool and to wait for it takes a few microseconds, so a wait here looks at no clock of
its own. Who waits sleeps in one go, as without logq; the watchdog wakes a lane that has slept for long, within its
own period, to write its `wait` itself. A wait that ended before that, but was not short, is written when it is over.
What such a wait is for is the affair of `purposes.py`.
"""

from __future__ import annotations

import _thread
import sys
import time
from collections import deque
from types import FunctionType, SimpleNamespace

from logq import identity, watchdog
from logq.patching import dress, replace
from logq.unseen import hide
from logq.waits import MOMENT

from . import signals
from .purposes import begin_wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["patch"]

_LONG = 10_000_000  # ns: shorter waits are not worth a word

_CRLock: Any = _thread.RLock
_allocate_lock = _thread.allocate_lock
_frame = sys._getframe
_mono = time.monotonic_ns

# Who sleeps, since when (monotonic ns).
_asleep: dict[_Sleeper, int] = {}


def patch(base: Any, note_made: Callable[[Any], None]) -> None:
    """Futures made from now on have such a condition. `note_made` gets the frame of each future's `__init__`."""
    init: Any = base.Future.__init__
    threading: Any = getattr(base, "threading", None)
    code = getattr(init, "__code__", None)
    if code is None or "Condition" not in code.co_names or getattr(threading, "_CRLock", None) is None:
        return  # nothing that we know, or gevent's
    make = _maker(threading, note_made)
    world = {**vars(base), "threading": SimpleNamespace(Condition=make)}
    ours = FunctionType(code, world, init.__name__, init.__defaults__)
    ours.__kwdefaults__ = init.__kwdefaults__
    replace(base.Future, "__init__", lambda original: dress(ours, original))
    if _wake_late not in watchdog.ticks:
        watchdog.ticks.append(_wake_late)


def _maker(threading: Any, note_made: Callable[[Any], None]) -> Callable[[], Any]:
    kind = _make_kind(threading.Condition)
    new = _CRLock.__new__

    def make() -> Any:
        if identity.me is not None:
            note_made(_frame(1))
        if threading._CRLock is None:  # gevent has put its own locks here since
            return threading.Condition()
        condition = new(kind)
        condition._waiters = deque()
        return condition

    return make


def _make_kind(plain: Any) -> Any:
    plain_wait: Any = plain.wait
    while hasattr(plain_wait, "__wrapped__"):
        plain_wait = plain_wait.__wrapped__
    # The same code, which makes a sleeper where it makes a lock.
    world = {**plain_wait.__globals__, "_allocate_lock": _Sleeper}
    sleep = FunctionType(plain_wait.__code__, world, plain_wait.__name__, plain_wait.__defaults__)

    class Condition(_CRLock, plain):  # type: ignore[misc]
        """A lock and its condition in one: to enter and to leave it takes no step of Python."""

        _waiters: deque[_Sleeper]
        wait = dress(sleep, plain_wait)

        @property
        def _lock(self) -> Any:
            return self

        def notify(self, n: int = 1) -> None:
            if not self._is_owned():
                raise RuntimeError("cannot notify on un-acquired lock")
            waiters = self._waiters
            while waiters and n > 0:
                waiters.popleft().wake()
                n -= 1

        def notify_all(self) -> None:
            self.notify(len(self._waiters))

        def _at_fork_reinit(self) -> None:
            _CRLock._at_fork_reinit(self)
            self._waiters.clear()

        def __repr__(self) -> str:
            lock = str(_CRLock.__repr__(self)).replace(" Condition object", " _thread.RLock object")
            return f"<Condition({lock}, {len(self._waiters)})>"

    signals.guard(Condition.notify, Condition.notify_all)
    Condition.__module__, Condition.__qualname__ = plain.__module__, plain.__qualname__
    return Condition


class _Sleeper:
    """The lock of one wait: its owner takes it twice, and sleeps in the second; who notifies releases it."""

    __slots__ = ("_lock", "is_told", "release")
    _lock: Any
    is_told: bool
    release: Callable[[], None]

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        try:
            lock = self._lock
        except AttributeError:
            self._lock = lock = _allocate_lock()
            self.is_told = False
            self.release = lock.release
            return bool(lock.acquire())
        since = _asleep[self] = _mono()
        got = False
        try:
            if watchdog.need() or identity.me is None:
                got = lock.acquire(blocking, timeout)
                if got and not self.is_told:
                    return self._sleep_on(timeout, since)
            else:
                got = lock.acquire(blocking, timeout if not blocking or 0 <= timeout <= MOMENT else MOMENT)
                if not got and blocking and not 0 <= timeout <= MOMENT:
                    return self._sleep_on(timeout, since)
            if _mono() - since > _LONG:
                _tell_late(_frame(1), since, got, None if timeout < 0 else timeout)
            return bool(got)
        except BaseException as problem:
            hide(problem)
            raise
        finally:
            _asleep.pop(self, None)

    def _sleep_on(self, timeout: float, since: int) -> bool:
        """The watchdog has woken it, or there is none and a moment has passed: it writes that it waits."""
        _asleep.pop(self, None)
        wait = begin_wait(_frame(2), since, None if timeout < 0 else timeout)
        res = "exc"
        try:
            left = timeout if timeout < 0 else max(0.0, timeout - (_mono() - since) / 1e9)
            got = bool(self.is_told or self._lock.acquire(True, left) or self.is_told)
            res = "ok" if got else "timeout"
            return got
        finally:
            if wait is not None:
                wait.end(res)

    def wake(self) -> None:
        """It need not wait any more. Called under the condition's lock."""
        self.is_told = True
        try:
            self.release()
        except RuntimeError:  # the watchdog has woken it just now
            pass


def _tell_late(frame: Any, since: int, got: bool, timeout: float | None) -> None:
    """Of a wait that is over: what has changed meanwhile is left out."""
    wait = begin_wait(frame, since, timeout, over=got)
    if wait is not None:
        wait.end("ok" if got else "timeout")


def _wake_late(now: int) -> None:
    """In the watchdog's thread."""
    for sleeper, since in list(_asleep.items()):
        if now - since > _LONG and _asleep.pop(sleeper, None) is not None:
            try:
                sleeper.release()
            except RuntimeError:  # it was notified just now
                pass
