"""The two verbs of causality: leave a stamp, merge a stamp.

A stamp is `(lane, number of its last record, its pending hard stamps, its pending lock stamps)`.
Whoever hands over leaves one; whoever takes over merges it, and the next record of that lane
carries it. No record is written here, except `sync` when a lane has gathered too many, and `obj`
when an object is mentioned for the first time.
"""

from __future__ import annotations

from . import identity
from .emit import announce, compact, event
from .lane import SINGLE_STEP, Elsewhere, Lane, here
from .objects import Thing, Way

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .lane import Entry, Stamp

__all__ = ["leave", "merge", "merge_into", "merge_lock", "merge_text", "stamp_text"]

_CROWDED = 16
_LONGEST = 64  # characters of a stamp: a pid, six random ones, a lane, a number


def leave() -> Stamp | None:
    """The stamp of the lane that is running, for someone else to merge."""
    if identity.me is None:
        return None
    lane = here()
    return lane.mark or lane.stamp()


def leave_of(lane: Lane) -> Stamp:
    """The stamp of a lane that another one speaks for. One that was only counted and never written
    gives its number as -1: what it had merged itself is all there is to tell."""
    unwritten = lane.over and lane.birth
    return (lane, -1 if unwritten else lane.seq, tuple(lane.hard), tuple(lane.soft))


def merge(stamp: Stamp | None, thing: Thing | Way | None = None) -> None:
    """What happened before `stamp` happened before the next record of the running lane."""
    if stamp is not None and identity.me is not None:
        merge_into(here(), stamp, thing)


def merge_into(lane: Lane, stamp: Stamp, thing: Thing | Way | None = None) -> None:
    """Merges by a hard hand-over, carried by `thing`.

    Lanes that hand over to each other all day, and seldom write, merge what they have merged already: then
    nothing changes, and the stamps that they leave stay the ones that they have made.
    """
    mine = lane.hard
    giver, seq, hard, soft = stamp
    if stamp is lane.newest and (giver, seq, thing) in mine:
        return
    if giver is None:  # in an object that was pickled or copied, see `unkept.py`
        return  # type: ignore[unreachable]
    if thing is not None and thing.told is not identity.me:
        thing.tell()
    if giver is not lane and seq >= 0:
        _gain(lane, (giver, seq, thing))
    if hard:
        _add_indirect(lane, mine, hard)
    if soft:
        _add_all(lane, lane.soft, soft)
    lane.newest = stamp
    if len(mine) > _CROWDED or len(lane.soft) > _CROWDED:
        _relieve(lane)


def _gain(lane: Lane, entry: Entry) -> None:
    mine = lane.hard
    if entry in mine:
        return
    # What a record, begun but not yet there, has copied is deleted after it by its number, and what
    # a lane has from its creator is counted: neither may be replaced.
    replaceable = len(mine) > lane.given[0] and not lane.depth
    try:
        last = mine[-1]
        if replaceable and last[0] is entry[0] and last[2] is entry[2]:  # the greater number covers both
            if last[1] < entry[1]:
                if SINGLE_STEP:  # no handler runs between the look at the last entry and this
                    mine[-1] = entry
                else:
                    _replace(mine, last, entry)
        else:
            mine.append(entry)
    except IndexError:  # empty, or a signal's handler has written a record just now
        mine.append(entry)
    lane.mark = None


def _add_indirect(lane: Lane, mine: list[Entry], entries: tuple[Entry, ...]) -> None:
    """What a giver had merged itself did not come by this object."""
    for entry in entries:
        if entry[0] is lane:
            continue
        if entry[2] is not None:
            entry = (entry[0], entry[1], None)  # noqa: PLW2901
        if entry not in mine:
            mine.append(entry)
            lane.mark = None


def _add_all(lane: Lane, mine: list[Entry], entries: tuple[Entry, ...]) -> None:
    for entry in entries:
        if entry not in mine:
            mine.append(entry)
            lane.mark = None


def _replace(entries: list[Entry], old: Entry, new: Entry) -> None:
    """At every moment one of them is there, and what a signal's handler has merged stays."""
    entries.append(new)
    try:
        entries.remove(old)
    except ValueError:  # a handler has written it meanwhile
        pass


def merge_lock(lane: Lane, stamp: Stamp, thing: Thing) -> None:
    """Merges what came by mutual exclusion alone: who had the lock before is an accident, not a cause."""
    giver, seq, hard, soft = stamp
    if thing.told is not identity.me:
        thing.tell()
    mine = lane.soft
    if giver is not lane and seq >= 0:
        entry = (giver, seq, thing)
        if entry not in mine:
            mine.append(entry)
            lane.mark = None
    if hard:
        _add_indirect(lane, mine, hard)
    if soft:
        _add_indirect(lane, mine, soft)
    if len(mine) > _CROWDED:
        _relieve(lane)


def _relieve(lane: Lane) -> None:
    """Keeps one entry a lane and object; still too many are written as a `sync` record."""
    if lane.depth:
        return  # in the midst of a record of this lane: it takes them, or the next one does
    if lane.birth:
        announce(lane)
    lane.depth = 1
    try:
        for pending in (lane.hard, lane.soft):
            count = len(pending)
            pending[:count] = compact(pending[:count])
    finally:
        lane.depth = 0
    if len(lane.hard) > _CROWDED or len(lane.soft) > _CROWDED:
        event("sync", {}, lane)


def stamp_text() -> str:
    """The running lane's stamp as one string for any channel; empty when nothing is recorded.

    Writes a `send` first, so that one string carries everything that came before.
    """
    process = identity.me
    if process is None:
        return ""
    lane = here()
    event("send", {"via": "stamp"}, lane)
    return f"{process.key}/{lane.key}@{lane.seq}"


def settled_text() -> str | None:
    """The running lane's stamp as one string; a `sync` is written only if something is pending."""
    process = identity.me
    if process is None:
        return None
    lane = here()
    if lane.hard or lane.soft:
        event("sync", {}, lane)
    return f"{process.key}/{lane.key}@{lane.seq}"


def merge_text(text: object) -> None:
    """Merges a stamp that `stamp_text` made, in whichever process. Anything else is ignored."""
    entry = parse(text)
    process = identity.me
    if entry is None or process is None:
        return
    lane = here()
    lane.gain(entry)
    event("recv", {"via": "stamp", "from": text}, lane)


def parse(text: object) -> Entry | None:
    """`4242-k3f9xz/t1@12` as an entry."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        return None  # it may come from anywhere: a number without end could not even be read
    full, at, number = text.rpartition("@")
    key, slash, name = full.partition("/")
    well_formed = at and slash and key and name.isalnum() and number.isdigit() and number.isascii()
    if not well_formed or not text.isascii() or not key.replace("-", "").isalnum():
        return None
    return (Elsewhere(full), int(number), None)
