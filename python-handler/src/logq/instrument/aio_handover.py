"""Who wakes whom in an event loop: stamps from who settles a future to the tasks that await it.

A future that is settled gives its callbacks to `call_soon` there and then, in the flow of control that
settles it; a task that awaits it is such a callback. So this one place sees every hand-over through a
future, and every use of a loop from a foreign thread. An `await` of a plain future that is done already
passes nothing. What locks, queues and barriers hand over is said by `aio_locks.py` and `aio_queues.py`,
what a callback from another thread brings by `aio_carried.py`.
"""

from __future__ import annotations

import sys
from types import BuiltinMethodType, CodeType, MethodType

from logq import identity
from logq import lane as lanes
from logq.lane import thread_lane
from logq.native import get_ident
from logq.objects import RESULT
from logq.patching import dress, replace
from logq.sites import is_machinery
from logq.stamp import leave, leave_of, merge, merge_into, merge_lock
from logq.trouble import swallowed
from logq.unseen import hide

from . import aio_foreign, aio_lost, tasks
from .aio_carried import causes, wrap_call_soon_threadsafe, wrap_copy_future_state
from .aio_locks import thing_of
from .tasks import COUNTED, is_counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.lane import Lane, Stamp

__all__ = ["code_of", "patch_base_events", "patch_tasks"]

# What it means when a future is settled by this function of asyncio: nothing (the stamp goes another way), an
# object of that name did it, a queue's wake-up.
_SILENT, _NAMED, _QUEUE = "silent", "named", "queue"
_settlers: dict[CodeType, str] = {}
# Callbacks of asyncio that pass a result on, and do nothing else.
_passive: set[CodeType] = set()
_release_waiter: CodeType | None = None
_gathered: CodeType | None = None

_future_types: dict[type, bool] = {}
_futures: tuple[type, ...] = ()

_SETTLERS = {
    "Lock._wake_up_first": _SILENT,
    "Semaphore._wake_up_next": _SILENT,
    "Event.set": _NAMED,
    "Condition.notify": _NAMED,
    "Condition._notify": _NAMED,
}


def patch_tasks(module: Any) -> None:
    """`asyncio.tasks`: functions that make a future out of others."""
    global _futures, _release_waiter, _gathered
    gather = getattr(module, "_gather", module.gather)  # 3.9 has it under the first name
    _gathered = _nested(code_of(gather), "_done_callback")
    aio_lost.passive.update(code for code in (_gathered, code_of(module._GatheringFuture.cancel)) if code)
    futures = module.futures
    _futures = tuple({futures.Future, getattr(futures, "_PyFuture", futures.Future)})
    _release_waiter = code_of(getattr(module, "_release_waiter", None))
    for function, inner in ((gather, "_done_callback"), (module.shield, "_inner_done_callback")):
        _add(_passive, _nested(code_of(function), inner))
    for name in ("_wait", "as_completed"):
        code = _nested(code_of(getattr(module, name, None)), "_on_completion")
        _add(_passive, code)
        if code is not None:
            _settlers[code] = _SILENT
    for function in (_get(module, "_release_waiter"), _get(futures, "_set_result_unless_cancelled")):
        code = code_of(function)
        if code is not None:
            _settlers[code] = _SILENT
    replace_everywhere(module, "gather", _wrap_gather)
    replace_everywhere(module, "shield", lambda original: _wrap_shield(original, module))
    # Not `wait` itself: before 3.11 it warns of whoever stands above it.
    replace(module, "_wait", _wrap_wait)


def patch_locks(module: Any) -> None:
    for path, rule in _SETTLERS.items():
        kind, name = path.split(".")
        code = code_of(_get(_get(module, kind), name))
        if code is not None:
            _settlers[code] = rule


def patch_queues(module: Any) -> None:
    code = code_of(_get(module.Queue, "_wakeup_next"))
    if code is not None:
        _settlers[code] = _QUEUE


def patch_taskgroups(module: Any) -> None:
    code = code_of(_get(module.TaskGroup, "_on_task_done"))
    if code is not None:
        _settlers[code] = _SILENT
        _passive.add(code)


def patch_base_events(base_events: Any) -> None:
    patch_loop(base_events.BaseEventLoop)
    replace(base_events.futures, "wrap_future", _wrap_wrap_future)
    replace(base_events.futures, "_copy_future_state", wrap_copy_future_state)


def patch_loop(loop: Any) -> None:
    """A class of loops: asyncio's own, or uvloop's."""
    replace(loop, "call_soon", _wrap_call_soon)
    replace(loop, "call_soon_threadsafe", wrap_call_soon_threadsafe)


def forget() -> None:
    causes.clear()


