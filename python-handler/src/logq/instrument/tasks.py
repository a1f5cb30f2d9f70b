"""asyncio tasks: who created them, how they ended, who asked them to, and who looked at their end.

Coroutines are not wrapped and the task factory is left to the program. A task's end is seen by a
done callback that `aio_handover.py` runs at once, in the task's last step; an `await` of a task that is
done already, by the lookup of `__await__` on a subclass.

Most tasks are short, write nothing and end well. Such a one is counted, and never has a lane: that is made
of what is known of its creation, its birth, when somebody first asks for `_logq_lane`.
"""

from __future__ import annotations

import sys
import time
from types import CoroutineType

from logq import exits, identity
from logq import lane as lanes
from logq.emit import event, retire
from logq.failure import brief
from logq.lane import Lane, here, new_task_lane
from logq.objects import RESULT
from logq.patching import dress, replace
from logq.sites import caller_site, function_name, user_place
from logq.stamp import leave_of, merge_into
from logq.trouble import swallowed
from logq.unseen import hide

from . import aio_loops, aio_lost
from .folding import count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.lane import Birth

__all__ = ["patch_base_events", "patch_events", "patch_loop", "patch_tasks", "task_done"]

# A task that wrote nothing, kept nothing and ended well is only counted if it lived shorter than this.
_SHORT_NS = 100_000_000

_Task: Any = None  # the subclass that notices who looks at its end
_done: Any = None  # its own `done`, that notices nothing
_handle_run: Any = None
_iscoroutine: Any = None
COUNTED: Any = object()
_making: dict[int, Lane] = {}  # by id of the task
_frame = sys._getframe
_mono = time.monotonic_ns


def patch_tasks(tasks: Any) -> None:
    global _Task, _done, _handle_run, _iscoroutine
    _iscoroutine = tasks.coroutines.iscoroutine
    _handle_run = tasks.events.Handle._run.__code__
    _done = tasks.Task.done
    _Task = _make_task(tasks.Task)
    if sys.version_info >= (3, 12):
        lanes.current_task = tasks.current_task
    else:
        lanes.current_task = tasks._current_tasks.get  # the function costs five times as much
    _hide_callback(tasks.base_tasks.base_futures if hasattr(tasks.base_tasks, "base_futures") else None)


def forget() -> None:
    lanes.running_loop = lanes._no_loop


def patch_events(events: Any) -> None:
    """Every loop says here when it begins to run, and when it stops."""
    lanes.running_loop = events._get_running_loop
    # One that was imported before us has taken along the function that we replace.
    if "uvloop" in sys.modules:
        lanes.loops_are_hidden = True
    plain = events._set_running_loop
    replace(events, "_set_running_loop", _wrap_running_loop)
    package = sys.modules.get("asyncio")
    if package is not None and getattr(package, "_set_running_loop", None) is plain:
        replace(package, "_set_running_loop", lambda _: events._set_running_loop)
    lanes.note_loop(lanes.running_loop())


def _wrap_running_loop(original: Callable[[Any], None]) -> Any:
    def _set_running_loop(loop: Any) -> None:
        original(loop)
        lanes.note_loop(loop)
        if loop is not None:
            aio_loops.enters(loop)

    return dress(_set_running_loop, original)


def patch_base_events(base_events: Any) -> None:
    patch_loop(base_events.BaseEventLoop)


def patch_loop(loop: Any) -> None:
    """A class of loops: asyncio's own, or uvloop's."""
    replace(loop, "create_task", _wrap_create_task)


# Creation. ------------------------------------------------------------------------------------


def _make_task(plain: Any) -> Any:
    class Task(plain):  # type: ignore[misc]
        __doc__ = plain.__doc__
        # Its birth, and what was made of that: None, COUNTED, or its lane.
        __slots__ = ("_logq_birth", "_logq_made")
        _logq_lane = _OnDemand()

    Task.__module__ = plain.__module__
    Task.__qualname__ = plain.__qualname__
    for name in ("__await__", "__iter__", "result", "exception", "done"):
        setattr(Task, name, _OnLook(getattr(plain, name), plain.done, name != "done"))
    Task.cancel = _wrap_cancel(plain.cancel, plain.done)
    return Task


