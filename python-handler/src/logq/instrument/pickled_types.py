"""Classes of ours that stand for the library's look like these and are pickled under their names.

A manager that is spawned is sent `threading.Lock` as such, the class and not a lock. Whoever reads that
gets what has the name there: our class in a recorded process, the plain one elsewhere.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["look_like", "patch", "stands_for"]

_places: dict[Any, str] = {}  # class -> where the library has it


def look_like(kind: Any, original: Any) -> None:
    """Documentation and names are those of the C type."""
    kind.__doc__ = original.__doc__
    for name, method in vars(kind).items():
        like = getattr(original, name, None)
        if like is not None and getattr(method, "__name__", None) == name and hasattr(method, "__code__"):
            method.__qualname__, method.__doc__ = like.__qualname__, like.__doc__


def stands_for(kind: Any, place: str) -> None:
    """`kind`, which has a metaclass of its own, is found at `place`: `threading.Lock`."""
    _places[kind] = place
    copyreg = sys.modules.get("copyreg")
    if copyreg is not None:
        patch(copyreg)


def patch(copyreg: Any) -> None:
    for kind in list(_places):
        copyreg.dispatch_table[type(kind)] = _by_name


def forget() -> None:
    table = getattr(sys.modules.get("copyreg"), "dispatch_table", {})
    for kind in list(_places):
        table.pop(type(kind), None)


def _by_name(kind: Any) -> Any:
    place = _places.get(kind)
    if place is None:  # a class that the program has derived
        return kind.__qualname__
    from pkgutil import resolve_name

    return resolve_name, (place,)
