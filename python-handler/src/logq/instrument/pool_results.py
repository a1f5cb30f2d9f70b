"""Jobs of a multiprocessing.Pool, or ThreadPool, that failed and that nobody asked for.

A pool keeps quiet about a failure until somebody calls `get`, has given an `error_callback`, or goes on
with the iterator. Which worker failed is the affair of `process_pools.py`.
"""

from __future__ import annotations

from _weakref import ref

from logq import exits, identity
from logq.emit import event
from logq.failure import describe
from logq.patching import add, replace
from logq.sites import caller_site
from logq.trouble import swallowed

from .around import OnRead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["forget", "patch", "watch"]

# Those that are there yet, by id and weakly: for the process's end.
_results: dict[int, Any] = {}


def patch(pool: Any) -> None:
    for kind, asking in ((pool.ApplyResult, ("get", "successful")), (pool.IMapIterator, ("next", "__next__"))):
        for name in asking:
            replace(kind, name, lambda original: OnRead(original, _asked))
        add(kind, "__del__", _collected)
    if _say_all not in exits.last_words:
        exits.last_words.append(_say_all)


def forget() -> None:
    _results.clear()


def watch(result: Any) -> None:
    """A job has just been made, in the call that submits it."""
    try:
        result._logq_made = (identity.me, caller_site(3))
        key, pop = id(result), _results.pop
        _results[key] = ref(result, lambda _: pop(key, None))
    except Exception:
        swallowed()


def _asked(result: Any) -> None:
    result._logq_asked = True


def _collected(result: Any) -> None:
    try:
        _say(result)
    except Exception:
        swallowed()


def _say_all() -> None:
    """The process ends: who has not asked by now never will."""
    for reference in list(_results.values()):
        result = reference()
        if result is not None:
            _say(result)


def _say(result: Any) -> None:
    members = result.__dict__
    made = members.get("_logq_made")
    if made is None or made[0] is None or made[0] is not identity.me or "_logq_asked" in members:
        return
    problem = _failure(members)
    if problem is None:
        return
    result._logq_asked = True  # it is told of once
    pool = members.get("_logq_pool")
    obj = pool.reference() if pool is not None else None
    event("exc", {"where": "pool", **describe(problem), "obj": obj, "job": str(members["_job"]), "site": made[1]})


def _failure(members: dict[str, Any]) -> BaseException | None:
    if members.get("_error_callback") is not None:
        return None
    if "_items" in members:  # an iterator that nobody has begun
        outcomes = [*members["_items"], *members["_unsorted"].values()]
        problem = next((value for is_well, value in outcomes if not is_well), None)
    elif members.get("_success", True) or not members["_event"].is_set():
        return None
    else:
        problem = members["_value"]
    return problem if isinstance(problem, BaseException) else None
