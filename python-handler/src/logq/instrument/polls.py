"""What lanes ask again and again without waiting: is it set, is it free?

One count a lane and object, started anew when the answer changes: a lane that turns without getting
anywhere has high counts of answers that stay the same. Nothing is written here; a snapshot reads it.
"""

from __future__ import annotations

from logq import identity
from logq.lane import here
from logq.sites import is_machinery, position
from logq.trouble import swallowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from logq.lane import Lane
    from logq.objects import Thing

__all__ = ["end_polls", "note_poll", "polls_of"]

_MOST = 64  # objects a lane


class Poll:
    """How often in a row a lane was told the same of one object, and where it asked last."""

    __slots__ = ("code", "holder", "lasti", "n", "value")

    def __init__(self, value: object) -> None:
        self.n = 0
        self.value = value
        self.code: Any = None
        self.holder: Lane | None = None  # of a lock: who had it the last time
        self.lasti = 0


def note_poll(thing: Thing, frame: Any, value: object, holder: Lane | None = None) -> None:
    """The running lane has asked in the function of `frame` and was told `value`; of a lock, who has it."""
    if identity.me is None or is_machinery(frame.f_code.co_filename):
        return
    lane = here()
    polls = lane.polls
    if polls is None:
        polls = lane.polls = {}
    poll = polls.get(thing)
    if poll is None or poll.value != value:
        if len(polls) >= _MOST:
            polls.clear()
        poll = polls[thing] = Poll(value)
    poll.n += 1
    poll.holder = holder
    poll.code = frame.f_code
    poll.lasti = frame.f_lasti


def end_polls(thing: Thing) -> None:
    """The running lane has got what it asked for: it does get somewhere. It holds it now, so nothing may fail."""
    if identity.me is None:
        return
    try:
        polls = here().polls
        if polls:
            polls.pop(thing, None)
    except Exception:
        swallowed()


def polls_of(lane: Lane) -> list[dict[str, object]]:
    """For a snapshot: what the lane keeps asking. Another thread may be asking right now."""
    polls = lane.polls
    if not polls:
        return []
    listed: list[dict[str, object]] = []
    for thing, poll in list(polls.items()):
        if poll.n < 2:
            continue
        thing.tell()
        site = position(poll.code, poll.lasti)
        asked: dict[str, object] = {"obj": thing.reference(), "site": site, "n": poll.n, "value": poll.value}
        if poll.holder is not None:
            asked["owner"] = poll.holder.reference(lane.process)
        listed.append(asked)
    return listed
