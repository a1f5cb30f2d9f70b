"""The files of one process: parts, the lock file, one `write(2)` a record, and what was lost.

It knows bytes and descriptors, not records. There is no lock here that can block for longer than a moment: a finalizer,
a signal handler or a fork may interrupt any line of it. Nothing it does may reach the host's files:
the host may close our descriptor and open something else under its number, so the number is high,
and every write looks first whether the descriptor still is what it was.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time

from .descriptors import is_file, is_identity, lift
from .native import allocate_lock, get_ident, sleep
from .shelf import Shelf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Callable

    Preamble = Callable[[int], Iterable[bytes]]

__all__ = ["MAX_LINE", "Sink"]

MAX_LINE = 1 << 20
_RETRY_NS = 1_000_000_000
_BURST_NS = 1_000_000
_BURST_BYTES = 128 << 10  # of records so close, at most a second's worth
_SETTLED_NS = 2_000_000_000
_PATIENCE, _MOMENT = 40, 0.0005  # times seconds
_OPEN_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
_GONE = (errno.EBADF, errno.ESPIPE)

# Looked up once: the emit path runs them for every record.
_write = os.write
_lseek = os.lseek


class Sink:
    """Writes whole lines to `<base>.1.jsonl`, `<base>.2.jsonl`, …

    `preamble(part)` gives the lines with which a part begins; it is asked for part 2 and later. The
    shelf numbers the parts: a process may have a second sink for a `ring` of records, whose parts are
    numbered with those of the first. That one alone holds the lock file.
    """

    __slots__ = (
        "_base",
        "_born",
        "_checked",
        "_early",
        "_fd",
        "_flushing",
        "_full_at",
        "_identity",
        "_last",
        "_lock_fd",
        "_look_at",
        "_part_size",
        "_position",
        "_retry_at",
        "_ring",
        "_rotating",
        "_rotator",
        "_shelf",
        "_told",
        "_torn",
        "broken",
        "due",
        "failing",
        "lost",
        "part",
        "preamble",
        "settled",
        "taken",
        "untold",
    )  # fmt: skip

    def __init__(self, base: str, part_size: int, shelf: Shelf, ring: bool = False) -> None:
        self._base = base
        self.preamble: Preamble = _no_preamble
        self._part_size = part_size
        self._shelf = shelf
        self._ring = ring
        self.part = 0
        self._fd = -1
        self._lock_fd = -1
        self._identity: tuple[int, int] = (0, 0)
        self._position = 0
        self._full_at = 0  # the position from which on records belong into the next part
        self._look_at = 0  # the position from which on the descriptor is looked at, however close the records
        self._torn = False
        self._flushing = False
        self._early: list[bytes] = []  # used from its ends only, by atomic operations
        self._rotating = allocate_lock()  # only ever tried
        self._rotator = 0  # the thread that has it and begins a part
        self._checked = 0
        self._born = 0
        self.settled: Callable[[], object] = _nothing  # called now and then, once the process has lived for a while
        self._last = 0
        self._retry_at = 0
        self.lost: dict[str, int] = {}
        self._told: dict[str, int] = {}
        self.untold = False  # something was lost that no `lost` event has told of
        self.taken: bytes | None = None  # the last line that was written, or given up
        self.failing = False  # the last write lost something
        # Something is to be done after the next write, `_account`: one look for every record. Set after what is to be
        # done, and cleared before that is looked at.
        self.due = False
        self.broken = False  # the file could not be opened in the first place

    def write(self, data: bytes, now: int) -> None:
        """Writes one line; `now` is the monotonic clock in ns. Never raises an `Exception`."""
        fd = self._fd
        if fd < 0:
            self._write_unopened(data, now)
            return
        try:
            # A position that is not where our last write ended means another thread wrote, or that
            # the host has put something else under our number: look closely. In a burst of records
            # there was no time for that; there it is looked at after every so many bytes (`_account`).
            if now - self._last > _BURST_NS and (now - self._checked > _RETRY_NS or _lseek(fd, 0, 1) != self._position):
                self._check(fd, now)
            self._last = now
            if self._torn:
                self._write_after_torn(fd, data)
                return
            count = _write(fd, data)
        except (OSError, _Foreign) as problem:
            self._recover(data, now, problem)
            return
        except BaseException:
            self._write_interrupted(fd, data)
            self.taken = data
            raise
        self.taken = data
        self._position = position = self._position + count
        if position > self._look_at or self.due or count != len(data):
            self._account(count, data)

    def _write_after_torn(self, fd: int, data: bytes) -> None:
        """The file ends in the midst of a line: this one starts on a line of its own."""
        count = _write(fd, b"\n" + data)
        self._position += count
        self._torn = False
        self._account(count - 1, data)

    def _write_interrupted(self, fd: int, data: bytes) -> None:
        """A signal handler raised in the midst of a write (Ctrl-C): the record must not be missing.

        Where the file has not grown since our last write, it was not written yet.
        """
        try:
            position = _lseek(fd, 0, 1)
            if position == self._position:
                position += _write(fd, data)
            self._position = position
        except OSError:
            self.count_lost("interrupted")

    def _account(self, count: int, data: bytes) -> None:
        """What does not happen with every record: a short write, leftovers, the end of a part, or of a burst's bit."""
        if count != len(data):
            self._torn = True
            self.count_lost("short-write")
        else:
            self.due = self.failing = False
        if self._early:
            self.flush_early()
            if self._early:  # another thread is at it, and may have seen none any more
                self.due = True
        if self._position > self._full_at:
            self._rotate()
        elif self._position > self._look_at:
            self._checked = 0  # to be looked at before the next record
            self._last -= _BURST_NS + 1

    def _check(self, fd: int, now: int) -> None:
        """Raises when the descriptor is not our file any more, or the file was removed."""
        state = os.fstat(fd)
        if (state.st_dev, state.st_ino) != self._identity:
            raise _Foreign("descriptor")
        if state.st_nlink == 0:
            raise _Foreign("removed")
        self._checked = now
        self._position = _lseek(fd, 0, 1)
        self._look_at = min(self._position + _BURST_BYTES, self._full_at)
        if self._born == 0:
            self._born = now
        elif now - self._born > _SETTLED_NS:
            self.settled()

    def _is_sound(self) -> bool:
        """Whether the descriptor is our file, and the file is there. For whoever has `_rotating`: nobody else
        changes either meanwhile."""
        try:
            state = os.fstat(self._fd)
        except OSError:
            return False
        return (state.st_dev, state.st_ino) == self._identity and state.st_nlink > 0

    def count_lost(self, why: str) -> None:
        self.failing = self.due = True
        self.count_gone(why, 1)

    def count_gone(self, why: str, count: int) -> None:
        """Records that are not there any more, or never were; writing works."""
        self.lost[why] = self.lost.get(why, 0) + count
        self.untold = True

    def take_lost(self) -> dict[str, int]:
        """How many records were lost for what reason that no `lost` event has told of; they count as told."""
        self.untold = False
        taken = {why: count - self._told.get(why, 0) for why, count in list(self.lost.items())}
        self._told.update(self.lost)
        return {why: count for why, count in taken.items() if count > 0}

    # Opening. -----------------------------------------------------------------------------

    def open(self) -> None:
        """Takes the lock file and opens part 1; of a ring just its first part. Raises OSError."""
        part = self._shelf.next_number()
        if self._ring:
            self._fd = lift(self._begin_part(part))
        else:
            self._take_lock()
            self._fd = lift(os.open(self._shelf.path(part), _OPEN_FLAGS | os.O_EXCL, 0o600))
        self._take_up(os.fstat(self._fd))
        self.part = part

    def _take_lock(self) -> None:
        """Holds a POSIX record lock for the life of the process, so that readers can see it live.

        Any close of the lock file by this process would drop the lock, so it is taken on the
        final descriptor, after the one that opened the file was closed.
        """
        low = os.open(self._base + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._lock_fd = lift(low)
        fcntl.lockf(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _take_up(self, state: os.stat_result) -> None:
        """The file that is open now."""
        self._identity = (state.st_dev, state.st_ino)
        self._position = state.st_size
        # Its first lines do not count: there may be more of them than fit into a part.
        self._full_at = self._position + self._part_size
        self._look_at = self._position

    def _write_unopened(self, data: bytes, now: int) -> None:
        """Before the file is open, or after it was lost."""
        if self.broken:
            self.count_lost("unopened")
        elif self.part == 0:
            self._early.append(data)  # whoever is opening writes it next; a few lines at most
            self.due = True
        else:
            self._recover(data, now, None)

    def flush_early(self) -> None:
        """Writes what nested records and other threads left while the file was being opened."""
        if self._flushing:
            return  # each of these writes comes by here again
        self._flushing = True
        try:
            while self._early:
                self.write(self._early.pop(0), 0)
        except IndexError:  # another thread took the last one
            pass
        finally:
            self._flushing = False

    # Rotation and recovery. -----------------------------------------------------------------

    def _rotate(self) -> None:
        """Goes on in a new part. Whoever finds another one rotating gives way to it."""
        if not self._rotating.acquire(False):
            self._give_way()
            return
        low = -1
        try:
            self._rotator = get_ident()
            self._check(self._fd, self._checked)  # threads may have counted into the position what went before
            if self._position <= self._full_at:
                return
            part = self._shelf.next_number()
            low = self._begin_part(part)
            state = os.fstat(low)
            self._check(self._fd, self._checked)
            size = self._position
            os.dup2(low, self._fd, False)
            self._take_up(state)
            before, self.part = self.part, part
        except (OSError, _Foreign):
            self._look_at = self._position
            self._full_at = self._position + self._part_size  # try again after another part's worth
            return
        finally:
            self._rotator = 0
            self._rotating.release()
            if low >= 0:
                os.close(low)
        self._shelf.put(before, size, self._ring, self.count_gone)

    def _give_way(self) -> None:
        """Lets another thread begin the next part, so that the old one grows by one record a thread at most.

        Every call of the system that it makes would else let all others write on. Only for a moment: it may be in
        the midst of a signal's handler that waits for this very thread.
        """
        for _ in range(_PATIENCE):
            if self._rotator in (0, get_ident()) or not self._rotating.locked():
                return
            sleep(_MOMENT)

    def _begin_part(self, part: int) -> int:
        """Opens a part under a low number and writes its first lines before anyone else can."""
        low = os.open(self._shelf.path(part), _OPEN_FLAGS | os.O_EXCL, 0o600)
        first = b"".join(self.preamble(part))
        if first:
            _write(low, first)
        return low

    def _recover(self, data: bytes, now: int, problem: object) -> None:
        """Counts the record as lost unless a new part can be opened and takes it."""
        if isinstance(problem, OSError) and problem.errno not in _GONE:
            self.count_lost(_reason(problem))
            return
        now = now or time.monotonic_ns()
        if now < self._retry_at:
            self.count_lost("closed")
            return
        if not self._rotating.acquire(False):
            self._early.append(data)  # another thread is at it, and writes this after
            self.due = True
            return
        try:
            if not self._is_sound():  # else another thread has begun a part while this one looked
                self._reopen()
            count = _write(self._fd, data)
        except OSError as again:
            self._retry_at = now + _RETRY_NS
            self.count_lost(_reason(again))
            self._drop_early()
            return
        finally:
            self._rotating.release()
        self._position += count
        self._account(count, data)

    def _drop_early(self) -> None:
        while self._early:
            self._early.pop(0)
            self.count_lost("closed")

    def _reopen(self) -> None:
        """Goes on in a new part, without closing or replacing what the host put under our number."""
        part = self._shelf.next_number()
        low = self._begin_part(part)
        if is_identity(self._fd, self._identity):
            os.dup2(low, self._fd, False)
            os.close(low)
        else:
            self._fd = lift(low)
        self._shelf.put(self.part, self._position, self._ring, self.count_gone)
        self.part = part
        self._take_up(os.fstat(self._fd))
        if not self._ring and not is_file(self._lock_fd, self._base + ".lock"):
            self._take_lock()

    def close_inherited(self) -> None:
        """In a forked child: lets go of the parent's files, if the numbers still are theirs."""
        if self._fd >= 0 and is_identity(self._fd, self._identity):
            os.close(self._fd)
        if self._lock_fd >= 0 and is_file(self._lock_fd, self._base + ".lock"):
            os.close(self._lock_fd)
        self._fd = self._lock_fd = -1


def _nothing() -> None:
    pass


def _no_preamble(_part: int) -> list[bytes]:
    return []


class _Foreign(Exception):
    """Our descriptor number belongs to something else now, or our file is gone."""


def _reason(problem: OSError) -> str:
    return errno.errorcode.get(problem.errno or 0, "OSError")
