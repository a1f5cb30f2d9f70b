"""trio's locks, events, semaphores, conditions and memory channels as records name them, and what channels carry.

They have no room for an attribute of ours, so what is known of each is kept beside it, weakly.
"""

from __future__ import annotations

import sys
from _weakref import ref
from collections import deque

from logq import identity
from logq import lane as lanes
from logq.objects import Thing
from logq.patching import dress, replace
from logq.sites import position, user_place
from logq.stamp import leave_of, merge
from logq.trouble import swallowed
from logq.unseen import hide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.lane import Stamp

__all__ = ["forget", "patch_channel", "patch_sync", "released_by", "thing_of"]

_FAMILIES = {
    "Lock": "lock",
    "StrictFIFOLock": "lock",
    "Event": "event",
    "Condition": "cond",
    "MemoryChannelState": "queue",
}
_DEPTH = 4  # frames between a lock's release and the task that is woken

_frame = sys._getframe
_releases: set[Any] = set()


class _Known:
    """Where an object was made; its name once one is wanted; of a channel, the stamps of what lies in it."""

    __slots__ = ("code", "kind", "lasti", "notes", "owner", "thing")

    def __init__(self, owner: Any, code: Any, lasti: int) -> None:
        self.owner = owner
        self.kind = ""
        self.code, self.lasti = code, lasti
        self.thing: Thing | None = None
        self.notes: deque[Stamp | None] | None = None


_known: dict[int, _Known] = {}


def patch_sync(sync: Any) -> None:
    kinds = [sync.Event, sync.Semaphore, sync.CapacityLimiter, sync.Condition]
    kinds.append(getattr(sync, "_LockImpl", None) or sync.Lock)
    for kind in kinds:
        replace(kind, "__init__", _wrap_init)
    lock = kinds[-1]
    code = getattr(_plain(lock.release), "__code__", None)
    if code is not None:
        _releases.add(code)


def _plain(function: Any) -> Any:
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


def patch_channel(channel: Any) -> None:
    replace(channel.MemorySendChannel, "__attrs_post_init__", _wrap_opened)
    replace(channel.MemorySendChannel, "send_nowait", _wrap_send)
    replace(channel.MemoryReceiveChannel, "receive_nowait", _wrap_receive)


def forget() -> None:
    _known.clear()


def _note(thing: Any, frame: Any) -> None:
    key = id(thing)
    pop = _known.pop
    _known[key] = _Known(ref(thing, lambda _: pop(key, None)), *user_place(frame))


def _of(thing: Any) -> _Known | None:
    known = _known.get(id(thing))
    return known if known is not None and known.owner() is thing else None


def thing_of(thing: Any) -> Thing | None:
    known = _of(thing)
    if known is None:
        return None
    if known.thing is None:
        kind = type(thing).__name__
        called = "open_memory_channel" if kind == "MemoryChannelState" else kind
        size = getattr(thing, "max_buffer_size", None)
        made = Thing(_FAMILIES.get(kind, "sem"), f"trio.{called}", position(known.code, known.lasti), None, thing)
        made.size = int(size) if isinstance(size, (int, float)) and size < 1 << 53 else None
        known.thing = made
    known.thing.tell()
    return known.thing


def _wrap_init(original: Callable[..., None]) -> Any:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if identity.me is not None:
            try:
                _note(self, _frame(1))
            except Exception:
                swallowed()

    return dress(init, original)


def released_by(frame: Any) -> Thing | None:
    """The lock whose release is what wakes somebody; `frame` is that of who calls `reschedule`."""
    for _ in range(_DEPTH):
        if frame is None:
            return None
        if frame.f_code in _releases:
            return thing_of(frame.f_locals.get("self"))
        frame = frame.f_back
    return None


# Channels. --------------------------------------------------------------------------------------


def _wrap_opened(original: Callable[[Any], None]) -> Any:
    def opened(self: Any) -> None:
        original(self)
        if identity.me is not None:
            try:
                if _of(self._state) is None:
                    _note(self._state, _frame(1))
            except Exception:
                swallowed()

    return dress(opened, original)


def _wrap_send(original: Callable[..., None]) -> Any:
    def send_nowait(self: Any, value: Any) -> None:
        before = len(self._state.data)
        try:
            original(self, value)
        except BaseException as problem:
            hide(problem)
            raise
        if identity.me is not None and len(self._state.data) > before:
            lane = lanes.here()
            _lay_down(self._state, lane.mark or lane.stamp(), before)

    return dress(send_nowait, original)


def _lay_down(state: Any, stamp: Stamp | None, before: int) -> None:
    known = _of(state)
    if known is None:
        return
    if known.notes is None or len(known.notes) != before:
        known.notes = deque([None] * before)
    known.notes.append(stamp)


def _wrap_receive(original: Callable[..., Any]) -> Any:
    def receive_nowait(self: Any) -> Any:
        state = self._state
        if identity.me is not None and not self._closed:
            try:
                if state.send_tasks:  # the first who waits lays its value down now
                    from .trio_tasks import lane_of

                    sender = lane_of(next(iter(state.send_tasks)))
                    _lay_down(state, leave_of(sender) if sender is not None else None, len(state.data))
            except Exception:
                swallowed()
        try:
            value = original(self)
        except BaseException as problem:
            hide(problem)
            raise
        if identity.me is not None:
            known = _of(state)
            if known is not None and known.notes and len(known.notes) == len(state.data) + 1:
                merge(known.notes.popleft(), thing_of(state))
        return value

    return dress(receive_nowait, original)
