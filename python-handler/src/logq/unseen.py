"""Keeps logq's own frames out of the tracebacks and stacks that a program prints.

Some of what is replaced stands between a program and what it calls. Whoever reads `traceback` does not see it
there, and debuggers made of `bdb` do not step into it; where an exception comes by, `hide` takes our frames from it
altogether, for those who walk tracebacks themselves and for the interpreter's own last words. Before 3.11 an exception
that is raised again gets the old traceback back, so there only `traceback` leaves them out.
"""

from __future__ import annotations

import os

from .patching import dress, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Callable

__all__ = ["hide", "patch", "patch_debugger"]

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


def patch_debugger(bdb: Any) -> None:
    """For pdb and everything else that is made of `bdb.Bdb`."""
    replace(bdb.Bdb, "dispatch_call", _wrap_call)
    replace(bdb.Bdb, "get_stack", _wrap_stack)


def _wrap_call(original: Callable[[Any, Any, Any], Any]) -> Any:
    def dispatch_call(self: Any, frame: Any, arg: Any) -> Any:
        if frame.f_code.co_filename.startswith(_HERE):
            return None  # what happens in there is not traced
        return original(self, frame, arg)

    return dress(dispatch_call, original)


def _wrap_stack(original: Callable[[Any, Any, Any], tuple[list[Any], int]]) -> Any:
    def get_stack(self: Any, frame: Any, tb: Any) -> tuple[list[Any], int]:
        stack, current = original(self, frame, tb)
        known = [entry for entry in stack if not entry[0].f_code.co_filename.startswith(_HERE)]
        ours = sum(entry[0].f_code.co_filename.startswith(_HERE) for entry in stack[: current + 1])
        return known, max(0, current - ours)

    return dress(get_stack, original)


def _wrap_walk(original: Callable[[Any], Iterator[Any]]) -> Any:
    def walk(start: Any) -> Iterator[Any]:
        entries = original(start)
        if start is None:  # the stack of whoever goes on with this generator: it must be that very one
            return entries
        return (entry for entry in entries if not entry[0].f_code.co_filename.startswith(_HERE))

    return dress(walk, original)
