"""Whether this process stands still, and whether lanes of it wait for each other in a circle.

Looked at once a tick, in the watchdog's thread. Either is worth a snapshot, once: a later `kill -9`
then takes nothing away. Whether it is a hang is not judged here: an idle server stands still as well.
"""

from __future__ import annotations

import os
import time

from . import identity, snapshot, waits
from .trouble import swallowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .identity import Process
    from .lane import Lane
    from .waits import Wait

__all__ = ["Look", "patience"]

_DEFAULT = 2.0
_CLOSED_FOR = 300_000_000  # ns: a circle of waits that is older does not come apart by itself
_IDLE_SHARE = 50  # less than the 50th part of the time is no work: somebody only looks at a clock
_FREE = 4  # standstills that are written as soon as they are seen
_LONGEST = 64  # times `patience`: what later ones must have lasted
_MANY = 2000  # lanes whose numbers are worth adding up
_MAX_CLOSED = 16


def patience() -> int:
    """How long nothing must have moved, in ns; 0: never look. `LOGQ_STANDSTILL` says it in seconds."""
    try:
        seconds = float(os.environ.get("LOGQ_STANDSTILL") or _DEFAULT)
    except ValueError:
        seconds = _DEFAULT
    return int(seconds * 1e9) if 0 < seconds < 1e6 else 0


class Look:
    """What was seen of one process at the last tick."""

    __slots__ = ("_cpu", "_last", "_needed", "_numbers", "_patience", "_since", "_told", "_told_closed", "_written")

    def __init__(self) -> None:
        self._patience = patience()
        self._needed = self._patience
        self._since = time.monotonic_ns()  # nothing has moved since
        self._cpu = 0
        self._last = -1
        self._numbers = -1
        self._told = False
        self._written = 0
        self._told_closed: set[tuple[tuple[str, int], ...]] = set()

    def __call__(self, now: int) -> None:
        process = identity.me
        if process is None:
            return
        self._look_at_progress(process, now)
        # Without a new record there is no new wait, and the youngest is old enough soon after the last one.
        if waits.blocked and now - process.sink._last < 3 * _CLOSED_FOR:
            self._look_at_circles(process, now)

    def is_quiet(self, now: int) -> bool:
        """Nothing has moved for so long that it may be looked at less often."""
        return self._told and now - self._since > 2 * self._needed

    # Standstill. ------------------------------------------------------------------------------

    def _look_at_progress(self, process: Process, now: int) -> None:
        used = time.process_time_ns() - time.thread_time_ns()
        busy = used - self._cpu > (now - self._since) // _IDLE_SHARE + 1_000_000
        if busy or self._has_written(process):
            self._cpu = used
            self._since = now
            self._told = False
        elif not self._told and self._patience and now - self._since > self._needed:
            self._told = True
            self._written += 1
            if self._written >= _FREE:  # a server between two requests must not fill the disk
                self._needed = min(self._needed * 2, self._patience * _LONGEST)
            snapshot.write("standstill", since=self._since)
            self._last = process.sink._last

    def _has_written(self, process: Process) -> bool:
        """Whether any lane has written something new. One that waits again as before has not."""
        last = process.sink._last
        if last == self._last:
            return False
        self._last = last
        lanes = list(process.lanes.values())
        if len(lanes) > _MANY:
            return True
        main = process.main
        numbers = sum([lane.seq - lane.again for lane in lanes if lane.kind != "logq"])
        numbers += main.seq - main.again if main is not None else 0
        known, self._numbers = self._numbers, numbers
        return known != numbers

    # Circles. ---------------------------------------------------------------------------------

    def _look_at_circles(self, process: Process, now: int) -> None:
        if len(self._told_closed) >= _MAX_CLOSED:
            return
        old = [wait for wait in list(waits.blocked.values()) if now - wait.since > _CLOSED_FOR]
        waiting = {wait.lane: wait for wait in old if wait.lane.process is process and wait.lane.waiting is wait}
        for circle in _circles(waiting, process):
            key = tuple(sorted((wait.lane.key, wait.seq) for wait in circle))
            if key not in self._told_closed:
                self._told_closed.add(key)
                snapshot.write("closed", circle=[lane for lane, _ in key])


def _circles(waiting: dict[Lane, Wait], process: Process) -> list[list[Wait]]:
    """Each lane waits for one at the most: so who is met again on the way is in a circle."""
    found = []
    seen: set[Lane] = set()
    for begin in waiting:
        path: list[Lane] = []
        lane: Lane | None = begin
        while lane is not None and lane in waiting and lane not in seen:
            seen.add(lane)
            path.append(lane)
            lane = _provider(waiting[lane], process)
        if lane in path:
            found.append([waiting[member] for member in path[path.index(lane) :]])
    return found


def _provider(wait: Wait, process: Process) -> Lane | None:
    """The one lane that can end the wait. None where it ends by itself, or others could."""
    if wait.timeout is not None:
        return None
    try:
        holder: Lane | None = getattr(wait.thing, "holder", None)
        if holder is not None:
            return holder
        if wait.thing is not None and hasattr(wait.thing, "holder"):
            return None  # it has just been released
        main = process.main
        if main is not None and wait.owner == main.key:
            return main
        return process.lanes.get(wait.owner) if isinstance(wait.owner, str) else None
    except Exception:
        swallowed()
        return None
