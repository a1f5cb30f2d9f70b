"""asyncio tasks: who created them, how they ended, and who awaited them.

Coroutines are not wrapped and the task factory is left to the program. A task's end is seen by a
done callback that runs before those of its awaiters; an `await` of a task that is done already is
seen by the lookup of `__await__` on a subclass. Order through plain futures and bare loop callbacks
is that of their thread's lane.
"""

from __future__ import annotations

import sys
import time

from logq import exits, hooks, identity
from logq import lane as lanes
from logq.emit import event, retire
from logq.failure import brief
from logq.lane import Lane, here, new_task_lane, thread_lane
from logq.patching import dress, replace
from logq.sites import caller_site, function_name
from logq.stamp import leave, leave_of, merge, merge_into
from logq.trouble import swallowed

from .futures import OnRead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["patch_base_events", "patch_taskgroups", "patch_tasks"]

# A task that wrote nothing and ended well is only counted if it lived shorter than this.
_SHORT_NS = 100_000_000

_Task: Any = None  # the subclass that notices who looks at its end


def patch_tasks(tasks: Any) -> None:
    global _Task
    _Task = _make_task(tasks.Task)
    lanes.running_loop = tasks.events._get_running_loop
    if sys.version_info >= (3, 12):
        lanes.current_task = tasks.current_task
    else:
        lanes.current_task = tasks._current_tasks.get  # the function costs five times as much
    _replace_everywhere(tasks, "gather", _wrap_gather)
    _replace_everywhere(tasks, "shield", lambda original: _wrap_shield(original, tasks))
    _replace_everywhere(tasks, "wait", _wrap_wait)
    _hide_callback(tasks.base_tasks.base_futures if hasattr(tasks.base_tasks, "base_futures") else None)


def forget() -> None:
    lanes.running_loop = lanes._no_loop


def _replace_everywhere(module: Any, name: str, wrap: Callable[[Any], Any]) -> None:
    """In the module and, where it is imported already, in the package that repeats the name."""
    replace(module, name, wrap)
    package = sys.modules.get("asyncio")
    if package is not None and name in vars(package):
        replace(package, name, lambda _: getattr(module, name))


def patch_base_events(base_events: Any) -> None:
    loop = base_events.BaseEventLoop
    replace(loop, "create_task", _wrap_create_task)
    replace(loop, "call_soon_threadsafe", _wrap_call_soon_threadsafe)
    replace(loop, "call_exception_handler", _wrap_call_exception_handler)
    replace(base_events.futures, "wrap_future", _wrap_wrap_future)


def patch_taskgroups(taskgroups: Any) -> None:
    replace(taskgroups.TaskGroup, "__aexit__", _wrap_group_exit)


# Creation. ------------------------------------------------------------------------------------


def _make_task(plain: Any) -> Any:
    class Task(plain):  # type: ignore[misc]
        __doc__ = plain.__doc__

    Task.__module__ = plain.__module__
    Task.__qualname__ = plain.__qualname__
    for name in ("__await__", "__iter__", "result", "exception", "done"):
        setattr(Task, name, OnRead(getattr(plain, name), _make_look(plain.done)))
    return Task


def _make_look(done: Callable[[Any], bool]) -> Callable[[Any], None]:
    def look(task: Any) -> None:
        if done(task):
            lane: Lane | None = getattr(task, "_logq_lane", None)
            if lane is not None:
                if not lane.over and lane.process is identity.me:
                    _end(lane, task)  # asked in the same turn of the loop: its callback is yet to come
                merge(leave_of(lane))

    return look


def _wrap_create_task(original: Callable[..., Any]) -> Any:
    def create_task(self: Any, coro: Any, **kwargs: Any) -> Any:
        if identity.me is None:
            return original(self, coro, **kwargs)
        lane = _expect_task(coro)
        try:
            if self._task_factory is None and set(kwargs) <= {"name", "context"}:
                self._check_closed()
                task = _Task(coro, loop=self, **kwargs)
                if task._source_traceback:
                    del task._source_traceback[-1]
            else:
                task = original(self, coro, **kwargs)
        finally:
            lanes.expect(None)
        _follow(task, lane)
        return task

    return dress(create_task, original)


