"""threading.Thread: who started whom, what ended how, and who saw it end.

Locks, events and conditions are not this file's affair.
"""

from __future__ import annotations

import sys
import time
from _thread import _excepthook

from logq import exits, hooks, identity, native, usage, waits, watchdog
from logq.emit import announce, event, retire
from logq.failure import brief
from logq.fields import current, take_up
from logq.lane import Lane, enter, here, new_green_lane, new_thread_lane
from logq.objects import JOIN
from logq.patching import dress, replace
from logq.sites import caller_site, function_name
from logq.stamp import leave_of, merge_into
from logq.trouble import swallowed
from logq.unseen import hide
from logq.waits import join_noting

from . import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["patch", "patch_shutdown"]

_default_hook: Any = None
_MANY = 64  # threads that the end of the program is said to wait for


def patch_shutdown(threading: Any) -> None:
    """The interpreter calls `_shutdown` to wait for threads: by then the main thread is done."""
    replace(threading, "_shutdown", lambda original: _wrap_shutdown(original, threading))


def _wrap_shutdown(original: Callable[..., Any], threading: Any) -> Any:
    def _shutdown(*args: Any) -> Any:
        hooks.note_main_exception()
        last = _LastWait(threading)
        try:
            return original(*args)
        finally:
            last.end()

    return dress(_shutdown, original)


class _LastWait:
    """The main thread's wait for the threads that are no daemons. C does it, after everything that is to run before:
    so of those, this is put last."""

    def __init__(self, threading: Any) -> None:
        self.threading = threading
        self.wait: waits.Wait | None = None
        try:
            if identity.me is not None and identity.me.capture != "records":
                threading._threading_atexits.insert(0, self.begin)  # the first is called last
        except AttributeError:
            pass

    def begin(self) -> None:
        """Nothing tells how long it will take, so it is written at once if there is anyone to wait for."""
        try:
            process = identity.me
            if process is None:
                return
            owners = []
            for thread in list(self.threading._active.values()):
                lane: Lane | None = getattr(thread, "_logq_lane", None)
                if lane is not None and lane.process is process and not lane.over and not thread.daemon:
                    owners.append(lane.key)
            if owners:
                whom: dict[str, object] = {"owner": owners[0]} if len(owners) == 1 else {"owners": owners[:_MANY]}
                self.wait = waits.begin("join", time.monotonic_ns(), None, whom)
        except Exception:
            swallowed()

    def end(self) -> None:
        if self.wait is not None:
            self.wait.end("ok")


def patch(threading: Any) -> None:
    global _default_hook
    # Its own name came with 3.10; `threading.excepthook` may be the program's already.
    _default_hook = getattr(threading, "__excepthook__", None) or _excepthook
    thread = threading.Thread
    if ("daemons", _list_daemons) not in exits.contributors:
        exits.contributors.append(("daemons", _list_daemons))
        exits.contributors.append(("lanes", usage.of_lanes))
        usage.begin()
    if usage.look not in watchdog.ticks:
        watchdog.ticks.append(usage.look)
    replace(thread, "start", _wrap_start)
    replace(thread, "_bootstrap_inner", lambda original: _wrap_bootstrap(original, threading))
    alive = thread.is_alive
    replace(thread, "join", lambda original: _wrap_join(original, alive))
    replace(thread, "is_alive", _wrap_is_alive)


def _list_daemons() -> object:
    """For the `exit` line: daemon threads that the end cuts off."""
    process = identity.me
    if process is None or not any(lane.daemon for lane in list(process.lanes.values()) if lane.kind == "thread"):
        return None
    from logq import daemons  # few programs have any

    return daemons.cut_off()


def _wrap_start(original: Callable[[Any], None]) -> Any:
    def start(self: Any) -> None:
        if identity.me is not None and getattr(self, "_initialized", False) and self._ident is None:
            _announce_start(self)
        try:
            original(self)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(start, original)


