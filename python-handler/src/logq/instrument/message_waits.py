"""Who waits for a message, for room in a pipe or a queue, or for a queue to be done: multiprocessing's.

A queue blocks on locks inside itself; who waits for those waits for the queue. What is sent and
received is the affair of `messages.py`.
"""

from __future__ import annotations

import os
import select
import time

from logq import identity, procfs, waits
from logq.patching import dress
from logq.trouble import swallowed

from . import shared_locks, shared_things

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .shared_things import SharedThing

__all__ = [
    "UNBOUNDED",
    "Asked",
    "askers",
    "before_reading",
    "before_writing",
    "name_waits",
    "wrap_joinable",
    "wrap_set_state",
]

UNBOUNDED = 2**30  # a queue's own idea of no limit is the greatest semaphore
_DIVIDED = 16384  # multiprocessing sends longer messages in two steps
_PAGE = 4096  # a pipe that can be written to takes at least so much
_SOCKET = 65536  # and so much one end of a pair of sockets that is empty
_EMPTY = 4  # what it takes to say that a message has no bytes
_EXECUTOR = os.sep + os.path.join("concurrent", "futures", "process.py")
_QUEUES = os.sep + os.path.join("multiprocessing", "queues.py")


class Asked:
    """What an answer that does not come at once is waited for in truth."""

    __slots__ = ("on", "owner", "thing", "timeout")

    def __init__(self, on: str, thing: SharedThing, timeout: float | None, owner: dict[str, object]) -> None:
        self.on = on
        self.thing = thing
        self.timeout = timeout
        self.owner = owner


# By the code of a function that waits for an answer to what it has sent: what its frame tells of that.
askers: dict[Any, Callable[[Any], Asked | None]] = {}


def before_reading(connection: Any, frame: Any) -> Callable[[], None] | None:
    """The wait for a message, if none comes within a moment."""
    look = select.poll()
    look.register(connection.fileno(), select.POLLIN)
    since = time.monotonic_ns()
    if look.poll(waits.MOMENT * 1000):
        return None
    asks = askers.get(frame.f_back.f_code) if frame.f_back is not None else None
    asked = asks(frame.f_back) if asks is not None else None
    if asked is not None:
        wait = waits.begin(asked.on, since, asked.thing, asked.owner, asked.timeout)
    else:
        thing = shared_things.of_connection(connection)
        on = "queue-get" if thing is not None and thing.family == "queue" else "channel"
        if thing is None and _is_of_pool(frame):
            on = "queue-get"  # a worker without a job
        wait = waits.begin(on, since, thing)
    return (lambda: wait.end("ok")) if wait is not None else None


def before_writing(connection: Any, frame: Any) -> Callable[[], None] | None:
    """The wait for room, where the next `write` will not find enough of it. A blocked one cannot be looked at later."""
    length = len(frame.f_locals.get("buf", b""))
    if length == _EMPTY and _wakes_executor(frame):
        return None
    if length > _DIVIDED and connection.__dict__.pop("_logq_header", None) != id(frame):
        connection._logq_header = id(frame)  # of a long message the length goes first, by itself
        length = 0
    if not _will_block(connection.fileno(), length):
        return None
    thing = shared_things.of_connection(connection)
    wait = waits.begin("channel", time.monotonic_ns(), thing, {"state": "full"})
    return (lambda: wait.end("ok")) if wait is not None else None


def _wakes_executor(frame: Any) -> bool:
    """Whether an executor wakes its own manager, with its lock in hand. A look would let go of the GIL once more, and
    CPython before 3.12.8 and 3.13.1 may stand still then (github.com/python/cpython/issues/125451)."""
    above = frame.f_back and frame.f_back.f_back
    return above is not None and above.f_code.co_filename.endswith(_EXECUTOR)


def _will_block(fd: int, length: int) -> bool:
    look = select.poll()
    look.register(fd, select.POLLOUT)
    if not look.poll(0):
        return True
    if length < _PAGE:
        return False  # that much room there is
    facts: dict[str, Any] = procfs.pipe_facts({"fd": fd, "inode": os.fstat(fd).st_ino})
    if "capacity" not in facts:
        return length > _SOCKET
    return bool(length > facts["capacity"] - facts["queued"] - _PAGE)


def _is_of_pool(frame: Any) -> bool:
    above = frame.f_back
    return above is not None and above.f_code.co_filename.endswith(_QUEUES)


def wrap_set_state(original: Callable[..., None]) -> Any:
    def __setstate__(self: Any, state: Any) -> None:  # noqa: N807 - its name
        original(self, state)
        if identity.me is not None:
            try:
                name_waits(self)
            except Exception:
                swallowed()

    return dress(__setstate__, original)


def name_waits(queue: Any) -> None:
    """Who waits for a lock inside the queue waits for the queue."""
    reader = queue._reader
    queue._rlock._logq_purpose = ("queue-get", lambda: shared_things.of_connection(reader))
    size = getattr(queue, "_maxsize", None)
    if size is None or size >= UNBOUNDED:
        return
    free = queue._sem
    plain = free._semlock.acquire

    def acquire(block: Any = True, timeout: Any = None) -> bool:
        if identity.me is None or plain(False):
            return identity.me is not None or bool(plain(block, timeout))
        if not block or (timeout is not None and timeout <= 0):
            return False
        return shared_locks.tell_wait_of("queue-put", shared_things.of_connection(reader), plain, timeout)

    free.acquire = dress(acquire, plain)


def wrap_joinable(original: Callable[..., None]) -> Any:
    def make(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if identity.me is not None:
            try:
                reader, unfinished = self._reader, self._unfinished_tasks._semlock

                def thing() -> Any:
                    return shared_things.of_connection(reader)

                def left() -> dict[str, object]:
                    return {"left": unfinished._get_value()}

                self._cond._wait_semaphore._logq_purpose = (
                    "queue-join",
                    lambda: shared_things.of_connection(reader),
                    left,
                )
            except Exception:
                swallowed()

    return dress(make, original)
