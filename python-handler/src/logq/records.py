"""Log records, caught where every one of them passes on its way to the handlers.

No handler is added and no level changed, so `basicConfig`, `dictConfig` and QueueHandlers do what
they do without logq. A record is written once, by the thread that logs it. That it was written is
known here by its identity while it is being handled, later by where it was made; nothing
is left on the record, whose attributes programs dump and pickle.
"""

from __future__ import annotations

import os
import sys
from _weakref import ref

from . import fork, identity
from . import lane as lanes
from .emit import send
from .exits import note_top, top_unsought
from .lane import Lane, here
from .patching import dress, replace
from .render import cut, measure_plain_record, members
from .sink import MAX_LINE
from .trouble import swallowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .identity import Process

__all__ = ["is_recorded", "patch", "write", "written_elsewhere"]

_LONGEST = MAX_LINE - 4096  # characters of what follows the members common to all records

wrapped = False
in_place: set[Any] = set()  # the code of what stands in the place of `Logger.filter`: no signal's handler runs in it
_spot = lanes.spot
_asked: Any = None  # the module that tells `logging` in which thread it is


def patch(logging: Any) -> None:
    """Wraps `Logger.filter`, the last thing to run before `Logger.callHandlers`.

    A wrapper of `callHandlers` itself would stand in every stack that `Handler.handleError` prints.
    """
    global wrapped, _asked, _spot
    _asked = logging.threading
    _spot = lanes.spot
    measure_plain_record(logging)
    replace(logging.Logger, "filter", lambda original: _wrap_filter(original, logging))
    wrapped = True


def forget() -> None:
    """When recording ends."""
    global wrapped, _spot
    wrapped = False
    _spot = lanes.spot


def _wrap_filter(original: Callable[[Any, Any], Any], logging: Any) -> Any:
    kind = logging.LogRecord
    code = getattr(original, "__code__", None)
    is_plain = code is not None and code.co_filename == logging.Logger.handle.__code__.co_filename
    says_record = sys.version_info >= (3, 12)

    def filter_noted(self: Any, record: Any) -> Any:
        if not is_plain or self.filters:
            passed = original(self, record)
            process = identity.me
            if passed and process is not None:
                # Since 3.12 a filter may put another record in the place of this one.
                write_once(passed if isinstance(passed, kind) else record, process)
            return passed
        process = identity.me
        if process is not None:
            # This runs for every record of a program, and before 3.11 each call is dear: what `write_once` does, and
            # `here`, `is_recent` and `write` for it, stands here once more.
            try:
                try:
                    lane = _spot.lane
                except AttributeError:  # this thread has none yet
                    lane = None
                if lane is None or lane.process is not process:
                    lane = here()
                mine = ref(record)  # the same object for as long as it is kept: neither need be asked what it is of
                recent = lane.recent
                if mine is not recent and mine is not lane.recent_before:
                    thread = record.thread
                    if (thread == lane.ident or thread == _asked.get_ident()) and record.process == process.pid:
                        if top_unsought:
                            note_top()
                        body = members(record, lane)
                        if len(body) > _LONGEST:
                            body = cut(record, lane, len(body))
                        send(lane, body, process.ring is not None and is_low(record))
                        lane.recent_before = recent
                        lane.recent = mine
                    else:
                        _write_if_new(record, process, lane)
            except Exception:
                swallowed()
        return record if says_record else True  # as the original, without its frame

    in_place.add(filter_noted.__code__)
    return dress(filter_noted, original)


def write_once(record: Any, process: Process) -> None:
    """Writes a record that is about to be handled, unless it has been written before."""
    try:
        lane = here()
        if is_recent(record, lane):
            return
        if record.thread in (lane.ident, _asked.get_ident()) and record.process == process.pid:
            write(record, lane)
        else:
            _write_if_new(record, process, lane)
    except Exception:
        swallowed()


def _write_if_new(record: Any, process: Process, lane: Lane) -> None:
    """Writes a record that does not look like this thread's own, unless it was written where it was made."""
    if os.getpid() != process.pid:  # a fork that Python's hooks did not see
        fork.become_child(here())
    elif record.thread is not None and written_elsewhere(record):  # None: logging.logThreads
        return
    write(record, lane)


def written_elsewhere(record: Any) -> bool:
    """Whether a record that comes from another thread or process was written there.

    A queue brings records from where they were logged. In this process they passed their logger
    there; another process has written them if it is recorded in the same run.
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


def write(record: Any, lane: Lane) -> None:
    """Writes the record in the running lane."""
    if lane.process is not identity.me:
        lane = here()  # it is a child by now
    if top_unsought:
        note_top()
    body = members(record, lane)
    if len(body) > _LONGEST:
        body = cut(record, lane, len(body))
    send(lane, body, lane.process.ring is not None and is_low(record))
    lane.recent, lane.recent_before = ref(record), lane.recent


def is_low(record: Any) -> bool:
    """Whether the record goes to the ring: whatever says nothing of itself stays."""
    return isinstance(record.levelno, int) and record.levelno < 30


def is_recent(record: Any, lane: Lane) -> bool:
    """Whether the running lane wrote the record just now.

    The last two are known, since a handler may log something itself before it passes its record on.
    Weakly, since what a record holds must go when the program lets go of it.
    """
    return (lane.recent is not None and lane.recent() is record) or (
        lane.recent_before is not None and lane.recent_before() is record
    )
