"""Exceptions of tasks that asyncio counts as fetched, or never asks about, though nobody saw them.

Three ways: a failure beside the one that `gather` raised, a failed task that was cancelled afterwards,
and one that is still unasked when the process ends. An `await` in C is not seen, so only these facts count.
"""

from __future__ import annotations

from _weakref import ref
from types import CodeType

from logq import exits, hooks, identity
from logq.emit import event
from logq.failure import describe
from logq.lane import Lane
from logq.trouble import swallowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["asked", "cancelled_after_failure", "forget", "gathered_beside", "patch", "settled_gather"]

_module: Any = None  # asyncio.tasks


class _Suspect:
    """A failure that only `gather` has asked for."""

    __slots__ = ("facts", "lane", "task")

    def __init__(self, task: Any, lane: Lane, facts: dict[str, object]) -> None:
        self.task = task  # weakly
        self.lane = lane
        self.facts = facts


# By id of the task; an entry goes when somebody looks at the task, or when the task goes.
_suspects: dict[int, _Suspect] = {}
# Code of asyncio's own that asks a task for its exception on behalf of nobody.
passive: set[CodeType] = set()


def patch(tasks: Any) -> None:
    global _module
    _module = tasks
    if _say_all not in exits.last_words:
        exits.last_words.append(_say_all)


def forget() -> None:
    _suspects.clear()


# Beside a reported one. -------------------------------------------------------------------------


def gathered_beside(task: Any, callback: Any) -> None:
    """A task failed whose `gather` (it made `callback`) has an outcome already: its failure goes nowhere."""
    names = callback.__code__.co_freevars
    if "outer" not in names or task._exception is None:
        return
    outer = callback.__closure__[names.index("outer")].cell_contents
    if outer is not None and outer.done() and not outer.cancelled():
        _suspect(task)


def settled_gather(outer: Any) -> None:
    """A `gather` ends with an exception: those of its tasks that have failed with another one."""
    reported = getattr(outer, "_exception", None)
    if reported is None:
        return
    for child in outer._children:
        if child.done() and getattr(child, "_exception", None) not in (None, reported):
            _suspect(child)


def _suspect(task: Any) -> None:
    lane: Lane | None = getattr(task, "_logq_lane", None)
    if lane is None or id(task) in _suspects:
        return
    key = id(task)

    def collected(_: Any) -> None:
        suspect = _suspects.pop(key, None)
        if suspect is not None:
            _say(suspect)

    _suspects[key] = _Suspect(ref(task, collected), lane, describe(task._exception))


def asked(task: Any, code: CodeType) -> None:
    """Code looks at a failed task: it knows now, unless it is asyncio's bookkeeping."""
    if _suspects and code not in passive:
        _suspects.pop(id(task), None)


def _say(suspect: _Suspect) -> None:
    process = identity.me
    if process is None or suspect.lane.process is not process:
        return
    lane = suspect.lane
    event(
        "exc",
        {
            "where": "task",
            **suspect.facts,
            "target": lane.reference(process),
            "site": lane.site,
            "fn": lane.fn,
            "note": "failed beside another one, which alone was reported by gather()",
        },
    )


# The others. ------------------------------------------------------------------------------------


def cancelled_after_failure(task: Any) -> None:
    """`cancel` on a task that is done has no effect but one: nobody will be told that it failed."""
    problem = task._exception
    if problem is not None and task._log_traceback:
        _report(task, problem, "had failed unseen when it was cancelled")


def _say_all() -> None:
    """The process ends: who has not asked by now never will."""
    for suspect in list(_suspects.values()):
        _say(suspect)
    _suspects.clear()
    from .aio_known import all_tasks

    for task in all_tasks():
        try:
            if task.done() and task._exception is not None and task._log_traceback:
                _report(task, task._exception, "was never asked for its exception")
            elif not task.done() and task._loop.is_closed():
                task._logq_left = True  # the interpreter closes loops too, later
        except Exception:
            swallowed()


def _report(task: Any, problem: BaseException, note: str) -> None:
    lane: Lane | None = getattr(task, "_logq_lane", None)
    process = identity.me
    if lane is None or process is None or lane.process is not process or getattr(task, "_logq_told", False):
        return
    task._logq_told = True
    hooks.report("task", problem, target=lane.reference(process), site=lane.site, fn=lane.fn, note=note)
