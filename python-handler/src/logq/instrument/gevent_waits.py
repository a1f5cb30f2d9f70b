"""What each greenlet of gevent's waits for: noted in passing, written only when a snapshot is taken.

gevent's classes are C and tell nobody who waits. So the subclasses that stand in their place note it before they block
and forget it after: no record, no timer, no switch more than without.
"""

from __future__ import annotations

import time

from logq import identity, snapshot
from logq.emit import announce
from logq.holding import held_by
from logq.lane import Lane, here
from logq.sites import absolute, is_machinery
from logq.trouble import swallowed

from . import greenlets
from .suspended import told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.lane import Site

__all__ = ["Intent", "begin", "end", "forget", "install"]

_MAX_LANES = 1000
_MAX_FRAMES = 8
_MOST_LATE = 16

_getcurrent: Any = None
# By lane, what it is about to wait for.
_intents: dict[Lane, Intent] = {}


class Intent:
    """A wait that may be going on. `describe` gives the keys of a `wait`, when they are wanted."""

    __slots__ = ("describe", "greenlet", "on", "outer", "since", "timeout")

    def __init__(self, on: str, describe: Callable[[], dict[str, object]], timeout: Any, outer: Intent | None) -> None:
        self.on = on
        self.describe = describe
        self.timeout = timeout
        self.outer = outer
        self.since = time.monotonic_ns()
        self.greenlet = _getcurrent()


def install(getcurrent: Any) -> None:
    global _getcurrent
    _getcurrent = getcurrent
    if ("tasks", _tasks) not in snapshot.contributors:
        snapshot.contributors.append(("tasks", _tasks))


def forget() -> None:
    _intents.clear()


def begin(on: str, describe: Callable[[], dict[str, object]], timeout: Any = None) -> Lane | None:
    if identity.me is None or _getcurrent is None:
        return None
    try:
        lane = here()
        _intents[lane] = Intent(on, describe, timeout, _intents.get(lane))
        return lane
    except Exception:
        swallowed()
        return None


def end(lane: Lane | None) -> None:
    if lane is None:
        return
    intent = _intents.pop(lane, None)
    if intent is not None and intent.outer is not None:
        _intents[lane] = intent.outer


# Late. ------------------------------------------------------------------------------------------


def running() -> Lane | None:
    """The greenlet that has the turn, as far as it was seen to begin: a suspended one has a frame."""
    for lane, greenlet in list(greenlets.known.items()):
        if lane.process is identity.me and greenlet and greenlet.gr_frame is None and not greenlet.dead:
            return lane
    return None


def overdue(now: int) -> dict[str, int]:
    """By key of the lane, for how many ms its sleep or its time limit has been over."""
    late: dict[str, int] = {}
    for lane, intent in list(_intents.items()):
        seconds = _seconds(intent.timeout)
        if seconds is not None and lane.process is identity.me and len(late) < _MOST_LATE:
            ms = (now - intent.since) // 1_000_000 - int(seconds * 1000)
            if ms > 10:
                announce(lane)
                late[lane.key] = ms
    return late


# Snapshot. --------------------------------------------------------------------------------------


def _tasks() -> list[dict[str, object]]:
    process = identity.me
    if process is None:
        return []
    lanes = {
        lane: greenlet for lane, greenlet in list(greenlets.known.items()) if lane.process is process and not lane.over
    }
    for lane, intent in list(_intents.items()):
        if lane.process is process:
            lanes.setdefault(lane, intent.greenlet)
    found = []
    for lane, greenlet in list(lanes.items())[:_MAX_LANES]:
        try:
            found.append(_facts(lane, greenlet))
        except Exception:
            swallowed()
    return found


def _facts(lane: Lane, greenlet: Any) -> dict[str, object]:
    announce(lane)
    places = _places(getattr(greenlet, "gr_frame", None))
    facts: dict[str, object] = {"lane": lane.key, "stack": told(places)}
    intent = _intents.get(lane)
    if intent is not None:
        awaits = {"on": intent.on, "since": intent.since, "timeout": _seconds(intent.timeout), **intent.describe()}
        held = [taken.as_held() for taken in held_by(lane)]
        awaits.update({"held": held or None, "site": places[0] if places else None, "stack": told(places)})
        facts["awaits"] = {key: value for key, value in awaits.items() if value is not None}
    elif getattr(greenlet, "gr_frame", None) is not None and places:
        # It has switched away for something that is not noted: I/O, a sleep, a hub of its own.
        facts["awaits"] = {"on": "io", "site": places[0], "stack": told(places)}
    else:
        facts["ready"] = True
    return {key: value for key, value in facts.items() if value is not None}


def _seconds(timeout: Any) -> float | None:
    if timeout is None:
        return None
    return float(timeout) if isinstance(timeout, (int, float)) else 0.0


def _places(frame: Any) -> list[Site]:
    found: list[Site] = []
    while frame is not None and len(found) < _MAX_FRAMES:
        code = frame.f_code
        if not is_machinery(code.co_filename):
            found.append((absolute(code.co_filename), frame.f_lineno or 0, code.co_name))
        frame = frame.f_back
    return found
