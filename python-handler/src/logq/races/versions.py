"""What follows from a read or a write of a variable: whether a value was made from one that is there no more.

Kept in memory, and written as an `access` when it matters: a write that was made from an older version
than the one it replaces, with the write that is lost; and, at ever longer intervals, updates of one
variable by several lanes that no lock has in common. The reader of the records judges what orders them.
"""

from __future__ import annotations

import time
from _thread import get_ident

from logq import identity
from logq.emit import event
from logq.objects import Thing
from logq.sites import position

from .calls import chain_of, number_of
from .outside import holding
from .variables import State, address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Union

    from logq.lane import Lane, Site

    from .calls import Chain
    from .flow import Flow
    from .points import Point as PointInSource

    Point = Union["Place", PointInSource]

__all__ = ["Place", "flows", "made_from", "read", "tell_update", "update_of", "wrote"]

_mono = time.monotonic_ns
_MOST_READS = 3
_MOST_LANES = 32
_MOST_TOLD = 5000  # in one process
_LOSSES = 3  # told of one pair of places

# So many notes are made before the program is watched for one tick of the watchdog in `_TURNS` only.
_MANY = 100_000
_TURNS = 10
noted = 0
resting = False
_turn = 0

# File -> what its lines depend on, by function.
flows: dict[str, dict[tuple[int, str], Flow]] = {}
told = 0


class Place:
    """Where an access is that no rewritten module makes."""

    __slots__ = ("constant", "lenient", "site", "together")

    def __init__(self, site: Site | None, together: bool = False, lenient: bool = False) -> None:
        self.site = site
        self.constant = False
        self.together = together  # what one call of a function reads and then writes belongs together
        self.lenient = lenient  # the same, where it is not known what its lines depend on


class Seen:
    """A read, or a write: where, of which version, holding what."""

    __slots__ = (
        "base",
        "caller",
        "chain",
        "held",
        "lane",
        "mono",
        "place",
        "point",
        "seq",
        "thread",
        "turn",
        "v",
        "within",
    )

    def __init__(self, point: Point, lane: Lane, frame: Any, held: tuple[Any, ...], v: int) -> None:
        self.point = point
        self.lane = lane
        self.place = number_of(frame)
        self.caller = frame.f_back.f_lasti if frame.f_back is not None else -1
        self.chain, self.within = chain_of(frame)
        self.held = held + self.within
        self.v = v
        self.seq = lane.seq
        self.mono = _mono()
        self.thread = get_ident()
        self.turn = _turn
        self.base: Seen | None = None


def take_turn(lane: Lane) -> bool:
    """Whether `resting` may have changed. What was read before a rest says nothing after it."""
    global resting, _turn
    if noted < _MANY:
        return False
    if _turn == 0:
        why = f"beyond {_MANY} accesses, for one tenth of the time only"
        event("note", {"what": "unwatched", "name": "the rest of the run", "why": why}, lane)
    _turn += 1
    resting = _turn % _TURNS != 0
    return True


def read(state: State, point: Point, lane: Lane, frame: Any) -> None:
    global noted
    noted += 1
    mine = state.reads.get(lane)
    if mine is None:
        if len(state.reads) >= _MOST_LANES:
            state.reads.pop(next(iter(state.reads)), None)
        state.reads[lane] = [Seen(point, lane, frame, holding(lane), state.v)]
        return
    for known in mine:
        if known.point is point and _is_again(known, frame):
            known.v, known.held, known.turn = state.v, holding(lane) + known.within, _turn
            if len(mine) > 1 and mine[-1] is not known:  # the newest is the last
                mine[:] = [*[other for other in mine if other is not known], known]
            return
    if len(mine) >= _MOST_READS:
        del mine[0]
    mine.append(Seen(point, lane, frame, holding(lane), state.v))


def _is_again(known: Seen, frame: Any) -> bool:
    """By the same call of the function, as far as that can be told at once."""
    if known.place != number_of(frame):
        return False
    caller = frame.f_back
    return known.caller == (caller.f_lasti if caller is not None else -1)