def _expect_task(coro: Any) -> Lane | None:
    try:
        exits.note_top()
        lane = new_task_lane()
        lane.inherit(here())
        lane.site = caller_site(3)
        lane.fn = function_name(coro)
        lanes.expect(lane)
        return lane
    except Exception:
        return None


def _follow(task: Any, lane: Lane | None) -> None:
    try:
        if getattr(task, "_logq_lane", None) is None and lane is not None:
            lanes.attach(lane, task)
        if task.done():
            _task_done(task)  # it ran eagerly
        else:
            task.add_done_callback(_task_done)
    except Exception:
        swallowed()


# Ends. ----------------------------------------------------------------------------------------


def _task_done(task: Any) -> None:
    """Runs in the loop, right before the callbacks of those who wait for the task."""
    lane: Lane | None = getattr(task, "_logq_lane", None)
    if lane is None or lane.process is not identity.me:
        return
    try:
        if not lane.over:
            _end(lane, task)
        _hand_to_waiters(task, [leave_of(lane)])
    except Exception:
        swallowed()


def _end(lane: Lane, task: Any) -> None:
    problem = task._exception  # not `exception()`, which would count as retrieved
    if problem is not None:
        lane.failure = brief(problem)
        event("end", {"how": "exc", "exc": lane.failure}, lane)
    elif task.cancelled():
        event("end", {"how": "cancelled"}, lane)
    elif lane.birth and not lane.left and time.monotonic_ns() - lane.began < _SHORT_NS:
        key = (lane.site, lane.fn or "")
        lane.process.folded[key] = lane.process.folded.get(key, 0) + 1
    else:
        event("end", {"how": "ok"}, lane)
    retire(lane)


def _hand_to_waiters(future: Any, stamps: list[Any]) -> None:
    """Gives the stamps to whoever is woken by `future`: their callbacks stand next in the loop."""
    ready = getattr(future.get_loop(), "_ready", None)
    if ready is None:  # uvloop keeps its queue to itself: the thread's lane carries the order
        _merge_all(thread_lane(), stamps)
        return
    told_thread = False
    for position in range(len(ready)):
        handle = ready[position]
        arguments = handle._args
        if not arguments or arguments[0] is not future:
            return
        owner: Any = getattr(handle._callback, "__self__", None)
        if isinstance(getattr(owner, "_logq_lane", None), Lane):
            _merge_all(owner._logq_lane, stamps)
        elif hasattr(owner, "_on_completed_fut"):  # a TaskGroup, asked again when it is left
            vars(owner).setdefault("_logq_stamps", []).extend(stamps)
        elif not told_thread and handle._callback is not _outer_done:
            told_thread = True
            _merge_all(thread_lane(), stamps)


def _merge_all(lane: Lane, stamps: list[Any]) -> None:
    for stamp in stamps:
        if stamp is not None:
            merge_into(lane, stamp)


# Futures that stand for others. ---------------------------------------------------------------


def _wrap_gather(original: Callable[..., Any]) -> Any:
    def gather(*args: Any, **kwargs: Any) -> Any:
        future = original(*args, **kwargs)
        children = getattr(future, "_children", None)
        if identity.me is not None and children:
            _watch(future, list(children))
        return future

    return dress(gather, original)


def _wrap_shield(original: Callable[..., Any], tasks: Any) -> Any:
    def shield(arg: Any, *args: Any, **kwargs: Any) -> Any:
        if identity.me is None or args or kwargs:
            return original(arg, *args, **kwargs)
        inner = tasks.ensure_future(arg)
        future = original(inner)
        if future is not inner:  # shield of a done future is that future
            _watch(future, [inner])
        return future

    return dress(shield, original)


def _watch(future: Any, sources: list[Any]) -> None:
    """Whoever waits for `future` waits for `sources`, which settle it."""
    try:
        future._logq_sources = sources
        future.add_done_callback(_outer_done)
    except Exception:
        swallowed()


def _outer_done(future: Any) -> None:
    try:
        _hand_to_waiters(future, _stamps_of(future))
    except Exception:
        swallowed()


