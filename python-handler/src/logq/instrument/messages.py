"""Messages between processes: multiprocessing's queues, pipes and whatever is built on them.

The sender's stamp goes with each message (`envelopes.py`), and `send` and `recv` are written on both
sides. No method that a program calls is wrapped, so tracebacks and errors stay as they are.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
from collections import deque

from logq import identity, procfs
from logq.emit import event
from logq.failure import describe
from logq.lane import here
from logq.objects import JOB, RESULT, Thing
from logq.patching import dress, replace
from logq.sites import caller_site, is_machinery, pair_at
from logq.trouble import swallowed

from . import message_waits, shared_left, shared_things
from .around import Around
from .envelopes import carriers, envelope, with_note
from .shared_things import SharedThing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Union

    from .envelopes import Carrier

    # Either the envelope, or via what and which members of the event.
    End = Union[bytes, tuple[str, dict[str, object]]]

__all__ = [
    "job_of",
    "onlookers",
    "patch_connection",
    "patch_queues",
    "patch_reduction",
    "senders",
    "with_note",
    "write_send",
]

# By the code of a function that pickles messages: the envelope for what its frame is about to send.
senders: dict[Any, Callable[[Any], bytes | None]] = {}
# By the code of a function of a pool that sends or receives: what its frame tells of a job.
pool_ends: dict[Any, Callable[[Any, Any], End]] = {}
# By the code of a function that sends a message for the program: told of its frame and the message.
onlookers: dict[Any, Callable[[Any, Any], None]] = {}
SILENT: bytes = b""  # nothing to tell of this message: it goes as it is

_QUEUES = os.sep + os.path.join("multiprocessing", "queues.py")
_CONTEXT = os.sep + os.path.join("multiprocessing", "context.py")
_coming = threading.local()  # the envelope for what a feeder thread has just taken out of its buffer


def patch_reduction(reduction: Any) -> None:
    replace(reduction.ForkingPickler, "__init__", _wrap_pickler)


def patch_connection(connection: Any) -> None:
    base = connection._ConnectionBase
    senders[base.send.__code__] = _of_connection
    carriers[base.recv.__code__] = _from_connection
    replace(connection.Connection, "_recv_bytes", lambda original: Around(original, message_waits.before_reading))
    replace(connection.Connection, "_send", lambda original: Around(original, message_waits.before_writing))
    replace(connection, "Pipe", _wrap_pipe)


def patch_queues(queues: Any) -> None:
    queue, simple = queues.Queue, queues.SimpleQueue
    senders[queue._feed.__code__] = _of_feeder
    senders[simple.put.__code__] = _of_simple_queue
    carriers[queue.get.__code__] = carriers[simple.get.__code__] = _from_queue
    replace(queue, "_reset", lambda original: _wrap_reset(original, queues._sentinel))
    replace(queue, "__init__", _wrap_init)
    replace(simple, "__init__", _wrap_init)
    replace(simple, "__setstate__", message_waits.wrap_set_state)
    replace(queue, "_on_queue_feeder_error", _wrap_feeder_error)
    shared_left.patch(queues)
    replace(queues.JoinableQueue, "__init__", message_waits.wrap_joinable)
    replace(queues.JoinableQueue, "__setstate__", message_waits.wrap_joinable)


def _wrap_pickler(original: Callable[..., None]) -> Any:
    """A message is pickled by `dumps`, into a buffer that is empty yet."""

    def init(self: Any, *args: Any) -> None:
        original(self, *args)
        if identity.me is None:
            return
        try:
            frame = sys._getframe(2)
            sender = senders.get(frame.f_code)
            front = sender(frame) if sender is not None else None
            if front:
                args[0].write(front)
        except Exception:
            swallowed()

    return dress(init, original)


def write_send(via: str, thing: Thing | None, **more: object) -> bytes | None:
    """Writes `send` in the running lane; gives the envelope that names it."""
    process = identity.me
    if process is None:
        return None
    lane = here()
    if thing is not None and thing.told is not process:
        thing.tell()
    number = event("send", {"via": via, "obj": thing.reference() if thing is not None else None, **more}, lane)
    job = more.get("job")
    return envelope(f"{process.key}/{lane.key}@{number}{f' {job}' if job else ''}") if number else None


# Sending. ---------------------------------------------------------------------------------------


def _of_connection(frame: Any) -> bytes | None:
    connection = frame.f_locals["self"]
    look = onlookers.get(frame.f_back.f_code)
    if look is not None:
        look(frame.f_back, frame.f_locals["obj"])
    end = job_of(frame.f_back, frame.f_locals["obj"])
    if end == SILENT or not _is_near(connection) or _is_filling(connection):
        return None
    if end is not None:
        return _of_job(end)
    return write_send("pipe", shared_things.of_connection(connection))


def _of_simple_queue(frame: Any) -> bytes | None:
    queue = frame.f_locals["self"]
    end = job_of(frame.f_back, frame.f_locals["obj"])
    if end == SILENT:
        return None
    if end is not None:
        front = _of_job(end)  # written in any case: who had the job
        return None if _is_filling(queue._writer) else front
    return None if _is_filling(queue._writer) else write_send("queue", shared_things.of_connection(queue._writer))


def _of_feeder(_frame: Any) -> bytes | None:
    front: bytes | None = getattr(_coming, "front", None)
    _coming.front = None
    return front


def _of_job(end: End) -> bytes | None:
    return end if isinstance(end, bytes) else write_send(end[0], None, **end[1])


def job_of(frame: Any, message: Any) -> End | None:
    """What a pool's own function says of the job or result that it sends or gets."""
    if frame is None:
        return None
    tell = pool_ends.get(frame.f_code)
    return tell(frame, message) if tell is not None else None


