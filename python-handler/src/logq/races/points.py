"""The calls that stand beside accesses to variables in a rewritten module: what each notes of its access.

Each gives back what it was given, raises nothing and waits for nobody. While only one lane has ever been
there it does nothing at all. Which variable it is, `variables.py` finds; what follows from it, `versions.py`.
"""

from __future__ import annotations

import sys

from logq import lane as lanes
from logq.instrument.accesses import UNTELLABLE
from logq.lane import here
from logq.sites import absolute
from logq.trouble import swallowed

from . import calls, containers, flow, variables, versions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.lane import Site

    from .flow import Flow
    from .variables import State

__all__ = ["READ", "UPDATE", "WRITE", "Point", "Unit", "begin", "end", "rest"]

READ, WRITE, UPDATE = "r", "w", "u"

_frame = sys._getframe
_address = variables.address
quiet = True  # nobody is there whom the running lane could share anything with


def begin() -> None:
    """A second lane is about to be there."""
    global quiet
    quiet = versions.resting


def end() -> None:
    global quiet
    quiet = True


def rest(_now: int) -> None:
    """Called by the watchdog. A program that has had its fill of notes is watched for a while now and then."""
    global quiet
    if (not quiet or versions.resting) and versions.take_turn(lanes.here()):
        quiet = versions.resting


class Unit:
    """One module as it was rewritten: its global variables, and what its lines depend on."""

    __slots__ = ("anchors", "file", "filename", "flows", "name", "number", "states")

    count = 0

    def __init__(self, name: str, filename: str) -> None:
        Unit.count += 1
        self.number = Unit.count
        self.name = name
        self.filename = filename
        self.file = absolute(filename)
        self.states: dict[str, State] = {}
        self.anchors: dict[str, Any] = {}
        self.flows: dict[tuple[int, str], Flow] = {}
        variables.units[name] = self

    def set_flows(self, tree: Any) -> None:
        self.flows = flow.flows_of(tree)
        versions.flows[self.filename] = self.flows

    def space(self) -> dict[str, Any]:
        """The module's globals, while it is there."""
        return getattr(sys.modules.get(self.name), "__dict__", {})

    def state(self, name: str) -> State:
        known = self.states.get(name)
        if known is None:
            known = self.states.setdefault(name, variables.State("global", name))
        return known

    def anchor(self, name: str) -> Any:
        """That global variable as a place where a container is kept."""
        known = self.anchors.get(name)
        return known or self.anchors.setdefault(name, containers.GlobalAnchor(self, name))


