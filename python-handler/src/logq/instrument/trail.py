"""The stamps that travel beside the items of a queue, without touching the items.

One Trail a queue. It is used inside the queue's own mutex (or its loop's thread), so it needs none.
Where the program has changed the queue behind its back, it forgets: no edge is ever invented.
"""

from __future__ import annotations

from collections import deque

from logq import identity
from logq.lane import Lane
from logq.objects import Thing
from logq.stamp import leave, merge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from logq.lane import Stamp

    _Note = tuple[int, Optional[Stamp]]

__all__ = ["HeapTrail", "LastTrail", "Trail"]


class Trail:
    """For queues that give out the oldest item first."""

    __slots__ = ("done", "notes", "thing")

    def __init__(self, thing: Thing) -> None:
        self.thing = thing
        self.notes: deque[_Note] = deque()
        self.done: dict[Lane, Stamp] = {}

    def put(self, item: object, size: int) -> None:
        """An item was put; the queue now has `size`."""
        notes = self.notes
        if len(notes) + 1 != size:
            notes.clear()
        notes.append((id(item), leave()))

    def take(self, item: object, size: int) -> None:
        """An item was taken by the running lane; the queue now has `size`."""
        notes = self.notes
        if len(notes) != size + 1:
            notes.clear()
            return
        known, stamp = self._next()
        if known == id(item):
            merge(stamp, self.thing)
        else:
            notes.clear()

    def _next(self) -> _Note:
        return self.notes.popleft()

    # The other way: who has said that its work on an item is done.

    def task_done(self) -> None:
        stamp = leave()
        if stamp is not None:
            if len(self.done) > 256:
                self._drop_ended()
            self.done[stamp[0]] = stamp

    def _drop_ended(self) -> None:
        """Lanes that are over; without this a server's tasks would gather here for ever."""
        for lane in list(self.done):
            if lane.over or lane.process is not identity.me:
                del self.done[lane]

    def joined(self) -> None:
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
        self.by_item.setdefault(id(item), deque()).append(leave())

    def take(self, item: object, size: int) -> None:
        if self.count != size + 1:
            self._forget()
            return
        self.count -= 1
        stamps = self.by_item.get(id(item))
        if not stamps:
            self._forget()
            return
        merge(stamps.popleft(), self.thing)
        if not stamps:
            del self.by_item[id(item)]

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
