"""What is known of one lock, noted by whoever holds it; and the blocking of those who do not.

One `Taken` a lock: holder, since when, from where, and the stamp of the last release. The locks
themselves are the affair of `locks.py`.
"""

from __future__ import annotations

import time

from logq import identity, waits
from logq import lane as lanes
from logq.emit import event
from logq.lane import here
from logq.objects import Thing
from logq.sites import is_machinery, position, user_frame
from logq.stamp import merge_into, merge_lock

from . import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.lane import Lane, Stamp

__all__ = [
    "Taken",
    "acquire_slowly",
    "forget_contended",
    "forget_lost",
    "give",
    "list_contended",
    "merge_taken",
    "note_nesting",
    "reset",
    "take",
    "timeout_of",
]

_mono = time.monotonic_ns
_spot = lanes._here
_LONGEST = 4_000_000.0  # seconds; what is longer, or no number, the C lock judges itself
_MANY = 100
_MOST_CONTENDED = 1000
_MOST_LISTED = 32
_MOST_NESTS = 1000  # of one lane


class Taken(Thing):
    """What is known of one lock. Changed by its holder only; it does not keep the lock alive."""

    __slots__ = (
        "code",
        "contended",
        "crossed",
        "holder",
        "lasti",
        "made",
        "since",
        "stamp",
        "turns",
        "waited",
        "waiting",
    )

    def __init__(self, family: str, kind: str, made: Any, lock: Any) -> None:
        super().__init__(family, kind, None, None, lock)
        self.made = made  # code and position, for `site`
        self.holder: Lane | None = None
        self.code: Any = None
        self.lasti = 0
        self.since = 0
        self.stamp: Stamp | None = None
        # The stamp of a release by another lane than had acquired it: not mutual exclusion but a signal.
        self.crossed: Stamp | None = None
        # How often each lane has taken it since somebody waits; None while nobody does.
        self.turns: dict[Lane, int] | None = None
        self.waiting: list[Lane] = []
        self.contended = 0  # acquisitions that had to wait, and how long, in ns
        self.waited = 0

    def tell(self) -> None:
        if self.site is None and self.made is not None:
            self.site = position(*self.made)
        super().tell()

    def is_there(self) -> bool:
        return self.owner is not None and self.owner() is not None

    def as_held(self) -> dict[str, object]:
        if self.told is not identity.me:
            self.tell()
        return {"obj": self.reference(), "site": position(self.code, self.lasti), "since": self.since}

    def as_orphaned(self) -> dict[str, object]:
        """In the child of a fork, of a lock whose holder stayed behind."""
        holder, process = self.holder, identity.me
        lane = holder.reference(process) if holder is not None and process is not None else None
        return {"obj": self.reference(), "lane": lane, "site": position(self.code, self.lasti)}

    def as_owned(self) -> dict[str, object]:
        """Of a lock that another lane may be releasing right now."""
        holder, code, lasti, since = self.holder, self.code, self.lasti, self.since
        process = identity.me
        if holder is None or process is None:
            return {}
        return {"owner": holder.reference(process), "held_at": position(code, lasti), "held_since": since}


def _running() -> Lane | None:
    return here() if identity.me is not None else None


# The two notes. `locks.py` has them once more inside `__enter__` and `__exit__`, for the usual case that
# nothing special is the matter: the C lock's own time is a fraction of that of one call in Python.


def take(taken: Taken, frame: Any, patient: bool = True) -> None:
    """The running lane has just acquired the lock, in the function of `frame`.

    `patient` when it would have waited for ever: only such a lane can be part of a deadlock.
    """
    lane: Lane | None = _spot.plain
    if lane is None or lane.process is not identity.me:
        lane = _running()
        if lane is None:
            taken.holder = None
            return
    code = frame.f_code
    if code is not taken.code:
        if is_machinery(code.co_filename):
            frame = user_frame(frame)
            code = frame.f_code
        taken.code = code
    taken.lasti = frame.f_lasti
    taken.since = _mono()
    taken.holder = lane
    held = lane.held
    held.append(taken)
    turns = taken.turns
    if turns is not None:
        turns[lane] = turns.get(lane, 0) + 1
    stamp = taken.stamp
    if stamp is not None and stamp[0] is not lane:
        merge_taken(lane, stamp, taken)
    if patient and len(held) > 1:
        note_nesting(lane, taken)


def merge_taken(lane: Lane, stamp: Stamp, taken: Taken) -> None:
    if stamp is taken.crossed:
        merge_into(lane, stamp, taken)
    else:
        merge_lock(lane, stamp, taken)


def give(taken: Taken) -> None:
    """The running lane is about to release the lock."""
    holder = taken.holder
    if holder is None:
        return
    lane: Lane | None = _spot.plain
    if lane is None or lane.process is not identity.me:
        lane = _running()
    taken.holder = None
    held = holder.held
    if held and held[-1] is taken:
        held.pop()
    else:
        _drop(held, taken)
    if lane is None:
        taken.stamp = None
        return
    lane.left = True
    hard = lane.hard
    soft = lane.soft
    taken.stamp = (lane, lane.seq, tuple(hard) if hard else (), tuple(soft) if soft else ())
    if lane is not holder:
        taken.crossed = taken.stamp


def _drop(held: list[Any], taken: Taken) -> None:
    try:
        held.remove(taken)
    except ValueError:
        pass


