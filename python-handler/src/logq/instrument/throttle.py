"""Traffic of one object as events of its own, and no more a second than readers can bear.

What is over the rate leaves its stamps all the same, so the order of things is whole; that something was
left out is said in a `note`, and how much when the next second begins.
"""

from __future__ import annotations

import time

from logq import identity
from logq.emit import event
from logq.objects import Thing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from logq.lane import Lane

__all__ = ["RATE", "Throttle", "throttle"]

RATE = 200  # events of one object in one second
_SECOND = 1_000_000_000


def throttle(thing: Thing) -> Throttle | None:
    """For an object of a process that records traffic; None at lower captures."""
    process = identity.me
    return Throttle(thing) if process is not None and process.capture in ("events", "full") else None


class Throttle:
    """Writes `send` and `recv` of one object, at capture `events`, or any other use, until its second is full."""

    __slots__ = ("left_out", "since", "thing", "written")

    def __init__(self, thing: Thing) -> None:
        self.thing = thing
        self.since = 0
        self.written = 0
        self.left_out = 0

    def send(self, lane: Lane) -> None:
        if self.may_write(lane):
            event("send", {"obj": self.thing.reference(), "via": self.thing.family}, lane)

    def receive(self, lane: Lane, giver: Lane | None, seq: int) -> None:
        """`giver` and `seq` are of the stamp that came with it."""
        if self.may_write(lane):
            process = lane.process
            origin = f"{giver.reference(process)}@{seq}" if giver is not None and seq >= 0 else None
            event("recv", {"obj": self.thing.reference(), "via": self.thing.family, "from": origin}, lane)

    def may_write(self, lane: Lane) -> bool:
        """Whether its second has room for one more. Says so in the lane when it has not, and when it has again."""
        if self.thing.told is not identity.me:
            self.thing.tell()
        now = time.monotonic_ns()
        if now - self.since >= _SECOND:
            left_out, self.left_out = self.left_out, 0
            self.since, self.written = now, 0
            if left_out:
                event("note", {"what": "resumed", "obj": self.thing.reference(), "n": left_out}, lane)
        self.written += 1
        if self.written <= RATE:
            return True
        self.left_out += 1
        if self.left_out == 1:
            event("note", {"what": "throttled", "obj": self.thing.reference()}, lane)
        return False
