"""Which locks a lane holds, in the order in which it took them.

Nearly always that is one lock or none, so this one has a place of its own, `Lane.sole`, which
`instrument/locks.py` and `rlocks.py` fill and empty without a call. Of several all stand in the list `Lane.held`, and
`sole` says so. Other threads read both, and release what was taken here: whatever is of no account any
more is told by its `holder`, and left out.
"""

from __future__ import annotations

from .lane import Lane

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Held(Protocol):
        """A lock, or whatever is held like one."""

        @property
        def number(self) -> Any: ...
        @property
        def holder(self) -> Lane | None: ...
        def is_there(self) -> bool: ...
        def place(self) -> tuple[Any, int]: ...
        def as_held(self) -> dict[str, object]: ...


__all__ = ["drop_lost", "held_by", "hold", "let_go"]

SEVERAL: Any = object()  # as `sole`: see the list


def hold(lane: Lane, taken: Held) -> bool:
    """`lane` holds it from now on. Whether it holds others too."""
    sole = lane.sole
    if sole is None or (sole is not SEVERAL and not sole.is_there()):  # dropped while it was held
        lane.sole = taken
        return False
    held = lane.held
    if sole is not SEVERAL:
        held.append(sole)
    held.append(taken)
    lane.sole = SEVERAL
    return True


def let_go(lane: Lane, taken: Held) -> None:
    """`lane` holds it no more, if it did."""
    if lane.sole is taken:
        lane.sole = None
        return
    held = lane.held
    try:
        if held and held[-1] is taken:
            held.pop()
        else:
            held.remove(taken)
    except (IndexError, ValueError):
        pass
    if not held and lane.sole is SEVERAL:
        lane.sole = None


def held_by(lane: Lane) -> list[Any]:
    """What `lane` holds, in the order it was taken."""
    sole = lane.sole
    held = list(lane.held) if sole is SEVERAL else [sole] if sole is not None else []
    return [taken for taken in held if taken.holder is lane]


def drop_lost(lane: Lane) -> None:
    """Leaves out locks that were dropped while they were held: nobody will release them."""
    lane.held[:] = [taken for taken in lane.held if taken.is_there() and taken.holder is lane]
    if not lane.held and lane.sole is SEVERAL:
        lane.sole = None