def note_nesting(lane: Lane, taken: Taken) -> None:
    """Writes `nest`, once for each way in which this lane takes the lock while it holds others."""
    key = tuple([(outer.number, id(outer.code), outer.lasti) for outer in lane.held])
    known = lane.nests
    if known is None:
        known = lane.nests = set()
    if key in known or len(known) >= _MOST_NESTS:
        return
    known.add(key)
    outer = [other.as_held() for other in lane.held[:-1] if other is not taken]
    if taken.told is not identity.me:
        taken.tell()
    site = position(taken.code, taken.lasti)
    held = [{"obj": other["obj"], "site": other["site"]} for other in outer]
    event("nest", {"obj": taken.reference(), "site": site, "held": held}, lane)


# Blocking. ------------------------------------------------------------------------------------


@signals.leave_open
def _block(outcome: list[bool], acquire: Callable[..., bool], timeout: float) -> None:
    """Blocks where a signal's handler may end it. `outcome` gets the result in the step that acquires."""
    outcome.extend(map(acquire, (True,), (timeout,)))


def acquire_slowly(
    taken: Taken, on: str, acquire: Callable[..., bool], release: Callable[[], None], timeout: float
) -> bool:
    """Acquires what could not be had at once. `timeout` in seconds, or -1."""
    outcome: list[bool] = []
    wait: waits.Wait | None = None
    before: dict[Lane, int] = {}
    since = _mono()
    try:
        if 0 <= timeout <= waits.MOMENT:
            _block(outcome, acquire, timeout)
            return outcome[-1]
        _block(outcome, acquire, waits.MOMENT)
        if outcome[-1]:
            return True
        wait = waits.begin(on, since, taken, taken.as_owned(), None if timeout < 0 else timeout)
        before = _watch_turns(taken, wait)
        left = timeout if timeout < 0 else max(0.0, timeout - (_mono() - since) / 1e9)
        _block(outcome, acquire, left)
    except BaseException:
        if outcome and outcome[-1]:
            release()
        if wait is not None:
            _unwatch_turns(taken, wait, before)
            wait.end("exc")
        raise
    finally:
        if outcome and outcome[-1]:
            _note_contention(taken, _mono() - since)
    if wait is not None:
        wait.end("ok" if outcome[-1] else "timeout", _unwatch_turns(taken, wait, before))
    return outcome[-1]


def _watch_turns(taken: Taken, wait: waits.Wait | None) -> dict[Lane, int]:
    """From now on it is counted who takes the lock, for whoever waits. Returns the counts so far."""
    if wait is None:
        return {}
    taken.waiting.append(wait.lane)
    turns = taken.turns
    if turns is None:
        turns = taken.turns = {}
    return turns.copy()


def _unwatch_turns(taken: Taken, wait: waits.Wait, before: dict[Lane, int]) -> dict[str, int] | None:
    """Who has taken the lock since `before`, while this lane waited for it."""
    turns = taken.turns
    process = identity.me
    try:
        taken.waiting.remove(wait.lane)
    except ValueError:
        pass
    if not taken.waiting:
        taken.turns = None
    if not turns or process is None:
        return None
    passed = {}
    for lane, count in turns.copy().items():
        more = count - before.get(lane, 0)
        if more > 0 and lane is not wait.lane:
            passed[lane.reference(process)] = more
    return passed or None


# Locks that were waited for: the most interesting ones are told at the end.
_contended: dict[int, Taken] = {}


def _note_contention(taken: Taken, waited: int) -> None:
    """Called by whoever has just acquired what it could not have at once."""
    taken.contended += 1
    taken.waited += waited
    if len(_contended) < _MOST_CONTENDED:
        _contended[taken.number] = taken


def list_contended() -> list[dict[str, object]]:
    """For the `exit` line: the locks that cost the most time."""
    worst = sorted(_contended.values(), key=lambda taken: -taken.waited)[:_MOST_LISTED]
    listed = []
    for taken in worst:
        taken.tell()
        listed.append({"obj": taken.reference(), "contended": taken.contended, "waited": taken.waited})
    return listed


def forget_contended() -> None:
    """In a forked child, and when recording ends."""
    for taken in list(_contended.values()):
        taken.contended = taken.waited = 0
    _contended.clear()


def timeout_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> float | None:
    """How long a call of `acquire` may block, or None: not at all, or only C can tell what it means."""
    if len(args) > 2 or not set(kwargs) <= {"blocking", "timeout"}:
        return None
    if (args and "blocking" in kwargs) or (len(args) > 1 and "timeout" in kwargs):
        return None
    blocking = args[0] if args else kwargs.get("blocking", True)
    timeout = args[1] if len(args) > 1 else kwargs.get("timeout", -1)
    if type(blocking) not in (bool, int) or not blocking or type(timeout) not in (float, int):
        return None
    if timeout == -1 or 0 <= timeout < _LONGEST:
        return float(timeout)
    return None


# Where the usual order of things is left. -------------------------------------------------------


def reset(taken: Taken) -> None:
    holder, taken.holder, taken.stamp = taken.holder, None, None
    if holder is not None:
        _drop(holder.held, taken)


def forget_lost() -> None:
    """Locks that were dropped while they were held would gather in their lane."""
    lane: Lane | None = _spot.lane
    if lane is not None and len(lane.held) > _MANY:
        lane.held[:] = [taken for taken in lane.held if taken.is_there()]


signals.guard(acquire_slowly)
