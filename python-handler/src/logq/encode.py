"""Values into JSON text. Never raises an `Exception`, whatever the host's objects do.

Output is ASCII. There is no state and no I/O here. Strings take CPython's own C encoder; `json`
itself is not imported, since that would cost more than the rest of logq's start.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Callable

__all__ = ["begin_line", "quote", "safe_repr", "safe_str", "value"]

_quote: Callable[[str], str]
try:
    from _json import encode_basestring_ascii as _quote
except ImportError:  # an interpreter without the C accelerator
    from json.encoder import py_encode_basestring_ascii as _quote

_MAX_DEPTH = 8
_MAX_TEXT = 64 * 1024
_MAX_ITEMS = 10_000
_BIG = 1 << 63


def quote(text: str) -> str:
    """A JSON string. Lone surrogates, which no strict parser accepts, become `\\udc80` as text."""
    quoted = _quote(text)
    if "\\ud" in quoted:
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return _quote(text.encode("utf-8", "backslashreplace").decode("utf-8"))
    return quoted


def safe_repr(thing: object) -> str:
    """`repr(thing)`, or what can be said instead."""
    try:
        text = repr(thing)
        return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "…"
    except Exception as problem:
        return _unprintable(thing, problem)


def safe_str(thing: object) -> str:
    """`str(thing)`, or what can be said instead."""
    try:
        return str(thing)
    except Exception as problem:
        return _unprintable(thing, problem)


# The name itself: a metaclass may have a `__name__` of its own.
_name_of: Callable[[type], str] = type.__dict__["__name__"].__get__


def _unprintable(thing: object, problem: Exception) -> str:
    return f"<unprintable {_name_of(type(thing))}: {_name_of(type(problem))}>"


# A clock that is set to before that, as on a machine without a battery, says this.
_EARLIEST = 1_000_000_000
_SECOND = 1_000_000_000

# When it began, ns, and `{"ts":"2026-11-22T17:15:03.`: replaced as a whole, so that it needs no lock.
# In a list, since a name of another module is dearer to look up before 3.11.
this_second: list[tuple[int, str]] = [(1 << 63, "")]  # none yet


def begin_line(now: int) -> str:
    """`{"ts":"…Z","mono":` for `now`, ns since 1970: RFC 3339 UTC with nine decimals."""
    opening, fraction = split_time(now)
    return f'{opening}{fraction}Z","mono":'


def split_time(now: int) -> tuple[str, str]:
    """The line's opening with the second of `now`, which is `this_second` from here on, and its nine decimals."""
    begin, opening = this_second[0]
    if not 0 <= now - begin < _SECOND:
        now = max(now, _EARLIEST)
        begin = now - now % _SECOND
        opening = time.strftime('{"ts":"%Y-%m-%dT%H:%M:%S.', time.gmtime(begin // _SECOND))
        this_second[0] = (begin, opening)
    return opening, str(now)[-9:]  # cheaper than to divide and to format


def value(thing: object) -> str:
    """Any Python value as JSON text; what JSON lacks becomes its `repr`."""
    kind = type(thing)
    if kind is str:
        return quote(thing)  # type: ignore[arg-type]
    if kind is int and -_BIG < thing < _BIG:  # type: ignore[operator]
        return int.__repr__(thing)
    if thing is None:
        return "null"
    try:
        return _Encoder().encode(thing, 0)
    except Exception as problem:
        return quote(_unprintable(thing, problem))


class _Encoder:
    """One value's encoding: remembers what it is inside of, and how much it has written."""

    __slots__ = ("_inside", "_items")

    def __init__(self) -> None:
        self._inside: set[int] = set()
        self._items = 0

    def encode(self, thing: Any, depth: int) -> str:
        if thing is None:
            return "null"
        if thing is True:
            return "true"
        if thing is False:
            return "false"
        if isinstance(thing, str):
            return _text(thing)
        if isinstance(thing, int):
            return _integer(thing)
        if isinstance(thing, float):
            return _number(thing)
        if isinstance(thing, (dict, list, tuple)) and self._may_enter(thing, depth):
            return self._enter(thing, depth)
        return _text(safe_repr(thing))

    def _may_enter(self, thing: object, depth: int) -> bool:
        return depth < _MAX_DEPTH and id(thing) not in self._inside and self._items < _MAX_ITEMS

    def _enter(self, thing: Any, depth: int) -> str:
        self._inside.add(id(thing))
        try:
            if isinstance(thing, dict):
                return self._mapping(thing, depth + 1)
            return self._sequence(thing, depth + 1)
        except Exception as problem:  # a subclass whose iteration raises
            return _quote(_unprintable(thing, problem))
        finally:
            self._inside.discard(id(thing))

    def _mapping(self, thing: Mapping[Any, Any], depth: int) -> str:
        parts: list[str] = []
        for key, member in list(thing.items()):
            self._items += 1
            name = key if isinstance(key, str) else safe_repr(key)
            parts.append(_text(name) + ":" + self.encode(member, depth))
            if self._items > _MAX_ITEMS:
                break
        return "{" + ",".join(parts) + "}"

    def _sequence(self, thing: Any, depth: int) -> str:
        parts: list[str] = []
        for member in list(thing):
            self._items += 1
            parts.append(self.encode(member, depth))
            if self._items > _MAX_ITEMS:
                break
        return "[" + ",".join(parts) + "]"


def _text(thing: str) -> str:
    if type(thing) is not str:
        thing = str.__str__(thing)  # a subclass may define its own __str__ and slicing
    if len(thing) > _MAX_TEXT:
        thing = thing[:_MAX_TEXT] + "…"
    return quote(thing)


def _integer(thing: int) -> str:
    if -_BIG < thing < _BIG:
        return int.__repr__(thing)
    return _text(safe_repr(thing))  # readers hold integers in 64 bits


def _number(thing: float) -> str:
    text = float.__repr__(thing)
    if text in ("nan", "inf", "-inf"):
        return '"' + text + '"'
    return text


def members(fields: dict[str, object]) -> str:
    """`,"key":value` for each field that is not None; keys are ours, plain ASCII."""
    return "".join(f',"{key}":{value(field)}' for key, field in fields.items() if field is not None)
