"""Threads that wait until a module is there which another thread is importing, as a snapshot tells of them.

The lock of a module is one of importlib's own, and nothing of ours may stand in its way. But whoever waits
for it has a frame of importlib on its stack that says which module, and who is at it.
"""

from __future__ import annotations

from . import identity
from .objects import Thing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .lane import Lane

__all__ = ["FILE", "FUNCTION", "awaits", "lock_of"]

FUNCTION = "acquire"
FILE = "<frozen importlib._bootstrap>"

_things: dict[str, Thing] = {}  # by name of the module


def lock_of(frame: Any) -> tuple[str, int] | None:
    """Of a frame that waits for the lock of a module: which one, and the `get_ident()` of who has it."""
    lock = frame.f_locals.get("self")
    name, owner = getattr(lock, "name", None), getattr(lock, "owner", None)
    return (name, owner) if type(name) is str and type(owner) is int else None


def awaits(lane: Lane, lock: tuple[str, int], stack: object) -> dict[str, object] | None:
    """The same keys as a `wait` event."""
    process = identity.me
    name, ident = lock
    if process is None or ident == lane.ident:
        return None
    owners = [other for other in _lanes(process) if other.ident == ident and other.kind == "thread" and not other.over]
    thing = _things.get(name)
    if thing is None:
        thing = _things[name] = Thing("module", "module", None)
        thing.name = name
    thing.tell()
    owner = owners[0].reference(process) if owners else None
    facts = {"on": "import", "obj": thing.reference(), "owner": owner, "stack": stack}
    return {key: fact for key, fact in facts.items() if fact is not None}


def _lanes(process: identity.Process) -> list[Lane]:
    main = process.main
    return [*list(process.lanes.values()), *([main] if main is not None else [])]
