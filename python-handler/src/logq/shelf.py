"""The parts of one process on disk: their numbers, and which of them go when there is too much.

A ring bounds the parts of the ring, a cap bounds all of them. Only whole parts go, the oldest first
and never one that is being written; what was in them is told. Writing them is `sink.py`'s affair.
"""

from __future__ import annotations

import itertools
import os
from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    Tell = Callable[[str, int], None]

__all__ = ["Shelf", "share_of"]

_SHARES = 8  # a limit is kept by dropping an eighth of it at a time
_CHUNK = 1 << 20


def share_of(limit: int | None, part_size: int) -> int:
    """How large a part may become, so that several fit into the limit."""
    return part_size if limit is None else max(1, min(part_size, limit // _SHARES))


class Shelf:
    """The finished parts."""

    __slots__ = ("_base", "_busy", "_cap", "_finished", "_numbers", "_ring", "_room")

    def __init__(self, base: str, ring: int | None, cap: int | None, part_size: int) -> None:
        self._base = base
        self._ring = ring
        self._cap = cap
        self._numbers = itertools.count(1)
        self._finished: list[tuple[int, int, bool]] = []  # number, bytes, of the ring; the oldest first
        self._busy = allocate_lock()  # only ever tried, never waited for
        # What the parts that are being written may grow to.
        self._room = share_of(cap, part_size) + (share_of(ring, part_size) if ring is not None else 0)

    def next_number(self) -> int:
        return next(self._numbers)

    def path(self, number: int) -> str:
        return f"{self._base}.{number}.jsonl"

    def put(self, number: int, size: int, of_ring: bool, tell: Tell) -> None:
        """A part is finished. Makes room where there is too much; `tell(why, records)` hears what went."""
        self._finished.append((number, size, of_ring))
        if (self._ring is None and self._cap is None) or not self._busy.acquire(False):
            return
        try:
            if self._ring is not None:
                self._drop_until(self._ring - self._ring // _SHARES, "ring", tell)
            if self._cap is not None:
                self._drop_until(self._cap - self._room, "cap", tell)
        finally:
            self._busy.release()

    def _drop_until(self, limit: int, why: str, tell: Tell) -> None:
        counted = [part for part in self._finished if part[2] or why == "cap"]
        total = sum(size for _, size, _ in counted)
        for part in counted:
            if total <= limit:
                return
            total -= part[1]
            self._finished.remove(part)
            gone = self._drop(part[0])
            if gone:
                tell(why, gone)

    def _drop(self, number: int) -> int:
        """Removes a part; how many records were in it."""
        try:
            records = _count_records(self.path(number))
            os.unlink(self.path(number))
        except OSError:
            return 0
        return records


def _count_records(path: str) -> int:
    """Lines that are not a repetition of an earlier part's."""
    records = 0
    before = b""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while True:
            data = os.read(fd, _CHUNK)
            if not data:
                return records
            # In a text the quotes would be escaped, so it can only be the member itself.
            joined = before + data
            records += data.count(b"\n") - joined.count(_AGAIN)
            before = joined[-len(_AGAIN) + 1 :]
    finally:
        os.close(fd)


_AGAIN = b',"again":true}\n'
