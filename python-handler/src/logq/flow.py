"""One sequential flow of control: its number, what it has pending, what is known of it.

A lane is a thread `t3` or a task `a17`. Lanes are numbered by counters of the process, never by an id
that the system reuses. A lane's number, its pending stamps and its first line are changed by the lane
itself only, but a signal handler or a finalizer may do so in the middle of any line here: hence the
atomic list operations, and no lock. Which lane is running is the affair of `lane.py`.
"""

from __future__ import annotations

import itertools
import sys

from .identity import Process
from .unkept import Unkept

__all__ = ["SINGLE_STEP", "Elsewhere", "Lane"]

# Since 3.10 a signal handler runs at calls and jumps only: `x.last = n = x.last + 1` is one step.
SINGLE_STEP = sys.version_info >= (3, 10)

TYPE_CHECKING = False  # for mypy; `typing` costs more than the rest of logq's start
if TYPE_CHECKING:
    from typing import Any, Optional, Union

    Site = tuple[str, int, str]
    # (giver, its last number, the object that carried it): an entry of `hb` or `hbl`.
    Entry = tuple[Union["Lane", "Elsewhere"], int, Any]
    Stamp = tuple["Lane", int, tuple[Entry, ...], tuple[Entry, ...]]
    # A task's creation: the process, the creator's stamp, code and instruction, the coroutine's name, when, the number.
    Birth = tuple[Process, Stamp, Any, int, Optional[str], int, int]


class Elsewhere:
    """A lane of another process, known by its stamp only."""

    __slots__ = ("full",)

    def __init__(self, full: str) -> None:
        self.full = full

    def reference(self, _process: Process) -> str:
        return self.full


