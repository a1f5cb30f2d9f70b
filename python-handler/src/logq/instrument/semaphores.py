"""threading's Semaphore and BoundedSemaphore: who has a permit, who gave one.

A lane that gives back the permit it took has only made room, as with a lock; one that gives without
having taken sends a signal, and its permit carries a hard stamp to whoever takes that permit. All of
it is noted under the semaphore's own mutex, which is why `acquire` and `release` are here once more.
"""

from __future__ import annotations

import sys
import time
from collections import deque

from logq import identity
from logq.lane import Lane, here
from logq.patching import add, dress, replace
from logq.sites import position, user_frame
from logq.stamp import leave, merge_into, merge_lock
from logq.trouble import swallowed
from logq.unkept import Unkept

from . import purposes
from .polls import note_poll
from .wakes import note_operation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

    from logq.lane import Stamp
    from logq.objects import Thing

    # (lane, code, instruction, the releases that it had seen)
    _Taker = tuple[Lane, Any, int, int]
    # A permit by way of a signal has a stamp; one that was given back, or was there from the start, has none.
    _Permit = Optional[Stamp]

__all__ = ["attach", "patch"]

_MANY = 256


class Permits(Unkept):
    """What is known of one semaphore's permits. Changed under its mutex only."""

    __slots__ = ("free", "initial", "released", "takers", "thing", "version")

    def __init__(self, thing: Thing, initial: int) -> None:
        self.thing = thing
        self.initial = initial
        self.free: deque[_Permit] = deque()  # the newest; what is older carries nothing
        self.takers: list[_Taker] = []
        self.released: dict[Lane, tuple[Stamp, int]] = {}
        self.version = 0  # counts the releases

    def take(self, lane: Lane, frame: Any, value: int) -> None:
        """`lane` has just taken a permit; `value` are left."""
        frame = user_frame(frame)
        self.takers.append((lane, frame.f_code, frame.f_lasti, self.version))
        self._trim(value)
        for stamp, _ in list(self.released.values()):
            if stamp[0] is not lane:
                merge_lock(lane, stamp, self.thing)
        permit = self.free.popleft() if len(self.free) > value else None
        if permit is not None and permit[0] is not lane:
            merge_into(lane, permit, self.thing)

    def give(self, lane: Lane, count: int, value: int) -> None:
        """`lane` is about to give `count` permits; there will be `value`."""
        stamp = leave()
        if stamp is None:
            return
        self.version += 1
        for _ in range(min(count, _MANY)):
            taker = next((taker for taker in self.takers if taker[0] is lane), None)
            if taker is None:
                self.free.append(stamp)
                continue
            self.takers.remove(taker)
            self.free.append(None)
            # What it had merged when it took the permit comes with its own stamp.
            for giver, (_, version) in list(self.released.items()):
                if version <= taker[3]:
                    del self.released[giver]
        while len(self.free) > min(value, _MANY):
            self.free.popleft()
        self._trim(value)
        if len(self.released) > _MANY:
            self.released.clear()
        self.released[lane] = (stamp, self.version)

    def _trim(self, value: int) -> None:
        """Where permits are signals nobody gives them back: no more are out than were there at first."""
        out = max(0, self.initial - value)
        if len(self.takers) > out:
            del self.takers[: len(self.takers) - out]

    def listed(self) -> list[dict[str, object]]:
        """Who has the permits, for a `wait`."""
        process = identity.me
        if process is None:
            return []
        return [
            {"lane": lane.reference(process), "site": position(code, lasti)} for lane, code, lasti, _ in self.takers
        ]


def patch(threading: Any) -> None:
    semaphore = threading.Semaphore
    purposes.note(semaphore.acquire, "sem", _tell)
    add(semaphore, "_logq_permits", None)  # of those that the library makes for itself
    replace(semaphore, "acquire", _wrap_acquire)
    replace(semaphore, "__enter__", lambda _: semaphore.acquire)
    replace(semaphore, "release", lambda original: _wrap_release(original, bounded=False))
    bounded = threading.BoundedSemaphore
    if "release" in vars(bounded):
        replace(bounded, "release", lambda original: _wrap_release(original, bounded=True))


def attach(semaphore: Any, thing: Thing) -> None:
    """A semaphore of the program has been made."""
    if isinstance(semaphore._value, int):
        thing.size = semaphore._value
        semaphore._logq_permits = Permits(thing, semaphore._value)


def _permits_of(semaphore: Any) -> Permits | None:
    if identity.me is None:
        return None
    return getattr(semaphore, "_logq_permits", None)


def _wrap_acquire(original: Callable[..., bool]) -> Any:
    def acquire(self: Any, blocking: bool = True, timeout: float | None = None) -> bool:
        permits = self._logq_permits if identity.me is not None else None
        if permits is None or (not blocking and timeout is not None):
            return original(self, blocking, timeout)
        deadline = None
        with self._cond:
            while self._value == 0:
                if not blocking:
                    _note_refusal(permits)
                    return False
                if timeout is not None:
                    if deadline is None:
                        deadline = time.monotonic() + timeout
                    else:
                        timeout = deadline - time.monotonic()
                        if timeout <= 0:
                            return False
                self._cond.wait(timeout)
            self._value -= 1
            try:
                permits.take(here(), sys._getframe(1), self._value)
            except Exception:
                swallowed()
        _note(permits, "acquire", sys._getframe(1))
        return True

    purposes.note(acquire, "sem", _tell)
    return dress(acquire, original)


def _tell(frame: Any) -> Any:
    semaphore = frame.f_locals.get("self")
    permits = _permits_of(semaphore)
    facts = {"permits": permits.listed() or None} if permits is not None else {}
    return getattr(semaphore, "_logq_thing", None), facts


def _note_refusal(permits: Permits) -> None:
    try:
        note_poll(permits.thing, sys._getframe(2), False)
    except Exception:
        swallowed()


def _wrap_release(original: Callable[..., None], bounded: bool) -> Any:
    def release(self: Any, n: int = 1) -> None:
        permits = self._logq_permits if identity.me is not None else None
        if permits is None or type(n) is not int or n < 1:
            original(self, n)
            return
        with self._cond:
            is_too_many = bounded and self._value + n > self._initial_value
            if not is_too_many:
                try:
                    permits.give(here(), n, self._value + n)
                except Exception:
                    swallowed()
                self._value += n
                self._cond.notify(n)
        if is_too_many:
            original(self, n)  # which knows how to say so
        _note(permits, "release", sys._getframe(1))

    return dress(release, original)


def _note(permits: Permits, what: str, frame: Any) -> None:
    try:
        frame = user_frame(frame)
        note_operation(permits.thing, what, frame.f_code, frame.f_lasti)
    except Exception:
        swallowed()
