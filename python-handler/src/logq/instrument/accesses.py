"""Reads and writes of variables that lanes share, as `access` events.

A loop must not flood: the same access from the same line is written once until the lane has met another
one, by any hand-over or lock, and of one variable no more than `throttle.RATE` a second. What is left
out can hide a race, never make one up. Which variables there are is the affair of those who call this.
"""

from __future__ import annotations

from logq import identity
from logq.emit import event
from logq.holding import held_by
from logq.lane import here
from logq.sites import is_machinery, position, user_frame
from logq.trouble import swallowed

from .throttle import Throttle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.lane import Lane

    from .shared_things import SharedThing

__all__ = ["READ", "UNTELLABLE", "WRITE", "from_nothing", "ignored", "lock_called", "made_from", "note", "word_for"]

READ, WRITE = "r", "w"
UNTELLABLE = object()  # an item of which only the program knows what it is equal to

_LONGEST_WORD = 100
_PLAIN = (str, int, bool, float, bytes, type(None))
_MOST_HELD = 16


class _Touched:
    """What a lane has touched in one stretch, from one synchronisation to the next."""

    __slots__ = ("held", "seen", "seq")

    def __init__(self, held: tuple[Any, ...]) -> None:
        self.seen: set[Any] = set()
        self.held = held  # other locks than these: it has taken or released one
        self.seq = -1  # of its last access: another record since then may have carried stamps


def from_nothing(_thing: SharedThing, _item: object, _rw: str, _frame: Any, _lane: Lane) -> dict[str, object] | None:
    return None


# Set by `races`: what a write was made from, where that is worth a record of its own.
made_from: Callable[[SharedThing, object, str, Any, Lane], dict[str, object] | None] = from_nothing


def ignored(_name: str, _method: str) -> None:
    pass


# Set by `races`: `acquire` or `release` of a lock that a manager keeps is called.
lock_called: Callable[[str, str], None] = ignored


def note(thing: SharedThing, item: object, rw: str, frame: Any) -> None:
    """The running lane reads or writes `thing`, or one `item` of it, on behalf of the function of `frame`."""
    if item is UNTELLABLE:
        return
    try:
        frame = user_frame(frame)
        code = frame.f_code
        if is_machinery(code.co_filename):
            return
        lane = here()
        base = made_from(thing, item, rw, frame, lane)
        if base is not None:
            _write(lane, _Touched(()), thing, item, rw, position(code, frame.f_lasti), base)
            return
        held = tuple([(taken.number, taken.since) for taken in held_by(lane)[-_MOST_HELD:]])
        touched = _stretch(lane, held)
        key = (thing, item, type(item), rw, code, frame.f_lasti)
        if key in touched.seen:
            return
        touched.seen.add(key)
        _write(lane, touched, thing, item, rw, position(code, frame.f_lasti))
    except Exception:
        swallowed()


def _stretch(lane: Lane, held: tuple[Any, ...]) -> _Touched:
    touched: _Touched | None = lane.touched
    if touched is None or touched.seq != lane.seq or touched.held != held or lane.left or lane.hard or lane.soft:
        touched = lane.touched = _Touched(held)
        touched.seq = lane.seq
    return touched


def _write(
    lane: Lane,
    touched: _Touched,
    thing: SharedThing,
    item: object,
    rw: str,
    site: object,
    more: dict[str, object] | None = None,
) -> None:
    if thing.told is not identity.me:
        thing.tell()
    if thing.traffic is None:
        thing.traffic = Throttle(thing)
    if more is not None or thing.traffic.may_write(lane):
        held = [_acquisition(taken) for taken in held_by(lane)[-_MOST_HELD:]]
        facts = {"var": thing.reference(), "item": item, "rw": rw, "site": site, "held": held or None}
        event("access", {**facts, **(more or {})}, lane)
        # Whom it meets from here on meets it after this: `_stretch` asks for that. (A task's end asks only while it
        # has written nothing, and now it has.)
        lane.left, lane.mark = False, None
    touched.seq = lane.seq


def _acquisition(taken: Any) -> str:
    """The lock and, as its number, when it was taken: no two acquisitions of one lock have that in common."""
    return f"{taken.as_held()['obj']}#{taken.since}"


def word_for(key: object) -> object:
    """An index, name or key as records say it."""
    kind = type(key)
    if kind is str or kind is int or kind is bool:
        return key if kind is not str or len(str(key)) <= _LONGEST_WORD else UNTELLABLE
    parts = key if isinstance(key, tuple) else (key,)
    if all(type(part) in _PLAIN for part in parts):
        text = repr(key)
        return text if len(text) <= _LONGEST_WORD else UNTELLABLE
    return UNTELLABLE