class Lane(Unkept):
    """One sequential flow of control of one process."""

    __slots__ = (
        "__weakref__",
        "again",
        "began",
        "birth",
        "count",
        "daemon",
        "depth",
        "failure",
        "fields",
        "fn",
        "given",
        "hard",
        "head",
        "heir",
        "held",
        "ident",
        "key",
        "kind",
        "last",
        "left",
        "looks",
        "mark",
        "name",
        "name_text",
        "nests",
        "newest",
        "origin",
        "over",
        "polls",
        "process",
        "recent",
        "recent_before",
        "seq",
        "site",
        "soft",
        "sole",
        "tid",
        "touched",
        "usual_wait",
        "waited",
        "waiting",
        "who",
    )  # fmt: skip

    def __init__(self, process: Process, key: str, kind: str) -> None:
        self.process = process
        self.key = key
        self.kind = kind
        self.seq = 0  # the number of its last record: what a stamp says
        # 1 is kept for its first line, however late that is written.
        self.last = 1
        self.count: Any = None if SINGLE_STEP else itertools.count(2)  # counts instead of `last` before 3.10
        self.hard: list[Entry] = []
        self.soft: list[Entry] = []
        # The stamp that it leaves, once one was asked for; None as soon as anything of that has changed.
        self.mark: Stamp | None = None
        self.newest: Stamp | None = None  # the stamp that it merged last, while that is pending
        self.depth = 0
        self.sole: Any = None  # the lock that it holds; see `holding.py`
        self.held: list[Any] = []  # the locks that it holds where they are several
        self.birth = [True]  # popped by whoever writes its first line
        self.nests: set[Any] | None = None  # the ways in which it has taken a lock while it held others
        self.polls: dict[Any, Any] | None = None  # what it has asked without waiting, and was told
        self.name: str | None = None
        self.fn: str | None = None
        self.tid: int | None = None
        self.touched: Any = None  # what it has read or written of shared variables lately
        self.ident = 0  # of its thread, while it has one
        self.again = 0  # records that only repeat the wait before: no sign of progress
        self.usual_wait: Any = None  # what it waited for last, and where
        self.waiting: Any = None  # the Wait that it is blocked in, from the record on
        self.waited = 0  # in waits that are over, ns
        self.looks: Any = None  # what the watchdog has seen of its time besides
        self.daemon = False
        self.origin: tuple[Lane, int] | None = None
        self.site: Site | None = None
        self.began = 0
        self.fields: Any = None  # of `logq.context`, from its creator, until it begins
        self.given = (0, 0)  # how many of the pending it has from its creator
        self.left = False  # it has left a stamp somewhere: others may name it
        self.head = f'{process.lane_head}{key}","seq":'  # in a line, between clock and number
        self.who: Any = None  # the thread, or a weak reference to the task, while it runs
        self.failure: dict[str, object] | None = None
        self.over = False
        self.heir: Lane | None = None  # who was told last that it is over
        self.recent: Any = None  # weakly, the log record that it wrote last
        self.recent_before: Any = None
        self.name_text: tuple[Any, str] | None = None  # for log records: name, its members

    def reference(self, process: Process) -> str:
        """How a record of `process` names this lane in a stamp."""
        return self.key if self.process is process else self.process.key + "/" + self.key

    def begin(self) -> tuple[int, list[Entry], list[Entry]]:
        """The number of the next record and the stamps it carries, taken together.

        A nested record (a signal handler in the middle of this) copies the stamps and leaves them
        to the outer one, so that neither goes without.
        """
        depth = self.depth
        self.depth = depth + 1
        try:
            hard, soft = self.hard[:], self.soft[:]
            number = self.next_number()
            if depth == 0:
                del self.hard[: len(hard)]
                del self.soft[: len(soft)]
                self.mark = self.newest = None
        finally:
            self.depth = depth
        return number, hard, soft

    def next_number(self) -> int:
        """From here on stamps may name the record with this number."""
        if SINGLE_STEP:
            self.seq = self.last = number = self.last + 1
        else:
            number = next(self.count)
            if number > self.seq:
                self.seq = number
        self.mark = None
        return number

    def stamp(self) -> Stamp:
        """What it leaves for others now. Made once for as long as nothing changes, and kept in `mark`."""
        self.left = True
        self.mark = nothing = (self, -1, (), ())  # whoever changes something in the midst of this puts None there
        mark = (self, self.seq, tuple(self.hard), tuple(self.soft))
        if self.mark is nothing:
            self.mark = None if self.over else mark  # it names its lane: nobody would ever free the two
        return mark

    def gain(self, entry: Entry) -> None:
        """Its next record comes after what the entry names."""
        self.hard.append(entry)
        self.mark = None

    def inherit(self, start: Stamp) -> None:
        """What happened before its creator left `start` happened before its first line."""
        creator, seq, hard, soft = start
        self.origin = (creator, seq)
        # First of all the creator itself: until this lane's first line says so by `from`, the stamps
        # that it leaves must.
        self.hard.append((creator, seq, None))
        # What the creator had merged did not come to this lane by those objects.
        self.hard.extend([(giver, number, None) for giver, number, _ in hard])
        self.soft.extend(soft)
        self.given = (len(self.hard), len(self.soft))

    def has_news(self, for_whom: Lane) -> bool:
        """Whether its end tells that lane anything. A task that never wrote a record and learned nothing does
        not, if it is told to its creator, or was told there before."""
        if self.heir is for_whom:
            return False
        if not self.birth or self.origin is None or self.origin[0] is not for_whom:
            return True
        return (len(self.hard), len(self.soft)) != self.given

    def task_name(self) -> str | None:
        """The task's name now: before 3.12 tasks are named after their creation."""
        task = self.who() if self.who is not None and self.kind == "task" else None
        if task is not None and hasattr(task, "get_name"):
            self.name = task.get_name()
        return self.name

    def take_first(self) -> tuple[list[Entry], list[Entry]]:
        """The stamps for the lane's first line, whose number is 1."""
        depth = self.depth
        self.depth = depth + 1  # a nested record copies the stamps, as in `begin`
        try:
            hard, soft = self.hard[: self.given[0]], self.soft[: self.given[1]]
            del self.hard[: len(hard)], self.soft[: len(soft)]
            self.given = (0, 0)
        finally:
            self.depth = depth
        if self.seq < 1:
            self.seq = 1
        self.mark = self.newest = None
        return [entry for entry in hard if entry[:2] != self.origin], soft
