"""Objects that several processes share, each under one name in all of them: `4242-k3f9xz/lock:4`.

A forked child has inherited what is known of them. To a spawned one it goes with the token of its
process, found again there by what the system calls the object: the name of a semaphore, the inode of
a pipe.
"""

from __future__ import annotations

import os
from _weakref import ref

from logq import identity
from logq.emit import event
from logq.objects import Thing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from logq.lane import Lane, Site

    Row = tuple[str, str, int, str, str, "str | None", "Site | None", "int | None"]

__all__ = ["SharedThing", "adopt", "find", "inode_key", "know", "of_connection", "table"]

_MOST = 512
# What the system calls it -> the object. The oldest go first.
_known: dict[str, SharedThing] = {}


class SharedThing(Thing):
    """A Thing with the key of the process that made it."""

    __slots__ = ("has_variable", "home", "levels", "traffic")

    def __init__(self, family: str, kind: str, site: Site | None, size: int | None = None, owner: Any = None) -> None:
        super().__init__(family, kind, site, size, owner)
        process = identity.me
        self.home = process.key if process is not None else ""
        self.has_variable = False  # of the lock that a shared value has made for itself: it names the value, too
        # Of a manager's lock that a thread may take again: which one has it here, and how often.
        self.levels: tuple[Lane, int] | None = None
        self.traffic: Any = None  # how many uses of it were written lately

    def reference(self) -> str:
        process = identity.me
        local = f"{self.family}:{self.number}"
        return local if process is not None and process.key == self.home else f"{self.home}/{local}"

    def tell(self) -> None:
        """Its number is its home's: it must not be taken for one of this process's own."""
        process = identity.me
        if process is None or self.told is process:
            return
        if self.name is None:
            self.name = self._find_name()
        things: dict[Any, Any] = process.things
        mine = (ref(self),)
        first = things.setdefault((self.home, self.number), mine) is mine
        self.told = process
        if first:
            event("obj", self.facts())


def know(key: str, thing: SharedThing) -> None:
    if len(_known) >= _MOST:
        for oldest in list(_known)[: _MOST // 4]:
            _known.pop(oldest, None)
    _known[key] = thing


def find(key: str | None) -> SharedThing | None:
    return _known.get(key) if key is not None else None


def inode_key(fd: int) -> str:
    status = os.fstat(fd)
    return f"{status.st_dev}:{status.st_ino}"


def of_connection(connection: Any) -> SharedThing | None:
    """The queue or pipe that a connection is an end of; None for one that the library made for itself."""
    return find(inode_key(connection.fileno()))


def table() -> list[Row]:
    """What a spawned child is told."""
    rows: list[Row] = []
    for key, thing in list(_known.items()):
        if thing.name is None:
            thing.name = thing._find_name()
        rows.append((key, thing.family, thing.number, thing.home, thing.kind, thing.name, thing.site, thing.size))
    return rows


def adopt(rows: list[Row]) -> None:
    """In the spawned child."""
    for key, family, number, home, kind, name, site, size in rows:
        thing = SharedThing(family, kind, site, size)
        thing.number, thing.home, thing.name = number, home, name
        _known[key] = thing