def code_of(function: Any) -> CodeType | None:
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return getattr(function, "__code__", None)


def replace_everywhere(module: Any, name: str, wrap: Callable[[Any], Any]) -> None:
    """In the module and, where it is imported already, in the package that repeats the name."""
    replace(module, name, wrap)
    package = sys.modules.get("asyncio")
    if package is not None and name in vars(package):
        replace(package, name, lambda _: getattr(module, name))


def _get(owner: Any, name: str) -> Any:
    return getattr(owner, name, None)


def _nested(code: CodeType | None, name: str) -> CodeType | None:
    for constant in code.co_consts if code is not None else ():
        if isinstance(constant, CodeType) and constant.co_name == name:
            return constant
    return None


def _add(codes: set[CodeType], code: CodeType | None) -> None:
    if code is not None:
        codes.add(code)


# The one place. ---------------------------------------------------------------------------------


# What the code of `call_soon` refers to, on the versions whose code is the same as ours below.
_STEPS = {"_check_closed", "_debug", "_check_thread", "_check_callback", "_call_soon", "_source_traceback"}


def _wrap_call_soon(original: Callable[..., Any]) -> Any:
    code = code_of(original)
    is_known = code is not None and set(code.co_names) == _STEPS
    task_done = tasks.task_done

    def call_soon(self: Any, callback: Any, *args: Any, context: Any = None) -> Any:
        if identity.me is not None:
            if args:
                if callback is task_done:  # ours: a task is done, and its loop need not turn for us to know
                    task_done(args[0])
                    return None
                future = args[0]
                if type(future) is tasks._Task and future._logq_made is COUNTED:
                    # Most tasks: to its creator such a one tells nothing. As in `_hand_over`, without its calls.
                    waiter = getattr(callback, "__self__", None)
                    if getattr(waiter, "_logq_lane", None) is not future._logq_birth[1][0]:
                        _hand_over(callback, future)
                elif _future_types.get(type(future)) or (len(args) == 1 and _is_future(future)):
                    _hand_over(callback, future)
            # While it runs, a loop of asyncio's own knows its thread.
            if (not is_known or self._thread_id != get_ident()) and aio_foreign.is_foreign(self):
                aio_foreign.note(self, callback, args)
        try:
            if is_known and not self._debug and not self._closed:  # what the original does, without its frame
                return self._call_soon(callback, args, context)
            return original(self, callback, *args, context=context)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(call_soon, original)


def _is_future(candidate: Any) -> bool:
    kind = type(candidate)
    known = _future_types.get(kind)
    if known is None:
        known = issubclass(kind, _futures)
        if len(_future_types) < 1000:
            _future_types[kind] = known
    return known


def waiting_task(callback: Any) -> Any:
    """The task that goes on when this callback of a future runs, or None."""
    kind = type(callback)
    if kind is BuiltinMethodType or kind is MethodType or kind.__name__ == "TaskWakeupMethWrapper":
        owner = callback.__self__
        if _is_future(owner):
            return owner
    return None


def _hand_over(callback: Any, future: Any) -> None:
    """`future` is being settled by who runs now, and `callback` is one of its callbacks."""
    try:
        waiter = waiting_task(callback)
        lane: Lane | None = getattr(waiter, "_logq_lane", None) if waiter is not None else None
        if lane is None:
            _hand_to_callback(callback, future)
            return
        if is_counted(future) and future._logq_birth[1][0] is lane:
            return  # it learned nothing since its creation
        done: Lane | None = getattr(future, "_logq_lane", None)
        if done is not None:
            if done.has_news(lane):
                done.heir = lane
                merge_into(lane, leave_of(done))
        elif hasattr(future, "_logq_sources"):
            if hasattr(future, "_children"):
                aio_lost.settled_gather(future)
            for stamp in stamps_of(future):
                if stamp is not None:
                    merge_into(lane, stamp)
        else:
            _hand_from_settler(lane, sys._getframe(2))
    except Exception:
        swallowed()


def _hand_from_settler(lane: Lane, frame: Any) -> None:
    rule = _settlers.get(frame.f_code)
    if rule is _SILENT:
        _hand_group(lane, frame)
        return
    if rule is _QUEUE:
        queue = frame.f_locals.get("self")
        if frame.f_locals.get("waiters") is getattr(queue, "_putters", None):
            stamp, trail = leave(), getattr(queue, "_logq_trail", None)
            if stamp is not None and trail is not None:
                merge_lock(lane, stamp, trail.thing)
        return
    stamp = _stamp_of_settler(frame)
    if stamp is not None:
        merge_into(lane, stamp, thing_of(frame.f_locals.get("self")) if rule is _NAMED else None)


