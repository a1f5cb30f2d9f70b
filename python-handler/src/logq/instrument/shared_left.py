"""What is left in multiprocessing's queues when the process that made them ends.

How many items there are is known by the semaphore that bounds a queue, which counts what was put and not got. Programs
let go of a queue, at the end of their main function, before the daemon processes that take from it are ended: so the
semaphore of a queue in which something is left then is kept. SimpleQueue has none, and to keep an end of its pipe would
hide from its writers that nobody reads: it is not told of.
"""

from __future__ import annotations

from _weakref import ref

from logq import exits, identity
from logq.patching import replace

from .around import OnRead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .shared_things import SharedThing

__all__ = ["patch", "watch"]

_MOST = 64  # queues that are looked at, and of those that are gone so many
_MOST_GONE = 16


class _Watched:
    """A queue, or what is left of it. It goes when the program lets go of it."""

    __slots__ = ("is_left", "queue", "room", "size", "thing")

    def __init__(self, queue: Any, thing: SharedThing) -> None:
        self.thing = thing
        self.room = queue._sem._semlock
        self.size: int = queue._maxsize
        self.is_left = False  # the program has said that it does not mind
        number = thing.number
        self.queue = ref(queue, lambda _: _let_go(number))

    def count(self) -> int:
        return 0 if self.is_left else self.size - int(self.room._get_value())


_watched: dict[int, _Watched] = {}


def patch(queues: Any) -> None:
    replace(queues.Queue, "cancel_join_thread", lambda original: OnRead(original, _note_left))
    if ("queues", _list_left) not in exits.contributors:
        exits.contributors.append(("queues", _list_left))


def watch(queue: Any, thing: SharedThing) -> None:
    """Of a queue that the program has made in this process."""
    if hasattr(queue, "_sem"):
        for oldest in list(_watched)[:-_MOST]:
            _watched.pop(oldest, None)
        _watched[thing.number] = _Watched(queue, thing)


def _let_go(number: int) -> None:
    try:
        watched = _watched.get(number)
        gone = [other for other, known in list(_watched.items()) if known.queue() is None]
        if watched is not None and (watched.count() <= 0 or len(gone) > _MOST_GONE):
            _watched.pop(number, None)
    except Exception:  # at the interpreter's end names may be gone; some systems do not count
        pass


def _note_left(queue: Any) -> None:
    for watched in list(_watched.values()):
        if watched.queue() is queue:
            watched.is_left = True


def _list_left() -> list[dict[str, object]]:
    process = identity.me
    found: list[dict[str, object]] = []
    for watched in list(_watched.values()):
        if process is None or watched.thing.home != process.key:
            continue  # a forked child's copy: it is the parent's affair
        left = watched.count()
        if left > 0:
            watched.thing.tell()
            found.append({"obj": watched.thing.reference(), "left": left})
    return found
