"""Stacks on a signal, for when no Python can run in this process: code in C that keeps the GIL silences the watchdog.

Only where `LOGQ_DUMP_SIGNAL` names a signal (`USR2`): a program may use any of them itself. The handler is
faulthandler's, in C; it writes to `<proc>.stacks`, whose first line tells `logq dump` which signal to send.
The program's own handler for that signal takes its place, and then the file goes.
"""

from __future__ import annotations

import os

from .descriptors import lift
from .trouble import swallowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .identity import Process

__all__ = ["forget", "give_up", "number", "register"]

_VARIABLE = "LOGQ_DUMP_SIGNAL"

_fd = -1
_path = ""
number = 0  # of the signal that is ours, in this process


def register(process: Process) -> None:
    """`process` is this one, and has just opened its files; after a fork the parent's file is not ours."""
    name = os.environ.get(_VARIABLE)
    if name:
        try:
            _register(process, name)
        except Exception:  # no such signal, or one that cannot be caught
            swallowed()
            _close()


def _register(process: Process, name: str) -> None:
    global _fd, _path, number
    import _signal  # type: ignore[import-not-found]
    import faulthandler

    wanted = _number_of(name, _signal)
    if number == 0 and _signal.getsignal(wanted) is not _signal.SIG_DFL:
        return  # the program was here first
    _close()
    _path = os.path.join(process.place.spool, process.key + ".stacks")
    _fd = lift(os.open(_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600))
    faulthandler.register(wanted, file=_fd, all_threads=True, chain=False)
    os.write(_fd, b"signal %d\n" % wanted)
    number = wanted


def _number_of(name: str, signals: Any) -> int:
    """`USR2`, `SIGUSR2` or `12`."""
    if name.isdigit():
        return int(name)
    name = name.upper()
    return int(getattr(signals, name if name.startswith("SIG") else "SIG" + name))


def _close() -> None:
    global _fd
    fd, _fd = _fd, -1
    if fd >= 0:
        try:
            os.close(fd)
        except OSError:  # the program was quicker
            pass


def give_up() -> None:
    """The program has a handler of its own for the signal now."""
    global number
    number = 0
    try:
        os.unlink(_path)
    except OSError:
        pass


def forget() -> None:
    """When recording ends."""
    ours = number
    if ours:
        import faulthandler

        faulthandler.unregister(ours)
        give_up()
    _close()
