"""gevent's queues and channels: who waits for an item or for room, and the stamps of what lies in them."""

from __future__ import annotations

from collections import deque

from logq import identity
from logq.stamp import merge
from logq.unseen import hide

from . import gevent_waits
from .gevent_things import named, note_made, stand_in, thing_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from logq.lane import Lane

__all__ = ["patch"]


def patch(queue: Any) -> None:
    for name in ("SimpleQueue", "Queue", "UnboundQueue", "PriorityQueue", "LifoQueue", "Channel"):
        plain = getattr(queue, name, None)
        methods = {"__init__": note_made("queue"), "get": _gets, "put": _puts}
        if hasattr(plain, "join"):
            methods["join"] = _joins
        stand_in(queue, name, methods)


def _puts(original: Any) -> Any:
    def put(self: Any, item: Any, *args: Any, **kwargs: Any) -> Any:
        block, timeout = _patience(args, kwargs)
        lane = gevent_waits.begin("queue-put", lambda: _facts_of_queue(self), timeout if block else 0)
        try:
            if lane is not None:
                _lay_down(self, item, lane)
            return original(self, item, *args, **kwargs)
        except BaseException as problem:
            hide(problem)
            raise
        finally:
            gevent_waits.end(lane)

    return put


def _gets(original: Any) -> Any:
    def get(self: Any, *args: Any, **kwargs: Any) -> Any:
        block, timeout = _patience(args, kwargs)
        lane = gevent_waits.begin("queue-get", lambda: _facts_of_queue(self), timeout if block else 0)
        try:
            item = original(self, *args, **kwargs)
        except BaseException as problem:
            hide(problem)
            raise
        finally:
            gevent_waits.end(lane)
        if lane is not None:
            _pick_up(self, item, lane)
        return item

    return get


def _joins(original: Any) -> Any:
    def join(self: Any, *args: Any, **kwargs: Any) -> Any:
        timeout = args[0] if args else kwargs.get("timeout")
        lane = gevent_waits.begin("queue-join", lambda: _facts_of_queue(self), timeout)
        try:
            return original(self, *args, **kwargs)
        except BaseException as problem:
            hide(problem)
            raise
        finally:
            gevent_waits.end(lane)

    return join


def _patience(args: Any, kwargs: Any) -> tuple[bool, Any]:
    block = args[0] if args else kwargs.get("block", True)
    return bool(block), args[1] if len(args) > 1 else kwargs.get("timeout")


_MOST = 10_000  # items whose stamps are kept


def _lay_down(queue: Any, item: Any, lane: Lane) -> None:
    notes = getattr(queue, "_logq_notes", None)
    if notes is None:
        notes = queue._logq_notes = deque(maxlen=_MOST)
    notes.append((id(item), lane.mark or lane.stamp()))
    _count(queue, "_logq_putters", lane)


def _pick_up(queue: Any, item: Any, lane: Lane) -> None:
    """By the item's identity, the oldest note of it: also where a queue is not first in, first out."""
    _count(queue, "_logq_getters", lane)
    notes = getattr(queue, "_logq_notes", None)
    if notes is None:
        return
    for place, (key, stamp) in enumerate(notes):
        if key == id(item):
            del notes[place]
            merge(stamp, thing_of(queue))
            return
        if place > 64:
            return


def _count(queue: Any, name: str, lane: Lane) -> None:
    counts = getattr(queue, name, None)
    if counts is None:
        counts = {}
        setattr(queue, name, counts)
    if lane in counts or len(counts) < 64:
        counts[lane] = counts.get(lane, 0) + 1


def _facts_of_queue(queue: Any) -> dict[str, object]:
    process = identity.me
    facts = {**named(queue), "qsize": queue.qsize(), "left": getattr(queue, "unfinished_tasks", None)}
    for key in ("putters", "getters"):
        counts = getattr(queue, f"_logq_{key}", None)
        if counts and process is not None:
            facts[key] = {lane.reference(process): n for lane, n in counts.items() if lane.process is process}
    return facts
