"""How this process ends: the `exit` line, with the return code if it can be known.

Normal ends come here through `atexit`, hard ones through the wrapped `os._exit`; whichever is
first writes the line. What ends by a signal is seen by its parent only.
"""

from __future__ import annotations

import atexit
import builtins
import os
import sys
import time

from . import identity, watchdog
from .emit import event
from .identity import Process
from .native import get_ident
from .patching import dress, replace
from .sites import position
from .trouble import swallowed
from .unseen import hide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Callable

__all__ = ["finish", "note_code", "note_top", "patch", "reset"]

# Filled by the instruments: `(key, function)` gives one member of the `exit` line.
contributors: list[tuple[str, Callable[[], object]]] = []
# Run before the line is written: what else has to be said while there is time.
last_words: list[Callable[[], None]] = []

_noted: tuple[int, FrameType | None, int] | None = None
_top: FrameType | None = None
top_unsought = [True]  # until the main thread has looked for it, from inside the program
_process: Process | None = None
# By which a module ends, too: to import their names would take longer than the rest of an exit.
_RETURNS = frozenset(code.co_code[-2] for code in ((lambda: None).__code__, (lambda value: value).__code__))


def patch() -> None:
    """Watches every way out of this process."""
    global _process
    if _process is None:
        atexit.register(_at_exit)
    _process = identity.me
    replace(os, "_exit", _wrap_hard_exit)
    replace(sys, "exit", _wrap_exit)
    quitter = type(getattr(builtins, "exit", None))
    if quitter.__name__ == "Quitter":
        replace(quitter, "__call__", _wrap_quitter)


def reset() -> None:
    """In a forked child: the parent's end is not ours."""
    global _noted, _process
    _noted = None
    _process = identity.me


def _wrap_hard_exit(original: Callable[[int], Any]) -> Any:
    def _exit(status: int) -> Any:
        if isinstance(status, int):
            finish("_exit", status & 0xFF)
        try:
            return original(status)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(_exit, original)


def _wrap_exit(original: Callable[..., Any]) -> Any:
    def exit_noted(*status: Any) -> Any:
        note_code(status[0] if status else None)
        try:
            return original(*status)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(exit_noted, original)


def _wrap_quitter(original: Callable[..., Any]) -> Any:
    """`exit()` and `quit()` of the site module."""

    def quit_noted(self: Any, code: Any = None) -> Any:
        note_code(code)
        try:
            return original(self, code)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(quit_noted, original)


def note_code(status: Any) -> None:
    """`sys.exit(status)` was called; it may yet be caught."""
    global _noted
    note_top()
    if not _is_main_thread():
        return
    top = _top
    _noted = (_code_of(status), top, top.f_lasti if top is not None else -1)


def _code_of(status: Any) -> int:
    if status is None:
        return 0
    return status & 0xFF if isinstance(status, int) else 1


def _is_main_thread() -> bool:
    process = identity.me
    return process is not None and process.main_ident == get_ident()


def note_top() -> None:
    """Keeps the main module's frame, to see at the end whether it returned or was left by an
    exception. Its variables are the module's globals, which live until then anyway."""
    global _top
    if not top_unsought or not _is_main_thread():
        return
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    if frame is not None and frame.f_globals.get("__name__") in ("__main__", "runpy"):
        top_unsought.clear()
        _top = frame


def _at_exit() -> None:
    global _top, _noted
    try:
        finish("exit", None)
        watchdog.at_exit()
        # Through the frame they would keep the main module's variables, which nobody would then finalise.
        _top = _noted = None
    except KeyboardInterrupt:
        # Ctrl-C while we look how the program ended. It is over already, so nobody else would see this.
        process = identity.me
        if process is not None:
            event("exit", {"how": "exit"}, process.main)


def finish(how: str, rc: int | None) -> None:
    """Writes the `exit` line, once a process."""
    process = identity.me or _process
    if process is None or process.pid != os.getpid() or (process.quiet and process.unopened):
        return
    try:
        process.ended.pop()
    except IndexError:
        return
    resumed, identity.me = identity.me, process
    try:
        _say_last_words()
        code = rc if rc is not None else _return_code()
        if code == "exception":
            how, code = "exc", _exception_code()
        event("exit", _facts(process, how, code), process.main if _is_main_thread() else None)
    except Exception:
        swallowed()
    finally:
        identity.me = resumed


def _say_last_words() -> None:
    for say in last_words:
        try:
            say()
        except Exception:
            swallowed()


def _facts(process: Process, how: str, rc: object) -> dict[str, object]:
    facts: dict[str, object] = {
        "rc": rc,
        "how": how,
        "cpu": time.thread_time_ns() if _is_main_thread() else None,
        "folded": [
            {"site": position(code, instruction), "fn": fn or "", "n": count}
            for (_, instruction, fn), (code, count) in list(process.folded.items())
        ]
        or None,
    }
    for key, contribute in contributors:
        try:
            told: Any = contribute()
            before: Any = facts.get(key)  # two families may have something of one kind to tell
            facts[key] = [*before, *told] if before and told else told or before or None
        except Exception:
            swallowed()
    return facts


def _return_code() -> object:
    """0, the code given to `sys.exit`, "exception", or None where nothing tells.

    None is for `raise SystemExit(3)`, which no hook sees: the parent's `reap` knows.
    """
    left_by_exception = _left_by_exception()
    if _noted is not None:
        code, frame, position = _noted
        if frame is None or frame.f_lasti == position:
            return code
    if left_by_exception is False:
        return 0
    if uncaught() is not None:
        return "exception"
    if left_by_exception is None:
        left_by_exception = _may_raise_exit()
    return None if left_by_exception else 0


def _left_by_exception() -> bool | None:
    """Whether the main module's frame was left by an exception; None where it was never seen."""
    if _top is None:
        return None
    code, position = _top.f_code.co_code, _top.f_lasti
    while position > 0 and code[position] == 0:  # caches of 3.11 and later
        position -= 2
    return code[position] not in _RETURNS


def _may_raise_exit() -> bool:
    """For a main module that was never seen running: whether it could end by `raise SystemExit`."""
    try:
        with open(sys.modules["__main__"].__file__ or "", "rb") as source:
            return b"SystemExit" in source.read(1 << 20)
    except (OSError, AttributeError, TypeError, KeyError):
        return False


def uncaught() -> BaseException | None:
    """The exception that left the main module, if one did.

    The interpreter leaves it in `sys.last_value`. Test runners and debuggers put other exceptions
    there: those did not come through the main module's own frame.
    """
    problem: BaseException | None = getattr(sys, "last_value", None)
    if problem is None or problem.__traceback__ is None:
        return None
    frame = problem.__traceback__.tb_frame
    if _top is not None:
        return problem if frame is _top else None
    is_main = frame.f_globals.get("__name__") in ("__main__", "runpy")
    return problem if is_main and frame.f_code.co_name in ("<module>", "_run_module_as_main") else None


def _exception_code() -> int:
    return 130 if isinstance(uncaught(), KeyboardInterrupt) else 1
