"""multiprocessing's Value and Array: reads and writes, noted while their own lock is held.

Each operation of theirs takes their lock, and `shared_locks.py` sees that. So nothing that the program
calls is wrapped, and its tracebacks stay as they are. Those made with `lock=False` are plain memory, and
of those with a lock of another kind nothing is seen.
"""

from __future__ import annotations

import os
from _weakref import ref

from logq.patching import replace
from logq.sites import caller_site, is_machinery

from . import accesses, shared_things
from .around import Around
from .shared_things import SharedThing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any, Callable

__all__ = ["KINDS", "kind_of", "note", "operation", "patch"]

_FILE = os.sep + os.path.join("multiprocessing", "sharedctypes.py")
_MADE = "<string>"  # `value`, and the fields of structures, are properties that are made by `exec`
_MAKERS = {"Value": "multiprocessing.Value", "Array": "multiprocessing.Array"}
KINDS = frozenset(_MAKERS.values())
_WHOLE = ("value", "raw")

# Function of an array -> what it does.
_ITEMS = {"__getitem__": accesses.READ, "__setitem__": accesses.WRITE}


def patch(sharedctypes: Any) -> None:
    replace(sharedctypes.SynchronizedBase, "__init__", lambda original: Around(original, _before_init))


def kind_of(maker: CodeType) -> str | None:
    """`multiprocessing.Value` when this function of the library makes one; its lock is a part of it."""
    return _MAKERS.get(maker.co_name) if maker.co_filename.endswith(_FILE) else None


# Which variable it is. ----------------------------------------------------------------------------


def _before_init(value: Any, frame: Any) -> Callable[[], None]:
    """A spawned child makes its values from what it was sent: it knows them by the memory that they are in."""
    maker = frame.f_back
    while maker is not None and is_machinery(maker.f_code.co_filename) and kind_of(maker.f_code) is None:
        maker = maker.f_back
    kind = kind_of(maker.f_code) if maker is not None else None
    site = caller_site()
    return lambda: _name(value, kind, site)


def _name(value: Any, kind: str | None, site: Any) -> None:
    memory = _memory_of(value._obj)
    if kind is None:  # nobody has made one here; who has will be known a moment later
        value._logq_memory = memory
        return
    thing = getattr(value._lock, "_logq_thing", None)
    if thing is None or thing.kind != kind or thing.has_variable:  # a lock of the program's own
        thing = SharedThing("value", kind, site, None, value)
    thing.has_variable = True
    thing.owner = ref(value)  # for its name
    value._logq_thing = thing
    if memory is not None:
        shared_things.know(memory, thing)


def _memory_of(obj: Any) -> str | None:
    """The same in every process: the file of the arena, and where in it."""
    try:
        (arena, begin, _), _size = obj._wrapper._state
        return f"{shared_things.inode_key(arena.fd)}+{begin}"
    except (AttributeError, TypeError, ValueError, OSError):
        return None


def _thing_of(value: Any) -> SharedThing | None:
    thing: SharedThing | None = getattr(value, "_logq_thing", None)
    if thing is None:
        thing = value._logq_thing = shared_things.find(getattr(value, "_logq_memory", None))
    return thing


# What is done to it. ------------------------------------------------------------------------------


def operation(frame: Any) -> Any:
    """The frame of the operation if a lock is used by a value or array itself: `value.value`, `array[3]`."""
    code = frame.f_code
    if code.co_filename.endswith(_FILE) and code.co_name in ("__enter__", "__exit__"):
        frame = frame.f_back  # `with value:` is the program's
        code = frame.f_code
    return frame if code.co_filename == _MADE or code.co_filename.endswith(_FILE) else None


def note(frame: Any) -> None:
    """This operation has its lock now, and goes on to touch the variable."""
    variables = frame.f_locals
    value = variables.get("self")
    thing = _thing_of(value)
    if thing is None:
        return
    name = frame.f_code.co_name
    if name in _ITEMS:
        accesses.note(thing, _word_for(value, variables["i"]), _ITEMS[name], frame.f_back)
    elif name[:3] in ("get", "set"):
        rw = accesses.READ if name[:3] == "get" else accesses.WRITE
        accesses.note(thing, None if name[3:] in _WHOLE else name[3:], rw, frame.f_back)


def _word_for(array: Any, index: Any) -> object:
    """A place counts from the beginning, so that `a[-1]` is the same as `a[9]`."""
    length = len(array._obj)
    if type(index) is slice:
        begin, end, step = index.indices(length)
        whole = (begin, end, step) == (0, length, 1)
        return None if whole else f"{begin}:{end}" if step == 1 else f"{begin}:{end}:{step}"
    return index + length if type(index) is int and index < 0 else accesses.word_for(index)
