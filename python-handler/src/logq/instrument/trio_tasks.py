"""trio's tasks: who began them, who woke them, how they ended. Each is a lane.

Nothing is added to a run's instruments, which the program can count: the runner's own methods are wrapped. A nursery
always hands failures on, so none is lost here. What a task waits for is the affair of `trio_waits.py`.
"""

from __future__ import annotations

import sys
import time
from _weakref import ref

from logq import identity, watchdog
from logq import lane as lanes
from logq.emit import event, retire
from logq.failure import brief
from logq.lane import Lane, here, new_task_lane, thread_lane
from logq.native import get_ident
from logq.objects import RESULT
from logq.patching import dress, replace
from logq.sites import user_place
from logq.stamp import leave_of, merge_into, merge_lock
from logq.trouble import swallowed
from logq.unseen import hide

from . import trio_things
from .folding import count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.lane import Stamp

__all__ = ["Home", "forget", "homes", "lane_of", "patch"]

# A task that wrote nothing, kept nothing and ended well is only counted if it lived shorter than this.
_SHORT_NS = 100_000_000

_frame = sys._getframe
_mono = time.monotonic_ns
_context: Any = None  # trio's own, of each thread
_cancelled: Any = ()
_making: dict[int, Lane] = {}

# By id of the task: its birth, or its lane once somebody has asked for it. An entry goes when the task ends.
_lanes: dict[int, Any] = {}
# By id of the nursery, the stamps of children that have ended.
_ended: dict[int, list[Stamp]] = {}


class Home:
    """A run of trio, and the thread in which it runs."""

    __slots__ = ("block", "ident", "lane", "runner")

    def __init__(self, runner: Any) -> None:
        self.runner = ref(runner)
        self.lane = thread_lane()
        self.ident = get_ident()
        self.block: Any = None


homes: list[Home] = []


def patch(run: Any) -> None:
    global _context, _cancelled
    _context = run.GLOBAL_RUN_CONTEXT
    _cancelled = getattr(run, "Cancelled", ())
    replace(run, "setup_runner", _wrap_setup)
    replace(run.Runner, "close", _wrap_close)
    replace(run.Runner, "spawn_impl", _wrap_spawn)
    replace(run.Runner, "reschedule", _wrap_reschedule)
    replace(run.Runner, "task_exited", _wrap_exited)
    replace(run.Nursery, "_child_finished", _wrap_child_finished)
    replace(run.Nursery, "_check_nursery_closed", _wrap_check_closed)


def forget() -> None:
    homes.clear()
    _lanes.clear()
    _ended.clear()


# Runs. ------------------------------------------------------------------------------------------


def _wrap_setup(original: Callable[..., Any]) -> Any:
    def setup_runner(*args: Any, **kwargs: Any) -> Any:
        try:
            runner = original(*args, **kwargs)
        except BaseException as problem:
            hide(problem)
            raise
        if identity.me is not None:
            try:
                homes[:] = [home for home in homes if home.runner() is not None]
                homes.append(Home(runner))
                lanes.host(_whose_turn)
                watchdog.need()
            except Exception:
                swallowed()
        return runner

    return dress(setup_runner, original)


def _wrap_close(original: Callable[[Any], None]) -> Any:
    def close(self: Any) -> None:
        try:
            original(self)
        except BaseException as problem:
            hide(problem)
            raise
        finally:
            lanes.host(None)
            homes[:] = [home for home in homes if home.runner() not in (None, self)]

    return dress(close, original)


def _whose_turn() -> Lane | None:
    task = getattr(_context, "task", None)
    return lane_of(task) if task is not None else None


def lane_of(task: Any) -> Lane | None:
    known = _lanes.get(id(task))
    if isinstance(known, Lane):
        return known if known.process is identity.me else None
    if known is None or known[0] is not identity.me:
        return None
    lane = new_task_lane(known, task)
    lane.name = lane.fn
    lane = _making.setdefault(id(task), lane)  # the watchdog may ask at the same time
    if id(task) in _lanes:
        _lanes[id(task)] = lane
    _making.pop(id(task), None)
    return lane


