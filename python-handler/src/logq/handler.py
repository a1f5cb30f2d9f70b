"""logq.Handler: the drop-in for `dictConfig` and `addHandler`.

It takes no lock and formats nothing: a record that reaches it and passes its filters becomes one
line. Where `logq run` or `install()` catch records already, it writes none a second time.
"""

from __future__ import annotations

import logging

from . import identity, importing, queued, records, render
from .lane import Lane, here
from .switch import install_for_handler
from .trouble import swallowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .switch import Redact

__all__ = ["Handler"]


class Handler(logging.Handler):
    """Writes each record that reaches it to the run's spool.

    capture -- how much else is recorded, see `logq.install`.
    dir     -- the logq directory; default as for `logq.install`.
    redact  -- names of extra fields to hide, compiled patterns to hide in texts, or a function that
               changes `{"msg", "tpl", "extra", "exc", "stack"}` in place.
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
        importing.when_imported("logging.handlers", queued.patch)

    _logq_handler = True

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
            lane = here()
            if not self._was_written(record, lane, process.pid):
                records.write(record, lane)
        except Exception:
            swallowed()

    def _was_written(self, record: logging.LogRecord, lane: Lane, pid: int) -> bool:
        """By another handler, at the far end of a queue, or by another process of the run."""
        if records.is_recent(record, lane):
            return True
        if record.thread != logging.threading.get_ident() and queued.take_written(record):  # type: ignore[attr-defined]
            return True
        return record.process not in (None, pid) and records.written_elsewhere(record)
