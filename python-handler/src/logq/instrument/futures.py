"""concurrent.futures: from `submit` to the worker that runs it, and from there to who asks.

Failures that nobody asked for are kept in `future_failures.py`. Process pools have their futures here too; what happens
inside their workers is `processes.py`'s affair.
"""

from __future__ import annotations

import sys
import time

from logq import hooks, identity
from logq.fields import current, take_up
from logq.lane import here
from logq.objects import JOB, RESULT, Thing
from logq.patching import add, dress, replace
from logq.sites import is_machinery, site_from, user_place
from logq.stamp import leave, merge, merge_into
from logq.trouble import swallowed
from logq.unseen import hide

from . import future_conditions, signals
from .future_failures import note_failure, note_retrieved, reference, tell_at_exit, unretrieved
from .future_waits import note_purposes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable


__all__ = ["patch_base", "patch_thread"]


_UNSETTLED = frozenset(["PENDING", "RUNNING"])
_frame = sys._getframe
_mono = time.monotonic_ns


class _GetResult:
    """In the place of `__get_result`, which a result is fetched with: it is asked for when this is looked up.

    So a caller's traceback shows no frame of ours.
    """

    def __init__(self, original: Any) -> None:
        self.original = original

    def __get__(self, future: Any, owner: Any = None) -> Any:
        if future is not None and identity.me is not None:
            try:
                stamp = future._logq_stamp
                if stamp is not None:
                    merge_into(here(), stamp, RESULT)
                if unretrieved:
                    note_retrieved(future)
            except Exception:
                swallowed()
        return self.original.__get__(future, owner)


def patch_base(base: Any) -> None:
    future = base.Future
    note_purposes(base)
    for name in ("_logq_pool", "_logq_runner", "_logq_stamp", "_logq_submitted"):
        add(future, name, None)  # a future's own, once there is something to note
    future_conditions.patch(base, _note_made)
    replace(future, "set_result", _wrap_result)
    replace(future, "set_exception", _wrap_fail)
    replace(future, "cancel", _wrap_cancel)
    replace(future, "_Future__get_result", _GetResult)
    replace(future, "exception", _wrap_exception)
    replace(future, "done", _wrap_done)
    replace(base, "wait", _wrap_wait)
    package = sys.modules.get("concurrent.futures")
    if package is not None and "wait" in vars(package):  # imported before us
        replace(package, "wait", lambda _: base.wait)
    replace(base.LOGGER, "exception", lambda original: _wrap_complaint(original, "callback"))
    replace(base.LOGGER, "critical", lambda original: _wrap_complaint(original, "pool"))
    tell_at_exit()


def patch_thread(thread: Any) -> None:
    replace(thread._WorkItem, "__init__", _wrap_item)
    replace(thread._WorkItem, "run", _wrap_run)


def forget() -> None:
    unretrieved.clear()


def _note_made(frame: Any) -> None:
    """A future is being made, in the `__init__` of `frame`. One made by hand nobody submits, so this is the only
    place that is known of it."""
    try:
        frame, made = frame.f_back, frame
        code = frame.f_code
        if not is_machinery(code.co_filename):
            future = made.f_locals["self"]
            kind = f"concurrent.futures.{type(future).__name__}"
            future._logq_thing = Thing("fut", kind, site_from(frame), None, future)
        elif code.co_name == "run_coroutine_threadsafe":
            made.f_locals["self"]._logq_submitted = (leave(), user_place(frame), _mono(), None)
    except Exception:
        swallowed()


def _wrap_item(original: Callable[..., None]) -> Any:
    """Made inside `submit`, by the thread that submits and before any worker can see it."""
    if original.__code__.co_names[:4] != ("future", "fn", "args", "kwargs"):

        def init(self: Any, future: Any, *args: Any, **kwargs: Any) -> None:
            original(self, future, *args, **kwargs)
            if identity.me is not None:
                _note_submission(future, _frame(1))

        return dress(init, original)

    def __init__(self: Any, future: Any, fn: Any, args: Any, kwargs: Any) -> None:  # noqa: N807 - as the original
        self.future = future
        self.fn = fn
        self.args = args
        self.kwargs = kwargs
        if identity.me is not None:
            _note_submission(future, _frame(1))

    return dress(__init__, original)


