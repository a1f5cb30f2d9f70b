"""Variables that a program marks as shared: `logq.shared(obj, "name")`, `logq.read("name")`, `logq.write("name")`.

For what `--races` does not see, or where it is not wanted. What one call of a function reads and then
writes belongs together. The marks do nothing while nothing is recorded, and `shared` then still gives the
proxy, which behaves like what it stands for.
"""

from __future__ import annotations

import sys

from . import identity
from .instrument.accesses import UNTELLABLE, word_for
from .lane import here
from .races import variables, versions
from .sites import position
from .trouble import swallowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeVar

    Value = TypeVar("Value")

__all__ = ["read", "shared", "write"]

_MOST = 10_000
_states: dict[tuple[Any, ...], variables.State] = {}


def read(name: str) -> None:
    """What is called `name` is read here."""
    _note(name, None, "r", sys._getframe(1), together=True)


def write(name: str) -> None:
    """What is called `name` is written here, made from what this call of the function has read of it."""
    _note(name, None, "w", sys._getframe(1), together=True)


def shared(obj: Value, name: str) -> Value:
    """A proxy for `obj` that notes reads and writes of its attributes and items under `name`."""
    proxy: Any = object.__new__(_Shared)
    object.__setattr__(proxy, "_logq_obj", obj)
    object.__setattr__(proxy, "_logq_name", name)
    return proxy  # type: ignore[no-any-return]


def _note(name: str, item: object, rw: str, frame: Any, together: bool = False) -> None:
    if identity.me is None or item is UNTELLABLE:
        return
    try:
        key = (name, type(item), item)
        state = _states.get(key)
        if state is None:
            if len(_states) >= _MOST:
                _states.pop(next(iter(_states)), None)
            state = _states.setdefault(key, variables.State("marked", name, item))
        place = versions.Place(position(frame.f_code, frame.f_lasti), together=together, lenient=True)
        if rw == "r":
            versions.read(state, place, here(), frame)
        else:
            versions.wrote(state, place, here(), frame, False)
    except Exception:
        swallowed()


class _Shared:
    """Stands for the object; what is not an attribute or an item is the object's own affair."""

    __slots__ = ("_logq_name", "_logq_obj")
    _logq_name: str
    _logq_obj: Any

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._logq_obj, name)
        if not callable(value):
            _note(self._logq_name, name, "r", sys._getframe(1))
        return value

    def __setattr__(self, name: str, value: object) -> None:
        _note(self._logq_name, name, "w", sys._getframe(1))
        setattr(self._logq_obj, name, value)

    def __delattr__(self, name: str) -> None:
        _note(self._logq_name, name, "w", sys._getframe(1))
        delattr(self._logq_obj, name)

    def __getitem__(self, key: Any) -> Any:
        _note(self._logq_name, word_for(key), "r", sys._getframe(1))
        return self._logq_obj[key]

    def __setitem__(self, key: Any, value: object) -> None:
        _note(self._logq_name, word_for(key), "w", sys._getframe(1))
        self._logq_obj[key] = value

    def __delitem__(self, key: Any) -> None:
        _note(self._logq_name, word_for(key), "w", sys._getframe(1))
        del self._logq_obj[key]

    def __contains__(self, key: object) -> bool:
        _note(self._logq_name, word_for(key), "r", sys._getframe(1))
        return key in self._logq_obj

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self._logq_obj)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._logq_obj)

    def __len__(self) -> int:
        return len(self._logq_obj)

    def __bool__(self) -> bool:
        return bool(self._logq_obj)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._logq_obj(*args, **kwargs)

    def __repr__(self) -> str:
        return repr(self._logq_obj)

    def __str__(self) -> str:
        return str(self._logq_obj)

    def __eq__(self, other: object) -> bool:
        return bool(self._logq_obj == other)

    def __hash__(self) -> int:
        return hash(self._logq_obj)