def _stamps_of(future: Any) -> list[Any]:
    stamps: list[Any] = []
    for source in getattr(future, "_logq_sources", ()):
        if not source.done():
            continue
        lane = getattr(source, "_logq_lane", None)
        if lane is not None:
            stamps.append(leave_of(lane))
        elif hasattr(source, "_logq_sources"):
            stamps.extend(_stamps_of(source))
        else:
            stamps.append(getattr(source, "_logq_stamp", None))
    return stamps


def _wrap_wrap_future(original: Callable[..., Any]) -> Any:
    def wrap_future(future: Any, *, loop: Any = None) -> Any:
        wrapped = original(future, loop=loop)
        if wrapped is not future and identity.me is not None:
            _watch(wrapped, [future])
        return wrapped

    return dress(wrap_future, original)


def _wrap_wait(original: Callable[..., Any]) -> Any:
    async def wait(fs: Any, **kwargs: Any) -> Any:
        result = await original(fs, **kwargs)
        if identity.me is not None:
            for future in result[0]:
                lane = getattr(future, "_logq_lane", None)
                merge(leave_of(lane) if lane is not None else getattr(future, "_logq_stamp", None))
        return result

    return dress(wait, original)


def _wrap_group_exit(original: Callable[..., Any]) -> Any:
    async def leave_group(self: Any, *exc: Any) -> Any:
        try:
            return await original(self, *exc)
        finally:
            stamps = vars(self).pop("_logq_stamps", [])
            if stamps and identity.me is not None:
                _merge_all(here(), stamps)

    return dress(leave_group, original)


# Between threads, and into the void. ----------------------------------------------------------


class _Carried:
    """A callback from another thread, with the stamp of who sent it."""

    __slots__ = ("callback", "stamp")

    def __init__(self, callback: Any, stamp: Any) -> None:
        self.callback = callback
        self.stamp = stamp

    def __call__(self, *args: Any) -> Any:
        merge(self.stamp)
        return self.callback(*args)

    def __repr__(self) -> str:
        return repr(self.callback)


def _wrap_call_soon_threadsafe(original: Callable[..., Any]) -> Any:
    def call_soon_threadsafe(self: Any, callback: Any, *args: Any, **kwargs: Any) -> Any:
        # Results of executors come with a stamp of their own.
        if identity.me is None or "_chain_future" in getattr(callback, "__qualname__", ""):
            return original(self, callback, *args, **kwargs)
        if self._debug:
            self._check_callback(callback, "call_soon_threadsafe")  # it would not look into ours
        handle = original(self, _Carried(callback, leave()), *args, **kwargs)
        if handle._source_traceback:
            del handle._source_traceback[-1]
        return handle

    return dress(call_soon_threadsafe, original)


def _wrap_call_exception_handler(original: Callable[..., Any]) -> Any:
    def call_exception_handler(self: Any, context: Any) -> Any:
        if identity.me is not None:
            try:
                _note_trouble(self, context)
            except Exception:
                swallowed()
        return original(self, context)

    return dress(call_exception_handler, original)


def _note_trouble(loop: Any, context: Any) -> None:
    subject = context.get("task") or context.get("future")
    lane: Lane | None = getattr(subject, "_logq_lane", None)
    problem = context.get("exception")
    if problem is None:
        if lane is not None and "destroyed" in str(context.get("message")) and not lane.over:
            event("end", {"how": "destroyed"}, lane)
            retire(lane)
        return
    where = "task" if lane is not None else "future" if subject is not None else "callback"
    hook = "default" if loop._exception_handler is None else "user"
    target = lane.reference(lane.process) if lane is not None else None
    hooks.report(where, problem, hook, target=target, note=context.get("message"))


def _hide_callback(base_futures: Any) -> None:
    """`repr(task)` lists callbacks: ours is not among them."""
    if base_futures is None:
        return

    def wrap(original: Callable[[Any], str]) -> Any:
        def _format_callbacks(callbacks: Any) -> str:
            shown = [entry for entry in callbacks or () if entry[0] not in (_task_done, _outer_done)]
            return original(shown)

        return dress(_format_callbacks, original)

    def wrap_info(original: Callable[[Any], Any]) -> Any:
        def _future_repr_info(future: Any) -> Any:
            return [part for part in original(future) if part != "cb=[]"]

        return dress(_future_repr_info, original)

    replace(base_futures, "_format_callbacks", wrap)
    replace(base_futures, "_future_repr_info", wrap_info)
