"""Which calls an access is made in: those of the program, and what the library's functions among them hold.

Two accesses in one call of a function may be one update. A frame alone does not tell, as the next call may have its
frame at the same place.
"""

from __future__ import annotations

import itertools

from logq.sites import is_machinery

from .within import held_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    # (which call it is, its code, its instruction), the innermost first.
    Chain = tuple[tuple[int, Any, int], ...]

__all__ = ["begin_call", "chain_of", "number_of"]

_DEEPEST = 4
_FARTHEST = 12
_MOST_CALLS = 100_000

# Where a frame lies -> the number of the call whose frame it is.
_calls: dict[int, int] = {}
_numbers = itertools.count(1 << 62)


def begin_call(frame: Any) -> None:
    if len(_calls) > _MOST_CALLS:
        _calls.clear()
    _calls[hash(frame)] = next(_numbers)


def number_of(frame: Any) -> int:
    place = hash(frame)  # as `id` says it, but without its audit event
    return _calls.get(place, place)


def chain_of(frame: Any) -> tuple[Chain, tuple[Any, ...]]:
    chain: list[tuple[int, Any, int]] = []
    within: list[Any] = []
    for _ in range(_FARTHEST):
        code = frame.f_code
        if is_machinery(code.co_filename):
            held = held_by(frame)
            if held is not None:
                within.append(held)
        elif len(chain) < _DEEPEST:
            chain.append((number_of(frame), code, frame.f_lasti))
        frame = frame.f_back
        if frame is None:
            break
    return tuple(chain), tuple(within)
