"""Who is running: the lane of the code that asks.

A thread's lane is kept by the thread, a task's on the task. Who has none yet is given one when it first
asks. What a lane is and has pending stands in `flow.py`.
"""

from __future__ import annotations

import _thread
import sys
import time
from _weakref import ref

from . import identity
from .flow import SINGLE_STEP, Elsewhere, Lane
from .identity import Process
from .native import get_ident
from .native import local as _local
from .sites import position

__all__ = [
    "SINGLE_STEP",
    "Elsewhere",
    "Lane",
    "adopt",
    "here",
    "new_task_lane",
    "new_thread_lane",
    "thread_lane",
]

get_native_id = getattr(_thread, "get_native_id", get_ident)  # where the platform has such

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .flow import Birth, Entry, Site, Stamp

    __all__ += ["Birth", "Entry", "Site", "Stamp"]


class _Here(_local):  # type: ignore[misc]
    """The lane of the OS thread that asks, task or not."""

    lane: Lane | None = None
    expected: Birth | None = None  # of a task that may run before its creation has returned
    guest: Callable[[], Lane | None] | None = None  # of another scheduler that runs here, trio: whose turn is it?


class _Nowhere:
    """In the place of a lane where somebody must be asked for it: of no process, and it holds no lock that there is."""

    process = sole = object()

    def __bool__(self) -> bool:
        return False


_here = _Here()
# `lane` is the same, and of this process, while no event loop runs in the thread: then nobody need ask for a task.
# Threads that have not settled lack it, and so do all when recording ends. A plain `_local` is the quickest.
spot: Any = _local()
_nowhere = _Nowhere()


def _no_loop() -> Any:
    return None


# Set by `instrument/tasks.py` once asyncio is imported.
running_loop: Callable[[], Any] = _no_loop
current_task: Callable[[Any], Any] = id  # never asked while there is no loop
loops_are_hidden = False  # there may be loops that do not tell when they begin to run


def here() -> Lane:
    """The lane that is running now. Recording must be on."""
    try:
        plain: Lane | None = spot.lane
    except AttributeError:
        plain = None
    if plain is not None and plain.process is identity.me:
        return plain
    loop = running_loop()
    if loop is not None:
        task = current_task(loop)
        if task is not None:
            lane: Lane | None = getattr(task, "_logq_lane", None)
            if lane is None or lane.process is not identity.me:
                lane = adopt_task(task)
            return lane
    guest = _here.guest
    if guest is not None:
        own = guest()
        if own is not None:
            return own
    lane = _here.lane  # as `thread_lane`, without the call: this runs for each item of each queue
    if lane is None or lane.process is not identity.me:
        lane = adopt()
    elif loop is None and guest is None and not loops_are_hidden:
        spot.lane = lane
    return lane


def unsettle() -> None:
    """No thread has a lane until it asks: recording has ended."""
    global spot
    spot = _local()


def settle(lane: Lane) -> None:
    """This OS thread has this lane."""
    _here.lane = lane
    note_loop(running_loop())


def note_loop(loop: Any) -> None:
    """`loop` runs in this OS thread from now on, or none does."""
    alone = loop is None and _here.guest is None and not loops_are_hidden
    spot.lane = (_here.lane if alone else None) or _nowhere


def host(guest: Callable[[], Lane | None] | None) -> None:
    """This OS thread runs tasks of another scheduler from now on, or no more; `guest` tells whose turn it is."""
    _here.guest = guest
    note_loop(running_loop())


def thread_lane() -> Lane:
    """The lane of the OS thread that is running, also inside a task."""
    lane = _here.lane
    if lane is None or lane.process is not identity.me:
        lane = adopt()
    return lane


def new_thread_lane(name: str | None = None) -> Lane:
    process = identity.me
    assert process is not None
    lane = Lane(process, f"t{next(process.threads)}", "thread")
    lane.name = name
    return lane


def new_task_lane(birth: Birth, task: Any) -> Lane:
    process, start, code, instruction, fn, began, number = birth
    lane = Lane(process, f"a{number}", "task")
    lane.inherit(start)
    lane.site = position(code, instruction)
    lane.fn = fn
    lane.began = began
    lane.who = ref(task)  # weakly on this side: tasks must go when the program lets go of them
    return lane


def enter(lane: Lane) -> None:
    """The OS thread that calls this is `lane` from now on."""
    lane.tid = get_native_id()
    lane.ident = get_ident()
    lane.began = time.monotonic_ns()
    if not take_strand(lane):
        settle(lane)


def _no_maker(_lane: Lane, _ident: int) -> None:
    pass


# Set by `instrument/raw_threads.py`: tells a new lane who has started the running thread.
find_maker: Callable[[Lane, int], None] = _no_maker


def new_green_lane(name: str | None = None) -> Lane:
    """Of a greenlet, or of a thread of the program's that gevent has made one."""
    process = identity.me
    assert process is not None
    lane = Lane(process, f"g{next(process.tasks)}", "greenlet")
    lane.name = name
    return lane


def _no_strand(_lane: Lane) -> bool:
    return False


# Set by `instrument/greenlets.py`: gives the lane to the greenlet that runs, if it is not its thread's own.
take_strand: Callable[[Lane], bool] = _no_strand


def guests_everywhere(guest: Callable[[], Lane | None] | None) -> None:
    """In every thread there may be greenlets; `guest` tells whose turn it is."""
    global loops_are_hidden
    _Here.guest = staticmethod(guest) if guest is not None else None  # type: ignore[assignment]
    if guest is not None:
        loops_are_hidden = True  # no thread's lane is settled any more
    note_loop(running_loop())


def adopt() -> Lane:
    """A lane for a thread that nobody announced: the main thread, one made in C, an early one."""
    process = identity.me
    assert process is not None
    main = process.main
    if main is not None and process.main_ident == get_ident():
        settle(main)
        return main
    lane = new_thread_lane()
    thread = _thread_object()
    if thread is not None:
        lane.name = getattr(thread, "_name", None)
        lane.daemon = bool(getattr(thread, "_daemonic", False))
        lane.who = thread
    if thread is None or type(thread).__name__ == "_DummyThread":
        find_maker(lane, get_ident())
    enter(lane)
    return lane


def _thread_object() -> Any:
    """The `Thread` of this OS thread; unlike `current_thread()` it makes none up."""
    threading = sys.modules.get("threading")
    if threading is None:
        return None
    return getattr(threading, "_active", {}).get(get_ident())


def adopt_task(task: Any) -> Lane:
    """A lane for a task that was made behind our back, or that came along through a fork."""
    birth, _here.expected = _here.expected, None
    process = identity.me
    assert process is not None
    if birth is None or birth[0] is not process:
        maker = thread_lane()
        birth = (process, maker.mark or maker.stamp(), None, 0, None, time.monotonic_ns(), next(process.tasks))
    task._logq_lane = lane = new_task_lane(birth, task)
    return lane


def expect(birth: Birth | None) -> None:
    """The next task that runs in this thread without a lane was born like this."""
    _here.expected = birth


def make_main(process: Process, ident: int) -> Lane:
    """t1 of a new process."""
    lane = Lane(process, f"t{next(process.threads)}", "thread")
    lane.name = "MainThread"
    process.main = lane
    process.main_ident = ident
    if ident == get_ident():
        thread = _thread_object()
        if thread is not None:
            lane.name = getattr(thread, "_name", lane.name)
        enter(lane)
    return lane
