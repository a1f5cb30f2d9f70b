"""Replacing names of other modules, and putting back what was there.

It keeps the originals and nothing else; what a replacement does is its owner's affair.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["add", "dress", "replace", "restore", "restore_all"]

_MISSING = object()
_replaced: list[tuple[Any, str, Any, Any]] = []


def replace(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Sets `owner.name` to `make(original)`. Does nothing where there is no such name."""
    current = getattr(owner, name, _MISSING)
    if current is _MISSING:
        return
    own = vars(owner).get(name, _MISSING)  # an inherited name is removed again, not copied down
    new = make(current)
    _replaced.append((owner, name, own, new))
    setattr(owner, name, new)


def add(owner: Any, name: str, value: Any) -> None:
    """Sets a name that `owner` lacks."""
    if name not in vars(owner):
        _replaced.append((owner, name, _MISSING, value))
        setattr(owner, name, value)


def restore_all() -> None:
    """Puts every original back, newest first; a name that someone else replaced since stays theirs."""
    while _replaced:
        owner, name, own, new = _replaced.pop()
        if vars(owner).get(name, _MISSING) is not new:
            continue
        if own is _MISSING:
            delattr(owner, name)
        else:
            setattr(owner, name, own)


def restore(is_meant: Callable[[Any, str], bool]) -> None:
    """Puts back some originals only, for good: `is_meant` is asked of each owner and name."""
    for entry in reversed(_replaced[:]):
        owner, name, own, new = entry
        if not is_meant(owner, name):
            continue
        _replaced.remove(entry)
        if vars(owner).get(name, _MISSING) is new:
            if own is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, own)


def dress(function: Any, original: Any) -> Any:
    """Gives a replacement the name, documentation and signature of what it replaces."""
    for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
        try:
            setattr(function, attribute, getattr(original, attribute))
        except AttributeError:
            pass
    function.__wrapped__ = original
    return function
