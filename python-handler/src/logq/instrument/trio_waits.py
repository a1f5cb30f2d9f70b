"""What each task of trio awaits now, and what its runs have to do: read when a snapshot is taken, at no cost before.

The chain of coroutines of a suspended task ends in a function of trio's that says what it waits for; its `self` is the
object. Nothing here changes anything.
"""

from __future__ import annotations

import math
import time

from logq import identity, sites, snapshot
from logq.emit import announce
from logq.lane import Lane
from logq.sites import is_machinery
from logq.trouble import swallowed
from logq.variables import variables_of

from . import trio_tasks, trio_things
from .suspended import frames_of, sites_of, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["patch", "patch_package", "runs"]

_MAX_TASKS = 1000
_context: Any = None

# Function -> the word, for those whose `self` is what is waited for.
_WORDS = {
    ("Event", "wait"): "event",
    ("Condition", "wait"): "cond",
    ("Semaphore", "acquire"): "sem",
    ("CapacityLimiter", "acquire"): "sem",
    ("CapacityLimiter", "acquire_on_behalf_of"): "sem",
    ("Lock", "acquire"): "lock",
    ("StrictFIFOLock", "acquire"): "lock",
    ("MemorySendChannel", "send"): "queue-put",
    ("MemoryReceiveChannel", "receive"): "queue-get",
    ("NurseryManager", "__aexit__"): "nursery",
    ("Nursery", "_nested_child_finished"): "nursery",
}
_SLEEPS = ("sleep", "sleep_until")


def patch_package(trio: Any) -> None:
    sites.learn_machinery(trio)


def patch(_run: Any) -> None:
    for key, contribute in (("tasks", _tasks), ("loops", _loops)):
        if (key, contribute) not in snapshot.contributors:
            snapshot.contributors.append((key, contribute))


def runs() -> list[tuple[trio_tasks.Home, Any]]:
    found = []
    for home in list(trio_tasks.homes):
        runner = home.runner()
        if runner is not None and home.lane.process is identity.me and runner.tasks:
            found.append((home, runner))
    return found


def is_system(task: Any) -> bool:
    """Whether it runs nothing of the program's: what such tasks wait for shows in what the run watches."""
    return is_machinery(task.coro.cr_code.co_filename)


# Tasks. -----------------------------------------------------------------------------------------


def _tasks() -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for home, runner in runs():
        now = runner.clock.current_time()
        ready = set(map(id, list(runner.runq)))
        for task in list(runner.tasks):
            lane = trio_tasks.lane_of(task)
            if lane is None or len(found) >= _MAX_TASKS or is_system(task):
                continue
            try:
                found.append(_facts(task, lane, home, id(task) in ready, now))
            except Exception:
                swallowed()
    return found


def _facts(task: Any, lane: Lane, home: trio_tasks.Home, ready: bool, now: float) -> dict[str, object]:
    if lane.tid is None:
        lane.tid = home.lane.tid
    announce(lane)
    frames = frames_of(task.coro)
    places = sites_of(frames)
    facts: dict[str, object] = {"lane": lane.key, "stack": told(places)}
    if ready or task._next_send_fn is not None:
        facts["ready"] = True
    elif task.coro.cr_await is not None or not task.coro.cr_running:
        awaits = _purpose_of(frames)
        until = task._cancel_status.effective_deadline() if task._cancel_status is not None else math.inf
        if until != math.inf and "timeout" not in awaits:
            awaits["timeout"] = max(0.0, until - now)
        awaits.update({"site": places[0] if places else None, "stack": told(places)})
        facts["awaits"] = {key: value for key, value in awaits.items() if value is not None}
    return {key: value for key, value in facts.items() if value is not None}


def _purpose_of(frames: list[Any]) -> dict[str, object]:
    """By the outermost function of trio's, below the program's innermost frame, that is known."""
    below: list[Any] = []
    for frame in reversed(frames):
        if not is_machinery(frame.f_code.co_filename):
            break
        below.append(frame)
    while below:
        frame = below.pop()
        names, function = variables_of(frame), frame.f_code.co_name
        if function in _SLEEPS:
            return {"on": "sleep", "timeout": 0}
        if function == "sleep_forever":
            return {"on": "event"}
        owner = names.get("self")
        word = _WORDS.get((type(owner).__name__, function))
        if word == "cond" and any(inner.f_code.co_name == "acquire" for inner in below):
            continue  # notified, and now it takes the lock again
        if word is not None:
            return _about(word, owner)
    return {"on": "io"}


def _about(word: str, owner: Any) -> dict[str, object]:
    if word == "nursery":
        nursery = getattr(owner, "_nursery", owner)
        children = [trio_tasks.lane_of(task) for task in list(nursery._children)]
        owners = [lane.key for lane in children if lane is not None]
        return {"on": "task", "owner": owners[0]} if len(owners) == 1 else {"on": "task", "owners": owners or None}
    state = getattr(owner, "_state", owner)
    thing = trio_things.thing_of(state)
    facts: dict[str, object] = {"on": word, "obj": thing.reference() if thing is not None else None}
    if word == "lock":
        holder = trio_tasks.lane_of(owner._owner) if owner._owner is not None else None
        facts["owner"] = holder.key if holder is not None else None
    elif word == "sem":
        takers = [trio_tasks.lane_of(task) for task in list(getattr(owner, "_borrowers", ()))]
        facts["permits"] = [{"lane": lane.key} for lane in takers if lane is not None] or None
    elif word.startswith("queue"):
        facts["qsize"] = len(state.data)
    return facts


# Runs. ------------------------------------------------------------------------------------------


def _loops() -> list[dict[str, object]]:
    found = []
    for home, runner in runs():
        deadline = runner.deadlines.next_deadline()
        later = deadline - runner.clock.current_time()
        idle = later in (math.inf, -math.inf) or math.isnan(later)
        facts: dict[str, object] = {
            "lane": home.lane.key,
            "ready": len(runner.runq),
            "timers": 0 if idle else 1,
            "next": None if idle else int(time.monotonic_ns() + max(0.0, later) * 1e9),
            "fds": _watched(runner),
        }
        found.append({key: value for key, value in facts.items() if value is not None})
    return found


def _watched(runner: Any) -> int:
    """How many descriptors tasks wait for, besides the one by which trio wakes itself; 1 where that cannot be told."""
    try:
        own = runner.entry_queue.wakeup.wakeup_sock.fileno()
        waited = list(runner.io_manager._registered.items())
        busy = [fd for fd, waiters in waited if waiters.read_task is not None or waiters.write_task is not None]
        return sum(fd != own for fd in busy)
    except Exception:
        return 1
