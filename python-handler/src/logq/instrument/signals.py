"""Ctrl-C and a lock in Python: a signal's handler does not run between the taking of a lock and the caller.

A C lock is taken in one step, which no handler can interrupt; a wrapper in Python has many. So a
handler that is due while a `guarded` function or our own `_work` runs is put off until that has
returned: the signal is marked as having arrived again, from C, and the interpreter asks again at its
next step. A function in `open_code` may be interrupted all the same: the one that blocks.

`signal.signal` and `signal.getsignal` show the program its own handlers, and a handler that raises
leaves no frame of ours in the traceback. On 3.9 only SIGINT can be put off.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _thread
import os
import sys
from _operator import methodcaller
from functools import partial

from logq import hooks, identity, records, stacks, waits, watchdog
from logq.patching import dress, replace
from logq.sites import is_machinery
from logq.unseen import hide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["guard", "guard_interrupt", "guarded", "open_code", "patch"]

# Code objects, by what may happen while they run.
guarded: set[Any] = set()
open_code: set[Any] = set()

_ANY_SIGNAL = sys.version_info >= (3, 10)  # before, `interrupt_main` knows SIGINT only
_DEEPEST = 60
_IMPORT = "<frozen importlib._bootstrap>"


def guard(*functions: Any) -> None:
    """No handler runs while one of these runs."""
    guarded.update(function.__code__ for function in functions)


# In the midst of a record nobody could tell, beside other threads that write, whether it is on disk already. And
# what a handler raises in our own work (a time limit, as an `Exception`) would end there, as a failure of ours.
guard(hooks.report, records.write_once, waits.begin, waits.Wait.end, watchdog.need)
# Nothing in these files ever blocks.
_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_WORK = (
    "children",
    "emit",
    "encode",
    "failure",
    "flow",
    "lane",
    "objects",
    "render",
    "shelf",
    "sink",
    "sites",
    "stamp",
    "trouble",
)
_OF_FAMILIES = ("polls", "tally", "trail", "wakes")
_work = {os.path.join(_FOLDER, name + ".py") for name in _WORK}
_work |= {os.path.join(_FOLDER, "instrument", name + ".py") for name in _OF_FAMILIES}


def leave_open(function: Any) -> Any:
    """Handlers run in this function, also when a guarded one has called it."""
    open_code.add(function.__code__)
    return function


def patch(signal: Any) -> None:
    replace(signal, "signal", _wrap_signal)
    replace(signal, "getsignal", _wrap_getsignal)
    for number in _signal.valid_signals():
        _guard_current(int(number))


def guard_interrupt() -> None:
    """For Ctrl-C as the interpreter handles it. `signal` itself may never be imported."""
    _guard_current(_signal.SIGINT)


def forget() -> None:
    """Gives every signal its plain handler back."""
    for number in _signal.valid_signals():
        try:
            current = _signal.getsignal(int(number))
            if type(current) is _Guarded:
                _signal.signal(int(number), current.handler)
        except (ValueError, OSError):  # not in the main thread: the guards stay, and guard nothing
            return


def _guard_current(number: int) -> None:
    try:
        handler = _signal.getsignal(number)
        shielded = _shield(number, handler)
        if shielded is not handler:
            _signal.signal(number, shielded)
    except (ValueError, OSError):  # not the main thread
        pass


class _Marker:
    """`pull` is a function of C; reading `trip` calls it from C."""

    __slots__ = ("pull",)
    trip = property(methodcaller("pull"))

    def __init__(self, pull: Callable[..., Any]) -> None:
        self.pull = pull


class _Guarded:
    """A handler that is looked up when its signal is due: the program's own, or the one that puts it off.

    What puts it off must be C to the last step: in Python the interpreter would ask for signals again
    before it returned. Hence `str.format`, which ignores what it is given and reads an attribute.
    """

    __slots__ = ("again", "handler")

    def __init__(self, number: int, handler: Any) -> None:
        self.handler = handler
        interrupt: Any = _thread.interrupt_main
        mark = partial(interrupt, number) if _ANY_SIGNAL else interrupt
        self.again = partial("{0.trip.__class__.__name__}".format, _Marker(mark))

    @property
    def __call__(self) -> Any:
        try:
            if identity.me is not None and _is_guarded(sys._getframe(1)):
                return self.again
        except ValueError:  # no Python frame was interrupted
            pass
        return self.handler


def _is_guarded(frame: Any) -> bool:
    for _ in range(_DEEPEST):
        if frame is None or frame.f_code in open_code:
            return False
        code = frame.f_code
        if code in guarded or code in records.in_place or code.co_filename in _work:
            return True
        if not is_machinery(frame.f_code.co_filename) and not _is_finder(frame):
            return False
        frame = frame.f_back
    return False


def _is_finder(frame: Any) -> bool:
    """Whether the import system asks here for a module: of somebody's finder, who may be asked for one of ours."""
    asks = frame.f_back
    return asks is not None and asks.f_code.co_name == "_find_spec" and asks.f_code.co_filename == _IMPORT


def _shield(number: int, handler: Any) -> Any:
    """Event loops have handlers that do nothing and are woken by a descriptor: those stay."""
    if not callable(handler) or type(handler) is _Guarded or getattr(handler, "__name__", "") == "_sighandler_noop":
        return handler
    if not _ANY_SIGNAL and number != _signal.SIGINT:
        return handler
    return _Guarded(number, handler)


def _plain(handler: Any) -> Any:
    return handler.handler if type(handler) is _Guarded else handler


def _wrap_signal(original: Callable[[Any, Any], Any]) -> Any:
    def signal(signalnum: Any, handler: Any) -> Any:
        if identity.me is not None and isinstance(signalnum, int):
            handler = _shield(int(signalnum), handler)
        try:
            before = _plain(original(signalnum, handler))
        except BaseException as problem:
            hide(problem)
            raise
        if stacks.number and signalnum == stacks.number:
            stacks.give_up()
        return before

    return dress(signal, original)


def _wrap_getsignal(original: Callable[[Any], Any]) -> Any:
    def getsignal(signalnum: Any) -> Any:
        try:
            return _plain(original(signalnum))
        except BaseException as problem:
            hide(problem)
            raise

    return dress(getsignal, original)