# Begin. -----------------------------------------------------------------------------------------


def _wrap_spawn(original: Callable[..., Any]) -> Any:
    def spawn_impl(self: Any, *args: Any, **kwargs: Any) -> Any:
        process = identity.me
        if process is None:
            return original(self, *args, **kwargs)
        creator = here()
        start = creator.mark or creator.stamp()
        code, instruction = user_place(_frame(1))
        try:
            task = original(self, *args, **kwargs)
        except BaseException as problem:
            hide(problem)
            raise
        try:
            name = task.name
            name = name[9:] if name.startswith("__main__.") else name
            _lanes[id(task)] = (process, start, code, instruction, name, _mono(), next(process.tasks))
        except Exception:
            swallowed()
        return task

    return dress(spawn_impl, original)


# Wake. ------------------------------------------------------------------------------------------


def _wrap_reschedule(original: Callable[..., Any]) -> Any:
    def reschedule(self: Any, task: Any, *args: Any, **kwargs: Any) -> Any:
        current = getattr(_context, "task", None)
        if current is not None and current is not task and identity.me is not None:
            try:
                _hand_over(current, task, _frame(1))
            except Exception:
                swallowed()
        try:
            return original(self, task, *args, **kwargs)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(reschedule, original)


def _hand_over(current: Any, task: Any, frame: Any) -> None:
    """A task wakes another one. By giving a lock back it only makes room."""
    giver, taker = lane_of(current), lane_of(task)
    if giver is None or taker is None:
        return
    lock = trio_things.released_by(frame)
    if lock is not None:
        merge_lock(taker, giver.mark or giver.stamp(), lock)
    else:
        merge_into(taker, giver.mark or giver.stamp())


# End. -------------------------------------------------------------------------------------------


def _wrap_exited(original: Callable[..., Any]) -> Any:
    def task_exited(self: Any, task: Any, outcome: Any) -> Any:
        try:
            _end(task, outcome)
        except Exception:
            swallowed()
        try:
            return original(self, task, outcome)
        except BaseException as problem:
            hide(problem)
            raise
        finally:
            _lanes.pop(id(task), None)

    return dress(task_exited, original)


def _end(task: Any, outcome: Any) -> None:
    known = _lanes.get(id(task))
    problem = getattr(outcome, "error", None)
    if type(known) is tuple and problem is None and known[0] is identity.me and _mono() - known[5] < _SHORT_NS:
        count(known[0], known[2], known[3], known[4])
        _lanes.pop(id(task))
        return
    lane = lane_of(task)
    if lane is None or lane.over:
        return
    if problem is None:
        event("end", {"how": "ok"}, lane)
    elif _cancelled and isinstance(problem, _cancelled):
        event("end", {"how": "cancelled"}, lane)
    else:
        lane.failure = brief(problem)
        event("end", {"how": "exc", "exc": lane.failure}, lane)
    retire(lane)


def _wrap_child_finished(original: Callable[..., Any]) -> Any:
    def _child_finished(self: Any, task: Any, outcome: Any) -> Any:
        lane = lane_of(task)
        if lane is not None:
            _ended.setdefault(id(self), []).append(leave_of(lane))
        try:
            return original(self, task, outcome)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(_child_finished, original)


def _wrap_check_closed(original: Callable[..., Any]) -> Any:
    """The nursery's block ends when all of its children have: it comes after the end of each."""

    def _check_nursery_closed(self: Any) -> Any:
        try:
            return original(self)
        finally:
            if self._closed:
                parent = lane_of(self._parent_task)
                for stamp in _ended.pop(id(self), ()):
                    if parent is not None:
                        merge_into(parent, stamp, RESULT)

    return dress(_check_nursery_closed, original)
