"""threading.Barrier: who has arrived, and that everybody's arrival comes before everybody's passing.

The methods that are wrapped run under the barrier's own mutex, so there is no lock of ours. A wait
itself is noted in `conditions.py`, as all are.
"""

from __future__ import annotations

import sys

from logq import identity
from logq.lane import Lane, here
from logq.patching import dress, replace
from logq.sites import position, user_frame
from logq.stamp import leave, merge
from logq.trouble import swallowed
from logq.unkept import Unkept
from logq.unseen import hide

from . import purposes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.lane import Stamp
    from logq.objects import Thing

__all__ = ["attach", "patch"]


class Meeting(Unkept):
    """One barrier: the arrivals of the present generation, and what its lanes take along."""

    __slots__ = ("arrivals", "arrived", "broken", "passing", "thing")

    def __init__(self, thing: Thing) -> None:
        self.thing = thing
        self.arrivals: list[Stamp | None] = []
        self.arrived: list[tuple[Lane, Any, int]] = []
        self.passing: Stamp | None = None  # of the last one, who has seen all arrivals
        self.broken: Stamp | None = None  # of who broke it or set it back

    def arrive(self, frame: Any) -> None:
        frame = user_frame(frame)
        self.arrivals.append(leave())
        self.arrived.append((here(), frame.f_code, frame.f_lasti))

    def listed(self) -> list[dict[str, object]]:
        """Who is there, for a `wait`."""
        process = identity.me
        if process is None:
            return []
        return [{"lane": lane.reference(process), "site": position(code, lasti)} for lane, code, lasti in self.arrived]


def patch(threading: Any) -> None:
    barrier = threading.Barrier
    purposes.note(barrier._wait, "barrier", _tell)
    purposes.note(barrier._enter, "barrier", _tell)
    replace(barrier, "_enter", _wrap_enter)
    replace(barrier, "_release", _wrap_release)
    replace(barrier, "_wait", _wrap_wait)
    replace(barrier, "_exit", _wrap_exit)
    replace(barrier, "_break", _wrap_break)
    replace(barrier, "reset", _wrap_break)


def _tell(frame: Any) -> Any:
    barrier = frame.f_locals.get("self")
    meeting = _meeting_of(barrier)
    if meeting is None:
        return None, {}
    facts = {"need": barrier._parties, "have": barrier._count, "arrived": meeting.listed() or None}
    return meeting.thing, facts


def attach(barrier: Any, thing: Thing) -> None:
    """A barrier of the program has been made."""
    thing.size = barrier._parties if isinstance(barrier._parties, int) else None
    barrier._logq_meeting = Meeting(thing)


def _meeting_of(barrier: Any) -> Meeting | None:
    if identity.me is None:
        return None
    return getattr(barrier, "_logq_meeting", None)


def _wrap_enter(original: Callable[[Any], None]) -> Any:
    def _enter(self: Any) -> None:
        meeting = _meeting_of(self)
        if meeting is None:
            original(self)
            return
        try:
            original(self)
        except BaseException as problem:
            if self._state < 0:
                merge(meeting.broken, meeting.thing)
            hide(problem)
            raise
        try:
            meeting.arrive(sys._getframe(1))
        except Exception:
            swallowed()

    return dress(_enter, original)


def _wrap_release(original: Callable[[Any], None]) -> Any:
    def _release(self: Any) -> None:
        meeting = _meeting_of(self)
        if meeting is None:
            original(self)
            return
        for stamp in meeting.arrivals:
            merge(stamp, meeting.thing)
        meeting.passing = leave()  # the barrier's action may break it
        try:
            original(self)
        except BaseException as problem:
            hide(problem)
            raise
        meeting.passing = leave()

    return dress(_release, original)


def _wrap_wait(original: Callable[..., None]) -> Any:
    def _wait(self: Any, timeout: float | None) -> None:
        meeting = _meeting_of(self)
        if meeting is None:
            original(self, timeout)
            return
        try:
            original(self, timeout)
        except BaseException as problem:
            if self._state < 0:
                merge(meeting.broken, meeting.thing)
            hide(problem)
            raise
        merge(meeting.passing, meeting.thing)

    return dress(_wait, original)


def _wrap_exit(original: Callable[[Any], None]) -> Any:
    def _exit(self: Any) -> None:
        meeting = _meeting_of(self)
        if meeting is not None:
            lane = here()
            meeting.arrived[:] = [there for there in meeting.arrived if there[0] is not lane]
            if self._count == 0:
                meeting.arrivals.clear()
                meeting.arrived.clear()
        original(self)

    return dress(_exit, original)


def _wrap_break(original: Callable[[Any], None]) -> Any:
    """Whoever gets BrokenBarrierError gets it after this."""

    def breaks(self: Any) -> None:
        meeting = _meeting_of(self)
        if meeting is not None:
            meeting.broken = leave()
        original(self)

    return dress(breaks, original)
