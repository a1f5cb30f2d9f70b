"""queue.Queue, LifoQueue, PriorityQueue, and what programs derive from them.

Each item carries the stamp of its putter to its taker, and each `task_done` one to `join`; who has put,
got and owes is told when somebody blocks. SimpleQueue (`simple_queues.py`), asyncio's (`aio_queues.py`)
and multiprocessing's queues are not this file's affair.
"""

from __future__ import annotations

import sys

from logq import identity
from logq.emit import event
from logq.native import is_green
from logq.objects import Thing
from logq.patching import add, dress, replace
from logq.sites import caller_site, is_machinery
from logq.trouble import swallowed
from logq.unseen import hide

from . import purposes
from .trail import HeapTrail, Trail, new_trail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .purposes import Describe, Told

__all__ = ["patch"]

_room: Any = None  # class of the condition that whoever puts into a full queue waits for


def patch(queue: Any) -> None:
    global _room
    if is_green("queue"):  # those are gevent's
        return
    for name, on in (("get", "queue-get"), ("put", "queue-put"), ("join", "queue-join")):
        purposes.note(getattr(queue.Queue, name), on, _describe(on), is_through=on == "queue-get")
    putting = queue.Queue.put.__code__
    for kind in (queue.Queue, queue.LifoQueue, queue.PriorityQueue):
        if "_put" in vars(kind):
            replace(kind, "_put", _wrap_put)
            replace(kind, "_get", _wrap_get)
    _room = _make_room(queue.threading.Condition)
    add(queue.Queue, "_logq_trail", None)  # of those that the library makes for itself
    replace(queue.Queue, "__init__", _wrap_init)
    replace(queue.Queue, "task_done", _wrap_task_done)
    replace(queue.Queue, "join", _wrap_join)
    replace(queue.Queue, "shutdown", _wrap_shutdown)
    replace(queue.Full, "__init__", lambda original: _wrap_full(original, putting))


def trail_of(queue: Any) -> Trail | None:
    trail: Trail | None = getattr(queue, "_logq_trail", None) or getattr(queue, "_logq_own_trail", None)
    return trail


def _describe(on: str) -> Describe:
    def describe(frame: Any) -> Told:
        trail = trail_of(frame.f_locals.get("self"))
        return (trail.thing, trail.facts(on)) if trail is not None else (None, {})

    return describe


# Creation. ------------------------------------------------------------------------------------


def _wrap_init(original: Callable[..., None]) -> Any:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        # Queues inside the standard library's own pools and managers are theirs to trace.
        if identity.me is not None and not is_machinery(sys._getframe(1).f_code.co_filename):
            try:
                _follow(self, caller_site(2))
            except Exception:
                swallowed()

    return dress(init, original)


def _follow(queue: Any, site: Any) -> None:
    size = getattr(queue, "maxsize", 0)
    bound = size if isinstance(size, int) and size > 0 else None
    kind = type(queue)
    thing = Thing("queue", f"queue.{kind.__name__}", site, bound, queue)
    if _is_ours(kind, "_put") and _is_ours(kind, "_get"):
        queue._logq_trail = new_trail(kind, thing)
    else:  # a subclass that keeps its items in its own way
        queue._logq_own_trail = HeapTrail(thing)
        for name, wrap in (("_put", _wrap_own_put), ("_get", _wrap_own_get)):
            if not hasattr(getattr(kind, name), "_logq_own"):
                replace(kind, name, wrap)
    condition = queue.not_full
    if bound and type(condition) is _room.__base__:
        condition.__class__ = _room
        condition._logq_trail = trail_of(queue)


def _is_ours(kind: Any, name: str) -> bool:
    return hasattr(getattr(kind, name), "_logq_end")


def _make_room(plain: Any) -> Any:
    """A condition that tells its trail when somebody went on because of it."""

    class Condition(plain):  # type: ignore[misc]
        def wait(self, timeout: float | None = None) -> bool:
            went_on: bool = super().wait(timeout)
            if went_on:
                try:
                    self._logq_trail.found_room()
                except Exception:
                    swallowed()
            return went_on

    Condition.__module__, Condition.__qualname__ = plain.__module__, plain.__qualname__
    return Condition


# Items. They come and go under the queue's mutex. --------------------------------------------------


def _is_the_librarys(original: Any, method: str) -> bool:
    """Whether it is the standard library's own and does nothing but call that method of the deque or list."""
    code = getattr(original, "__code__", None)
    return code is not None and code.co_names == ("queue", method) and is_machinery(code.co_filename)


