"""What is known of one lock, noted by whoever holds it; and the blocking of those who do not.

One `Taken` a lock: holder, since when, from where, and the stamp of the last release. The locks
themselves are the affair of `locks.py` and `rlocks.py`.
"""

from __future__ import annotations

import time

from logq import identity, waits
from logq import lane as lanes
from logq.emit import event
from logq.holding import drop_lost, held_by, hold, let_go
from logq.lane import here
from logq.objects import Thing
from logq.sites import enters_with, is_machinery, position, user_frame
from logq.stamp import merge_into, merge_lock
from logq.trouble import swallowed

from . import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.lane import Lane, Site, Stamp

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
    "sound_depth",
    "take",
    "timeout_of",
]

_mono = time.monotonic_ns
_LONGEST = 4_000_000.0  # seconds; what is longer, or no number, the C lock judges itself
_MANY = 100
_MOST_CONTENDED = 1000
_MOST_LISTED = 32
_MOST_NESTS = 1000  # of one lane


class Taken(Thing):
    """What is known of one lock. Changed by its holder only; it does not keep the lock alive."""

    __slots__ = (
        "at",
        "contended",
        "crossed",
        "last",
        "made",
        "stamp",
        "turns",
        "usual",
        "waited",
        "waiting",
    )

    def __init__(self, family: str, kind: str, made: Any, lock: Any) -> None:
        super().__init__(family, kind, None, None, lock)
        self.made = made  # code and position, for `site`
        # While it is held: by whom, the code and the instruction that took it, since when.
        self.at: tuple[Lane, Any, int, int] | None = None
        # Whom it was taken by last, and in which code. Who finds itself in both need not look at the rest: it has
        # left the stamp itself, and nobody wants the turns counted.
        self.last: Lane | None = None
        self.usual: Any = None
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

    @property
    def holder(self) -> Lane | None:
        at = self.at
        return at[0] if at is not None else None

    @property
    def since(self) -> int:
        at = self.at
        return at[3] if at is not None else 0

    def place(self) -> tuple[Any, int]:
        """Where it was taken, as the arguments of `position`."""
        at = self.at
        return (at[1], at[2]) if at is not None else (None, 0)

    def pass_to(self, lane: Lane) -> None:
        """In the child of a fork: what the forking lane holds is its copy's."""
        at = self.at
        if at is not None:
            self.at = (lane, *at[1:])

    def as_held(self) -> dict[str, object]:
        if self.told is not identity.me:
            self.tell()
        at = self.at
        if at is None:
            return {"obj": self.reference()}
        facts: dict[str, object] = {"obj": self.reference(), "site": _site(at), "since": at[3]}
        if enters_with(at[1], at[2]):
            facts["with"] = True
        return facts

    def as_orphaned(self) -> dict[str, object]:
        """In the child of a fork, of a lock whose holder stayed behind."""
        at, process = self.at, identity.me
        lane = at[0].reference(process) if at is not None and process is not None else None
        return {"obj": self.reference(), "lane": lane, "site": _site(at)}

    def as_owned(self) -> dict[str, object]:
        """Of a lock that another lane may be releasing right now."""
        at, process = self.at, identity.me
        if at is None or process is None:
            return {}
        return {"owner": at[0].reference(process), "held_at": _site(at), "held_since": at[3]}


def _site(at: tuple[Lane, Any, int, int] | None) -> Site | None:
    return position(at[1], at[2]) if at is not None else None


# The two notes. Neither raises. `locks.py` and `rlocks.py` have them once more inside `__enter__` and `__exit__`, for
# the usual case that nothing special is the matter: the C lock's own time is a fraction of one call in Python.


def take(taken: Taken, frame: Any, patient: bool = True) -> None:
    """The running lane has just acquired the lock, in the function of `frame`.

    `patient` when it would have waited for ever: only such a lane can be part of a deadlock.
    """
    try:
        if identity.me is None:
            taken.at = None
            return
        lane = here()
        code = frame.f_code
        if code is not taken.usual and is_machinery(code.co_filename):
            frame = user_frame(frame)
            code = frame.f_code
        taken.at = (lane, code, frame.f_lasti, _mono())
        several = hold(lane, taken)
        if lane is not taken.last:
            stamp = taken.stamp
            if stamp is not None and stamp[0] is not lane:
                merge_taken(lane, stamp, taken)
            taken.last = lane
        taken.usual = code
        turns = taken.turns
        if turns is not None:
            taken.usual = None  # only after it was set: who begins to wait does it the other way round
            turns[lane] = turns.get(lane, 0) + 1
        if several and patient:
            note_nesting(lane, taken)
    except Exception:
        _abandon(taken)


def merge_taken(lane: Lane, stamp: Stamp, taken: Taken) -> None:
    if stamp is taken.crossed:
        merge_into(lane, stamp, taken)
    else:
        merge_lock(lane, stamp, taken)


def give(taken: Taken) -> None:
    """The running lane is about to release the lock."""
    try:
        holder = taken.holder
        if holder is None:
            return
        taken.at = None
        let_go(holder, taken)
        if identity.me is None:
            taken.stamp = None
            return
        lane = here()
        stamp = lane.mark or lane.stamp()
        if lane is not holder:
            # One of its own: the same lane may leave the same mark as a holder, too.
            taken.crossed = stamp = (stamp[0], stamp[1], stamp[2], stamp[3])
            taken.usual = taken.last = None
        taken.stamp = stamp
    except Exception:
        _abandon(taken)


def _abandon(taken: Taken) -> None:
    """A note failed: better none of it than half, and nothing that the lane would be said to hold for ever."""
    swallowed()
    _drop(taken)


def _drop(taken: Taken) -> None:
    holder, taken.at = taken.holder, None
    if holder is not None:
        let_go(holder, taken)


def note_nesting(lane: Lane, taken: Taken) -> None:
    """Writes `nest`, once for each way in which this lane takes the lock while it holds others."""
    held = held_by(lane)
    places = [(other.number, other.place()) for other in held]
    key = tuple([(number, id(code), lasti) for number, (code, lasti) in places])
    known = lane.nests
    if known is None:
        known = lane.nests = set()
    if key in known or len(known) >= _MOST_NESTS:
        return
    known.add(key)
    outer = [other.as_held() for other in held if other is not taken]
    if not outer:
        return
    if taken.told is not identity.me:
        taken.tell()
    facts = [{"obj": other["obj"], "site": other["site"]} for other in outer]
    event("nest", {"obj": taken.reference(), "site": position(*taken.place()), "held": facts}, lane)


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
    turns = taken.turns
    if turns is None:
        turns = taken.turns = {}
    taken.usual = None
    before = turns.copy()
    taken.waiting.append(wait.lane)  # last, since whoever sees it may take the lock there and then
    if taken.turns is None:  # who waited before has gone meanwhile
        taken.turns = turns
    return before


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


def sound_depth() -> None:
    """Raises RecursionError where there is no room for another call."""


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
    _drop(taken)
    taken.stamp = taken.usual = taken.last = None


def forget_lost() -> None:
    """Locks that were dropped while they were held would gather in their lane."""
    lane: Lane | None = lanes._here.lane
    if lane is not None and len(lane.held) > _MANY:
        drop_lost(lane)


signals.guard(acquire_slowly)
