"""The stamp that travels with a pickled message from one process to another.

It stands in front of the pickle as a few opcodes that call `opened(stamp)` while the message is being
unpickled, and leave nothing behind: what is unpickled is exactly what was sent. They look logq up in
`sys.modules` and do without where it is not there, so any Python can read such a message. Who sends and
receives is the affair of `messages.py`.
"""

from __future__ import annotations

import sys
from types import ModuleType

from logq import identity
from logq.emit import event
from logq.lane import Elsewhere, here
from logq.objects import Thing
from logq.stamp import parse
from logq.trouble import swallowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Union

    from logq.lane import Entry, Lane
    from logq.objects import Way

    # From the frame that unpickles: by which way it came, the object that carried it, more members.
    Carrier = tuple[str, Union[Thing, Way, None], dict[str, object]]

__all__ = ["carriers", "envelope", "with_note"]

# PROTO 4; sys.modules.get(_DOOR, sys.intern); its result called with the stamp; POP. A name with a dot
# in it is what protocol 4 is for.
_DOOR = "logq.hb"
_BEFORE = b"\x80\x04csys\nmodules.get\n\x8c\x07logq.hbcsys\nintern\n\x86R\x8c"
_AFTER = b"\x85R0"
_LONGEST = 255

# By the code of a function that unpickles messages: what its frame tells of the way.
carriers: dict[Any, Callable[[Any], Carrier]] = {}


def envelope(stamp: str) -> bytes:
    """What is written before the pickle."""
    text = stamp.encode("ascii")
    return _BEFORE + bytes([len(text)]) + text + _AFTER


def with_note(front: bytes, note: str) -> bytes:
    """The same stamp, and what is to be said of the message where it arrives: a job and its function."""
    begin = len(_BEFORE) + 1
    stamp = front[begin : begin + front[begin - 1]].decode("ascii").partition(" ")[0]
    return envelope(f"{stamp} {note.encode('ascii', 'replace').decode('ascii')}"[:_LONGEST])


def _opened(text: object) -> None:
    """A message with this stamp is being unpickled here."""
    process = identity.me
    if process is None:
        return
    try:
        frame: Any = sys._getframe(2)
        tell = carriers.get(frame.f_code)
        stamp, _, note = str(text).partition(" ")
        entry = parse(stamp)
        if tell is None or entry is None:
            return  # kept somewhere and read later: not a hand-over of this moment
        via, thing, more = tell(frame)
        lane = here()
        _merge(lane, entry, thing)
        reference = thing.reference() if isinstance(thing, Thing) else None
        event("recv", {"via": via, "obj": reference, "from": stamp, **_noted(note), **more}, lane)
    except Exception:
        swallowed()


def _noted(note: str) -> dict[str, object]:
    job, _, function = note.partition(" ")
    return {"job": job or None, "fn": function or None}


def _merge(lane: Lane, entry: Entry, thing: Thing | Way | None) -> None:
    giver, number, _ = entry
    home, _, key = giver.reference(lane.process).rpartition("/")
    process = lane.process
    if home == process.key:  # the same process put it in
        if key == lane.key:
            return
        giver = Elsewhere(key)
    if thing is not None and thing.told is not process:
        thing.tell()
    lane.gain((giver, number, thing))


class _Door(ModuleType):
    def __call__(self, stamp: object) -> None:
        _opened(stamp)


sys.modules[_DOOR] = _Door(_DOOR, __doc__)