def _hand_group(lane: Lane, frame: Any) -> None:
    """The last task of a group is done: who leaves the group learns of all of them."""
    if frame.f_code.co_name == "_on_task_done":
        for stamp in vars(frame.f_locals["self"]).pop("_logq_stamps", ()):
            merge_into(lane, stamp)


def _stamp_of_settler(frame: Any) -> Stamp | None:
    """The stamp of who runs now. Outside of a task it is what another thread sent, if one did, and what this
    thread wrote, if the program's own code runs: other callbacks that ran before are no cause."""
    loop = lanes.running_loop()
    if loop is None or lanes.current_task(loop) is not None:
        return leave()
    cause = causes.get(get_ident())
    while frame is not None and frame.f_code.co_name != "_run_once":
        if not is_machinery(frame.f_code.co_filename):
            lane = thread_lane()
            return (lane, lane.seq, cause[2] if cause else (), cause[3] if cause else ())
        frame = frame.f_back
    return cause


def _hand_to_callback(callback: Any, future: Any) -> None:
    """A bare callback: it runs in its thread's lane."""
    done: Lane | None = getattr(future, "_logq_lane", None)
    owner = callback.__self__ if type(callback) is MethodType else None
    code = getattr(callback, "__code__", None) if owner is not None or type(callback).__name__ == "function" else None
    if done is None and not hasattr(future, "_logq_sources"):
        stamp = _stamp_of_settler(sys._getframe(3))
        if stamp is not None:
            future._logq_stamp = stamp
    if type(callback).__name__ == "partial" and code_of(callback.func) is _release_waiter is not None:
        callback.args[0]._logq_sources = [future]  # `wait_for` before 3.12
        return
    if owner is not None and code_of(callback) in _passive:
        stamps = [leave_of(done)] if done is not None else stamps_of(future)
        vars(owner).setdefault("_logq_stamps", []).extend([stamp for stamp in stamps if stamp is not None])
    elif code in _passive:
        if code is _gathered and done is not None:
            aio_lost.gathered_beside(future, callback)
    elif done is not None:
        merge_into(thread_lane(), leave_of(done), RESULT)


def stamps_of(future: Any) -> list[Any]:
    """The stamps of what settled a future that stands for others."""
    stamps: list[Any] = []
    for source in getattr(future, "_logq_sources", ()):
        if not source.done():
            continue
        lane = getattr(source, "_logq_lane", None)
        if lane is not None:
            stamps.append(leave_of(lane))
        elif hasattr(source, "_logq_sources"):
            stamps.extend(stamps_of(source))
        else:
            stamps.append(getattr(source, "_logq_stamp", None))
    return stamps


# Futures that stand for others. ---------------------------------------------------------------


def _watch(future: Any, sources: list[Any]) -> None:
    """Whoever waits for `future` waits for `sources`, which settle it."""
    try:
        future._logq_sources = sources
    except Exception:
        swallowed()


def _wrap_gather(original: Callable[..., Any]) -> Any:
    def gather(*args: Any, **kwargs: Any) -> Any:
        future = original(*args, **kwargs)
        children = getattr(future, "_children", None)
        if identity.me is not None and children:
            _watch(future, list(children))
        return future

    return dress(gather, original)


def _wrap_shield(original: Callable[..., Any], module: Any) -> Any:
    def shield(arg: Any, *args: Any, **kwargs: Any) -> Any:
        if identity.me is None or args or kwargs:
            return original(arg, *args, **kwargs)
        inner = module.ensure_future(arg)
        future = original(inner)
        if future is not inner:  # shield of a done future is that future
            _watch(future, [inner])
        return future

    return dress(shield, original)


def _wrap_wrap_future(original: Callable[..., Any]) -> Any:
    def wrap_future(future: Any, *, loop: Any = None) -> Any:
        wrapped = original(future, loop=loop)
        if wrapped is not future and identity.me is not None:
            _watch(wrapped, [future])
        return wrapped

    return dress(wrap_future, original)


def _wrap_wait(original: Callable[..., Any]) -> Any:
    async def wait(*args: Any) -> Any:
        try:
            result = await original(*args)
        except BaseException as problem:
            hide(problem)
            raise
        if identity.me is not None:
            for future in result[0]:
                lane = getattr(future, "_logq_lane", None)
                if lane is not None:
                    merge(leave_of(lane), RESULT)
                elif hasattr(future, "_logq_sources"):
                    for stamp in stamps_of(future):
                        merge(stamp, RESULT)
                else:
                    merge(getattr(future, "_logq_stamp", None), RESULT)
        return result

    return dress(wait, original)