def _wrap_put(original: Callable[[Any, Any], None]) -> Any:
    if _is_the_librarys(original, "append"):

        def _put_last(self: Any, item: Any) -> None:
            queue = self.queue  # what the original does, without its frame
            queue.append(item)
            trail = self._logq_trail
            if trail is not None and identity.me is not None:
                try:
                    trail.put(item, len(queue))
                except Exception:
                    trail.notes.clear()

        _put_last._logq_end = True  # type: ignore[attr-defined]
        return dress(_put_last, original)

    def _put(self: Any, item: Any) -> None:
        original(self, item)
        trail = self._logq_trail
        if trail is not None and identity.me is not None:
            try:
                trail.put(item, self._qsize())
            except Exception:
                trail.notes.clear()

    _put._logq_end = True  # type: ignore[attr-defined]
    return dress(_put, original)


def _wrap_get(original: Callable[[Any], Any]) -> Any:
    if _is_the_librarys(original, "popleft"):

        def _get_first(self: Any) -> Any:
            queue = self.queue
            item = queue.popleft()
            trail = self._logq_trail
            if trail is not None and identity.me is not None:
                try:
                    trail.take(item, len(queue))
                    if self.maxsize > 0 and self.not_full._waiters:
                        trail.free()
                except Exception:
                    trail.notes.clear()
            return item

        _get_first._logq_end = True  # type: ignore[attr-defined]
        return dress(_get_first, original)

    def _get(self: Any) -> Any:
        item = original(self)
        trail = self._logq_trail
        if trail is not None and identity.me is not None:
            try:
                trail.take(item, self._qsize())
                if self.maxsize > 0 and self.not_full._waiters:
                    trail.free()
            except Exception:
                trail.notes.clear()
        return item

    _get._logq_end = True  # type: ignore[attr-defined]
    return dress(_get, original)


def _wrap_own_put(original: Callable[[Any, Any], Any]) -> Any:
    """For a class of the program's own, which may call, or be called by, another one that is wrapped."""

    def _put(self: Any, item: Any) -> Any:
        trail: Trail | None = getattr(self, "_logq_own_trail", None)
        if trail is None or trail.is_within or identity.me is None:
            return original(self, item)
        trail.is_within = True
        try:
            result = original(self, item)
        finally:
            trail.is_within = False
        try:
            trail.put(item, self._qsize())
        except Exception:
            trail.notes.clear()
        return result

    _put._logq_own = True  # type: ignore[attr-defined]
    return dress(_put, original)


def _wrap_own_get(original: Callable[[Any], Any]) -> Any:
    def _get(self: Any) -> Any:
        trail: Trail | None = getattr(self, "_logq_own_trail", None)
        if trail is None or trail.is_within or identity.me is None:
            return original(self)
        trail.is_within = True
        try:
            item = original(self)
        finally:
            trail.is_within = False
        try:
            trail.take(item, self._qsize())
            if self.maxsize > 0 and self.not_full._waiters:
                trail.free()
        except Exception:
            trail.notes.clear()
        return item

    _get._logq_own = True  # type: ignore[attr-defined]
    return dress(_get, original)


# Debts. ---------------------------------------------------------------------------------------


def _wrap_task_done(original: Callable[[Any], None]) -> Any:
    def task_done(self: Any) -> None:
        trail = trail_of(self)
        if trail is not None and identity.me is not None:
            trail.task_done()
        try:
            original(self)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(task_done, original)


def _wrap_join(original: Callable[[Any], None]) -> Any:
    def join(self: Any) -> None:
        try:
            original(self)
        except BaseException as problem:
            hide(problem)
            raise
        trail = trail_of(self)
        if trail is not None and identity.me is not None:
            trail.joined()

    return dress(join, original)


# What a diagnosis needs of the rest. ---------------------------------------------------------------


def _wrap_shutdown(original: Callable[..., None]) -> Any:
    """Since 3.13."""

    def shutdown(self: Any, *args: Any, **kwargs: Any) -> None:
        trail = trail_of(self)
        if trail is None or identity.me is None:
            original(self, *args, **kwargs)
            return
        trail.before_shutdown()
        original(self, *args, **kwargs)
        trail.after_shutdown()
        _note("shutdown", trail.thing)

    return dress(shutdown, original)


def _wrap_full(original: Callable[..., None], putting: Any) -> Any:
    """`put` raises Full where it is made, so that is where a rejected item can be seen."""

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        frame = sys._getframe(1)
        if frame.f_code is putting and identity.me is not None:
            try:
                trail = trail_of(frame.f_locals.get("self"))
                if trail is not None:
                    trail.rejected += 1
                    if trail.rejected & (trail.rejected - 1) == 0:  # the 1st, 2nd, 4th, 8th…: it may be a loop
                        _note("put-rejected", trail.thing, trail.rejected)
            except Exception:
                swallowed()

    return dress(init, original)


def _note(what: str, thing: Thing, number: int | None = None) -> None:
    thing.tell()
    event("note", {"what": what, "obj": thing.reference(), "n": number, "site": caller_site(2)})
