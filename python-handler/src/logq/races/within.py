"""Locks that the standard library holds while it calls the program: a queue's around `_put`, a handler's around `emit`.

Nobody notes them (`instrument/locks.py` says why), so the frame of the function that holds one tells. A subclass of
`queue.Queue` or of `logging.Handler` may count on them.
"""

from __future__ import annotations

from logq.variables import variables_of

from .outside import holding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

    from logq.lane import Lane

__all__ = ["holding_in", "learn_handlers", "learn_queues"]

_FARTHEST = 12

# Name -> a function that holds a lock of its object nearly throughout, and what the lock is called. By the name, as to
# hash a code object takes the longer the more instructions it has.
_holders: dict[str, tuple[CodeType, str]] = {}


class Within:
    """The lock of that name of an object."""

    __slots__ = ("name", "owner")

    def __init__(self, owner: Any, name: str) -> None:
        self.owner = id(owner)
        self.name = f"{type(owner).__name__}.{name}"

    def __eq__(self, other: object) -> bool:
        return type(other) is Within and other.owner == self.owner and other.name == self.name

    def __hash__(self) -> int:
        return self.owner

    def as_held(self) -> dict[str, object]:
        return {"obj": self.name}


def learn_queues(queue: Any) -> None:
    _learn(queue.Queue, "mutex", ("put", "get", "join", "task_done", "qsize", "empty", "full"))


def learn_handlers(logging: Any) -> None:
    _learn(logging.Handler, "lock", ("handle",))


def _learn(kind: type, lock: str, methods: tuple[str, ...]) -> None:
    for method in methods:
        code = getattr(vars(kind).get(method), "__code__", None)
        if code is not None:
            _holders[method] = (code, lock)


def holding_in(lane: Lane, frame: Any) -> tuple[Any, ...]:
    """All that the lane holds in that frame, each with the acquisition that it is by."""
    held = holding(lane)
    for _ in range(_FARTHEST):
        frame = frame.f_back
        if frame is None:
            break
        code = frame.f_code
        known = _holders.get(code.co_name)
        if known is not None and known[0] is code:
            owner = variables_of(frame).get("self")
            if owner is not None:
                held = (*held, (Within(owner, known[1]), hash(frame)))
    return held