def _announce_start(thread: Any) -> None:
    try:
        exits.note_top()
        lane: Lane | None = getattr(thread, "_logq_promised", None)  # others may name it already
        if lane is None or lane.process is not identity.me:
            lane = new_green_lane(thread._name) if native.is_green() else new_thread_lane(thread._name)
        lane.daemon = bool(thread._daemonic)
        creator = here()
        lane.inherit(creator.mark or creator.stamp())
        lane.site = caller_site(3)
        lane.fn = _what_runs(thread)
        lane.fields = current()
        thread._logq_lane = lane
        watchdog.need()
    except Exception:
        swallowed()


def _what_runs(thread: Any) -> str | None:
    kind = type(thread)
    if hasattr(thread, "_logq_called"):
        return str(thread._logq_called)
    if kind.__module__ == "threading" and kind.__name__ == "Timer":
        return function_name(getattr(thread, "function", None))
    if kind.run is not _base_run(kind):
        return function_name(kind.run)
    return function_name(getattr(thread, "_target", None))


def _base_run(kind: Any) -> Any:
    for base in kind.__mro__:
        if base.__module__ == "threading" and base.__name__ == "Thread":
            return base.run
    return None


def _wrap_bootstrap(original: Callable[[Any], None], threading: Any) -> Any:
    def _bootstrap_inner(self: Any) -> None:
        lane: Lane | None = getattr(self, "_logq_lane", None)
        if lane is None or lane.process is not identity.me:
            original(self)
            return
        enter(lane)
        lane.who = self
        if lane.fields is not None:
            take_up(lane.fields)
            lane.fields = None
        try:
            # At once, not with its first record: one that hangs without a word must be on disk, too.
            announce(lane)
        except Exception:
            swallowed()
        _watch_failure(self, lane, threading)
        try:
            original(self)
        finally:
            _end(lane)

    return dress(_bootstrap_inner, original)


def _watch_failure(thread: Any, lane: Lane, threading: Any) -> None:
    """Whatever hook is in force when the thread dies, the exception is seen first."""
    original = getattr(thread, "_invoke_excepthook", None)
    if original is None:
        return

    def _invoke_excepthook(failed: Any) -> None:
        problem = sys.exc_info()[1]
        if problem is not None and not isinstance(problem, SystemExit):
            try:
                lane.failure = brief(problem)
                hook = threading.excepthook
                if hook is _default_hook:
                    hooks.report("thread", problem, "default", lane)
                else:
                    hooks.report("thread", problem, "user", lane, muted=hooks.looks_at_nothing(hook) or None)
            except Exception:
                swallowed()
        del problem
        original(failed)

    thread._invoke_excepthook = _invoke_excepthook


def _end(lane: Lane) -> None:
    """Writes the lane's end, before a join can return."""
    try:
        if lane.process is not identity.me:
            return
        how = "exc" if lane.failure else "ok"
        event("end", {"how": how, "exc": lane.failure, **usage.at_end(lane)}, lane)
        retire(lane)
    except Exception:
        swallowed()


def _wrap_join(original: Callable[..., None], alive: Callable[[Any], bool]) -> Any:
    def join(self: Any, timeout: float | None = None) -> None:
        if identity.me is None:
            original(self, timeout)
            return
        try:
            join_noting(original, alive, self, timeout)
        except BaseException as problem:
            hide(problem)
            raise
        if not alive(self):
            see_end(self)

    return dress(join, original)


def _wrap_is_alive(original: Callable[[Any], bool]) -> Any:
    def is_alive(self: Any) -> bool:
        try:
            alive = original(self)
        except BaseException as problem:
            hide(problem)
            raise
        if not alive and identity.me is not None:
            see_end(self)
        return alive

    return dress(is_alive, original)


def see_end(thread: Any) -> None:
    """The running lane has learnt that the thread is over."""
    lane: Lane | None = getattr(thread, "_logq_lane", None)
    if lane is None or not lane.over:  # not started, or left behind in the parent by a fork
        return
    try:
        merge_into(here(), leave_of(lane), JOIN)
    except Exception:
        swallowed()


signals.guard(_announce_start, _end, see_end)
