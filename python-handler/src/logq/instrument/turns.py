"""A turn of a loop that goes on for long, as the watchdog sees it ten times a second: trio's, Twisted's and gevent's.

Each of them counts its turns, so one that is seen twice has held the loop all the time between. What a turn is, whom it
makes late and what else the record says is theirs to know. (asyncio counts none: `aio_loops.py` looks at callbacks.)
"""

from __future__ import annotations

from .sampled import Sampled, place_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.lane import Lane

    from .sampled import Place

__all__ = ["Block", "follow", "places_above"]

_THRESHOLD_NS = 90_000_000  # a tick, which may come a little early


class Block:
    """A turn that was seen at a tick, and at every tick since."""

    __slots__ = ("lane", "last", "late", "sampled", "since", "turn", "written")

    def __init__(self, turn: Any, lane: Lane, now: int) -> None:
        self.turn = turn
        self.lane = lane  # whose turn it is
        self.since = self.last = now
        self.sampled = Sampled()
        self.late: dict[str, int] = {}  # whom or what it makes late, and by how much or since when
        self.written = 0

    def facts(self, over: bool) -> dict[str, object]:
        """What a `blocked` record says of it, whatever loop it is."""
        return {
            "ms": (self.last - self.since) // 1_000_000,
            "samples": self.sampled.samples,
            "over": over or None,
            "stack": self.sampled.stack() or None,
        }


def follow(
    block: Block | None,
    turn: Any,
    lane: Lane,
    places: list[Place],
    now: int,
    find_late: Callable[[Block], None],
    write: Callable[[Block, bool], None],
) -> Block | None:
    """One look at a loop that was in `block` at the last: `turn` is the one that it is in now, None while it is idle,
    and `places` where the program is in it. Gives the block that it is in now."""
    if block is not None and block.turn != turn:
        if block.written:
            write(block, True)
        block = None
    if turn is None:
        return None
    if block is None:
        block = Block(turn, lane, now)
    block.last = now
    block.sampled.add(places)
    if places and now - block.since >= _THRESHOLD_NS:
        find_late(block)
        if block.written == 0 or (block.written == 1 and block.sampled.samples >= 2):
            block.written += 1
            write(block, False)
    return block


def places_above(frame: Any, is_base: Callable[[Any], bool]) -> tuple[list[Place], Any]:
    """Where the program's frames are, innermost first, down to the one that `is_base`; and that one."""
    places: list[Place] = []
    while frame is not None and not is_base(frame):
        place = place_of(frame)
        if place is not None:
            places.append(place)
        frame = frame.f_back
    return places, frame