def _note_submission(future: Any, frame: Any) -> None:
    try:
        lane = here()
        future._logq_submitted = (lane.mark or lane.stamp(), user_place(frame), _mono(), current())
    except Exception:
        swallowed()


def _wrap_run(original: Callable[..., None]) -> Any:
    def run(self: Any, *args: Any) -> None:
        fields = before = pool = lane = None
        try:
            future = self.future
            submitted = future._logq_submitted
            if submitted is not None and identity.me is not None:
                fields = submitted[3]
                future._logq_runner = lane = here()
                merge_into(lane, submitted[0], JOB)
                pool = future._logq_pool
                if pool is not None:
                    pool.begin(lane, submitted[2])
            if fields is not current():  # also none: a worker has those of whoever had it start
                before = take_up(fields)
            else:
                before = fields
            del future, submitted
        except Exception:
            before = fields
            swallowed()
        try:
            original(self, *args)
        finally:
            # A failure's traceback keeps the frames below this one, and they keep this: without this line the
            # item, its future and its failure would go with the next garbage collection only.
            del self
            if before is not fields:
                take_up(before)
            if pool is not None:
                pool.end(lane)

    return dress(run, original)


def _wrap_complaint(original: Callable[..., None], where: str) -> Any:
    """What concurrent.futures can only log: a callback that raises, an initializer or a worker that fails."""

    # The record names who complains, not us. Until 3.10 the level is counted from inside of `Logger.exception`.
    levels = 2 if where == "callback" and sys.version_info < (3, 11) else 1

    def complain(message: Any, *args: Any, **kwargs: Any) -> None:
        problem = sys.exc_info()[1]
        if problem is not None and identity.me is not None:
            try:
                obj = reference(args[0]) if where == "callback" and args else None
                hooks.report(where, problem, "default", obj=obj, note=str(message).partition(" for %r")[0])
            except Exception:
                swallowed()
        del problem
        kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + levels
        original(message, *args, **kwargs)

    return dress(complain, original)


def _wrap_result(original: Callable[[Any, Any], None]) -> Any:
    def set_result(self: Any, result: Any) -> None:
        _leave_on(self)
        try:
            original(self, result)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(set_result, original)


def _wrap_cancel(original: Callable[[Any], bool]) -> Any:
    def cancel(self: Any) -> bool:
        _leave_on(self)
        try:
            return original(self)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(cancel, original)


def _leave_on(future: Any) -> None:
    """The stamp must be there before anyone can see the result. A settled future keeps its own."""
    if identity.me is not None and future._state in _UNSETTLED:
        lane = here()
        future._logq_stamp = lane.mark or lane.stamp()


def _wrap_fail(original: Callable[..., None]) -> Any:
    def set_exception(self: Any, exception: Any) -> None:
        if identity.me is not None and isinstance(exception, BaseException) and self._state in _UNSETTLED:
            try:
                note_failure(self, exception)
            except Exception:
                swallowed()
            _leave_on(self)
        try:
            original(self, exception)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(set_exception, original)


def _asked(future: Any) -> None:
    if identity.me is None:
        return
    if future._logq_stamp is not None:
        merge_into(here(), future._logq_stamp, RESULT)
    if unretrieved:
        note_retrieved(future)


def _wrap_exception(original: Callable[..., Any]) -> Any:
    def exception(self: Any, timeout: float | None = None) -> Any:
        try:
            found = original(self, timeout)
        except BaseException as problem:
            hide(problem)
            raise
        _asked(self)
        return found

    return dress(exception, original)


def _wrap_done(original: Callable[[Any], bool]) -> Any:
    def done(self: Any) -> bool:
        is_done = original(self)
        if is_done:
            merge(self._logq_stamp, RESULT)
        return is_done

    return dress(done, original)


def _wrap_wait(original: Callable[..., Any]) -> Any:
    def wait(fs: Any, timeout: float | None = None, return_when: str = "ALL_COMPLETED") -> Any:
        try:
            result = original(fs, timeout, return_when)
        except BaseException as problem:
            hide(problem)
            raise
        for future in result.done:
            merge(getattr(future, "_logq_stamp", None), RESULT)
        return result

    return dress(wait, original)


signals.guard(_note_made, _note_submission, _leave_on, _asked, _GetResult.__get__)
