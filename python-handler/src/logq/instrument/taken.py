"""What is known of one lock, noted by whoever holds it; and the blocking of those who do not.

One `Taken` a lock: holder, since when, from where, and the stamp of the last release. The locks
themselves are the affair of `locks.py`.
"""

from __future__ import annotations

import time

from logq import identity, waits
from logq import lane as lanes
from logq.lane import here
from logq.objects import Thing
from logq.sites import absolute, is_machinery
from logq.stamp import merge_into, merge_lock

from . import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.lane import Lane, Site, Stamp

__all__ = ["Taken", "acquire_slowly", "forget_lost", "give", "reset", "take", "timeout_of"]

_mono = time.monotonic_ns
_spot = lanes._here
_no_loop = lanes._no_loop
_LONGEST = 4_000_000.0  # seconds; what is longer, or no number, the C lock judges itself
_MANY = 100


class Taken(Thing):
    """What is known of one lock. Changed by its holder only; it does not keep the lock alive."""

    __slots__ = ("code", "crossed", "holder", "lasti", "made", "since", "stamp")

    def __init__(self, family: str, kind: str, made: Any, lock: Any) -> None:
        super().__init__(family, kind, None, None, lock)
        self.made = made  # code and position, for `site`
        self.holder: Lane | None = None
        self.code: Any = None
        self.lasti = 0
        self.since = 0
        self.stamp: Stamp | None = None
        self.crossed = False  # the last release was by another lane than the acquisition: a signal

    def tell(self) -> None:
        if self.site is None and self.made is not None:
            self.site = _resolve(*self.made)
        super().tell()

    def is_there(self) -> bool:
        return self.owner is not None and self.owner() is not None

    def as_held(self) -> dict[str, object]:
        if self.told is not identity.me:
            self.tell()
        return {"obj": self.reference(), "site": _resolve(self.code, self.lasti), "since": self.since}

    def as_owned(self) -> dict[str, object]:
        """Of a lock that another lane may be releasing right now."""
        holder, code, lasti, since = self.holder, self.code, self.lasti, self.since
        process = identity.me
        if holder is None or process is None:
            return {}
        return {"owner": holder.reference(process), "held_at": _resolve(code, lasti), "held_since": since}


def _resolve(code: Any, position: int) -> Site | None:
    """The line of an instruction. To ask the frame for its line costs more than a lock may."""
    if code is None:
        return None
    line = code.co_firstlineno
    if hasattr(code, "co_lines"):
        for begin, end, number in code.co_lines():
            if begin <= position < end:
                line = number or line
                break
    else:
        import dis

        for begin, number in dis.findlinestarts(code):
            if begin > position:
                break
            line = number
    return (absolute(code.co_filename), line, code.co_name)


def _user_frame(frame: Any) -> Any:
    """The nearest frame that is the program's own, or the first of all."""
    nearest = frame
    while frame is not None:
        if not is_machinery(frame.f_code.co_filename):
            return frame
        frame = frame.f_back
    return nearest


def _running() -> Lane | None:
    return here() if identity.me is not None else None


# The two notes. A `with` over a lock runs both, so they are written for speed: the C lock's own time is
# a fraction of that of one call in Python.


def take(taken: Taken, frame: Any) -> None:
    """The running lane has just acquired the lock, in the function of `frame`."""
    lane: Lane | None = _spot.lane
    if lane is None or lane.process is not identity.me or lanes.running_loop is not _no_loop:
        lane = _running()
        if lane is None:
            taken.holder = None
            return
    code = frame.f_code
    if code is not taken.code:
        if is_machinery(code.co_filename):
            frame = _user_frame(frame)
            code = frame.f_code
        taken.code = code
    taken.lasti = frame.f_lasti
    taken.since = _mono()
    taken.holder = lane
    lane.held.append(taken)
    stamp = taken.stamp
    if stamp is not None and stamp[0] is not lane:
        if taken.crossed:
            merge_into(lane, stamp, taken)
        else:
            merge_lock(lane, stamp, taken)


def give(taken: Taken) -> None:
    """The running lane is about to release the lock."""
    holder = taken.holder
    if holder is None:
        return
    lane: Lane | None = _spot.lane
    if lane is None or lane.process is not identity.me or lanes.running_loop is not _no_loop:
        lane = _running()
    taken.holder = None
    held = holder.held
    if held and held[-1] is taken:
        held.pop()
    else:
        _drop(held, taken)
    if lane is holder:
        taken.crossed = False
    elif lane is None:
        taken.stamp = None
        return
    else:
        taken.crossed = True
    lane.left = True
    hard = lane.hard
    soft = lane.soft
    taken.stamp = (lane, lane.seq, tuple(hard) if hard else (), tuple(soft) if soft else ())


def _drop(held: list[Any], taken: Taken) -> None:
    try:
        held.remove(taken)
    except ValueError:
        pass


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
    since = _mono()
    try:
        if 0 <= timeout <= waits.MOMENT:
            _block(outcome, acquire, timeout)
            return outcome[-1]
        _block(outcome, acquire, waits.MOMENT)
        if outcome[-1]:
            return True
        wait = waits.begin(on, since, taken, taken.as_owned(), None if timeout < 0 else timeout)
        left = timeout if timeout < 0 else max(0.0, timeout - (_mono() - since) / 1e9)
        _block(outcome, acquire, left)
    except BaseException:
        if outcome and outcome[-1]:
            release()
        if wait is not None:
            wait.end("exc")
        raise
    if wait is not None:
        wait.end("ok" if outcome[-1] else "timeout")
    return outcome[-1]


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
