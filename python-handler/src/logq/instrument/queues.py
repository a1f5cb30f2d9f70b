"""queue.Queue, LifoQueue, PriorityQueue, SimpleQueue.

Each item carries the stamp of its putter to its taker, and each `task_done` one to `join`.
asyncio's (`aio_queues.py`) and multiprocessing's queues are not this file's affair.
"""

from __future__ import annotations

import sys

from logq import identity
from logq.objects import Thing
from logq.patching import dress, replace
from logq.sites import caller_site, is_machinery
from logq.stamp import leave, merge
from logq.trouble import swallowed
from logq.waits import get_noting

from .trail import Trail, new_trail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.lane import Stamp

__all__ = ["patch_queue"]


def patch_queue(queue: Any) -> None:
    for kind in (queue.Queue, queue.LifoQueue, queue.PriorityQueue):
        _patch_ends(kind)
    replace(queue.Queue, "__init__", _wrap_init)
    replace(queue.Queue, "task_done", _wrap_task_done)
    replace(queue.Queue, "join", _wrap_join)
    replace(queue, "SimpleQueue", _make_simple_queue)


def _wrap_init(original: Callable[..., None]) -> Any:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        # Queues inside the standard library's own pools and managers are theirs to trace.
        if identity.me is not None and not is_machinery(sys._getframe(1).f_code.co_filename):
            try:
                size = getattr(self, "maxsize", 0)
                kind = f"queue.{type(self).__name__}"
                bound = size if isinstance(size, int) and size > 0 else None
                thing = Thing("queue", kind, caller_site(2), bound, self)
                self._logq_trail = new_trail(type(self), thing)
            except Exception:
                swallowed()

    return dress(init, original)


def _patch_ends(kind: Any) -> None:
    """`_put` and `_get` run under the queue's mutex, also those of subclasses that call them."""
    if "_put" in vars(kind):
        replace(kind, "_put", _wrap_put)
        replace(kind, "_get", _wrap_get)


def _wrap_put(original: Callable[[Any, Any], None]) -> Any:
    def _put(self: Any, item: Any) -> None:
        original(self, item)
        trail: Trail | None = getattr(self, "_logq_trail", None)
        if trail is not None and identity.me is not None:
            try:
                trail.put(item, self._qsize())
            except Exception:
                trail.notes.clear()

    return dress(_put, original)


def _wrap_get(original: Callable[[Any], Any]) -> Any:
    def _get(self: Any) -> Any:
        item = original(self)
        trail: Trail | None = getattr(self, "_logq_trail", None)
        if trail is not None and identity.me is not None:
            try:
                trail.take(item, self._qsize())
            except Exception:
                trail.notes.clear()
        return item

    return dress(_get, original)


def _wrap_task_done(original: Callable[[Any], None]) -> Any:
    def task_done(self: Any) -> None:
        trail: Trail | None = getattr(self, "_logq_trail", None)
        if trail is not None and identity.me is not None:
            trail.task_done()
        original(self)

    return dress(task_done, original)


def _wrap_join(original: Callable[[Any], None]) -> Any:
    def join(self: Any) -> None:
        original(self)
        _joined(self)

    return dress(join, original)


def _joined(queue: Any) -> None:
    trail: Trail | None = getattr(queue, "_logq_trail", None)
    if trail is not None and identity.me is not None:
        trail.joined()


class _Envelope(tuple):  # type: ignore[type-arg]
    """`(stamp, item)` inside a SimpleQueue, whose insides nobody can look at."""

    __slots__ = ()


def _make_simple_queue(plain: Any) -> Any:
    """A subclass that carries stamps; the C type itself cannot be patched."""

    class _Meta(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, plain)

    class SimpleQueue(plain, metaclass=_Meta):  # type: ignore[misc]
        __doc__ = plain.__doc__

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            if cls is SimpleQueue and is_machinery(sys._getframe(1).f_code.co_filename):
                return plain(*args, **kwargs)
            self = plain.__new__(cls, *args, **kwargs)
            self._logq_thing = Thing("queue", "queue.SimpleQueue", caller_site(2), None, self)
            return self

        def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:  # noqa: ARG002
            plain.put(self, _Envelope((leave(), item)))

        def put_nowait(self, item: Any) -> None:
            plain.put(self, _Envelope((leave(), item)))

        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            return _open(get_noting(plain, self, block, timeout), self._logq_thing)

        def get_nowait(self) -> Any:
            return _open(plain.get_nowait(self), self._logq_thing)

    SimpleQueue.__module__ = plain.__module__
    SimpleQueue.__qualname__ = plain.__qualname__
    return SimpleQueue


def _open(content: Any, thing: Thing) -> Any:
    if type(content) is not _Envelope:
        return content
    stamp: Stamp | None = content[0]
    merge(stamp, thing)
    return content[1]
