"""Waits: who is blocked on what, on disk before the lane goes on blocking.

A lane that has been blocked for a moment writes `wait`, and `got` once it goes on. So a wait without
its `got` at the end of a lane's records is what the lane was doing when the process was killed.
Quick waits write nothing. Nothing here blocks.
"""

from __future__ import annotations

import sys
import time

from . import identity, watchdog
from .emit import event
from .holding import held_by
from .lane import here
from .sites import absolute, is_machinery
from .trouble import swallowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .lane import Lane, Site
    from .objects import Thing

__all__ = ["MOMENT", "Wait", "begin", "blocked", "user_stack"]

# A lane that waits no longer than this, in seconds, writes nothing.
MOMENT = 0.001

_MAX_FRAMES = 8

# The waits that are going on, by themselves. For the watchdog, who only reads it.
blocked: dict[Wait, Wait] = {}


class Wait:
    """One wait that was written, until it is over."""

    __slots__ = ("lane", "on", "outer", "owner", "reference", "seq", "since", "thing", "timeout")

    def __init__(
        self, lane: Lane, on: str, thing: Thing | None, owner: object, since: int, timeout: float | None
    ) -> None:
        self.lane = lane
        self.on = on
        self.thing = thing
        self.owner = owner  # as the record names it
        self.reference = thing.reference() if thing is not None else None
        self.since = since
        self.timeout = timeout
        self.seq = 0  # number of the `wait` record
        self.outer: Wait | None = lane.waiting  # a signal's handler may wait in the midst of a wait

    def end(self, res: str, passed: dict[str, int] | None = None) -> None:
        """Writes `got`; `res` is ok, timeout or exc, `passed` how often others got it meanwhile."""
        self.lane.waiting = self.outer
        blocked.pop(self, None)
        if res == "timeout" and self.lane.usual_wait is not None:
            self.lane.again += 1
        if self.lane.process is identity.me:
            waited = time.monotonic_ns() - self.since
            if self.outer is None:  # else that one counts it
                self.lane.waited += waited
            event("got", {"obj": self.reference, "waited": waited, "res": res, "passed": passed}, self.lane)


def begin(
    on: str,
    since: int,
    thing: Thing | None = None,
    owner: dict[str, object] | None = None,
    timeout: float | None = None,
) -> Wait | None:
    """Writes `wait` of the running lane, which has waited since `since` (monotonic ns)."""
    if identity.me is None:
        return None
    try:
        lane = here()
        if thing is not None and thing.told is not identity.me:
            thing.tell()
        wait = Wait(lane, on, thing, (owner or {}).get("owner"), since, timeout)
        stack = user_stack(2)
        usual = (on, wait.reference or wait.owner, stack[0] if stack else None)
        if lane.usual_wait == usual:  # it looks at its clock again: no progress
            lane.again += 1
        lane.usual_wait = usual
        wait.seq = event(
            "wait",
            {
                "obj": wait.reference,
                "on": on,
                **(owner or {}),
                "held": [taken.as_held() for taken in held_by(lane)[-16:]] or None,
                "since": since,
                "timeout": timeout,
                "site": stack[0] if stack else None,
                "stack": [{"file": site[0], "line": site[1], "func": site[2]} for site in stack] or None,
            },
            lane,
        )
        lane.waiting = blocked[wait] = wait
        watchdog.need()
        return wait
    except Exception:
        swallowed()
        return None


def user_stack(depth: int = 1) -> list[Site]:
    """The frames that are neither logq's nor the standard library's, innermost first; at most 8."""
    found: list[Site] = []
    frame: Any = sys._getframe(depth)
    while frame is not None and len(found) < _MAX_FRAMES:
        code = frame.f_code
        if not is_machinery(code.co_filename):
            found.append((absolute(code.co_filename), frame.f_lineno or 0, code.co_name))
        frame = frame.f_back
    return found


# One that C does: a try of a moment comes first. --------------------------------------------------


def join_noting(original: Any, alive: Any, thread: Any, timeout: float | None) -> None:
    """`Thread.join`, with a `wait` if it takes longer than a moment."""
    patient = timeout is None or (type(timeout) in (int, float) and timeout > MOMENT)
    if not patient or not getattr(thread, "_initialized", False):
        original(thread, timeout)
        return
    since = time.monotonic_ns()
    original(thread, MOMENT)
    if not alive(thread):
        return
    lane: Lane | None = getattr(thread, "_logq_lane", None)
    process = identity.me
    known = lane is not None and process is not None
    owner: dict[str, object] = {"owner": lane.reference(process)} if lane is not None and process is not None else {}
    wait = begin("join", since, None, owner if known else None, timeout)
    res = "exc"
    try:
        original(thread, timeout if timeout is None else _left(timeout, since))
        res = "timeout" if timeout is not None and alive(thread) else "ok"
    finally:
        if wait is not None:
            wait.end(res)


def _left(timeout: float, since: int) -> float:
    return max(0.0, timeout - (time.monotonic_ns() - since) / 1e9)
