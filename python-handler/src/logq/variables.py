"""A look at the variables of a function that is running, which keeps nothing and changes nothing.

Before 3.13 the interpreter writes them into a dictionary when it is asked for them, and the frame keeps that until
the function has ended: everything in it would live as long, whatever the program does with its variables. So it is
emptied again, unless somebody else has it, who has called `locals()`. For a glance at a function of the standard
library that is about to end `f_locals` will do; this is for those of the program and for those that run for long.
"""

from __future__ import annotations

import sys
from _operator import eq
from collections import deque
from itertools import compress
from sys import getrefcount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["variables_of"]

_OF_A_FUNCTION = 1  # CO_OPTIMIZED: elsewhere they are a real dictionary


def _empty(names: dict[str, Any], unshared: int) -> None:
    """In one step, from C: another thread may be about to call `locals()` there."""
    deque(map(dict.clear, compress([names], map(eq, map(getrefcount, [names]), [unshared]))), 0)


def variables_of(frame: Any) -> dict[str, Any]:
    """By name. Of a function that is traced, none: a debugger may be about to change them by that dictionary."""
    if frame.f_trace is not None:
        return {}
    names: dict[str, Any] = frame.f_locals
    if _unshared == 0 or not frame.f_code.co_flags & _OF_A_FUNCTION:
        return names
    own = dict(names)
    code = frame.f_code
    if own.keys() <= {*code.co_varnames, *code.co_cellvars, *code.co_freevars}:  # nobody has put others there
        _empty(names, _unshared)
    return own


def _measure() -> int:
    """How many references there are in `_empty` to a dictionary that nobody else has."""
    counts: list[int] = []

    def look(frame: Any) -> None:
        names = frame.f_locals
        own = dict(names)
        _count(names, counts)
        del own

    look(sys._getframe())
    return counts[0]


def _count(names: dict[str, Any], counts: list[int]) -> None:
    deque(compress([names], map(counts.append, map(getrefcount, [names]))), 0)


# 0: nothing has to be emptied.
_unshared = _measure() if sys.version_info < (3, 13) else 0
