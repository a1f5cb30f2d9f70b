"""Failures of concurrent.futures that nobody has asked for: told when a future goes, and at the end.

A future's failure is noted where it is set, and forgotten where somebody asks how it ended. Who that is, is
the affair of `futures.py`.
"""

from __future__ import annotations

import sys
from _weakref import ref

from logq import exits, identity
from logq.emit import event
from logq.failure import describe
from logq.lane import Lane, here
from logq.objects import RESULT
from logq.sites import caller_site, position
from logq.stamp import leave_of, merge

from . import signals
from .future_waits import thing_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from logq.lane import Site, Stamp

__all__ = ["note_failure", "note_retrieved", "reference", "tell_at_exit", "unretrieved"]


class _Failure:
    """A future's exception that nobody has asked for yet: the lane that ran it, who submitted it and where."""

    __slots__ = ("facts", "future", "giver", "is_told", "lane", "site", "stamp")

    def __init__(
        self, future: Any, lane: Lane, giver: Stamp | None, site: Site | None, facts: dict[str, object]
    ) -> None:
        self.stamp = leave_of(lane)
        self.is_told = False  # there is an `exc` of it
        self.future = future  # weakly
        self.lane = lane
        self.giver = giver
        self.site = site
        self.facts = facts

    def origin(self) -> str | None:
        """The stamp of the submission, as `from` of a record of the failing lane's process."""
        if self.giver is None:
            return None
        giver, seq = self.giver[:2]
        return f"{giver.reference(self.lane.process)}@{max(seq, 0)}"

    def name(self) -> str | None:
        """The future's, if anyone has had reason to give it one."""
        thing = getattr(self.future(), "_logq_thing", None)
        return thing.reference() if thing is not None and thing.told is identity.me else None


# By id of the future; an entry goes when it is asked for or when the future goes.
unretrieved: dict[int, _Failure] = {}


def tell_at_exit() -> None:
    if ("unretrieved", _list_unretrieved) not in exits.contributors:
        exits.contributors.append(("unretrieved", _list_unretrieved))
        exits.last_words.append(_say_all_lost)


def note_failure(future: Any, exception: BaseException) -> None:
    key = id(future)
    submitted = getattr(future, "_logq_submitted", None)
    giver, site = (submitted[0], position(*submitted[1])) if submitted is not None else (None, None)
    facts = describe(exception)

    def collected(_: Any) -> None:
        failure = unretrieved.pop(key, None)
        if failure is not None and identity.me is failure.lane.process:
            _say_lost(failure)

    lane = _failing_lane(sys._getframe(2))
    unretrieved[key] = _Failure(ref(future, collected), lane, giver, site, facts)


def _failing_lane(frame: Any) -> Lane:
    """Who failed, when `frame` gives the exception to its future: a task, where asyncio copies its outcome."""
    source = frame.f_locals.get("source") if frame.f_code.co_name == "_set_concurrent_future_state" else None
    lane: Lane | None = getattr(source, "_logq_lane", None)
    return lane if lane is not None else here()


def _say_lost(failure: _Failure) -> None:
    """A future was collected and nobody ever asked how it ended."""
    if failure.is_told:
        return
    failure.is_told = True
    target = failure.lane.reference(failure.lane.process)
    merge(failure.stamp, RESULT)
    where = {"target": target, "from": failure.origin(), "site": failure.site, "obj": failure.name()}
    event("exc", {"where": "future", **failure.facts, **where})


def _say_all_lost() -> None:
    """The process ends: who has not asked by now never will. (`exit` lists them in short.)"""
    for failure in list(unretrieved.values()):
        if failure.lane.process is identity.me:
            _say_lost(failure)


def note_retrieved(future: Any) -> None:
    failure = unretrieved.pop(id(future), None)
    if failure is not None:
        lane = here()
        target = failure.lane.reference(lane.process)
        event("note", {"what": "retrieved", "target": target, "site": caller_site(3), "obj": reference(future)}, lane)


def reference(future: Any) -> str:
    thing = thing_of(future)
    thing.tell()
    return thing.reference()


def _reference_of(failure: _Failure) -> str | None:
    future = failure.future()
    return reference(future) if future is not None else None


def _list_unretrieved() -> list[dict[str, object]]:
    process = identity.me
    if process is None:
        return []
    return [
        {
            "obj": _reference_of(failure),
            "lane": failure.lane.reference(process),
            "site": failure.site,
            "exc": {"type": failure.facts["type"], "msg": failure.facts["msg"]},
        }
        for failure in list(unretrieved.values())
        if failure.lane.process is process
    ]


signals.guard(note_failure, note_retrieved)