def _is_near(connection: Any) -> bool:
    """A pipe or a socket of this machine. Others may speak to anyone."""
    near = connection.__dict__.get("_logq_near")
    if near is None:
        near = connection._logq_near = _speaks_locally(connection.fileno())
    return bool(near)


def _speaks_locally(fd: int) -> bool:
    mode = os.fstat(fd).st_mode
    if not stat.S_ISSOCK(mode):
        return stat.S_ISFIFO(mode)
    import socket

    if socket.getdefaulttimeout() is not None:  # to look would make it non-blocking
        return False
    peek = socket.socket(fileno=fd)
    try:
        return peek.family == socket.AF_UNIX
    finally:
        peek.detach()


def _is_filling(connection: Any) -> bool:
    """A pipe that nobody empties must hold nearly as much as without logq, or the sender would block sooner."""
    end = {"fd": connection.fileno(), "inode": os.fstat(connection.fileno()).st_ino}
    facts: dict[str, Any] = procfs.pipe_facts(end)
    capacity = facts.get("capacity")
    return capacity is not None and facts["queued"] > capacity // 8


class _Buffer(deque):  # type: ignore[type-arg]
    """What has been put into a queue and not fed into its pipe; beside each, the envelope of who put it."""

    def __init__(self, queue: Any, sentinel: Any) -> None:
        super().__init__()
        self.writer = queue._writer
        self.tells = _tells_of(queue)
        self.sentinel = sentinel
        self.fronts: deque[bytes | None] = deque()

    def append(self, item: Any) -> None:
        front = None
        if identity.me is not None and item is not self.sentinel:
            try:
                front = self.tells(item)
            except Exception:
                swallowed()
        self.fronts.append(front)
        super().append(item)

    def popleft(self) -> Any:
        item = super().popleft()
        front = self.fronts.popleft() if self.fronts else None
        try:
            _coming.front = None if front is None or _is_filling(self.writer) else front
        except (OSError, ValueError):  # closed meanwhile
            _coming.front = None
        return item

    def clear(self) -> None:
        super().clear()
        self.fronts.clear()


