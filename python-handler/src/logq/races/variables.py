"""Which variable an access is to: of which object or function call, without keeping any of them alive.

An object is known by where it lies and by a weak reference, which tells when it has gone; dicts and lists
are the affair of `containers.py`. Not watched are attributes that code stands behind, and what is a thread's
own.
"""

from __future__ import annotations

import _thread
import sys
from _weakref import ref
from types import FunctionType, MemberDescriptorType, ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.flow import Lane
    from logq.objects import Thing

    from .points import Unit

__all__ = [
    "IGNORED",
    "Cell",
    "Holder",
    "State",
    "address",
    "cell_of",
    "find_attribute",
    "forget",
    "holder_of",
    "item_of",
    "meet",
    "units",
]

_MOST = 200_000  # objects, containers or calls that are known at a time
_MOST_ITEMS = 10_000  # of one container


class State:
    """What is known of one variable: its version, who read which lately, who wrote it last."""

    __slots__ = ("item", "kind", "last", "name", "reads", "spaces", "thing", "updates", "v")

    def __init__(self, kind: str, name: str, item: Any = None) -> None:
        self.kind = kind
        self.name = name
        self.item = item
        self.v = 0
        self.reads: dict[Lane, list[Any]] = {}
        self.last: Any = None
        self.updates: dict[Lane, Any] = {}  # the last update of each lane
        self.spaces: dict[Any, int] = {}  # how often what was told could have been told
        self.thing: Thing | None = None


IGNORED: Any = State("", "")

# Where an object lies, as `id` says it, but without its audit event.
address: Callable[[Any], int] = object.__hash__

units: dict[str, Unit] = {}
objects: dict[int, Holder] = {}
cells: dict[int, Cell] = {}


def forget() -> None:
    """In a forked child, and when recording ends."""
    for table in (objects, cells):
        table.clear()
    for unit in list(units.values()):
        for state in list(unit.states.values()):
            state.reads, state.updates, state.last = {}, {}, None


# Objects. -----------------------------------------------------------------------------------------


class Holder:
    """An object that can be referred to weakly."""

    __slots__ = ("anchors", "items", "names", "there", "what")

    def __init__(self, obj: Any) -> None:
        self.there: Callable[[], Any] = ref(obj)
        self.names: dict[str, State] = {}
        self.items: dict[Any, State] = {}
        self.anchors: dict[str, Any] = {}  # its attributes, as places where containers are kept
        self.what = obj.__name__ if isinstance(obj, type) else type(obj).__name__

    def item(self, word: Any) -> State:
        return item_of(self.items, self.what, word)


def item_of(items: dict[Any, State], name: str, word: Any) -> State:
    key = (type(word), word)
    state = items.get(key)
    if state is None:
        if len(items) >= _MOST_ITEMS:
            items.pop(next(iter(items)), None)
        state = items.setdefault(key, State("item", name, word))
    return state


def holder_of(obj: Any) -> Holder | None:
    holder = objects.get(address(obj))
    return holder if holder is not None and holder.there() is obj else meet(obj)


# Class -> can its instances be watched.
_watched: dict[type, bool] = {}
_PLAIN_GETTERS = (object.__getattribute__, type.__getattribute__, ModuleType.__getattribute__)
_PLAIN_SETTERS: tuple[Any, ...] = (object.__setattr__, type.__setattr__, ModuleType.__setattr__)


def meet(obj: Any) -> Holder | None:
    """Makes an object known, if it can be."""
    kind = type(obj)
    watched = _watched.get(kind)
    if watched is None:
        if len(_watched) > 10_000:
            _watched.clear()
        watched = _watched[kind] = _can_be_watched(kind)
    if not watched:
        return None
    if len(objects) >= _MOST:
        _sweep()
    holder = objects[address(obj)] = Holder(obj)
    return holder


