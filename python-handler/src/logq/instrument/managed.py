"""What is asked of a manager's locks, conditions, events, barriers and queues through their proxies: who has the
lock, and who waits for what.

The thing itself is in the manager's process, where one thread serves each of its clients and waits in their stead. So
whoever asks says here what it waits for: `acq` and `rel` of a lock, as of multiprocessing's own, and `wait` while an
answer does not come. What else a proxy stands for is a variable, and `shared_proxies.py`'s affair.
"""

from __future__ import annotations

import sys

from logq import identity
from logq.lane import here, thread_lane
from logq.patching import dress, replace
from logq.sites import site_from
from logq.trouble import swallowed
from logq.unseen import hide

from . import message_waits, shared_locks
from .message_waits import Asked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .shared_things import SharedThing

__all__ = ["FAMILIES", "before_sending", "patch"]

# By the name under which the manager makes it: what it is.
FAMILIES = {
    "Lock": "lock",
    "RLock": "lock",
    "Semaphore": "sem",
    "BoundedSemaphore": "sem",
    "Condition": "cond",
    "Event": "event",
    "Barrier": "barrier",
    "Queue": "queue",
    "JoinableQueue": "queue",
}

# What it is and which of its methods is called: what one waits for then. Of a condition `acquire` is for its lock.
_WAITS = {
    ("lock", "acquire"): "lock",
    ("sem", "acquire"): "sem",
    ("cond", "acquire"): "lock",
    ("cond", "wait"): "cond",
    ("event", "wait"): "event",
    ("barrier", "wait"): "barrier",
    ("queue", "get"): "queue-get",
    ("queue", "put"): "queue-put",
    ("queue", "join"): "queue-join",
}
_BLOCKING = ("acquire", "get", "put")  # they take `block` and `timeout`, after the item where there is one


def patch(managers: Any, thing_of: Callable[[Any], SharedThing | None]) -> None:
    """`thing_of` gives what is known of the thing that a proxy stands for."""
    asks = managers.BaseProxy._callmethod.__code__
    message_waits.askers[asks] = lambda frame: _asked_by(frame, thing_of)
    replace(managers.AcquirerProxy, "acquire", lambda original: _wrap_taking(original, thing_of))
    replace(managers.AcquirerProxy, "__enter__", lambda original: _wrap_taking(original, thing_of))
    replace(managers.ConditionProxy, "wait", lambda original: _wrap_taking(original, thing_of, True))


# What is waited for. ------------------------------------------------------------------------------


def _asked_by(frame: Any, thing_of: Callable[[Any], SharedThing | None]) -> Asked | None:
    """`frame` is that of `_callmethod`, for which an answer does not come at once."""
    named = frame.f_locals
    thing = thing_of(named["self"])
    on = _WAITS.get((thing.family, named["methodname"])) if thing is not None else None
    if thing is None or on is None:
        return None
    owner = shared_locks.owner_of(thing) if on == "lock" else {}
    return Asked(on, thing, _timeout_of(named["methodname"], named["args"], named["kwds"]), owner)


def _timeout_of(method: str, arguments: Any, named: Any) -> float | None:
    """How long the one that is asked waits at most, seconds; None when it waits for ever."""
    given = list(arguments[1:] if method == "put" else arguments)
    if method in _BLOCKING:
        block = given.pop(0) if given else named.get("block", True)
        if block is False or (block == 0 and type(block) is int):  # what else it may be is not asked
            return 0.0
    timeout = given[0] if given else named.get("timeout")
    return float(timeout) if isinstance(timeout, (int, float)) else None


# Who has a lock. ----------------------------------------------------------------------------------


# Whom the manager serves by one thread of its own may take these again: only the outermost level is told.
_REENTRANT = ("multiprocessing.Manager.RLock", "multiprocessing.Manager.Condition")


def before_sending(thing: SharedThing, method: str) -> None:
    """A release is told before it is asked for: who has the lock next must be later."""
    if method == "release":
        if thing.kind not in _REENTRANT or _leaves_last(thing):
            shared_locks.note_given(thing)
    elif method == "wait" and thing.family == "cond":  # it gives up all levels, and has them again afterwards
        shared_locks.note_given(thing)


def _enters_first(thing: SharedThing) -> bool:
    """The running thread has taken the lock: had it not got it before?"""
    levels, thread = thing.levels, thread_lane()
    count = levels[1] if levels is not None and levels[0] is thread else 0
    thing.levels = (thread, count + 1)
    return count == 0


def _leaves_last(thing: SharedThing) -> bool:
    """The running thread is about to release the lock: will it be free then?"""
    levels = thing.levels
    if levels is None or levels[0] is not thread_lane():
        # Its release is refused, or it is a condition's that was given a plain lock, which anyone may give back.
        may_be = thing.family == "cond"
        thing.levels = None if may_be else levels
        return may_be
    thing.levels = (levels[0], levels[1] - 1) if levels[1] > 1 else None
    return levels[1] == 1


def _wrap_taking(
    original: Callable[..., Any], thing_of: Callable[[Any], SharedThing | None], is_always: bool = False
) -> Any:
    """What returns with the lock, if it says so or `is_always`: whoever waits for a condition has its lock again
    afterwards, also where the time was up."""

    def take(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            got = original(self, *args, **kwargs)
        except BaseException as problem:
            hide(problem)
            raise
        if (is_always or got) and identity.me is not None:
            try:
                thing = thing_of(self)
                if thing is not None and (is_always or thing.kind not in _REENTRANT or _enters_first(thing)):
                    shared_locks.note_taken(thing, here(), site_from(sys._getframe(1)))
            except Exception:
                swallowed()
        return got

    return dress(take, original)
