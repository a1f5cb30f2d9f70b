"""Keeps logq's own frames out of the tracebacks and stacks that a program prints.

Some of what is replaced stands between a program and what it calls. Whoever reads `traceback` does not
see it there; where an exception comes by, `hide` takes our frames from it altogether, for those who walk
tracebacks themselves and for the interpreter's own last words. Before 3.11 an exception that is raised
again gets the old traceback back, so there only `traceback` leaves them out.
"""

from __future__ import annotations

import os

from .patching import dress, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Callable

__all__ = ["hide", "patch"]

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def hide(problem: BaseException) -> None:
    """To be called in an `except` that raises it again: it comes from the function that we called."""
    tb = problem.__traceback__
    while tb is not None and tb.tb_frame.f_code.co_filename.startswith(_HERE):
        tb = tb.tb_next
    problem.__traceback__ = tb


def patch(traceback: Any) -> None:
    for name in ("walk_stack", "walk_tb", "_walk_tb_with_full_positions"):
        replace(traceback, name, _wrap_walk)


def _wrap_walk(original: Callable[[Any], Iterator[Any]]) -> Any:
    def walk(start: Any) -> Iterator[Any]:
        entries = original(start)
        if start is None:  # the stack of whoever goes on with this generator: it must be that very one
            return entries
        return (entry for entry in entries if not entry[0].f_code.co_filename.startswith(_HERE))

    return dress(walk, original)