def _can_be_watched(kind: type) -> bool:
    if issubclass(kind, _thread._local) or not kind.__weakrefoffset__:
        return False
    return kind.__getattribute__ in _PLAIN_GETTERS


def _sweep() -> None:
    for place, holder in list(objects.items()):
        if holder.there() is None:
            objects.pop(place, None)
    for place, _ in list(objects.items())[: max(0, len(objects) - _MOST // 2)]:
        objects.pop(place, None)


def find_attribute(obj: Any, holder: Holder, name: str, mode: str) -> State | None:
    """The variable that `obj.name` is, or None where it is none of an object."""
    kind = type(obj)
    writing = mode != "r"
    behind = _in_classes(kind, name)
    if behind is not None:
        sort = type(behind[1])
        if sort is not MemberDescriptorType and (hasattr(sort, "__set__") or hasattr(sort, "__delete__")):
            return None
    if writing and kind.__setattr__ not in _PLAIN_SETTERS:
        return None
    if isinstance(obj, ModuleType):
        return _of_module(obj, holder, name, writing)
    if writing or (behind is not None and type(behind[1]) is MemberDescriptorType):
        return _named(holder, name)
    if isinstance(obj, type):
        return _of_class(_in_classes(obj, name), name)
    shared = None if name in _own(obj) else _of_class(behind, name)
    if shared is not None and shared.last is not None:
        return shared  # somebody writes it there
    return _named(holder, name) if shared is not None or name in _own(obj) else None


def _named(holder: Holder, name: str) -> State:
    return holder.names.setdefault(name, State("attribute", f"{holder.what}.{name}"))


def _in_classes(kind: Any, name: str) -> tuple[Any, Any] | None:
    for klass in kind.__mro__:
        space = klass.__dict__
        if name in space:
            return klass, space[name]
    return None


def _of_class(found: tuple[Any, Any] | None, name: str) -> State | None:
    """A class's own variable; its methods are none."""
    if found is None or hasattr(type(found[1]), "__get__") or isinstance(found[1], type):
        return None
    holder = holder_of(found[0])
    return _named(holder, name) if holder is not None else None


def _of_module(module: ModuleType, holder: Holder, name: str, writing: bool) -> State | None:
    value = module.__dict__.get(name)
    if not writing and isinstance(value, (FunctionType, ModuleType, type)):
        return None
    unit = units.get(module.__name__)
    if unit is not None and sys.modules.get(unit.name) is module:
        return unit.state(name)
    state = holder.names.get(name)
    return state or holder.names.setdefault(name, State("global", f"{module.__name__}.{name}"))


def _own(obj: Any) -> Any:
    try:
        return object.__getattribute__(obj, "__dict__")
    except AttributeError:
        return ()


def plain_attribute(obj: Any, name: str) -> Any:
    """What the attribute is, if no code has to run to know that."""
    own = obj.__dict__ if isinstance(obj, (type, ModuleType)) else _own(obj)
    if name in own:
        return own[name]
    found = _in_classes(obj if isinstance(obj, type) else type(obj), name)
    if found is None or hasattr(type(found[1]), "__get__"):
        return None
    return found[1]


# What functions share. ----------------------------------------------------------------------------


class Cell:
    """A variable of one call of a function, and an anchor for what it holds."""

    __slots__ = ("names",)

    def __init__(self) -> None:
        self.names: dict[str, State] = {}

    def state(self, name: str) -> State:
        known = self.names.get(name)
        return known or self.names.setdefault(name, State("variable", name))

    def holds(self, _: Any) -> bool:
        return False


_NO_CELL = Cell()


def cell_of(reader: Callable[[], Any]) -> Cell:
    closure = reader.__closure__
    if not closure:
        return Cell()
    place = address(closure[0])
    known = cells.get(place)
    if known is None:
        if len(cells) >= _MOST:
            cells.pop(next(iter(cells)), None)
        known = cells.setdefault(place, Cell())
    return known
