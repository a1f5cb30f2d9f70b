"""The stamps that travel beside the items of a queue, without touching the items.

One Trail a queue. It is used inside the queue's own mutex (or its loop's thread), so it needs none.
Where the program has changed the queue behind its back, it forgets: no edge is ever invented. Who has
put and got how much is counted by its `Tally`.
"""

from __future__ import annotations

from collections import deque

from logq import identity
from logq import lane as lanes
from logq.lane import Lane, here
from logq.objects import Thing
from logq.stamp import leave, merge, merge_into, merge_lock

from .tally import Tally, count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from logq.lane import Stamp

    _Note = tuple[int, Optional[Stamp]]

__all__ = ["HeapTrail", "LastTrail", "Trail", "new_trail"]


class Trail(Tally):
    """For queues that give out the oldest item first."""

    __slots__ = ("done", "freed", "got_before", "is_within", "notes", "rejected")

    def __init__(self, thing: Thing) -> None:
        super().__init__(thing)
        self.notes: deque[_Note] = deque()
        self.done: dict[Lane, Stamp] = {}
        self.freed: Stamp | None = None  # of the last get that somebody with a full queue waited for
        self.rejected = 0  # items that found no room
        self.got_before = 0
        self.is_within = False  # a method of the program's own subclass is at work

    # Run for each item of each queue, under the queue's mutex, so they are written for speed.

    def put(self, item: object, size: int) -> None:
        """An item was put by the running lane; the queue now has `size`."""
        notes = self.notes
        if len(notes) + 1 != size:
            notes.clear()
        lane = getattr(lanes.spot, "lane", None)  # as `here`, without the call
        if lane is None or lane.process is not identity.me:
            lane = here()
        if self.traffic is not None:
            self.traffic.send(lane)
        notes.append((id(item), lane.mark or lane.stamp()))
        self.last_put = lane
        try:
            self.putters[lane] += 1
        except KeyError:
            count(self.putters, lane, self.put_at)

    def take(self, item: object, size: int) -> None:
        """An item was taken by the running lane; the queue now has `size`."""
        lane = getattr(lanes.spot, "lane", None)
        if lane is None or lane.process is not identity.me:
            lane = here()
        self.last_get = lane
        try:
            self.getters[lane] += 1
        except KeyError:
            count(self.getters, lane, self.got_at)
        notes = self.notes
        if len(notes) != size + 1:
            notes.clear()
            return
        known, stamp = self._next()
        if known != id(item):
            notes.clear()
        elif stamp is not None and (stamp[0] is not lane or stamp[2] or stamp[3] or self.traffic is not None):
            self._merge(lane, stamp)

    def _merge(self, lane: Lane, stamp: Stamp) -> None:
        if stamp[0] is not lane or stamp[2] or stamp[3]:
            merge_into(lane, stamp, self.thing)
        if self.traffic is not None:
            self.traffic.receive(lane, stamp[0], stamp[1])

    def _next(self) -> _Note:
        return self.notes.popleft()

    def _forget(self) -> None:
        self.notes.clear()

    # A full queue: whoever waits for room goes on only because something was taken.

    def free(self) -> None:
        """The running lane takes an item, and somebody waits for room."""
        self.freed = leave()

    def found_room(self) -> None:
        """The running lane has waited for room. Who made it is an accident, as with a lock."""
        stamp = self.freed
        if stamp is not None and identity.me is not None:
            merge_lock(here(), stamp, self.thing)

    # The other way: who has said that its work on an item is done.

    def task_done(self) -> None:
        stamp = leave()
        if stamp is not None:
            if len(self.done) > 256:
                self._drop_ended()
            self.done[stamp[0]] = stamp
            count(self.doners, stamp[0])

    def _drop_ended(self) -> None:
        """Lanes that are over; without this a server's tasks would gather here for ever."""
        for lane in list(self.done):
            if lane.over or lane.process is not identity.me:
                del self.done[lane]

    # A shutdown takes what is left only to throw it away.

    def before_shutdown(self) -> None:
        self.got_before = self.getters.get(here(), 0)

    def after_shutdown(self) -> None:
        lane = here()
        if self.got_before:
            self.getters[lane] = self.got_before
        else:
            self.getters.pop(lane, None)

    def joined(self) -> None:
        self.is_joined = True
        for stamp in list(self.done.values()):
            merge(stamp)  # no item came, so the queue is not named


class LastTrail(Trail):
    """For queues that give out the newest item first."""

    __slots__ = ()

    def _next(self) -> _Note:
        return self.notes.pop()


class HeapTrail(Trail):
    """For queues that give out the smallest item first: an item is known by its id while inside."""

    __slots__ = ("by_item", "count")

    def __init__(self, thing: Thing) -> None:
        super().__init__(thing)
        self.by_item: dict[int, deque[Stamp | None]] = {}
        self.count = 0

    def put(self, item: object, size: int) -> None:
        if self.count + 1 != size:
            self._forget()
        self.count += 1
        lane = here()
        if self.traffic is not None:
            self.traffic.send(lane)
        self.by_item.setdefault(id(item), deque()).append(leave())
        self.count_put(lane)

    def take(self, item: object, size: int) -> None:
        lane = here()
        self.count_got(lane)
        if self.count != size + 1:
            self._forget()
            return
        self.count -= 1
        stamps = self.by_item.get(id(item))
        if not stamps:
            self._forget()
            return
        stamp = stamps.popleft()
        if not stamps:
            del self.by_item[id(item)]
        if stamp is not None:
            self._merge(lane, stamp)

    def _forget(self) -> None:
        self.by_item.clear()
        self.count = 0


def new_trail(kind: Any, thing: Thing) -> Trail:
    """The trail for a queue of class `kind`."""
    names = {base.__name__ for base in kind.__mro__}
    if "PriorityQueue" in names:
        return HeapTrail(thing)
    if "LifoQueue" in names:
        return LastTrail(thing)
    return Trail(thing)
