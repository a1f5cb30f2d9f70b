"""A step of a trio task that goes on for long, and whom it keeps waiting: seen by the watchdog, ten times a second.

Each task counts its steps, so one that is seen twice in the same step has held the run all the time between.
"""

from __future__ import annotations

import sys

from logq import identity, watchdog
from logq.emit import announce, event
from logq.variables import variables_of

from . import trio_tasks, trio_waits
from .turns import follow, places_above

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .sampled import Place
    from .turns import Block

__all__ = ["forget", "patch"]

_MAX_VICTIMS = 16


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
    task, places = _step_of(frame)
    lane = trio_tasks.lane_of(task) if task is not None else None
    step = (id(task), task._schedule_points) if lane is not None else None
    home.block = follow(
        home.block,
        step,
        lane or home.lane,
        places,
        now,
        lambda block: _find_victims(runner, block),
        lambda block, over: _write(home, block, over),
    )


def _step_of(frame: Any) -> tuple[Any, list[Place]]:
    """The task whose step a thread is in, and where the program is in it."""
    places, base = places_above(frame, _runs_steps)
    return (variables_of(base).get("task") if base is not None and places else None), places


def _runs_steps(frame: Any) -> bool:
    code = frame.f_code
    return code.co_name == "unrolled_run" and bool(code.co_filename.endswith("_run.py"))


def _find_victims(runner: Any, block: Block) -> None:
    """Tasks that could go on, and since when: those in the queue, and those whose sleep is over."""
    waiting = list(runner.runq)
    seconds = runner.clock.current_time()
    for task in list(runner.tasks):
        if trio_waits.is_system(task) or len(block.late) >= _MAX_VICTIMS:
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
            block.late.setdefault(lane.key, block.last - int(max(0.0, late) * 1e9))


def _write(home: trio_tasks.Home, block: Block, over: bool) -> None:
    if identity.me is not block.lane.process:
        return
    announce(block.lane)
    if block.lane.tid is None:
        block.lane.tid = home.lane.tid
    victims = [{"lane": key, "late": (block.last - since) // 1_000_000} for key, since in block.late.items()]
    event(
        "blocked",
        {"loop": home.lane.key, "target": block.lane.key, **block.facts(over), "victims": victims or None},
    )
