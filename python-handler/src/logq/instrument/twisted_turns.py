"""A callback that keeps Twisted's reactor from turning, and what it makes late: seen by the watchdog.

It looks ten times a second. The reactor counts its turns: one that is seen in the same turn twice, and does not poll,
has been at work all the time between.
"""

from __future__ import annotations

import sys

from logq import identity, watchdog
from logq.emit import event
from logq.sites import absolute, function_name, is_machinery

from .twisted_reactor import Home, calls, running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["forget", "patch"]

_MAX_FRAMES = 8
_MAX_CALLS = 16
_THRESHOLD_NS = 90_000_000  # a tick, which may come a little early
_SLACK = 0.01  # seconds that a call may be late and nobody minds


class _Block:
    """A turn that goes on for long, and the frame in which it was seen last."""

    __slots__ = ("calls", "last", "place", "samples", "since", "stack", "turn", "written")

    def __init__(self, turn: int, since: int) -> None:
        self.turn = turn
        self.since = self.last = since
        self.samples = 0
        self.place: Any = None
        self.written = 0
        self.stack: list[dict[str, object]] = []
        self.calls: dict[str, int] = {}  # what was due meanwhile, and how late it is, ms


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
    idle = _is_idle(frame)
    block: _Block | None = home.block
    if block is not None and (idle or block.turn != home.turn):
        home.block = None
        if block.written:
            _write(home, block, block.last, over=True)
        block = None
    if idle:
        return
    if block is None:
        home.block = block = _Block(home.turn, now)
    stack, place = _user_stack(frame)
    block.samples = block.samples + 1 if place is not None and place == block.place else 1
    block.place, block.last, block.stack = place, now, stack
    if now - block.since < _THRESHOLD_NS or place is None:
        return
    _find_victims(reactor, block)
    if block.written == 0 or (block.written == 1 and block.samples >= 2):
        block.written += 1
        _write(home, block, now, over=False)


def _is_idle(frame: Any) -> bool:
    """Whether the innermost frame is the reactor's own, in which it polls."""
    code = frame.f_code
    return code.co_name in _POLLS and "twisted" in code.co_filename


_POLLS = frozenset(["doPoll", "doSelect", "doKEvent", "doIteration", "mainLoop", "runUntilCurrent"])


def _user_stack(frame: Any) -> tuple[list[dict[str, object]], Any]:
    stack: list[dict[str, object]] = []
    place: Any = None
    while frame is not None and frame.f_code.co_name != "mainLoop":
        code = frame.f_code
        if not is_machinery(code.co_filename) and len(stack) < _MAX_FRAMES:
            if place is None:
                place = (id(frame), code)
            stack.append({"file": absolute(code.co_filename), "line": frame.f_lineno or 0, "func": code.co_name})
        frame = frame.f_back
    return stack, place


def _find_victims(reactor: Any, block: _Block) -> None:
    limit = reactor.seconds() - _SLACK
    for call in calls(reactor):
        late = limit - call.getTime()
        if late > 0 and len(block.calls) < _MAX_CALLS:
            block.calls[_name_of(call.func)] = int(late * 1000)
    for function, _, _ in list(reactor.threadCallQueue):
        name = _name_of(function)
        if len(block.calls) < _MAX_CALLS:
            block.calls[name] = max(block.calls.get(name, 0), (block.last - block.since) // 1_000_000)


def _name_of(function: Any) -> str:
    inner = getattr(getattr(function, "__self__", function), "f", None)  # a LoopingCall is known by what it calls
    return function_name(inner if callable(inner) else function) or "?"


def _write(home: Home, block: _Block, now: int, over: bool) -> None:
    process = identity.me
    if process is None:
        return
    loop = home.lane.reference(process)
    event(
        "blocked",
        {
            "loop": loop,
            "target": loop,
            "ms": (now - block.since) // 1_000_000,
            "samples": block.samples,
            "over": over or None,
            "stack": block.stack or None,
            "calls": [{"fn": name, "late": late} for name, late in block.calls.items()] or None,
        },
    )
