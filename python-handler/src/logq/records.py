"""Log records, caught where every one of them passes: `Logger.callHandlers`.

No handler is added and no level changed, so `basicConfig`, `dictConfig` and QueueHandlers do what
they do without logq. A record is written once, by the thread that logs it. That it was written is
known here by its identity while it is being handled, and by where it was made afterwards; nothing
is left on the record, whose attributes programs dump and pickle.
"""

from __future__ import annotations

import os
from _thread import _local, get_ident

from . import exits, fork, identity
from .emit import send
from .lane import here
from .patching import dress, replace
from .render import cut, measure_plain_record, members
from .sink import MAX_LINE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from logging import LogRecord
    from typing import Any, Callable

    from .identity import Process

__all__ = ["is_recorded", "patch", "write", "written_elsewhere"]

wrapped = False


class _Dispatch(_local):
    """The record whose handlers this thread is running."""

    record: LogRecord | None = None


_dispatch = _Dispatch()


def patch(logging: Any) -> None:
    """Wraps `Logger.callHandlers`."""
    global wrapped
    measure_plain_record(logging)
    replace(logging.Logger, "callHandlers", _wrap_call_handlers)
    wrapped = True


def _wrap_call_handlers(original: Callable[[Any, Any], Any]) -> Any:
    dispatch = _dispatch

    def call_handlers(self: Any, record: Any) -> Any:
        outer = dispatch.record
        if outer is record:
            return original(self, record)
        dispatch.record = record
        try:
            process = identity.me
            if process is not None:
                write_once(record, outer, process)
            return original(self, record)
        finally:
            dispatch.record = outer

    function = dress(call_handlers, original)
    # `Handler.handleError` prints the stack from the first frame outside of logging's own file:
    # this one must not be it.
    function.__code__ = function.__code__.replace(co_filename=original.__code__.co_filename)
    return function


def write_once(record: Any, outer: Any, process: Process) -> None:
    """Writes a record that a logger hands to its handlers, unless it is a second hand's."""
    try:
        if record.process == process.pid and record.thread == get_ident():
            if outer is None or not _is_copy(record, outer):
                write(record)
        elif not _is_second_hand(record, outer, process):
            write(record)
    except Exception:
        process.sink.count_lost("error")


def _is_second_hand(record: Any, outer: Any, process: Process) -> bool:
    """Of a record that does not look like this thread's own: was it written where it was made?"""
    if os.getpid() != process.pid:  # a fork that Python's hooks did not see
        fork.become_child(here())
        return False
    if outer is not None and _is_copy(record, outer):
        return True
    if record.thread is None or record.process is None:  # logging.logThreads, logProcesses
        return False
    return written_elsewhere(record)


def _is_copy(record: Any, outer: Any) -> bool:
    """A handler passed a copy of the record that it was given on to another logger."""
    return bool(
        record.created == outer.created
        and record.lineno == outer.lineno
        and record.thread == outer.thread
        and record.process == outer.process
    )


def written_elsewhere(record: Any) -> bool:
    """Whether a record that comes from another thread or process was written there.

    A queue brings records from where they were logged. In this process they passed
    `callHandlers` there; another process has written them if it is recorded in the same run.
    """
    process = identity.me
    if process is None or record.process is None:
        return False
    if record.process == process.pid:
        return wrapped
    return is_recorded(record.process)


_recorded_pids: set[int] = set()


def is_recorded(pid: int) -> bool:
    """Whether process `pid` has a part in this run's spool."""
    process = identity.me
    if process is None or pid in _recorded_pids:
        return process is not None
    start = f"{pid}-"
    try:
        known = any(name.startswith(start) for name in os.listdir(process.place.spool))
    except OSError:
        known = False
    if known:  # "no" is not remembered: its part may be on the way
        _recorded_pids.add(pid)
    return known


def write(record: Any) -> None:
    """Writes the record in the running lane."""
    lane = here()
    if not exits.top_sought:
        exits.note_top()
    body = members(record, lane)
    if len(body) > MAX_LINE - 4096:
        body = cut(record, lane, len(body))
    send(lane, body)
