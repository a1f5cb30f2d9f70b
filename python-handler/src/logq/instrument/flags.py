"""threading.Event: whoever sees it set comes after all who set it since it was cleared.

The flag changes under the event's own mutex, and so do the stamps. Waiting for it is noted in
`conditions.py`, as all waits are.
"""

from __future__ import annotations

import sys

from logq import identity
from logq.lane import here
from logq.patching import dress, replace
from logq.stamp import leave, merge_into
from logq.trouble import swallowed
from logq.unseen import hide

from . import signals
from .polls import note_poll
from .wakes import note_wake

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.lane import Lane, Stamp

__all__ = ["patch"]

_MANY = 256


def patch(threading: Any) -> None:
    event = threading.Event
    replace(event, "set", _wrap_set)
    replace(event, "clear", _wrap_clear)
    replace(event, "wait", _wrap_wait)
    replace(event, "is_set", _wrap_is_set)


def _wrap_set(original: Callable[[Any], None]) -> Any:
    def set_event(self: Any) -> None:
        thing = getattr(self, "_logq_thing", None)
        if identity.me is None or thing is None:
            original(self)
            return
        with self._cond:  # as the original, but for the stamp: it must be there before the flag
            try:
                _leave_on(self)
            except Exception:
                swallowed()
            waiters = len(self._cond._waiters)
            self._flag = True
            self._cond.notify_all()
        note_wake(thing, self, "set", sys._getframe(1), waiters)

    return dress(set_event, original)


def _leave_on(event: Any) -> None:
    stamps: dict[Lane, Stamp] | None = getattr(event, "_logq_stamps", None)
    if stamps is None:
        stamps = event._logq_stamps = {}
    if len(stamps) > _MANY:
        stamps.clear()
    stamp = leave()
    if stamp is not None:
        stamps[stamp[0]] = stamp


def _wrap_clear(original: Callable[[Any], None]) -> Any:
    def clear(self: Any) -> None:
        thing = getattr(self, "_logq_thing", None)
        if identity.me is None or thing is None:
            original(self)
            return
        with self._cond:
            self._flag = False
            stamps = getattr(self, "_logq_stamps", None)
            if stamps:
                stamps.clear()
        note_wake(thing, self, "clear", sys._getframe(1), 0)

    return dress(clear, original)


def _wrap_wait(original: Callable[..., bool]) -> Any:
    def wait(self: Any, timeout: float | None = None) -> bool:
        try:
            signaled = original(self, timeout)
        except BaseException as problem:
            hide(problem)
            raise
        if signaled:
            _saw(self)
        return signaled

    return dress(wait, original)


def _wrap_is_set(original: Callable[[Any], bool]) -> Any:
    def is_set(self: Any) -> bool:
        value = original(self)
        thing = getattr(self, "_logq_thing", None)
        if thing is None or identity.me is None:
            return value
        if value:
            _saw(self)
        try:
            note_poll(thing, sys._getframe(1), value)
        except Exception:
            swallowed()
        return value

    return dress(is_set, original)


def _saw(event: Any) -> None:
    """The running lane has seen the event set."""
    stamps = getattr(event, "_logq_stamps", None)
    thing = getattr(event, "_logq_thing", None)
    if not stamps or thing is None or identity.me is None:
        return
    try:
        lane = here()
        for stamp in list(stamps.values()):
            if stamp[0] is not lane:
                merge_into(lane, stamp, thing)
    except Exception:
        swallowed()


signals.guard(_leave_on, _saw)