class _OnDemand:
    """`_logq_lane` of a task that has none yet. The watchdog may ask at the same time as the task itself."""

    __slots__ = ()

    def __get__(self, task: Any, owner: Any = None) -> Any:
        if task is None:
            raise AttributeError("_logq_lane")
        lane = new_task_lane(task._logq_birth, task)
        lane.over = task._logq_made is COUNTED
        key = id(task)
        lane = _making.setdefault(key, lane)
        made = task._logq_made
        if isinstance(made, Lane):
            lane = made  # another thread has been quicker: this was set before the entry went
        else:
            task._logq_made = task._logq_lane = lane
        _making.pop(key, None)
        return lane


class _OnLook:
    """A method by which somebody learns that a task is done. No frame of ours stands in its caller's way."""

    __slots__ = ("asks", "bind", "done", "original")

    def __init__(self, original: Any, done: Callable[[Any], bool], asks: bool) -> None:
        self.asks = asks  # also for its exception
        self.original = original
        self.bind = original.__get__
        self.done = done

    def __get__(self, task: Any, owner: Any = None) -> Any:
        if task is None:
            return self.original
        # asyncio itself asks, between two steps, for the task that it is about to wake: that one has been told.
        if self.done(task) and _frame(1).f_code is not _handle_run:
            try:
                _look(task, self.asks)
            except AttributeError:
                pass
            except Exception:
                swallowed()
        return self.bind(task, owner)


def _look(task: Any, asks: bool) -> None:
    process = identity.me
    if process is None or (is_counted(task) and task._logq_birth[1][0] is here()):
        return
    lane: Lane = task._logq_lane
    if not lane.over and lane.process is process:
        _end(lane, task)  # its loop is none of those we know: its callback is yet to come
    if asks and lane.failure is not None:
        aio_lost.asked(task, _frame(2).f_code)
    reader = here()
    if lane.has_news(reader):
        lane.heir = reader
        merge_into(reader, leave_of(lane), RESULT)


def is_counted(task: Any) -> bool:
    """Whether the task has ended, was only counted, and has no lane: only its creator's stamp is to be had of it."""
    return type(task) is _Task and task._logq_made is COUNTED


def _wrap_create_task(original: Callable[..., Any]) -> Any:
    names = ({"name"}, {"context"}, {"name", "context"})

    def create_task(self: Any, coro: Any, **kwargs: Any) -> Any:
        if identity.me is None:
            return original(self, coro, **kwargs)
        birth = _note_birth(coro, _frame(1))
        # What the original would complain about, it complains about itself. Only asyncio's own loops have a factory.
        is_plain = getattr(self, "_task_factory", self) is None and not self._closed
        is_sound = is_plain and (type(coro) is CoroutineType or _iscoroutine(coro))
        if is_sound and (not kwargs or kwargs.keys() in names):
            task = _Task(coro, loop=self, **kwargs)
            if birth is not None:
                task._logq_birth = birth
                task._logq_made = None
                task.add_done_callback(task_done)
            return task
        lanes.expect(birth)  # it may run before its creation has returned
        try:
            task = original(self, coro, **kwargs)
        except BaseException as problem:
            hide(problem)
            raise
        finally:
            lanes.expect(None)
        _follow(task, birth)
        return task

    return dress(create_task, original)


def _note_birth(coro: Any, frame: Any) -> Birth | None:
    """Run for every task, so it is written for speed."""
    try:
        if exits.top_unsought:
            exits.note_top()
        creator = here()
        code, instruction = user_place(frame)
        name = coro.__qualname__ if type(coro) is CoroutineType else function_name(coro)
        process = creator.process
        # The number is drawn here: in the order of creation, whoever asks for the lane and when.
        return (process, creator.mark or creator.stamp(), code, instruction, name, _mono(), next(process.tasks))
    except Exception:
        swallowed()
        return None


