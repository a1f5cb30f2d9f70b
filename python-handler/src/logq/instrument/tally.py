"""Who has put into a queue, who has got from it, who has said to be done, and who owes.

One Tally a queue, kept by the queue. It is written when somebody blocks, when the process ends and in
a snapshot, never when something is put. Counting needs no lock: a lane changes its own entry only.
"""

from __future__ import annotations

from _weakref import ref

from logq import exits, identity, snapshot
from logq.lane import Lane
from logq.objects import Thing
from logq.sites import caller_site
from logq.unkept import Unkept

from .throttle import Throttle, throttle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.lane import Site

__all__ = ["Tally", "count"]

_MANY = 64  # lanes in a count, and queues in a snapshot
_SHOWN = 8  # places
_RECENT = 16  # of the lanes that are over, so many are remembered

# By the number of the queue's Thing; an entry goes with its Tally.
_tallies: dict[int, Any] = {}


class Tally(Unkept):
    """What is known of the traffic of one queue."""

    __slots__ = (
        "__weakref__",
        "doners",
        "getters",
        "got_at",
        "is_joined",
        "last_get",
        "last_put",
        "put_at",
        "putters",
        "thing",
        "traffic",
    )

    def __init__(self, thing: Thing) -> None:
        self.thing = thing
        self.putters: dict[Lane, int] = {}
        self.getters: dict[Lane, int] = {}
        self.doners: dict[Lane, int] = {}
        # Where each lane did so for the first time: looked up once a lane, since it costs more than a put.
        self.put_at: dict[Lane, Site | None] = {}
        self.got_at: dict[Lane, Site | None] = {}
        self.last_put: Lane | None = None
        self.last_get: Lane | None = None
        self.is_joined = False  # somebody waits, or has waited, until all is done
        self.traffic: Throttle | None = throttle(thing)
        number = thing.number
        _tallies[number] = ref(self, _forgetter(number))
        _contribute()

    def count_put(self, lane: Lane) -> None:
        self.last_put = lane
        count(self.putters, lane, self.put_at)

    def count_got(self, lane: Lane) -> None:
        self.last_get = lane
        count(self.getters, lane, self.got_at)

    def facts(self, on: str) -> dict[str, object]:
        """What a `wait` on the queue says beside its name."""
        queue = self.queue()
        facts: dict[str, object] = {"qsize": size_of(queue)}
        if on == "queue-join":
            self.is_joined = True
            facts["left"] = unfinished(queue)
        else:
            last, what = (self.last_put, "put") if on == "queue-get" else (self.last_get, "get")
            process = identity.me
            if last is not None and process is not None and last.process is process:
                facts["last"] = {"what": what, "lane": last.key}
        return {**facts, **self.counts()}

    def counts(self) -> dict[str, object]:
        return {
            "putters": _named(self.putters),
            "getters": _named(self.getters),
            "doners": _named(self.doners),
            "put_at": _placed(self.put_at),
            "got_at": _placed(self.got_at),
        }

    def queue(self) -> Any:
        return self.thing.owner() if self.thing.owner is not None else None

    def is_used_here(self) -> bool:
        """Whether lanes of this process have used it: after a fork it may be the parent's affair."""
        process = identity.me
        return any(lane.process is process for known in (self.putters, self.getters) for lane in list(known))


def _forgetter(number: int) -> Callable[[Any], None]:
    pop = _tallies.pop  # at the interpreter's end the module's own names may be gone

    def forget_one(_: Any) -> None:
        pop(number, None)

    return forget_one


def count(counts: dict[Lane, int], lane: Lane, places: dict[Lane, Site | None] | None = None) -> None:
    try:
        counts[lane] += 1
    except KeyError:
        if len(counts) >= _MANY:
            _thin(counts)
        counts[lane] = 1
        if places is not None:
            if len(places) >= _MANY:
                _thin(places)
            places[lane] = caller_site(3)


def _thin(counts: dict[Lane, Any]) -> None:
    """Forgets lanes that are over, but for the latest; a server's would gather here for ever."""
    process = identity.me
    over = [lane for lane in list(counts) if lane.over or lane.process is not process]
    for lane in over[:-_RECENT]:
        counts.pop(lane, None)


def _named(counts: dict[Lane, int]) -> dict[str, int] | None:
    process = identity.me
    return {lane.key: n for lane, n in list(counts.items()) if lane.process is process} or None


def _placed(places: dict[Lane, Site | None]) -> dict[str, Site] | None:
    process = identity.me
    known = [(lane.key, site) for lane, site in list(places.items()) if site is not None and lane.process is process]
    return dict(known[-_SHOWN:]) or None


def size_of(queue: Any) -> int | None:
    """How many items are in it, asked without its lock."""
    measure = getattr(queue, "_qsize", None) or getattr(queue, "qsize", None)
    return int(measure()) if measure is not None else None


def unfinished(queue: Any) -> int | None:
    """How many items have been put and not been said to be done."""
    left = getattr(queue, "unfinished_tasks", None)
    return left if left is not None else getattr(queue, "_unfinished_tasks", None)


# Members of `exit` and `snap`. ------------------------------------------------------------------


def _contribute() -> None:
    if ("queues", _list_left) not in exits.contributors:
        exits.contributors.append(("queues", _list_left))
    if ("queues", _list_all) not in snapshot.contributors:
        snapshot.contributors.append(("queues", _list_all))


def _used() -> list[Tally]:
    tallies = [reference() for reference in list(_tallies.values())]
    return [tally for tally in tallies if tally is not None and tally.is_used_here()]


def _list_left() -> list[dict[str, object]]:
    """Queues in which something is left, or for which somebody still owes a `task_done`."""
    found = []
    for tally in _used():
        queue = tally.queue()
        left = size_of(queue)
        owed = unfinished(queue) if tally.doners or tally.is_joined else None
        if left or owed:
            tally.thing.tell()
            facts: dict[str, object] = {"obj": tally.thing.reference(), "left": left, "unfinished": owed}
            found.append({**facts, **tally.counts()})
    return [{key: value for key, value in entry.items() if value is not None} for entry in found[:_MANY]]


def _list_all() -> list[dict[str, object]]:
    found = []
    for tally in _used()[-_MANY:]:
        queue = tally.queue()
        tally.thing.tell()
        facts: dict[str, object] = {"obj": tally.thing.reference(), "qsize": size_of(queue), "size": tally.thing.size}
        if tally.doners or tally.is_joined:
            facts["left"] = unfinished(queue)
        found.append({**facts, **tally.counts()})
    return [{key: value for key, value in entry.items() if value is not None} for entry in found]