def wrote(state: State, point: Point, lane: Lane, frame: Any, updates: bool) -> None:
    """`updates`: what it writes is made from what is there at this moment."""
    global noted
    noted += 1
    before, last = state.v, state.last
    state.v = before + 1
    held = holding(lane)
    if (
        last is not None
        and last.lane is lane
        and last.point is point
        and last.held == held + last.within
        and _is_again(last, frame)
    ):
        last.v, last.seq, last.turn = before + 1, lane.seq, _turn  # nobody else has written it since
        return
    write = Seen(point, lane, frame, held, before + 1)
    state.last = write
    if point.constant:
        return
    mine = state.reads.get(lane)
    if mine:
        write.base = _base(mine, write)
        if write.base is not None and write.base.v != before and last is not None and last.lane is not lane:
            _lost(state, write, last)
            return
    if updates:
        write.base = write
    if write.base is not None:
        _updated(state, write)


# What a write was made from. ----------------------------------------------------------------------


def _base(reads: list[Seen], write: Seen) -> Seen | None:
    """The newest of the lane's reads that may have gone into what it writes."""
    for seen in reversed(reads):
        if seen.turn == write.turn and _reaches(seen.chain, write):
            return seen
    return None


def _reaches(chain: Chain, write: Seen) -> bool:
    for depth, (place, code, instruction) in enumerate(write.chain[:3]):
        for read_depth, (read_place, read_code, read_instruction) in enumerate(chain):
            if read_place != place or read_code is not code:
                continue
            flow = _flow_of(code)
            if write.point.together or (flow is None and write.point.lenient):
                return True
            if flow is None:
                continue
            line, read_line = _line(code, instruction), _line(code, read_instruction)
            # Of two calls by one line, the read not before the write, the second is a later round of a loop, and has
            # something of the first only by what that line keeps.
            is_later_round = depth > 0 and read_depth > 0 and read_line == line and read_instruction >= instruction
            if flow.carries(line) if is_later_round else read_line in flow.sources(line):
                return True
    return False


def how(seen: Seen) -> str | None:
    """`check` where what was read only decides whether it is written, `init` where it had been asked if it is None."""
    base = seen.base
    if base is None or base is seen:
        return None
    for place, code, instruction in seen.chain:
        for read_place, read_code, read_instruction in base.chain:
            flow = _flow_of(code) if read_place == place and read_code is code else None
            if flow is not None:
                return flow.way(_line(code, read_instruction), _line(code, instruction))
    return None


def _flow_of(code: Any) -> Flow | None:
    return flows.get(code.co_filename, {}).get((code.co_firstlineno, code.co_name))


_lines: dict[tuple[int, int], tuple[Any, int]] = {}  # with the code: as long as it is here nobody takes its place


def _line(code: Any, instruction: int) -> int:
    known = _lines.get((address(code), instruction))
    if known is None:
        if len(_lines) > 10_000:
            _lines.clear()
        site = position(code, instruction)
        known = _lines[(address(code), instruction)] = (code, site[1] if site is not None else 0)
    return known[1]


# What is told. ------------------------------------------------------------------------------------


def _lost(state: State, write: Seen, last: Seen) -> None:
    """What `last` wrote is replaced by what was made without it."""
    if _may_tell(state, ("lost", write.point.site, last.point.site), _LOSSES):
        _tell(state, write, {"over": _told(last, state, True)})


def _updated(state: State, write: Seen) -> None:
    """Another lane updates it too, and no lock keeps the two apart."""
    updates = state.updates
    if write.lane not in updates and len(updates) >= _MOST_LANES:
        updates.pop(next(iter(updates)), None)
    updates[write.lane] = write
    if len(updates) < 2:
        return
    for other in list(updates.values()):
        if other.lane is write.lane or other.thread == write.thread or _kept_apart(write, other):
            continue
        if _may_tell(state, (write.point.site, other.point.site), None):
            _tell(state, write, {"other": _told(other, state, True)})
            return


