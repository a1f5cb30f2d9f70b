"""What lanes do with the time in which they are not in a `wait`: on the processor, kept from it, or still.

A lane that says that it waits, does. Of one that does not, its CPU time tells whether it ran; and if it
did not, whether others kept the GIL from it is seen by the watchdog, who gets it late itself then. So it
is looked at with each tick, kept on the lane, and written when the lane or the process ends.
"""

from __future__ import annotations

import time

from . import identity, kernel, watchdog

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .lane import Lane

__all__ = ["Looks", "at_end", "begin", "look", "of_lanes"]

_MANY = 64  # lanes that are looked at
_LATE = 1_000_000  # ns: whoever is given the GIL so much later than it asked has waited for it
_IDLE_SHARE = 50  # less than the 50th part of the time on the processor: it does not want it
_ENOUGH = 3  # looks that say something
_SHORT = 100_000_000  # ns: of a lane that was there so short the system is not asked


# Of the main thread when recording began: process, CPU and runnable time, ns. What it did before is not its work.
_at_start: tuple[identity.Process | None, int, int] = (None, 0, 0)


def begin() -> None:
    """Once a program, in its main thread."""
    global _at_start
    process = identity.me
    if process is not None and process.main is not None and process.main.tid:
        tid = process.main.tid
        _at_start = (process, kernel.cpu_of(tid) or 0, kernel.runnable_of(tid) or 0)


class Looks:
    """What was seen of one lane, in ns: `still` while it ran hardly at all, `barred` while it ran less than it
    wanted because others had the GIL."""

    __slots__ = ("at", "barred", "cpu", "n", "still", "waited")

    def __init__(self, now: int, cpu: int, waited: int) -> None:
        self.at = now
        self.cpu = cpu
        self.waited = waited
        self.n = 0
        self.still = 0
        self.barred = 0

    def add(self, now: int, cpu: int, waited: int, by_others: int) -> None:
        """`by_others`: for how long, at the most, another thread can have had the GIL since the last look."""
        used = cpu - self.cpu
        there = now - self.at - (waited - self.waited)  # and not in a `wait`
        self.at, self.cpu, self.waited = now, cpu, waited
        self.n += 1
        if there <= used:
            return
        barred = min(there - used, by_others) if used * _IDLE_SHARE >= there else 0
        self.barred += barred
        self.still += there - used - barred

    def facts(self) -> dict[str, int] | None:
        return {"n": self.n, "still": self.still, "barred": self.barred} if self.n >= _ENOUGH else None


def look(now: int) -> None:
    """In the watchdog's thread, with each tick."""
    process = identity.me
    if process is None:
        return
    seen = []
    used = 0
    for lane in _threads(process):
        cpu = kernel.cpu_of(lane.tid or 0)
        if cpu is None:
            continue
        seen.append((lane, cpu))
        if lane.looks is not None:
            used += cpu - lane.looks.cpu
    crowded = watchdog.late > _LATE
    for lane, cpu in seen:
        wait = lane.waiting
        waited = lane.waited + (now - wait.since if wait is not None else 0)
        looks: Looks | None = lane.looks
        if looks is None:
            lane.looks = Looks(now, cpu, waited)
        else:
            looks.add(now, cpu, waited, used - (cpu - looks.cpu) if crowded else 0)


def _threads(process: identity.Process) -> list[Lane]:
    lanes = [lane for lane in list(process.lanes.values()) if lane.kind == "thread" and not lane.over and lane.tid]
    main = process.main
    if main is not None and main not in lanes:
        lanes.insert(0, main)
    return lanes[:_MANY]


def at_end(lane: Lane) -> dict[str, object]:
    """Of the running thread, for its `end`."""
    facts: dict[str, object] = {"cpu": time.thread_time_ns()}
    if time.monotonic_ns() - lane.began > _SHORT:
        facts["runnable"] = kernel.runnable_of(lane.tid or 0)
        if lane.looks is not None:
            facts["looks"] = lane.looks.facts()
    return facts


def of_lanes() -> list[dict[str, object]]:
    """For the `exit` line: of the threads that are there still."""
    process = identity.me
    if process is None:
        return []
    listed = []
    for lane in _threads(process):
        cpu, runnable = kernel.cpu_of(lane.tid or 0), kernel.runnable_of(lane.tid or 0)
        if lane is process.main and _at_start[0] is process:
            cpu = cpu - _at_start[1] if cpu is not None else None
            runnable = runnable - _at_start[2] if runnable is not None else None
        facts: dict[str, object] = {"lane": lane.key, "cpu": cpu, "runnable": runnable}
        facts["looks"] = lane.looks.facts() if lane.looks is not None else None
        listed.append({key: fact for key, fact in facts.items() if fact is not None})
    return listed
