"""asyncio.Queue, LifoQueue and PriorityQueue: each item carries the stamp of its putter to its taker.

All puts and gets pass through `_put` and `_get`, in the thread of the queue's loop. queue.Queue and
its like are `queues.py`'s affair.
"""

from __future__ import annotations

import sys

from logq import identity
from logq.objects import Thing
from logq.patching import dress, replace
from logq.sites import caller_site, is_machinery
from logq.trouble import swallowed
from logq.unseen import hide

from .trail import Trail, new_trail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["patch"]


def patch(queues: Any) -> None:
    for kind in (queues.Queue, queues.LifoQueue, queues.PriorityQueue):
        if "_put" in vars(kind):
            replace(kind, "_put", _wrap_put)
            replace(kind, "_get", _wrap_get)
    replace(queues.Queue, "__init__", _wrap_init)
    replace(queues.Queue, "task_done", _wrap_task_done)
    replace(queues.Queue, "join", _wrap_join)


def _wrap_init(original: Callable[..., None]) -> Any:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        # Queues inside the standard library are its own to trace.
        if identity.me is not None and not is_machinery(sys._getframe(1).f_code.co_filename):
            try:
                size = getattr(self, "maxsize", 0)
                bound = size if isinstance(size, int) and size > 0 else None
                thing = Thing("queue", f"asyncio.{type(self).__name__}", caller_site(2), bound, self)
                self._logq_trail = new_trail(type(self), thing)
            except Exception:
                swallowed()

    return dress(init, original)


def _wrap_put(original: Callable[[Any, Any], None]) -> Any:
    def _put(self: Any, item: Any) -> None:
        original(self, item)
        trail: Trail | None = getattr(self, "_logq_trail", None)
        if trail is not None and identity.me is not None:
            try:
                trail.put(item, self.qsize())
            except Exception:
                trail.notes.clear()

    return dress(_put, original)


def _wrap_get(original: Callable[[Any], Any]) -> Any:
    def _get(self: Any) -> Any:
        item = original(self)
        trail: Trail | None = getattr(self, "_logq_trail", None)
        if trail is not None and identity.me is not None:
            try:
                trail.take(item, self.qsize())
            except Exception:
                trail.notes.clear()
        return item

    return dress(_get, original)


def _wrap_task_done(original: Callable[[Any], None]) -> Any:
    def task_done(self: Any) -> None:
        trail: Trail | None = getattr(self, "_logq_trail", None)
        if trail is not None and identity.me is not None:
            trail.task_done()
        try:
            original(self)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(task_done, original)


def _wrap_join(original: Callable[[Any], Any]) -> Any:
    async def join(self: Any) -> None:
        await original(self)
        trail: Trail | None = getattr(self, "_logq_trail", None)
        if trail is not None and identity.me is not None:
            trail.joined()

    return dress(join, original)
