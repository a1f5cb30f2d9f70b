"""A step of a trio task that goes on for long, and whom it keeps waiting: seen by the watchdog, ten times a second.

Each task counts its steps, so one that is seen twice in the same step has held the run all the time between.
"""

from __future__ import annotations

import sys

from logq import identity, watchdog
from logq.emit import announce, event
from logq.lane import Lane
from logq.sites import absolute, is_machinery
from logq.variables import variables_of

from . import trio_tasks, trio_waits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["forget", "patch"]

_MAX_FRAMES = 8
_MAX_VICTIMS = 16
_THRESHOLD_NS = 90_000_000  # a tick, which may come a little early


class _Block:
    """A step that was seen at a tick, and at every tick since."""

    __slots__ = ("lane", "last", "place", "samples", "since", "stack", "step", "victims", "written")

    def __init__(self, step: tuple[int, int], lane: Lane, since: int) -> None:
        self.step = step
        self.lane = lane
        self.since = self.last = since
        self.samples = 0
        self.place: Any = None
        self.stack: list[dict[str, object]] = []
        self.victims: dict[str, int] = {}  # by lane, since when it could have gone on
        self.written = 0


def patch(_run: Any) -> None:
    if _check not in watchdog.ticks:
        watchdog.ticks.append(_check)


def forget() -> None:
    if _check in watchdog.ticks:
        watchdog.ticks.remove(_check)


def _check(now: int) -> None:
    runs = trio_waits.runs()
    if not runs:
        return
    frames = sys._current_frames()
    try:
        for home, runner in runs:
            frame = frames.get(home.ident)
            if frame is not None:
                _look(home, runner, frame, now)
    finally:
        del frames


def _look(home: trio_tasks.Home, runner: Any, frame: Any, now: int) -> None:
    task, stack, place = _step_of(frame)
    step = (id(task), task._schedule_points) if task is not None else None
    block: _Block | None = home.block
    if block is not None and block.step != step:
        home.block = None
        if block.written:
            _write(home, block, block.last, over=True)
        block = None
    lane = trio_tasks.lane_of(task) if task is not None else None
    if lane is None or step is None:
        return
    if block is None:
        home.block = block = _Block(step, lane, now)
    block.samples = block.samples + 1 if place is not None and place == block.place else 1
    block.place, block.last, block.stack = place, now, stack
    if now - block.since < _THRESHOLD_NS:
        return
    _find_victims(runner, block, now)
    if block.written == 0 or (block.written == 1 and block.samples >= 2):
        block.written += 1
        _write(home, block, now, over=False)


def _step_of(frame: Any) -> tuple[Any, list[dict[str, object]], Any]:
    """The task whose step a thread is in, the program's frames above it, and which frame is the innermost."""
    stack: list[dict[str, object]] = []
    place: Any = None
    while frame is not None:
        code = frame.f_code
        if code.co_name == "unrolled_run" and code.co_filename.endswith("_run.py"):
            return (variables_of(frame).get("task") if stack else None), stack, place
        if not is_machinery(code.co_filename) and len(stack) < _MAX_FRAMES:
            if place is None:
                place = (id(frame), code)
            stack.append({"file": absolute(code.co_filename), "line": frame.f_lineno or 0, "func": code.co_name})
        frame = frame.f_back
    return None, [], None


def _find_victims(runner: Any, block: _Block, now: int) -> None:
    """Tasks that could go on: those in the queue, and those whose sleep is over."""
    waiting = list(runner.runq)
    seconds = runner.clock.current_time()
    for task in list(runner.tasks):
        if trio_waits.is_system(task) or len(block.victims) >= _MAX_VICTIMS:
            continue
        lane = trio_tasks.lane_of(task)
        if lane is None or lane is block.lane:
            continue
        due = task in waiting or task._next_send_fn is not None
        late = 0.0
        if not due and task._cancel_status is not None:
            late = seconds - task._cancel_status.effective_deadline()
            due = late > 0.01
        if due:
            announce(lane)
            block.victims.setdefault(lane.key, now - int(max(0.0, late) * 1e9))


def _write(home: trio_tasks.Home, block: _Block, now: int, over: bool) -> None:
    if identity.me is not block.lane.process:
        return
    announce(block.lane)
    if block.lane.tid is None:
        block.lane.tid = home.lane.tid
    event(
        "blocked",
        {
            "loop": home.lane.key,
            "target": block.lane.key,
            "ms": (now - block.since) // 1_000_000,
            "samples": block.samples,
            "over": over or None,
            "stack": block.stack or None,
            "victims": [{"lane": key, "late": (now - since) // 1_000_000} for key, since in block.victims.items()]
            or None,
        },
    )
