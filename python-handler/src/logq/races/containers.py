"""Dicts and lists, which no weak reference can tell of: known by where they are kept.

That is a global, an attribute, a function's variable or a thread's argument; a container is trusted to be
the same one as long as it is found there. One that is found nowhere is not watched.
"""

from __future__ import annotations

import time
from _weakref import ref

from logq.instrument.accesses import UNTELLABLE, word_for
from logq.lane import here

from .variables import Holder, State, address, holder_of, item_of, plain_attribute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.flow import Lane

    from .points import Point, Unit

__all__ = ["AttributeAnchor", "Box", "GlobalAnchor", "box_of", "boxes", "length_of", "word_of"]

_MOST = 100_000
_MOST_ANCHORS = 4

boxes: dict[int, Box] = {}


class GlobalAnchor:
    __slots__ = ("name", "unit")

    def __init__(self, unit: Unit, name: str) -> None:
        self.unit = unit
        self.name = name

    def holds(self, obj: Any) -> bool:
        return self.unit.space().get(self.name) is obj


class AttributeAnchor:
    __slots__ = ("name", "owner")

    def __init__(self, owner: Any, name: str) -> None:
        try:
            self.owner: Callable[[], Any] = ref(owner)
        except TypeError:
            self.owner = _nobody
        self.name = name

    def holds(self, obj: Any) -> bool:
        owner = self.owner()
        return owner is not None and plain_attribute(owner, self.name) is obj


class ArgumentAnchor:
    """Of a thread that has not ended yet."""

    __slots__ = ("lane",)

    def __init__(self, lane: Lane) -> None:
        self.lane = lane

    def holds(self, obj: Any) -> bool:
        thread = self.lane.who
        own = getattr(thread, "__dict__", None) or {}
        arguments = [*own.get("_args", ()), *(own.get("_kwargs") or {}).values()]
        return any(argument is obj for argument in arguments)


def _nobody() -> None:
    return None


class Box:
    """A dict or list that cannot be referred to weakly."""

    __slots__ = ("anchors", "items", "seen", "what")

    def __init__(self, what: str, anchor: Any) -> None:
        self.what = what
        self.anchors: list[Any] = [anchor]
        self.items: dict[Any, State] = {}
        self.seen = time.monotonic_ns()

    def item(self, word: Any) -> State:
        return item_of(self.items, self.what, word)


# Class -> whether its items are watched: 0 no, 1 by where it is kept, 2 by a weak reference.
_kinds: dict[type, int] = {}
_INDEXED = {kind.__getitem__ for kind in (dict, list, bytearray)}
_STORED = {kind.__setitem__ for kind in (dict, list, bytearray)}


def _sort_of(kind: type) -> int:
    if len(_kinds) > 10_000:
        _kinds.clear()
    getter, setter = getattr(kind, "__getitem__", None), getattr(kind, "__setitem__", None)
    is_one = (getter in _INDEXED and setter in _STORED) or kind.__name__ == "defaultdict"
    sort = _kinds[kind] = (2 if kind.__weakrefoffset__ else 1) if is_one else 0
    return sort


def box_of(obj: Any, point: Point, anchor: Any) -> Box | Holder | None:
    """What is known of the container that `obj` is; None where it is none, or kept nobody knows where."""
    kind = type(obj)
    sort = _kinds.get(kind)
    if sort is None:
        sort = _sort_of(kind)
    if sort == 0:
        return None
    if sort == 2:
        holder = holder_of(obj)
        if holder is not None and holder.what == kind.__name__ and point.name:
            holder.what = point.name
        return holder
    place = address(obj)
    box = boxes.get(place)
    if box is not None and (anchor in box.anchors or _is_still(box, obj, anchor)):
        return box
    if anchor is None:
        lane = here()
        anchor = ArgumentAnchor(lane)
        if not anchor.holds(obj):
            return None
        if box is not None and 0 < lane.began < box.seen:  # it was this thread's all the time
            box.anchors.append(anchor)
            return box
    if len(boxes) >= _MOST:
        boxes.pop(next(iter(boxes)), None)
    box = boxes[place] = Box(_label(point, anchor), anchor)
    return box


def _is_still(box: Box, obj: Any, anchor: Any) -> bool:
    """Whether it is the same container that was there before."""
    for other in box.anchors:
        if other.holds(obj):
            if anchor is not None and len(box.anchors) < _MOST_ANCHORS:
                box.anchors.append(anchor)
            box.seen = time.monotonic_ns()
            return True
    return False


def _label(point: Point, anchor: Any) -> str:
    owner = anchor.owner() if type(anchor) is AttributeAnchor else None
    if owner is None:
        return point.name or type(anchor).__name__
    return f"{owner.__name__ if isinstance(owner, type) else type(owner).__name__}.{anchor.name}"


def anchor_in(holder: Holder, obj: Any, name: str) -> AttributeAnchor:
    """That attribute of an object, the same each time."""
    known = holder.anchors.get(name)
    if known is None:
        known = holder.anchors.setdefault(name, AttributeAnchor(obj, name))
    return known  # type: ignore[no-any-return]


def length_of(container: Any) -> int | None:
    return len(container) if isinstance(container, (list, bytearray)) else None


def word_of(key: Any, length: int | None) -> Any:
    """As records say it; a place in a list counts from its beginning."""
    if length is not None:
        if type(key) is not int:
            return UNTELLABLE
        return key + length if key < 0 else key
    return word_for(key)
