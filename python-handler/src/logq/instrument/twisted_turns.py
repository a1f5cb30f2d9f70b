"""A callback that keeps Twisted's reactor from turning, and what it makes late: seen by the watchdog.

It looks ten times a second. The reactor counts its turns: one that is seen in the same turn twice, and does not poll,
has been at work all the time between.
"""

from __future__ import annotations

import sys

from logq import identity, watchdog
from logq.emit import event
from logq.sites import function_name

from .turns import follow, places_above
from .twisted_reactor import Home, calls, running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .turns import Block

__all__ = ["forget", "patch"]

_MAX_CALLS = 16
_SLACK = 0.01  # seconds that a call may be late and nobody minds


def patch(_base: Any) -> None:
    if _check not in watchdog.ticks:
        watchdog.ticks.append(_check)


def forget() -> None:
    if _check in watchdog.ticks:
        watchdog.ticks.remove(_check)


def _check(now: int) -> None:
    reactors = running()
    if not reactors:
        return
    frames = sys._current_frames()
    try:
        for home, reactor in reactors:
            frame = frames.get(home.ident)
            if frame is not None:
                _look(home, reactor, frame, now)
    finally:
        del frames


def _look(home: Home, reactor: Any, frame: Any, now: int) -> None:
    places, _ = places_above(frame, lambda frame: frame.f_code.co_name == "mainLoop")
    home.block = follow(
        home.block,
        None if _is_idle(frame) else home.turn,
        home.lane,
        places,
        now,
        lambda block: _find_late(reactor, block),
        lambda block, over: _write(home, block, over),
    )


def _is_idle(frame: Any) -> bool:
    """Whether the innermost frame is the reactor's own, in which it polls."""
    code = frame.f_code
    return code.co_name in _POLLS and "twisted" in code.co_filename


_POLLS = frozenset(["doPoll", "doSelect", "doKEvent", "doIteration", "mainLoop", "runUntilCurrent"])


def _find_late(reactor: Any, block: Block) -> None:
    """What was due meanwhile, and how late it is, ms."""
    limit = reactor.seconds() - _SLACK
    for call in calls(reactor):
        late = limit - call.getTime()
        if late > 0 and len(block.late) < _MAX_CALLS:
            block.late[_name_of(call.func)] = int(late * 1000)
    for function, _, _ in list(reactor.threadCallQueue):
        name = _name_of(function)
        if len(block.late) < _MAX_CALLS:
            block.late[name] = max(block.late.get(name, 0), (block.last - block.since) // 1_000_000)


def _name_of(function: Any) -> str:
    inner = getattr(getattr(function, "__self__", function), "f", None)  # a LoopingCall is known by what it calls
    return function_name(inner if callable(inner) else function) or "?"


def _write(home: Home, block: Block, over: bool) -> None:
    process = identity.me
    if process is None:
        return
    loop = home.lane.reference(process)
    late = [{"fn": name, "late": late} for name, late in block.late.items()]
    event("blocked", {"loop": loop, "target": loop, **block.facts(over), "calls": late or None})
