"""asyncio's Lock, Event, Condition, Semaphore and Barrier: who has what, and what their use hands over.

Their state is one attribute each, so it is there that we look on: a descriptor without `__get__` sees
every change and costs no read, and no frame of ours stands between the program and asyncio. Who awaits
them is told by `aio_waits.py`; who is woken by them learns it in `aio_handover.py`.
"""

from __future__ import annotations

import sys
import time
from collections import deque

from logq import identity
from logq.lane import Lane, here
from logq.objects import Thing
from logq.patching import add, dress, replace
from logq.sites import absolute, is_machinery
from logq.stamp import leave, leave_of, merge_into, merge_lock
from logq.trouble import swallowed
from logq.unseen import hide

from .taken import Taken, give, take

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.lane import Site, Stamp

__all__ = ["Permits", "Watched", "patch", "thing_of"]

_MISSING = object()
_MANY = 256


def patch(locks: Any) -> None:
    add(locks.Lock, "_locked", Watched("_locked", _lock_changed))
    add(locks.Event, "_value", Watched("_value", _event_changed))
    add(locks.Semaphore, "_value", Watched("_value", _permits_changed))
    add(locks.Condition, "_lock", Watched("_lock", _condition_made))
    replace(locks.Condition, "notify", _wrap_notify)
    barrier = getattr(locks, "Barrier", None)
    if barrier is not None:
        add(barrier, "_parties", Watched("_parties", _barrier_made))
        add(barrier, "_count", Watched("_count", _barrier_counts))
        add(barrier, "_state", Watched("_state", _barrier_changed))


class Watched:
    """Calls `changed(object, old, new)` before an attribute gets a new value. Reads go to the object itself."""

    def __init__(self, name: str, changed: Callable[[Any, Any, Any], None]) -> None:
        self.name = name
        self.changed = changed

    def __set__(self, instance: Any, value: Any) -> None:
        members = instance.__dict__
        if identity.me is not None:
            try:
                self.changed(instance, members.get(self.name, _MISSING), value)
            except Exception:
                swallowed()
        members[self.name] = value

    def __delete__(self, instance: Any) -> None:
        try:
            del instance.__dict__[self.name]
        except KeyError:
            raise AttributeError(self.name) from None


def thing_of(thing: Any) -> Thing | None:
    """How an object of asyncio's is named in records; None for one that is inside another."""
    if thing is None:
        return None
    members = getattr(thing, "__dict__", None)
    if type(members) is not dict:
        return None
    trail = members.get("_logq_trail")
    found = trail.thing if trail is not None else members.get("_logq_thing")
    return found if isinstance(found, Thing) else None


def _maker(instance: Any, depth: int) -> Any:
    """The frame that makes `instance`; None where that is asyncio, for its own use."""
    frame: Any = sys._getframe(depth)
    while frame is not None and frame.f_code.co_name == "__init__":
        maker = frame.f_locals.get("self")
        if maker is not instance and not _is_condition(maker):
            break
        frame = frame.f_back
    if frame is None or is_machinery(frame.f_code.co_filename):
        return None
    return frame


def _is_condition(maker: Any) -> bool:
    return any(base.__name__ == "Condition" for base in type(maker).__mro__)


def _site(frame: Any) -> Site | None:
    while frame is not None:
        code = frame.f_code
        if not is_machinery(code.co_filename):
            return (absolute(code.co_filename), frame.f_lineno or 0, code.co_name)
        frame = frame.f_back
    return None


def _new(kind: Any, family: str, instance: Any, size: int | None = None) -> None:
    frame = _maker(instance, 4)
    thing = None
    if frame is not None:
        thing = kind(family, f"asyncio.{type(instance).__name__}", _site(frame), size, instance)
    instance._logq_thing = thing


# Lock. ------------------------------------------------------------------------------------------


def _lock_changed(lock: Any, old: Any, locked: Any) -> None:
    if old is _MISSING:
        frame = _maker(lock, 3)
        made = (frame.f_code, frame.f_lasti) if frame is not None else None
        lock._logq_thing = Taken("lock", f"asyncio.{type(lock).__name__}", made, lock) if frame is not None else None
        return
    taken = lock.__dict__.get("_logq_thing")
    if taken is None:
        return
    if locked:
        take(taken, sys._getframe(2))
    else:
        give(taken)


# Event. -----------------------------------------------------------------------------------------


class Signal(Thing):
    """An event or a condition: what last happened to it, and the stamps of who set it."""

    __slots__ = ("last", "stamps")

    def __init__(self, *about: Any) -> None:
        super().__init__(*about)
        self.last: tuple[str, Lane, Site | None, int, int] | None = None
        self.stamps: dict[Lane, Stamp] = {}

    def note(self, what: str, waiters: int) -> None:
        lane = here()
        lane.left = True  # whoever waits will be told of it
        self.last = (what, lane, _site(sys._getframe(2)), waiters, time.monotonic_ns())

    def as_last(self) -> dict[str, object] | None:
        process, last = identity.me, self.last
        if last is None or process is None:
            return None
        what, lane, site, waiters, at = last
        return {"what": what, "lane": lane.reference(process), "site": site, "waiters": waiters, "at": at}