def _tells_of(queue: Any) -> Callable[[Any], bytes | None]:
    writer = queue._writer  # not the queue itself: it must go when the program lets go of it
    items = getattr(queue, "pending_work_items", None)

    def tell(item: Any) -> bytes | None:
        if items is None:
            return write_send("queue", shared_things.of_connection(writer))
        # An executor's own queue: the stamp is that of who submitted.
        return getattr(items.get(getattr(item, "work_id", None)), "_logq_front", None)

    return tell


def _wrap_reset(original: Callable[..., None], sentinel: Any) -> Any:
    def _reset(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if identity.me is not None:
            try:
                self._buffer = _Buffer(self, sentinel)
                message_waits.name_waits(self)
            except Exception:
                swallowed()

    return dress(_reset, original)


def _wrap_feeder_error(original: Callable[[Any, Any], None]) -> Any:
    """What could not be pickled was put by someone who is long gone from there."""

    def _on_queue_feeder_error(problem: Any, item: Any) -> None:
        if identity.me is not None:
            try:
                buffer = sys._getframe(1).f_locals.get("buffer")
                thing = shared_things.of_connection(buffer.writer) if isinstance(buffer, _Buffer) else None
                reference = thing.reference() if thing is not None else None
                event("exc", {"where": "feeder", **describe(problem), "hook": "default", "obj": reference})
            except Exception:
                swallowed()
        original(problem, item)

    return staticmethod(dress(_on_queue_feeder_error, original))


# Receiving. -------------------------------------------------------------------------------------


def _from_connection(frame: Any) -> Carrier:
    end = job_of(frame.f_back, None)
    if isinstance(end, tuple):
        return end[0], RESULT, end[1]
    return "pipe", shared_things.of_connection(frame.f_locals["self"]), {}


def _from_queue(frame: Any) -> Carrier:
    queue = frame.f_locals["self"]
    end = job_of(frame.f_back, None)
    if isinstance(end, tuple):
        return end[0], JOB, end[1]
    return "queue", shared_things.of_connection(queue._reader), {}


# The objects. -----------------------------------------------------------------------------------


def _wrap_init(original: Callable[..., None]) -> Any:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if identity.me is not None:
            try:
                if hasattr(self, "_poll"):  # not of a Queue: that has done so in `_reset`
                    message_waits.name_waits(self)
                _announce(self, sys._getframe(1))
            except Exception:
                swallowed()

    return dress(init, original)


def _announce(queue: Any, frame: Any) -> None:
    while frame is not None and frame.f_code.co_filename.endswith((_QUEUES, _CONTEXT, message_waits.__file__)):
        frame = frame.f_back
    if frame is None or is_machinery(frame.f_code.co_filename):
        return
    size = getattr(queue, "_maxsize", None)
    bound = size if isinstance(size, int) and size < message_waits.UNBOUNDED else None
    thing = SharedThing("queue", f"multiprocessing.{type(queue).__name__}", caller_site(4), bound, queue)
    shared_things.know(shared_things.inode_key(queue._reader.fileno()), thing)
    shared_left.watch(queue, thing)


def _wrap_pipe(original: Callable[..., Any]) -> Any:
    def pipe(*args: Any, **kwargs: Any) -> Any:
        ends = original(*args, **kwargs)
        if identity.me is not None:
            try:
                _announce_pipe(ends, sys._getframe(1))
            except Exception:
                swallowed()
        return ends

    return dress(pipe, original)


class _Pipe(SharedThing):
    """A pair of ends, so that most have two names."""

    __slots__ = ()

    def _find_name(self) -> str | None:
        return pair_at(self.site, "Pipe") or super()._find_name()


def _announce_pipe(ends: Any, frame: Any) -> None:
    while frame is not None and frame.f_code.co_filename.endswith(_CONTEXT):
        frame = frame.f_back
    if frame is None or is_machinery(frame.f_code.co_filename):
        return
    thing = _Pipe("pipe", "multiprocessing.Pipe", caller_site(4))
    for end in ends:
        shared_things.know(shared_things.inode_key(end.fileno()), thing)
