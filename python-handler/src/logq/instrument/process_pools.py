"""multiprocessing.Pool and ProcessPoolExecutor: which worker had which job, and what came of it.

A job is `send` where it is submitted, `recv` and `send` in the worker that does it, and `recv` again where
the pool takes its result. So a job that a worker took with it when it was killed is one without a result.
The messages themselves are the affair of `messages.py`.
"""

from __future__ import annotations

import sys
import time
from _weakref import ref

from logq import identity, snapshot
from logq.objects import Thing
from logq.patching import dress, replace
from logq.sites import caller_site, function_name, position, user_place
from logq.stamp import leave
from logq.trouble import swallowed

from . import messages, pool_results, purposes
from .messages import SILENT, pool_ends, write_send

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .messages import End
    from .purposes import Told

__all__ = ["patch_executor", "patch_pool"]


class ProcessPool(Thing):
    """One pool of processes, as a `wait` or a `snap` describes it."""

    __slots__ = ("count",)

    def __init__(self, kind: str, size: int | None, owner: Any, count: Callable[[Any], int]) -> None:
        super().__init__("pool", kind, caller_site(3), size, owner)
        self.count = count
        _pools.append(ref(self))

    def load(self) -> dict[str, object]:
        if self.told is not identity.me:
            self.tell()
        pool = self.owner() if self.owner is not None else None
        return {
            "obj": self.reference(),
            "size": self.size,
            "pending": self.count(pool) if pool is not None else 0,
            "workers": _workers(pool),
        }


_pools: list[Any] = []


def forget() -> None:
    _pools.clear()
    pool_results.forget()


def _workers(pool: Any) -> list[int]:
    """The pids of those that live."""
    processes = getattr(pool, "_processes", None) if not isinstance(getattr(pool, "_pool", None), list) else pool._pool
    found = list(processes.values()) if isinstance(processes, dict) else list(processes or ())
    return [worker.pid for worker in found if getattr(worker, "exitcode", 0) is None]


def _list_pools() -> list[dict[str, object]]:
    pools = [reference() for reference in list(_pools)]
    return [pool.load() for pool in pools if pool is not None and pool.told is not None]


def _contribute() -> None:
    if ("pools", _list_pools) not in snapshot.contributors:
        snapshot.contributors.append(("pools", _list_pools))


# multiprocessing.Pool. ----------------------------------------------------------------------------


def patch_pool(pool: Any) -> None:
    _contribute()
    pool_results.patch(pool)
    replace(pool.Pool, "__init__", _wrap_pool_init)
    replace(pool.ApplyResult, "__init__", _wrap_result_init)
    replace(pool.IMapIterator, "__init__", _wrap_result_init)
    pool_ends[pool.Pool._handle_tasks.__code__] = _task_goes
    pool_ends[pool.worker.__code__] = _in_worker
    pool_ends[pool.Pool._handle_results.__code__] = _result_comes
    purposes.note(pool.ApplyResult.wait, "future", _tell_result)
    purposes.note(pool.IMapIterator.next, "future", _tell_result)


def _wrap_pool_init(original: Callable[..., None]) -> Any:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        # A ThreadPool is a Pool, too, whose queues stay in this process.
        if identity.me is not None and hasattr(self._outqueue, "_reader"):
            try:
                size = getattr(self, "_processes", None)
                self._logq_pool = ProcessPool(f"multiprocessing.{type(self).__name__}", size, self, _count_results)
            except Exception:
                swallowed()

    return dress(init, original)


def _count_results(pool: Any) -> int:
    return len(pool._cache)


def _wrap_result_init(original: Callable[..., None]) -> Any:
    """Made by whoever submits, before any of it can be sent."""

    def init(self: Any, pool: Any, *args: Any, **kwargs: Any) -> None:
        original(self, pool, *args, **kwargs)
        if identity.me is None:
            return
        pool_results.watch(self)
        if getattr(pool, "_logq_pool", None) is not None:
            try:
                self._logq_pool = pool._logq_pool
                self._logq_front = write_send("job", pool._logq_pool, job=str(self._job), site=caller_site(2))
            except Exception:
                swallowed()

    return dress(init, original)


def _task_goes(frame: Any, task: Any) -> End:
    """The pool's thread sends what others have submitted: theirs is the stamp."""
    if not isinstance(task, tuple) or len(task) != 5:
        return SILENT  # that there is no more
    job, index, function, args, _ = task
    result = frame.f_locals["cache"].get(job)
    front = getattr(result, "_logq_front", None)
    if front is None:
        return SILENT
    if getattr(function, "__name__", "") in ("mapstar", "starmapstar") and args:
        function = args[0][0]
    return messages.with_note(front, f"{job}.{index} {function_name(function) or '?'}")


def _in_worker(_frame: Any, result: Any) -> End:
    if result is None:
        return "job", {}
    if not isinstance(result, tuple) or len(result) != 3:
        return SILENT
    job, index, (is_well, value) = result
    return "result", {"job": f"{job}.{index}", "exc": None if is_well else _kind(value)}


def _kind(problem: Any) -> str:
    """Its class; both pools wrap what they send to keep the traceback."""
    return type(getattr(problem, "exc", problem)).__name__


def _result_comes(_frame: Any, _message: Any) -> End:
    return "result", {}


def _tell_result(frame: Any) -> Told:
    result = frame.f_locals["self"]
    pool: ProcessPool | None = getattr(result, "_logq_pool", None)
    return pool, {"job": str(result._job), "pool": pool.load() if pool is not None else None}


# ProcessPoolExecutor. -----------------------------------------------------------------------------


def patch_executor(process: Any) -> None:
    _contribute()
    replace(process.ProcessPoolExecutor, "__init__", _wrap_executor_init)
    replace(process._WorkItem, "__init__", _wrap_item_init)
    pool_ends[process._process_worker.__code__] = _in_worker
    pool_ends[process._sendback_result.__code__] = _result_goes
    manager = process._ExecutorManagerThread
    pool_ends[manager.wait_result_broken_or_wakeup.__code__] = _result_comes


def _wrap_executor_init(original: Callable[..., None]) -> Any:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if identity.me is not None:
            try:
                kind = f"concurrent.futures.{type(self).__name__}"
                self._logq_pool = ProcessPool(kind, getattr(self, "_max_workers", None), self, _count_items)
            except Exception:
                swallowed()

    return dress(init, original)


def _count_items(executor: Any) -> int:
    return len(executor._pending_work_items)


def _wrap_item_init(original: Callable[..., None]) -> Any:
    """Made inside `submit`."""

    def init(self: Any, future: Any, fn: Any, *args: Any, **kwargs: Any) -> None:
        original(self, future, fn, *args, **kwargs)
        if identity.me is None:
            return
        try:
            executor: Any = sys._getframe(1).f_locals.get("self")
            pool = getattr(executor, "_logq_pool", None)
            if pool is None:
                return
            job = str(executor._queue_count)
            place = user_place(sys._getframe(1))
            future._logq_pool = pool
            future._logq_job = job
            front = write_send("job", pool, job=job, site=position(*place))
            future._logq_submitted = (leave(), place, time.monotonic_ns(), None)
            if front is not None:
                self._logq_front = messages.with_note(front, f"{job} {function_name(fn) or '?'}")
        except Exception:
            swallowed()

    return dress(init, original)


def _result_goes(_frame: Any, result: Any) -> End:
    problem = getattr(result, "exception", None)
    return "result", {"job": str(result.work_id), "exc": _kind(problem) if problem is not None else None}
