"""Exceptions that nobody handled: the main thread's, a thread's, unraisable ones.

`sys.excepthook` and `threading.excepthook` are left alone, since programs replace and compare
them: the interpreter leaves the main thread's exception in `sys.last_value` before it calls the
hook, whichever it is, and a thread calls `_invoke_excepthook`, which `instrument/threads.py` wraps.
"""

from __future__ import annotations

import os
import sys

from . import exits, identity
from .emit import event
from .failure import describe
from .lane import Lane
from .patching import dress, replace
from .trouble import swallowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["looks_at_nothing", "note_main_exception", "patch", "report"]

_told: BaseException | None = None


def patch() -> None:
    replace(sys, "unraisablehook", _wrap_unraisable)
    if note_main_exception not in exits.last_words:
        exits.last_words.append(note_main_exception)


def report(
    where: str,
    problem: BaseException,
    hook: str | None = None,
    lane: Lane | None = None,
    **more: object,
) -> None:
    """Writes an `exc` event."""
    fields = {"where": where, **describe(problem), "hook": hook, **more}
    event("exc", fields, lane)


def looks_at_nothing(hook: object) -> bool:
    """Whether an exception hook is a function that does not read what it is given, nor asks for it otherwise.

    Such a one can neither have written the exception nor kept it.
    """
    code = getattr(hook, "__code__", None)
    if code is None or not _ASKS.isdisjoint(code.co_names):
        return False
    import opcode

    loads = (opcode.opname[number] for number in code.co_code[::2])
    return not any(name.startswith(("LOAD_FAST", "LOAD_CLOSURE", "LOAD_DEREF", "MAKE_CELL")) for name in loads)


# What finds an exception that it was not given.
_ASKS = frozenset(
    ("exc_info", "exception", "format_exc", "print_exc", "print_exception", "print_last", "last_value", "locals")
)


def note_main_exception() -> None:
    """Writes what ended the main thread, if an exception did. Called when the program shuts down."""
    global _told
    problem = exits.uncaught()
    process = identity.me
    if problem is None or problem is _told or process is None or process.pid != os.getpid():
        return
    _told = problem
    hook = "default" if sys.excepthook is sys.__excepthook__ else "user"
    report("sys", problem, hook, process.main)


def _wrap_unraisable(original: Callable[[Any], Any]) -> Any:
    def unraisablehook(unraisable: Any) -> Any:
        try:
            problem = unraisable.exc_value
            if problem is not None and identity.me is not None:
                default = original is sys.__unraisablehook__
                in_object = getattr(unraisable.object, "__qualname__", None) or type(unraisable.object).__qualname__
                report("unraisable", problem, "default" if default else "user", fn=in_object)
        except Exception:
            swallowed()
        return original(unraisable)

    return dress(unraisablehook, original)
