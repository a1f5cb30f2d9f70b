"""logq.Handler: the drop-in for `dictConfig` and `addHandler`.

It takes no lock and formats nothing: a record that reaches it and passes its filters becomes one
line. Where `logq run` or `install()` catch records already, it writes none a second time.
"""

from __future__ import annotations

import logging
from _thread import _local, get_ident
from _weakref import ref

from . import identity, records, render
from .switch import install_for_handler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .switch import Redact

__all__ = ["Handler"]


class _Recent(_local):
    """Weak references to the records this thread wrote last: a second handler skips them."""

    records: Any = ()


_recent = _Recent()


class Handler(logging.Handler):
    """Writes each record that reaches it to the run's spool.

    capture -- how much else is recorded, see `logq.install`.
    dir     -- the logq directory; default as for `logq.install`.
    redact  -- names of extra fields to hide, compiled patterns to hide in texts, or a function that
               changes `{"msg": …, "extra": {…}}` in place.
    context -- contextvars whose values are added to each record's extra fields.
    """

    def __init__(
        self,
        capture: str | None = "causal",
        dir: str | None = None,  # noqa: A002 - its name in dictConfig
        redact: Redact = None,
        context: Iterable[Any] = (),
        level: int | str = logging.NOTSET,
    ) -> None:
        super().__init__(level)
        if not render._plain_size:
            render.measure_plain_record(logging)
        install_for_handler(capture, dir, redact, context)

    def createLock(self) -> None:  # noqa: N802 - logging's name
        """There is nothing to protect, and a lock could be held while the process forks."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> Any:
        passed: Any = self.filter(record)
        if passed:
            self.emit(passed if isinstance(passed, logging.LogRecord) else record)
        return passed

    def emit(self, record: logging.LogRecord) -> None:
        process = identity.me
        if process is None or (records.wrapped and record.process == process.pid):
            return
        try:
            if self._is_second_hand(record):
                return
            records.write(record)
            _recent.records = (ref(record), *_recent.records[:3])
        except Exception:
            process.sink.count_lost("error")

    def _is_second_hand(self, record: logging.LogRecord) -> bool:
        if any(written() is record for written in _recent.records):
            return True
        if record.thread is None or record.thread == get_ident():
            return False
        return records.written_elsewhere(record)
