"""Event loops that run: in which thread, how much they have to do, and whether they turn.

The watchdog looks ten times a second at what a loop's thread is doing. A callback that it sees twice in one turn of the
loop has held it all the time between: so a loop that is idle is never taken for one that is blocked, and a callback
costs nothing. (The callback of a file descriptor is the same one in every turn.)
"""

from __future__ import annotations

import sys
import time
from _weakref import ref

from logq import identity, kernel, snapshot, watchdog
from logq.emit import announce, event
from logq.lane import Lane, thread_lane
from logq.native import get_ident
from logq.patching import replace
from logq.trouble import swallowed
from logq.variables import variables_of

from . import aio_reach
from .around import OnRead
from .sampled import Sampled, place_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .sampled import Place

__all__ = ["check", "enters", "forget", "homes", "patch", "patch_loop", "pending_handles"]

_MAX_VICTIMS = 16
_THRESHOLD_NS = 90_000_000  # a tick, which may come a little early
_SLACK = 0.01  # seconds that a timer may be late and nobody minds

_handle_run: Any = None  # the code of `Handle._run`: below it on a stack is one callback
_run_once: Any = None  # the code of the function that runs one turn


class Home:
    """The thread in which a loop runs."""

    __slots__ = ("block", "ident", "lane", "loop")

    def __init__(self, loop: Any, lane: Lane) -> None:
        self.loop = ref(loop)
        self.lane = lane
        self.ident = get_ident()
        self.block: _Block | None = None


class _Block:
    """A callback that was seen at a tick, and at every tick since."""

    __slots__ = ("handle", "lane", "last", "runnable", "sampled", "since", "victims", "written")

    def __init__(self, handle: Any, since: int, tid: int | None) -> None:
        self.runnable = kernel.runnable_of(tid) if tid is not None else None  # of the loop's thread, by then
        self.handle = ref(handle)
        self.since = since
        self.last = since
        self.sampled = Sampled()
        self.written = 0
        self.lane: Lane | None = None
        self.victims: dict[str, _Victim] = {}  # by key of the lane


class _Victim:
    """A task that could go on, were it not for the block."""

    __slots__ = ("lane", "late", "since")

    def __init__(self, lane: Lane, since: int) -> None:
        self.lane = lane
        self.since = since  # when it was first seen to be due
        self.late = 0  # ms


# By id of the loop. An entry is replaced when the loop runs elsewhere, and dropped when the loop is gone.
homes: dict[int, Home] = {}


def patch(base_events: Any) -> None:
    global _handle_run, _run_once
    _handle_run = base_events.events.Handle._run.__code__
    _run_once = base_events.BaseEventLoop._run_once.__code__
    patch_loop(base_events.BaseEventLoop)
    if check not in watchdog.ticks:
        watchdog.ticks.append(check)
    if ("loops", _loops) not in snapshot.contributors:
        snapshot.contributors.append(("loops", _loops))


# Called when a loop is about to run for the first time in its thread.
begun: list[Callable[[], None]] = []


def patch_loop(loop: Any) -> None:
    replace(loop, "run_forever", lambda original: OnRead(original, _starts))


def forget() -> None:
    homes.clear()
    if check in watchdog.ticks:
        watchdog.ticks.remove(check)


def _starts(loop: Any) -> None:
    """Somebody asks for the loop's `run_forever`: most often to run it in this thread, or else to start one for it."""
    try:
        if not loop.is_running():
            _settle(loop)
    except Exception:
        swallowed()


def enters(loop: Any) -> None:
    """The loop runs in this thread from now on. (That of a loop in C is not seen.)"""
    if identity.me is None:
        return
    try:
        home = homes.get(id(loop))
        if home is None or home.ident != get_ident() or home.loop() is not loop:
            _settle(loop)
    except Exception:
        swallowed()


def _settle(loop: Any) -> None:
    for key, home in list(homes.items()):
        if home.loop() is None:
            homes.pop(key, None)
    homes[id(loop)] = Home(loop, thread_lane())
    watchdog.need()
    for callback in begun:
        callback()


def running() -> list[tuple[Home, Any]]:
    """The loops that run now, of this process."""
    process = identity.me
    found = []
    for home in list(homes.values()):
        loop = home.loop()
        if loop is not None and home.lane.process is process and loop.is_running():
            found.append((home, loop))
    return found


# Snapshot. --------------------------------------------------------------------------------------


def _loops() -> list[dict[str, object]]:
    process = identity.me
    assert process is not None
    found = []
    for home, loop in running():
        facts: dict[str, object] = {"lane": home.lane.reference(process)}
        ready = getattr(loop, "_ready", None)
        if ready is not None and hasattr(loop, "_scheduled"):
            facts["ready"] = len(ready)
            due = [timer._when for timer in list(loop._scheduled) if not timer._cancelled]
            facts["timers"] = len(due)
            facts["next"] = int(min(due) * 1e9) if due else None
            facts["fds"] = _watched(loop)
            facts["apart"] = aio_reach.of_loop(loop, home.ident)
        task = _current(loop)
        if task is not None:
            facts["running"] = _key(getattr(task, "_logq_lane", None))
        found.append({key: value for key, value in facts.items() if value is not None})
    return found


def _watched(loop: Any) -> int | None:
    """How many file descriptors it watches besides the pair by which it wakes itself."""
    keys = getattr(getattr(loop, "_selector", None), "_fd_to_key", None)
    if keys is None:
        return None
    pair = getattr(loop, "_ssock", None)
    own = pair.fileno() if pair is not None else -1
    return sum(1 for key in list(keys.values()) if key.fd != own)


