"""Locks that the standard library holds while it calls the program: a queue's around `_put`, a handler's around `emit`.

Nobody notes them (`instrument/locks.py` says why), so the frame of the function that holds one tells. A subclass of
`queue.Queue` or of `logging.Handler` may count on them.
"""

from __future__ import annotations

from logq.variables import variables_of

from .variables import address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

__all__ = ["held_by", "learn_handlers", "learn_queues"]

# Name -> a function that holds a lock of its object nearly throughout, and what the lock is called. By the name, as to
# hash a code object takes the longer the more instructions it has.
_holders: dict[str, tuple[CodeType, str]] = {}


class Within:
    """The lock of that name of an object."""

    __slots__ = ("name", "owner")

    def __init__(self, owner: Any, name: str) -> None:
        self.owner = address(owner)
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


def held_by(frame: Any) -> Any:
    """The lock that the function of that frame holds, with the acquisition that it is by; None of most functions."""
    known = _holders.get(frame.f_code.co_name)
    if known is None or known[0] is not frame.f_code:
        return None
    owner = variables_of(frame).get("self")
    return (Within(owner, known[1]), hash(frame)) if owner is not None else None
