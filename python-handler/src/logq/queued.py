"""logq.Handler behind a QueueHandler: who logged writes, not the thread that listens.

A QueueListener calls its handlers in a thread, or even a process, of its own, where the lane of the
one that logged is not known any more. So when a listener with a `logq.Handler` serves the queue, the
record is written as it is put there, and the listener's call finds that it was. Used only where
`Logger.callHandlers` is not wrapped.
"""

from __future__ import annotations

from _weakref import ref

from . import identity, records
from .patching import dress, replace
from .trouble import swallowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["patch", "take_written"]

# Weak references to the listeners there are; few.
_listeners: list[Any] = []

# What was written as it was put: forgotten when the listener brings it.
_written: dict[tuple[Any, ...], bool] = {}
_MAX_WRITTEN = 100_000


def patch(handlers: Any) -> None:
    """Watches logging.handlers' QueueListener and QueueHandler."""
    replace(handlers.QueueListener, "__init__", _wrap_listener)
    replace(handlers.QueueHandler, "emit", _wrap_emit)


def _wrap_listener(original: Callable[..., None]) -> Any:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        _listeners[:] = [known for known in _listeners if known() is not None]
        _listeners.append(ref(self))

    return dress(init, original)


def _wrap_emit(original: Callable[[Any, Any], None]) -> Any:
    def emit(self: Any, record: Any) -> None:
        if _listeners and identity.me is not None and not records.wrapped:
            try:
                _write_for_listeners(self.queue, record)
            except Exception:
                swallowed()
        original(self, record)

    return dress(emit, original)


def _write_for_listeners(queue: Any, record: Any) -> None:
    for known in _listeners:
        listener = known()
        if listener is None or listener.queue is not queue:
            continue
        for handler in listener.handlers:
            if not getattr(handler, "_logq_handler", False):
                continue
            if listener.respect_handler_level and record.levelno < handler.level:
                continue
            handler.handle(record)
            if len(_written) > _MAX_WRITTEN:
                _written.clear()
            _written[_key(record)] = True


def _key(record: Any) -> tuple[Any, ...]:
    """What a copy of the record has in common with it, after any pickling."""
    return (record.created, record.thread, record.process, record.lineno, record.name)


def take_written(record: Any) -> bool:
    """Whether the record was written when it was put into its queue."""
    return bool(_written) and _written.pop(_key(record), False)