def _current(loop: Any) -> Any:
    tasks = sys.modules.get("asyncio.tasks")
    return tasks._current_tasks.get(loop) if tasks is not None else None


def _key(lane: Lane | None) -> str | None:
    process = identity.me
    return lane.reference(process) if lane is not None and process is not None else None


# Does it turn? ----------------------------------------------------------------------------------


def check(now: int) -> None:
    """Looks at every loop that runs. Called by the watchdog, `now` in monotonic ns."""
    loops = running()
    if not loops:
        return
    frames = sys._current_frames()
    try:
        for home, loop in loops:
            frame = frames.get(home.ident)
            if frame is not None:
                _look(home, loop, frame, now)
    finally:
        del frames


def _look(home: Home, loop: Any, frame: Any, now: int) -> None:
    handle, places, turn = _callback_of(frame)
    block = home.block
    if block is not None and (handle is None or block.handle() is not handle or _begun(turn) > block.since):
        home.block = None
        if block.written:
            _write(home, block, block.last, over=True)
        block = None
    if handle is None:
        return
    if block is None:
        home.block = block = _Block(handle, now, home.lane.tid)
    block.sampled.add(places)
    block.last = now
    task = _current(loop)
    block.lane = getattr(task, "_logq_lane", None) if task is not None else home.lane
    if now - block.since < _THRESHOLD_NS:
        return
    _find_victims(loop, block, now)
    if block.written == 0 or (block.written == 1 and block.sampled.samples >= 2):
        _write(home, block, now, over=False)


def _callback_of(frame: Any) -> tuple[Any, list[Place], Any]:
    """The handle that a thread is running, where the program's frames above it are, and the frame of the turn."""
    places: list[Place] = []
    while frame is not None:
        if frame.f_code is _handle_run:
            above = frame.f_back
            turn = above if above is not None and above.f_code is _run_once else None
            return variables_of(frame).get("self"), places, turn
        place = place_of(frame)
        if place is not None:
            places.append(place)
        frame = frame.f_back
    return None, [], None


def _begun(turn: Any) -> int:
    """When a turn of the loop began, by the monotonic clock in ns. 0: not known."""
    ends = variables_of(turn).get("end_time") if turn is not None else None
    return int(ends * 1e9) if isinstance(ends, float) else 0


def _write(home: Home, block: _Block, now: int, over: bool) -> None:
    process = identity.me
    if process is None:
        return
    for victim in block.victims.values():
        if victim.lane.birth and not victim.lane.over:
            show(victim.lane, home)
    runnable = kernel.runnable_of(home.lane.tid) if block.runnable is not None and home.lane.tid is not None else None
    victims = [{"lane": _key(victim.lane), "late": victim.late} for victim in block.victims.values()]
    if not over:
        block.written = 2 if block.sampled.samples >= 2 and block.written else block.written + 1
    if block.lane is not None and block.lane.birth:
        show(block.lane, home)
    event(
        "blocked",
        {
            "loop": home.lane.reference(process),
            "target": _key(block.lane),
            "ms": (now - block.since) // 1_000_000,
            "unserved": (runnable - block.runnable) // 1_000_000 or None if runnable and block.runnable else None,
            "samples": block.sampled.samples,
            "over": over or None,
            "stack": block.sampled.stack() or None,
            "victims": victims or None,
        },
    )


def show(lane: Lane, home: Home) -> None:
    """Has a silent lane's first line written for it."""
    if lane.tid is None:
        lane.tid = home.lane.tid
    lane.task_name()
    announce(lane)


def pending_handles(loop: Any, limit: float) -> list[tuple[Any, float]]:
    """Callbacks that could run by `limit`, in the loop's time, and for how long they could have, in seconds."""
    found = [(handle, 0.0) for handle in list(getattr(loop, "_ready", ()))]
    timers = list(getattr(loop, "_scheduled", ()))
    return found + [(timer, limit - timer._when) for timer in timers if timer._when < limit and not timer._cancelled]


def _find_victims(loop: Any, block: _Block, now: int) -> None:
    """Tasks whose turn it is: what the blocked loop keeps from running, and for how long by now.

    One that is late at one look and no more at the next has not run meanwhile: the loop has not turned.
    """
    for handle, late in pending_handles(loop, time.monotonic() - _SLACK):
        lane = _lane_of(handle)
        if lane is None or lane is block.lane or lane.over:
            continue
        victim = block.victims.get(lane.key)
        if victim is None:
            if len(block.victims) >= _MAX_VICTIMS:
                continue
            block.victims[lane.key] = victim = _Victim(lane, now)
        victim.late = max(int(late * 1000), (now - victim.since) // 1_000_000)


def _lane_of(handle: Any) -> Lane | None:
    """Of the task that goes on when the handle runs; at once, or by a future that the handle settles."""
    callback, args = handle._callback, handle._args
    owner = getattr(callback, "__self__", None)
    lane = getattr(owner, "_logq_lane", None)
    if isinstance(lane, Lane):
        return lane
    for argument in args or ():
        waiting = getattr(argument, "_callbacks", None) if hasattr(type(argument), "_callbacks") else None
        for entry in waiting or ():
            lane = getattr(getattr(entry[0], "__self__", None), "_logq_lane", None)
            if isinstance(lane, Lane):
                return lane
    return None
