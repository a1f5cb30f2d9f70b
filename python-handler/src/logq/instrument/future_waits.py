"""What a future knows of itself when somebody waits for it: its state, who runs it, where it queues.

For `Future.result` and `exception`, `wait`, `as_completed`, and so for `Executor.map`. What has become of
a future is the affair of `futures.py`.
"""

from __future__ import annotations

from logq import identity
from logq.objects import Thing
from logq.sites import position

from . import purposes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .purposes import Told

__all__ = ["facts_of", "note_purposes", "thing_of"]

_MANY = 16  # of the futures that one waits for together, so many are written
_UNSETTLED = ("PENDING", "RUNNING")


def note_purposes(base: Any) -> None:
    purposes.note(base.Future.result, "future", _tell_one)
    purposes.note(base.Future.exception, "future", _tell_one)
    purposes.note(base.wait, "future", _tell_all)
    purposes.note(base.as_completed, "future", _tell_all)


def thing_of(future: Any) -> Thing:
    """The future by name: the variable that its call of `submit` is bound to, and that call's place."""
    thing: Thing | None = getattr(future, "_logq_thing", None)
    if thing is None:
        submitted = getattr(future, "_logq_submitted", None)
        site = position(*submitted[1]) if submitted is not None else None
        thing = future._logq_thing = Thing("fut", f"concurrent.futures.{type(future).__name__}", site, None, future)
        pool = getattr(future, "_logq_pool", None)
        if pool is not None:
            if pool.told is not identity.me:
                pool.tell()
            thing.inside = pool.reference()
    return thing


def facts_of(future: Any) -> dict[str, object]:
    """`state`, and `runner` or `pool` as far as they are known; a future made by hand has neither."""
    process = identity.me
    runner = getattr(future, "_logq_runner", None)
    pool = getattr(future, "_logq_pool", None)
    if process is None or runner is None or runner.process is not process:
        runner = None
    return {
        "state": getattr(future, "_state", None),
        "runner": runner.key if runner is not None else None,
        "pool": pool.load() if pool is not None else None,
        "job": getattr(future, "_logq_job", None),  # of a pool of processes
    }


def _tell_one(frame: Any) -> Told:
    future = frame.f_locals.get("self")
    return thing_of(future), facts_of(future)


def _tell_all(frame: Any) -> Told:
    """Several at once: the wait names one of them, and all in `futures`. `need` of them must be settled
    before it ends, `have` are (counted among those it was called with)."""
    given = list(frame.f_locals.get("fs") or ())
    open_ones = [future for future in given if getattr(future, "_state", None) in _UNSETTLED]
    open_ones.sort(key=_age)
    entries: list[dict[str, object]] = []
    for future in open_ones[:_MANY]:
        thing = thing_of(future)
        thing.tell()
        facts = {key: value for key, value in facts_of(future).items() if value is not None}
        entries.append({"obj": thing.reference(), **facts})
    if not entries:
        return None, {}
    have = len(given) - len(open_ones)
    until = frame.f_locals.get("return_when")  # `as_completed` has none: it goes on with the next
    all_needed = until not in (None, "FIRST_COMPLETED")
    together = {"need": len(given) if all_needed else have + 1, "have": have, "futures": entries}
    if not all_needed and len(open_ones) > 1:  # no single one of them keeps it waiting
        return thing_of(open_ones[0]), together
    return thing_of(open_ones[0]), {**facts_of(open_ones[0]), **together}


def _age(future: Any) -> int:
    submitted = getattr(future, "_logq_submitted", None)
    return submitted[2] if submitted is not None else 0
