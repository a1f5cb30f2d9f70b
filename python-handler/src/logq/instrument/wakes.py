"""The last notify, set or clear of an object, for whoever waits for the next one in vain.

Kept on the object itself and written into a `wait`; at capture `events` each is a `note` as well.
"""

from __future__ import annotations

import time

from logq import identity
from logq.emit import event
from logq.lane import Lane, here
from logq.sites import position, user_frame
from logq.trouble import swallowed
from logq.unkept import Unkept

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from logq.objects import Thing

__all__ = ["last_of", "note_operation", "note_wake"]


class Wake(Unkept):
    """What was done, by whom, from where, and how many were waiting for it."""

    __slots__ = ("at", "code", "lane", "lasti", "waiters", "what")

    def __init__(self, what: str, lane: Lane, frame: Any, waiters: int) -> None:
        frame = user_frame(frame)
        self.what = what
        self.lane = lane
        self.code = frame.f_code
        self.lasti = frame.f_lasti
        self.waiters = waiters
        self.at = time.monotonic_ns()


def note_wake(thing: Thing, waker: Any, what: str, frame: Any, waiters: int) -> None:
    """The running lane has done `what` to `waker`, an object that keeps its last wake itself."""
    try:
        wake = Wake(what, here(), frame, waiters)
        waker._logq_wake = wake
        note_operation(thing, what, wake.code, wake.lasti, waiters)
    except Exception:
        swallowed()


def note_operation(thing: Thing, what: str, code: Any, lasti: int, waiters: int | None = None) -> None:
    """At capture `events` each operation is a record."""
    process = identity.me
    if process is None or process.capture not in ("events", "full"):
        return
    if thing.told is not process:
        thing.tell()
    event("note", {"what": what, "obj": thing.reference(), "site": position(code, lasti), "waiters": waiters})


def last_of(waker: Any) -> dict[str, object]:
    """The keys that a `wait` on the object gets from this."""
    wake: Wake | None = getattr(waker, "_logq_wake", None)
    process = identity.me
    if wake is None or process is None:
        return {}
    return {
        "last": {
            "what": wake.what,
            "lane": wake.lane.reference(process),
            "site": position(wake.code, wake.lasti),
            "waiters": wake.waiters,
            "at": wake.at,
        }
    }