def _waiting(futures: Any) -> list[Any]:
    return [future for future in list(futures or ()) if not future.done()]


def _event_changed(event: Any, old: Any, value: Any) -> None:
    if old is _MISSING:
        _new(Signal, "event", event)
        return
    signal: Signal | None = event.__dict__.get("_logq_thing")
    if signal is None:
        return
    if value:
        signal.note("set", len(_waiting(event._waiters)))
    else:
        signal.note("clear", 0)


def _condition_made(condition: Any, old: Any, _lock: Any) -> None:
    if old is _MISSING:
        _new(Signal, "cond", condition)


def _wrap_notify(original: Callable[..., None]) -> Any:
    def notify(self: Any, n: int = 1) -> None:
        signal = self.__dict__.get("_logq_thing")
        if signal is not None and identity.me is not None and self.locked():
            try:
                signal.note("notify", min(n, len(_waiting(self._waiters))))
            except Exception:
                swallowed()
        try:
            original(self, n)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(notify, original)


# Semaphore. -------------------------------------------------------------------------------------


class Permits(Thing):
    """A semaphore: who holds its permits, and the stamps of those who gave them back.

    In the full reading an acquirer comes after every release so far. A permit that is given by a lane that
    took none is a signal: it goes to one acquirer, in turn.
    """

    __slots__ = ("given", "holders", "tokens")

    def __init__(self, *about: Any) -> None:
        super().__init__(*about)
        self.holders: list[tuple[Lane, Site | None]] = []
        self.given: dict[Lane, Stamp] = {}
        self.tokens: deque[Stamp | None] = deque([None] * min(self.size or 0, 1000))

    def taken(self, lane: Lane, site: Site | None) -> None:
        lane.left = True  # whoever waits will be told of it
        self.holders.append((lane, site))
        for stamp in list(self.given.values()):
            if stamp[0] is not lane:
                merge_lock(lane, stamp, self)
        token = self.tokens.popleft() if self.tokens else None
        if token is not None and token[0] is not lane:
            merge_into(lane, token, self)

    def given_back(self, lane: Lane) -> None:
        stamp = leave_of(lane)
        lane.left = True
        position = next((i for i, holder in enumerate(self.holders) if holder[0] is lane), None)
        if position is not None:
            del self.holders[position]
        elif self.holders:
            del self.holders[0]
        if len(self.given) > _MANY:
            self.given.clear()
        self.given[lane] = stamp
        if len(self.tokens) < 1000:
            self.tokens.append(None if position is not None else stamp)

    def as_permits(self) -> list[dict[str, object]]:
        process = identity.me
        assert process is not None
        return [{"lane": lane.reference(process), "site": site} for lane, site in list(self.holders)[:32]]


def _permits_changed(semaphore: Any, old: Any, value: Any) -> None:
    if old is _MISSING:
        _new(Permits, "sem", semaphore, value)
        return
    permits: Permits | None = semaphore.__dict__.get("_logq_thing")
    if permits is None:
        return
    if value > old:
        permits.given_back(here())
        return
    frame = sys._getframe(2)
    if frame.f_code.co_name != "_wake_up_next":
        permits.taken(here(), _site(frame))
        return
    # Since 3.11 who gives a permit back takes it at once for the first who waits.
    future = next((waiter for waiter in semaphore._waiters if not waiter.done()), None)
    for entry in getattr(future, "_callbacks", None) or ():
        task = getattr(entry[0], "__self__", None)
        lane = getattr(task, "_logq_lane", None)
        if isinstance(lane, Lane):
            from .aio_waits import user_frames

            stack = user_frames(task)
            permits.taken(lane, stack[0] if stack else None)
            return


# Barrier. ---------------------------------------------------------------------------------------


class Meeting(Thing):
    """A barrier: the stamps of those who have come."""

    __slots__ = ("arrived",)

    def __init__(self, *about: Any) -> None:
        super().__init__(*about)
        self.arrived: dict[Lane, Stamp] = {}

    def as_arrived(self) -> list[dict[str, object]]:
        process = identity.me
        assert process is not None
        return [{"lane": lane.reference(process)} for lane in list(self.arrived)[:32]]


def _barrier_made(barrier: Any, old: Any, parties: Any) -> None:
    if old is _MISSING:
        _new(Meeting, "barrier", barrier, parties)


def _barrier_counts(barrier: Any, old: Any, count: Any) -> None:
    meeting: Meeting | None = barrier.__dict__.get("_logq_thing")
    if meeting is not None and old is not _MISSING and count > old:
        stamp = leave()
        if stamp is not None:
            meeting.arrived[stamp[0]] = stamp


def _barrier_changed(barrier: Any, old: Any, state: Any) -> None:
    """The last to come lets all go: it hands them what everyone brought."""
    meeting: Meeting | None = barrier.__dict__.get("_logq_thing")
    if meeting is None or old is _MISSING:
        return
    arrived, meeting.arrived = meeting.arrived, {}
    if state.name == "DRAINING":
        lane = here()
        for stamp in arrived.values():
            if stamp[0] is not lane:
                merge_into(lane, stamp, meeting)
