"""logq's own thread in a program: it looks on, and writes what a hang leaves no one else to write.

It is started when there is something to look at (a second thread, a loop, a child, a wait) and is
gone before a fork of a program that has no other thread. The program does not know of it: it is no
`Thread`, gets no signals and keeps nothing alive. What it looks for is the affair of those who put a
function into `ticks`; this file is the thread's life and its clock.
"""

from __future__ import annotations

import os
import sys
import time

from . import identity
from .identity import Process
from .lane import Lane, enter
from .native import allocate_lock, sleep, start_new_thread
from .trouble import swallowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .standstill import Look

__all__ = ["after_fork_in_child", "before_fork", "is_counted", "need", "stop", "ticks"]

# Each is called with the monotonic time in ns, ten times a second, in the watchdog's thread. It must
# only read, take no lock, and be quick: the program stands still meanwhile.
ticks: list[Callable[[int], None]] = []

_TICK = 0.1  # seconds
_SLOW_TICK = 0.25  # while nothing has moved for long
_GONE_WITHIN = 0.1  # how long a fork waits for the thread to end
_GONE_AT_EXIT = 1.0  # and the end of the interpreter


class _Watch:
    """One life of the thread. Its lane outlives it: the next one goes on with its numbers."""

    __slots__ = ("gone", "lane", "process", "tid", "wake")

    def __init__(self, process: Process, lane: Lane) -> None:
        self.process = process
        self.lane = lane
        self.tid = 0
        self.gone = False
        self.wake = allocate_lock()  # held while it runs: to release it is to stop it
        self.wake.acquire()


# How much later than it was to the last tick came, ns: somebody else had the GIL, or the processor.
late = 0

_watch: _Watch | None = None
_lane: Lane | None = None
_may_start: list[bool] = [True]  # popped by whoever is starting it
_forking = 0


def need() -> bool:
    """Sees to it that the watchdog runs. Cheap when it does. Whether it does now."""
    watch, process = _watch, identity.me
    if watch is not None and watch.process is process and not watch.gone:
        return True
    if process is None or process.capture == "records" or process.quiet or _forking or not process.ended:
        return False
    _start(process)
    return _watch is not None and not _watch.gone


def _start(process: Process) -> None:
    global _watch, _lane
    try:
        _may_start.pop()
    except IndexError:
        return
    try:
        if _lane is None or _lane.process is not process:
            _lane = Lane(process, "w1", "logq")
            _lane.name = "logq"
            _lane.daemon = True
        from . import control, standstill  # not before there is need of them

        watch = _Watch(process, _lane)
        _start_without_signals(watch, standstill.Look(), control.answer)
        _watch = watch
    except RuntimeError:  # no more threads, or the interpreter is ending
        pass
    except Exception:
        swallowed()
    finally:
        _may_start.append(True)


def _start_without_signals(*arguments: Any) -> None:
    """A thread begins with the mask of its maker. The program's signals are not for this one."""
    signals: Any = sys.modules.get("_signal") or __import__("_signal")
    if not hasattr(signals, "pthread_sigmask"):
        start_new_thread(_run, arguments)
        return
    mask = signals.pthread_sigmask(signals.SIG_BLOCK, ())
    try:
        signals.pthread_sigmask(signals.SIG_BLOCK, signals.valid_signals())
        start_new_thread(_run, arguments)
    finally:
        signals.pthread_sigmask(signals.SIG_SETMASK, mask)


def _run(watch: _Watch, look: Look, answer: Callable[[int], None]) -> None:
    global late
    try:
        enter(watch.lane)
        watch.tid = watch.lane.tid or 0
        _name_thread(watch.tid)
        length = _TICK
        asleep = time.monotonic_ns()
        while not watch.wake.acquire(True, length):
            now = time.monotonic_ns()
            late = now - asleep - int(length * 1e9)
            asleep = now
            if identity.me is not watch.process:
                continue
            _tick(now, look, answer, *ticks)
            length = _SLOW_TICK if look.is_quiet(now) else _TICK
            asleep = time.monotonic_ns()
    except Exception:
        swallowed()
    finally:
        watch.gone = True


def _name_thread(tid: int) -> None:
    """For those who look from outside, `logq dump` among them: `top -H` shows it."""
    try:
        with open(f"/proc/self/task/{tid}/comm", "wb", 0) as name:
            name.write(b"logq")
    except OSError:
        pass


def _tick(now: int, *acts: Callable[[int], None]) -> None:
    for act in acts:
        try:
            act(now)
        except Exception:
            swallowed()


def stop() -> Any:
    """Tells the thread to end, and gives it back: None when there is none."""
    global _watch
    watch, _watch = _watch, None
    if watch is not None and not watch.gone:
        try:
            watch.wake.release()
        except RuntimeError:  # told already
            pass
    return watch


def _end(patience: float) -> None:
    """Stops it, and waits for so many seconds at the most until the thread is gone."""
    watch = stop()
    limit = time.monotonic() + patience
    while watch is not None and time.monotonic() < limit and _is_there(watch):
        sleep(0.00002)


def _is_there(watch: _Watch) -> bool:
    """Also before its first step: that needs the interpreter, too."""
    return not watch.gone if watch.tid == 0 else os.path.exists(f"/proc/self/task/{watch.tid}")


def at_exit() -> None:
    """The interpreter ends: a thread that comes back later, or begins only then, meets memory that was given back,
    and the process ends with a signal."""
    if _watch is not None and _watch.process is identity.me:
        _end(_GONE_AT_EXIT)


def is_counted() -> bool:
    """Whether the interpreter's count of threads has this one in it."""
    return _watch is not None and _watch.tid != 0 and not _watch.gone


# Fork. ------------------------------------------------------------------------------------------


def before_fork() -> None:
    """Without another thread a program may fork in peace; so it must be without this one, too.

    Since 3.12 the interpreter asks the system how many threads there are. Where the program has some
    of its own, it is warned anyway.
    """
    global _forking
    _forking += 1
    if _watch is not None and not _has_others():
        _end(_GONE_WITHIN)


def after_fork_in_parent() -> None:
    """The interpreter counts threads after this: so it is started again only when there is need."""
    global _forking
    _forking = max(0, _forking - 1)


def after_fork_in_child() -> None:
    global _watch, _forking, _lane
    _watch = _lane = None
    _forking = 0
    _may_start[:] = [True]


def _has_others() -> bool:
    try:
        return len(os.listdir("/proc/self/task")) > 2
    except OSError:
        return False
