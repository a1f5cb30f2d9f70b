"""The parts of one process on disk: their numbers, and which of them go when there is too much.

A ring bounds the parts of the ring, a cap bounds all of them. Only whole parts go, the oldest first
and never one that is being written; what was in them is told. Writing them is `sink.py`'s affair.
"""

from __future__ import annotations

import itertools
import os

from .native import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    Tell = Callable[[str, int], None]

__all__ = ["Shelf", "share_of"]

_SHARES = 8  # a limit is kept by dropping an eighth of it at a time
_SPARE = 2  # shares left free: while one thread begins a part, others write on in the one before
_CHUNK = 1 << 20


def share_of(limit: int | None, part_size: int) -> int:
    """How large a part may become, so that several fit into the limit."""
    return part_size if limit is None else max(1, min(part_size, limit // _SHARES))


class Shelf:
    """The finished parts."""

    __slots__ = ("_base", "_busy", "_finished", "_limits", "_numbers")

    def __init__(self, base: str, ring: int | None, cap: int | None, part_size: int) -> None:
        self._base = base
        self._numbers = itertools.count(1)
        self._finished: list[tuple[int, int, bool]] = []  # number, bytes, of the ring; the oldest first
        self._busy = allocate_lock()  # only ever tried, never waited for
        ring_share = share_of(ring, part_size) if ring is not None else 0
        # What finished parts may come to: those that are being written grow, too.
        self._limits: list[tuple[str, int]] = []
        if ring is not None:
            self._limits.append(("ring", ring - _SPARE * ring_share))
        if cap is not None:
            self._limits.append(("cap", cap - _SPARE * (share_of(cap, part_size) + ring_share)))

    def next_number(self) -> int:
        return next(self._numbers)

    def path(self, number: int) -> str:
        return f"{self._base}.{number}.jsonl"

    def put(self, number: int, size: int, of_ring: bool, tell: Tell) -> None:
        """A part is finished. Makes room where there is too much; `tell(why, records)` hears what went."""
        self._finished.append((number, size, of_ring))
        while self._limits_passed() and self._busy.acquire(False):
            try:
                for why, limit in self._limits_passed():
                    self._drop_until(limit, why, tell)
            finally:
                self._busy.release()  # who has put a part meanwhile has left it to us: hence once more

    def _limits_passed(self) -> list[tuple[str, int]]:
        return [(why, limit) for why, limit in self._limits if self._finished and self._size_of(why) > limit]

    def _size_of(self, why: str) -> int:
        return sum(size for _, size, of_ring in list(self._finished) if of_ring or why == "cap")

    def _drop_until(self, limit: int, why: str, tell: Tell) -> None:
        counted = [part for part in list(self._finished) if part[2] or why == "cap"]
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
