"""ThreadPoolExecutor as a pool: its size, who is at work in it, what is queued, how long work waited.

Futures and their results are the affair of `futures.py`. A pool's work queue is one of ours, made where
the executor makes its own: so a worker that waits for work can be told from one that hangs. It does not
look after a moment whether it still waits, as others do, since a timed wait costs more than most jobs; the
watchdog sees that it is idle, and nudges it through its queue to write its `wait`. An executor that was
there before, or whose program has given it another queue, is not known as a pool.
"""

from __future__ import annotations

import time
from _weakref import ref

from logq import identity, snapshot, watchdog
from logq.emit import event
from logq.lane import Lane, here
from logq.objects import Thing
from logq.sites import caller_site
from logq.trouble import swallowed
from logq.waits import begin

from .simple_queues import makers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.waits import Wait

__all__ = ["Pool", "patch"]

_LONG = 10_000_000  # ns: work that waited longer says so, and so does a worker
_PAUSE = 100_000_000  # ns: a backlog is told of this often, and whenever the wait in it has doubled
_NUDGE: Any = object()  # an item that is no work
_mono = time.monotonic_ns

_pools: dict[int, Any] = {}  # by number, weakly
_kinds: dict[Any, Any] = {}  # a class of work queues for each plain one


def patch(thread: Any) -> None:
    makers[thread.ThreadPoolExecutor.__init__.__code__] = _make
    if _nudge not in watchdog.ticks:
        watchdog.ticks.append(_nudge)
    if ("pools", _list_pools) not in snapshot.contributors:
        snapshot.contributors.append(("pools", _list_pools))


def forget() -> None:
    makers.clear()


class Pool(Thing):
    """What is known of one executor. Its workers change their own entries only."""

    __slots__ = ("busy", "idle", "late", "seen", "unsaid", "work")

    def __init__(self, executor: Any, work: Any) -> None:
        kind = f"concurrent.futures.{type(executor).__name__}"
        super().__init__("pool", kind, caller_site(3), getattr(executor, "_max_workers", None), executor)
        self.work = ref(work)
        self.busy: dict[Lane, int] = {}  # since when, monotonic ns
        self.idle: dict[Lane, int] = {}  # those that have not written so, since when
        self.late = (0, 0)  # when it was last said that work had queued, and for how long
        self.unsaid = 0  # what has queued since
        self.seen: dict[Lane, bool] = {}  # workers that have done something before
        number = self.number
        _pools[number] = ref(self, _forgetter(number))

    def begin(self, lane: Lane, submitted: int) -> None:
        """The running lane begins with what was submitted at `submitted` (monotonic ns)."""
        now = _mono()
        queued = now - submitted
        if queued > _LONG:
            said, before = self.late
            if now - said > _PAUSE or queued > 2 * before:
                self.late = (now, queued)
                self._say_late(lane, queued)
            else:
                self.unsaid += 1
        self.busy[lane] = now

    def end(self, lane: Lane) -> None:
        self.busy.pop(lane, None)
        self.seen[lane] = True

    def _say_late(self, lane: Lane, queued: int) -> None:
        if self.told is not identity.me:
            self.tell()
        others = [other.key for other in list(self.busy) if other.process is lane.process and other is not lane]
        busy = [lane.key, *others] if lane in self.seen else others
        unsaid, self.unsaid = self.unsaid, 0
        facts = {"obj": self.reference(), "queued": queued, "busy": busy or None, "unsaid": unsaid or None}
        event("begin", facts, lane)

    def load(self) -> dict[str, object]:
        """The pool as a `wait` or a `snap` describes it."""
        if self.told is not identity.me:
            self.tell()
        process = identity.me
        work = self.work()
        return {
            "obj": self.reference(),
            "size": self.size,
            "busy": [lane.key for lane in list(self.busy) if lane.process is process],
            "queued": work.qsize() if work is not None else 0,
        }


def _forgetter(number: int) -> Callable[[Any], None]:
    pop = _pools.pop  # at the interpreter's end the module's own names may be gone

    def forget_one(_: Any) -> None:
        pop(number, None)

    return forget_one


def _make(frame: Any, plain: Any) -> Any:
    """The work queue of an executor that is just being made, in `frame`."""
    kind = _kinds.get(plain)
    if kind is None:
        kind = _kinds[plain] = _make_kind(plain)
    if identity.me is None:
        return plain()
    work = kind()
    try:
        work._logq_pool = Pool(frame.f_locals["self"], work)
    except Exception:
        swallowed()
        return plain()
    return work


def _make_kind(plain: Any) -> Any:
    plain_put, plain_get, plain_size = plain.put, plain.get, plain.qsize

    class SimpleQueue(plain):  # type: ignore[misc]
        __slots__ = ("_logq_pool",)
        _logq_pool: Pool

        def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:  # noqa: ARG002
            if item is not None and item is not _NUDGE:
                try:
                    item.future._logq_pool = self._logq_pool
                except AttributeError:  # an item of a subclass's own
                    pass
            plain_put(self, item)

        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            if block and timeout is None and not plain_size(self) and identity.me is not None:
                return _get_idly(plain_get, self, self._logq_pool)
            item = plain_get(self, block, timeout)
            while item is _NUDGE:
                item = plain_get(self, block, timeout)
            return item

        def get_nowait(self) -> Any:
            item = plain_get(self, False)
            while item is _NUDGE:
                item = plain_get(self, False)
            return item

    SimpleQueue.__module__ = plain.__module__
    SimpleQueue.__qualname__ = plain.__qualname__
    return SimpleQueue


def _get_idly(plain_get: Callable[[Any], Any], work: Any, pool: Pool) -> Any:
    """A worker has nothing to do: it waits `in` its pool, which is no hang."""
    lane = here()
    since = pool.idle[lane] = _mono()
    wait: Wait | None = None
    res = "exc"
    try:
        item = plain_get(work)
        while item is _NUDGE:
            pool.idle.pop(lane, None)
            wait = wait or begin("queue-get", since, pool, {"in": pool.reference()})
            item = plain_get(work)
        res = "ok"
        return item
    finally:
        pool.idle.pop(lane, None)
        if wait is not None:
            wait.end(res)


def _nudge(now: int) -> None:
    """In the watchdog's thread: has workers that are idle say so."""
    for reference in list(_pools.values()):
        pool = reference()
        work = pool.work() if pool is not None else None
        if pool is None or work is None or work.qsize():
            continue
        for since in list(pool.idle.values()):
            if now - since > _LONG:
                work.put(_NUDGE)


def _list_pools() -> list[dict[str, object]]:
    pools = [reference() for reference in list(_pools.values())]
    return [pool.load() for pool in pools if pool is not None and pool.seen | pool.busy]