class Point:
    """One access in the source: a read, a write, or an update, which is both at once."""

    __slots__ = (
        "constant",
        "func",
        "is_call",
        "is_global",
        "lenient",
        "line",
        "mode",
        "name",
        "pending",
        "slow",
        "state",
        "together",
        "unit",
    )

    def __init__(self, unit: Unit, mode: str, line: int, func: str, name: str, constant: bool) -> None:
        self.unit = unit
        self.mode = mode
        self.line = line
        self.func = func
        self.name = name
        self.constant = constant  # it writes True, False or None: a flag
        self.is_call = False  # `.get(key)` and the like: only of dicts
        self.is_global = False
        self.slow = False  # an update whose write is noted by `late`
        self.state: State | None = None
        self.together = self.lenient = False
        self.pending: dict[Any, Any] = {}  # by lane: what the other half of the note needs

    def __reduce__(self) -> Any:
        return (_inert, ())

    @property
    def site(self) -> Site:
        return (self.unit.file, self.line, self.func)

    # Attributes. ------------------------------------------------------------------------------

    def attribute(self, obj: Any) -> Any:
        """`obj.name`"""
        if quiet:
            return obj
        try:
            holder = variables.objects.get(_address(obj))
            if holder is None or holder.there() is not obj:
                holder = variables.meet(obj)
                if holder is None:
                    return obj
            state = holder.names.get(self.name)
            if state is None or state is variables.IGNORED:
                state = variables.find_attribute(obj, holder, self.name, self.mode)
                if state is None:
                    return obj
            self.note(state, _frame(1))
        except Exception:
            swallowed()
        return obj

    # Names. -----------------------------------------------------------------------------------

    def name_read(self) -> None:
        if not quiet:
            try:
                self.note(self.state or self._global(), _frame(1))
            except Exception:
                swallowed()

    def name_write(self, value: Any) -> Any:
        if not quiet:
            try:
                self.note(self.state or self._global(), _frame(1))
            except Exception:
                swallowed()
        return value

    def _global(self) -> State:
        state = self.state = self.unit.state(self.name)
        return state

    def begin(self, *readers: Callable[[], Any]) -> None:
        """A function was called: its frame and its cells are new, whatever was at their places before."""
        if quiet:
            return
        calls.begin_call(_frame(1))
        for reader in readers:
            cells = reader.__closure__
            if cells:
                variables.cells.pop(_address(cells[0]), None)

    def cell_read(self, reader: Callable[[], Any]) -> None:
        if not quiet:
            try:
                self.note(variables.cell_of(reader).state(self.name), _frame(1))
            except Exception:
                swallowed()

    def cell_write(self, value: Any, reader: Callable[[], Any]) -> Any:
        if not quiet:
            try:
                self.note(variables.cell_of(reader).state(self.name), _frame(1))
            except Exception:
                swallowed()
        return value

    # Items. -----------------------------------------------------------------------------------

    def item(self, obj: Any, key: Any, reader: Callable[[], Any] | None = None) -> Any:
        """`obj[key]`"""
        if quiet:
            return obj
        try:
            box = containers.box_of(obj, self, self._anchor(reader))
            if box is not None:
                self._note_item(box, obj, key, _frame(1))
        except Exception:
            swallowed()
        return obj

    def owner_item(self, obj: Any, key: Any) -> Any:
        """`obj.name[key]`, before the name is asked for."""
        if quiet:
            return obj
        try:
            container, box = self._owned(obj, _frame(1))
            if box is not None:
                self._note_item(box, container, key, _frame(1))
        except Exception:
            swallowed()
        return obj

    def container(self, obj: Any, _: Any = None, reader: Callable[[], Any] | None = None) -> Any:
        """`obj[…]`: what the key is, `key` will tell."""
        if quiet:
            return obj
        try:
            box = containers.box_of(obj, self, self._anchor(reader))
            if box is not None:
                self._expect_key(box, obj)
        except Exception:
            swallowed()
        return obj

    def owner(self, obj: Any) -> Any:
        """`obj.name[…]`"""
        if quiet:
            return obj
        try:
            container, box = self._owned(obj, _frame(1))
            if box is not None:
                self._expect_key(box, container)
        except Exception:
            swallowed()
        return obj

    def key(self, key: Any) -> Any:
        if quiet or not self.pending:
            return key
        try:
            expected = self.pending.pop(here(), None)
            if expected is not None:
                box, length = expected
                self._note_word(box, containers.word_of(key, length), _frame(1))
        except Exception:
            swallowed()
        return key

    def late(self, value: Any) -> Any:
        """What an update writes, when it is known."""
        if quiet or not self.pending:
            return value
        try:
            lane = here()
            state = self.pending.pop(lane, None)
            if state is not None:
                versions.wrote(state, self, lane, _frame(1), False)
        except Exception:
            swallowed()
        return value

    def _anchor(self, reader: Callable[[], Any] | None) -> Any:
        if self.is_global:
            return self.unit.anchor(self.name)
        return variables.cell_of(reader) if reader is not None else None

    def _owned(self, obj: Any, frame: Any) -> tuple[Any, Any]:
        """The container that is an attribute of `obj`; to ask for it is a read of the attribute."""
        holder = variables.holder_of(obj)
        container = variables.plain_attribute(obj, self.name)
        if container is None:
            return None, None
        if holder is not None:
            state = holder.names.get(self.name) or variables.find_attribute(obj, holder, self.name, READ)
            if state is not None and state is not variables.IGNORED:
                versions.read(state, self, here(), frame)
        if holder is None:
            return container, containers.box_of(container, self, None)
        return container, containers.box_of(container, self, containers.anchor_in(holder, obj, self.name))

    def _expect_key(self, box: Any, container: Any) -> None:
        if self.is_call and not isinstance(container, dict):
            return
        self.pending[here()] = (box, containers.length_of(container))

    def _note_item(self, box: Any, container: Any, key: Any, frame: Any) -> None:
        if self.is_call and not isinstance(container, dict):
            return
        self._note_word(box, containers.word_of(key, containers.length_of(container)), frame)

    def _note_word(self, box: Any, word: Any, frame: Any) -> None:
        if word is not UNTELLABLE:
            self.note(box.item(word), frame)

    # All of them. -----------------------------------------------------------------------------

    def note(self, state: State, frame: Any) -> None:
        try:
            lane = lanes.spot.lane or here()
        except AttributeError:
            lane = here()
        mode = self.mode
        if mode is READ:
            versions.read(state, self, lane, frame)
        elif mode is WRITE:
            versions.wrote(state, self, lane, frame, False)
        elif self.slow:
            versions.read(state, self, lane, frame)
            self.pending[lane] = state
        else:
            versions.wrote(state, self, lane, frame, True)


class _Inert:
    """A point whose code was taken to another process: it notes nothing."""

    def attribute(self, obj: Any, *_: Any) -> Any:
        return obj

    item = owner_item = container = owner = key = late = name_write = cell_write = attribute

    def name_read(self, *_: Any) -> None:
        return None

    begin = cell_read = name_read


def _inert() -> _Inert:
    return _Inert()