def _follow(task: Any, birth: Birth | None) -> None:
    """A task that a factory made, or a loop in C."""
    try:
        if birth is not None:
            task._logq_birth = birth
            if getattr(task, "_logq_lane", None) is None:
                task._logq_lane = new_task_lane(birth, task)
        if task.done() if type(task) is not _Task else _done(task):
            task_done(task)  # it ran eagerly
        else:
            task.add_done_callback(task_done)
    except Exception:
        swallowed()


# Being asked to end. ----------------------------------------------------------------------------


def _wrap_cancel(original: Callable[..., bool], done: Callable[[Any], bool]) -> Any:
    def cancel(self: Any, *args: Any, **kwargs: Any) -> bool:
        if identity.me is not None:
            try:
                if done(self):
                    aio_lost.cancelled_after_failure(self)
                else:
                    _note_cancel(self)
            except Exception:
                swallowed()
        try:
            return original(self, *args, **kwargs)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(cancel, original)


def _note_cancel(task: Any) -> None:
    """Before it has an effect: what the task does of it comes after this."""
    lane: Lane | None = getattr(task, "_logq_lane", None)
    process = identity.me
    if lane is None or process is None:
        return
    from .aio_waits import user_frames

    task._logq_cancels = getattr(task, "_logq_cancels", 0) + 1
    if lane.birth:
        lane.left = True  # whoever reads of the cancel wants to know whom it met
    closing = sys._getframe(2).f_code.co_name == "_cancel_all_tasks" or None
    stack = user_frames(task)
    event(
        "note",
        {
            "what": "cancel",
            "target": lane.reference(process),
            "name": lane.task_name(),
            "site": caller_site(3),
            "closing": closing,
            "stack": [{"file": site[0], "line": site[1], "func": site[2]} for site in stack] or None,
        },
    )


# Ends. ----------------------------------------------------------------------------------------


def task_done(task: Any) -> None:
    """Runs before the callbacks of those who wait for the task."""
    try:
        process = identity.me
        if type(task) is _Task and task._logq_made is None:
            birth: Birth = task._logq_birth
            if birth[0] is not process:
                return
            if task._exception is None and _mono() - birth[5] < _SHORT_NS and not task.cancelled():
                _, _, code, instruction, name, _, _ = birth
                key = (id(code), instruction, name)
                folded = process.folded
                if key in folded:  # as `count`, without the call: this runs for every task
                    folded[key][1] += 1
                else:
                    count(process, code, instruction, name)
                task._logq_made = COUNTED
                return
        elif is_counted(task):
            return
        lane: Lane | None = getattr(task, "_logq_lane", None)
        if lane is not None and not lane.over and lane.process is process:
            _end(lane, task)
    except Exception:
        swallowed()


def _end(lane: Lane, task: Any) -> None:
    problem = task._exception  # not `exception()`, which would count as retrieved
    if problem is not None:
        lane.failure = brief(problem)
        event("end", {"how": "exc", "exc": lane.failure}, lane)
    elif task.cancelled():
        event("end", {"how": "cancelled"}, lane)
    elif lane.birth and not lane.left and lane.sole is None and _mono() - lane.began < _SHORT_NS:
        birth = getattr(task, "_logq_birth", None)
        code, instruction = birth[2:4] if birth is not None else (None, 0)
        count(lane.process, code, instruction, lane.fn)
        lane.over = True
        lane.who = lane.mark = lane.newest = None
        return
    else:
        event("end", {"how": "ok"}, lane)
    retire(lane)


def _hide_callback(base_futures: Any) -> None:
    """`repr(task)` lists callbacks: ours is not among them."""
    if base_futures is None:
        return

    def wrap(original: Callable[[Any], str]) -> Any:
        def _format_callbacks(callbacks: Any) -> str:
            return original([entry for entry in callbacks or () if entry[0] is not task_done])

        return dress(_format_callbacks, original)

    def wrap_info(original: Callable[[Any], Any]) -> Any:
        def _future_repr_info(future: Any) -> Any:
            return [part for part in original(future) if part != "cb=[]"]

        return dress(_future_repr_info, original)

    replace(base_futures, "_format_callbacks", wrap)
    replace(base_futures, "_future_repr_info", wrap_info)