def _kept_apart(one: Seen, other: Seen) -> bool:
    """Both are within one acquisition of a lock that is the same."""
    theirs = [taken for taken, _ in _throughout(other)]
    return any(taken in theirs for taken, _ in _throughout(one))


def _throughout(write: Seen) -> list[Any]:
    base = write.base
    if base is None or base is write:
        return list(write.held)
    return [hold for hold in write.held if hold in base.held]


def _may_tell(state: State, key: Any, most: int | None) -> bool:
    """At the first, second, fourth, eighth… time, or the first few."""
    count = state.spaces[key] = state.spaces.get(key, 0) + 1
    if told >= _MOST_TOLD:
        return False
    return count <= most if most is not None else count & (count - 1) == 0


def _tell(state: State, write: Seen, more: dict[str, object]) -> None:
    global told
    told += 1
    if told == _MOST_TOLD:
        event("note", {"what": "unwatched", "n": told}, write.lane)
    thing = state.thing
    if thing is None:
        thing = state.thing = Thing("var", state.kind, None)
        thing.name = state.name
    thing.tell()
    base = write.base
    fields: dict[str, object] = {"var": thing.reference(), "item": state.item, "rw": "w"}
    fields.update(_told(write, state, False))
    if base is not None and base is not write:
        fields["base"] = _told(base, state, True)
        fields["how"] = how(write)
    else:
        fields["base"] = {"v": write.v - 1}
    fields.update(more)
    event("access", fields, write.lane)
    write.seq = write.lane.seq  # exactly this record


def _words(held: tuple[Any, ...]) -> list[str] | None:
    return [f"{taken.as_held()['obj']}#{since}" for taken, since in held] or None


def _told(seen: Seen, state: State, by: bool) -> dict[str, object]:
    process = identity.me
    facts: dict[str, object] = {
        "v": seen.v,
        "site": seen.point.site,
        "held": _words(seen.held),
        "stack": [position(code, instruction) for _, code, instruction in seen.chain],
    }
    if by and process is not None:
        facts["by"] = f"{seen.lane.reference(process)}@{seen.seq}"
        facts["at"] = seen.mono
        base = seen.base
        if base is not None and base is not seen:
            facts["base"] = _told(base, state, False)
    return {key: fact for key, fact in facts.items() if fact is not None}


# What processes share. ----------------------------------------------------------------------------

_DENSE = 8
_MOST_SHARED = 1000
_shared: dict[Any, State] = {}


def made_from(thing: Any, item: object, rw: str, frame: Any, lane: Lane) -> dict[str, object] | None:
    """For a write of what other processes may write too: what the record of it says of the read before it, at ever
    longer intervals."""
    key = (thing.number, getattr(thing, "home", None), type(item), item)
    state = _shared.get(key)
    if state is None:
        if len(_shared) >= _MOST_SHARED:
            _shared.pop(next(iter(_shared)), None)
        state = _shared.setdefault(key, State("shared", "", item))
    return update_of(state, Place(position(frame.f_code, frame.f_lasti)), rw, frame, lane)


def update_of(state: State, place: Place, rw: str, frame: Any, lane: Lane) -> dict[str, object] | None:
    if rw == "r":
        read(state, place, lane, frame)
        return None
    write = Seen(place, lane, frame, holding(lane), 0)
    base = _base(state.reads.get(lane, []), write)
    write.base = base
    if base is None:
        return None
    key = (write.chain[0][1:], base.chain[0][1:]) if write.chain and base.chain else None
    count = state.spaces[key] = state.spaces.get(key, 0) + 1
    if len(state.spaces) > 100 or (count > _DENSE and count & (count - 1)):
        return None
    facts = _told(base, state, False)
    facts["at"] = base.mono
    stack = [position(code, instruction) for _, code, instruction in write.chain]
    return {"base": facts, "how": how(write), "stack": stack, "held": _words(write.held)}


def tell_update(thing: Any, place: Place, facts: dict[str, object], lane: Lane) -> None:
    """Of something that has no events of its own."""
    if thing.told is not identity.me:
        thing.tell()
    event("access", {"var": thing.reference(), "rw": "w", "site": place.site, **facts}, lane)
