"""Twisted's reactor: in which thread it runs, what came to it from other threads.

Its callbacks run in their thread's lane. What another thread hands over by `callFromThread` carries a stamp; what
a thread touches without that is noted. Whether the reactor turns is the affair of `twisted_turns.py`, Deferreds are
that of `twisted_deferreds.py`.
"""

from __future__ import annotations

import sys
import time
from _weakref import ref
from functools import partial

from logq import hooks, identity, sites, snapshot, watchdog
from logq.emit import event
from logq.lane import thread_lane
from logq.native import get_ident
from logq.patching import dress, replace
from logq.sites import caller_site
from logq.stamp import leave, merge
from logq.trouble import swallowed
from logq.unseen import hide

from . import purposes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = [
    "Home",
    "calls",
    "foreign_home",
    "forget",
    "patch_abstract",
    "patch_base",
    "patch_logger",
    "patch_package",
    "patch_threads",
    "running",
]


class Home:
    """A reactor, the thread in which it runs, and what was handed to it."""

    __slots__ = ("block", "given", "ident", "lane", "reactor", "turn")

    def __init__(self, reactor: Any) -> None:
        self.reactor = ref(reactor)
        self.lane = thread_lane()
        self.ident = get_ident()
        self.turn = 0  # goes up whenever it turns
        self.given: list[Any] = []  # stamps of those who have called callFromThread
        self.block: Any = None  # of `twisted_turns.py`


homes: list[Home] = []


def patch_package(twisted: Any) -> None:
    sites.learn_machinery(twisted)


def patch_base(base: Any) -> None:
    reactor = base.ReactorBase
    replace(reactor, "startRunning", _wrap_start)
    replace(reactor, "runUntilCurrent", _wrap_turn)
    replace(reactor, "callFromThread", _wrap_call_from_thread)
    replace(reactor, "callLater", lambda original: _wrap_own(original, "reactor.callLater"))
    replace(reactor, "stop", lambda original: _wrap_own(original, "reactor.stop"))
    if ("loops", _loops) not in snapshot.contributors:
        snapshot.contributors.append(("loops", _loops))


def patch_abstract(abstract: Any) -> None:
    for name in ("write", "writeSequence", "loseConnection"):
        replace(abstract.FileDescriptor, name, partial(_wrap_transport, name))


def patch_threads(threads: Any) -> None:
    purposes.note(threads.blockingCallFromThread, "task", _tell_caller)


def patch_logger(logger: Any) -> None:
    replace(logger.Logger, "failure", _wrap_failure)


def forget() -> None:
    homes.clear()


# Who runs where. --------------------------------------------------------------------------------


def _wrap_start(original: Callable[..., Any]) -> Any:
    def startRunning(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N802 - Twisted's name
        if identity.me is not None:
            homes[:] = [home for home in homes if home.reactor() not in (None, self)]
            homes.append(Home(self))
            watchdog.need()
        return original(self, *args, **kwargs)

    return dress(startRunning, original)


def running() -> list[tuple[Home, Any]]:
    """The reactors of this process that run and turn by themselves: not on a loop of asyncio's."""
    found = []
    for home in homes:
        reactor = home.reactor()
        own = reactor is not None and not hasattr(reactor, "_asyncioEventloop")
        if own and home.lane.process is identity.me and getattr(reactor, "_started", False):
            found.append((home, reactor))
    return found


def home_of(reactor: Any) -> Home | None:
    for home in homes:
        if home.reactor() is reactor and home.lane.process is identity.me:
            return home
    return None


def foreign_home() -> Home | None:
    """The reactor that runs now in another thread, where none runs in this one."""
    ident = get_ident()
    found: Home | None = None
    for home, _ in running():
        if home.ident == ident:
            return None
        found = home
    return found


# Hand-overs. ------------------------------------------------------------------------------------


def _wrap_call_from_thread(original: Callable[..., Any]) -> Any:
    def callFromThread(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N802
        home = home_of(self) if identity.me is not None else None
        if home is not None and home.ident != get_ident():
            home.given.append(leave())
        try:
            return original(self, *args, **kwargs)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(callFromThread, original)


def _wrap_turn(original: Callable[..., Any]) -> Any:
    """Whatever was handed over before it turns has come before all that it does in this turn."""

    def runUntilCurrent(self: Any) -> Any:  # noqa: N802
        home = home_of(self) if identity.me is not None else None
        if home is not None:
            home.turn += 1
            while home.given:
                merge(home.given.pop(0))
        try:
            return original(self)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(runUntilCurrent, original)


# Other threads' hands. --------------------------------------------------------------------------


def _wrap_own(original: Callable[..., Any], what: str) -> Any:
    def own(self: Any, *args: Any, **kwargs: Any) -> Any:
        if identity.me is not None and homes:
            _note_foreign(home_of(self), what)
        try:
            return original(self, *args, **kwargs)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(own, original)


def _wrap_transport(name: str, original: Callable[..., Any]) -> Any:
    def touched(self: Any, *args: Any, **kwargs: Any) -> Any:
        if identity.me is not None and homes:
            _note_foreign(home_of(getattr(self, "reactor", None)), f"transport.{name}")
        try:
            return original(self, *args, **kwargs)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(touched, original)


def _note_foreign(home: Home | None, what: str) -> None:
    if home is None or home.ident == get_ident():
        return
    reactor = home.reactor()
    if reactor is not None and getattr(reactor, "running", False):
        note(home, what, 3)


def note(home: Home, what: str, depth: int) -> None:
    """A thread that is not the reactor's has done `what`; the program is `depth` frames above."""
    try:
        process = identity.me
        if process is None:
            return
        loop = home.lane.reference(process)
        site = caller_site(depth + 1)
        event("note", {"what": "foreign", "via": "reactor", "fn": what, "loop": loop, "site": site})
    except Exception:
        swallowed()


def _tell_caller(frame: Any) -> Any:
    """Whoever calls `blockingCallFromThread` waits for the reactor's thread."""
    home = home_of(frame.f_locals.get("reactor"))
    process = identity.me
    owner = home.lane.reference(process) if home is not None and process is not None else None
    return None, {"owner": owner}


# Failures of callbacks. -------------------------------------------------------------------------


def _wrap_failure(original: Callable[..., Any]) -> Any:
    """What a callback of the reactor's raises is only logged."""

    def failure(self: Any, format: Any, failure: Any = None, *args: Any, **kwargs: Any) -> Any:  # noqa: A002
        if identity.me is not None and str(getattr(self, "namespace", "")).startswith("twisted.internet.base"):
            try:
                problem = failure.value if failure is not None else sys.exc_info()[1]
                if problem is not None:
                    hooks.report("callback", problem, note=str(format).partition("{")[0].strip() or None)
            except Exception:
                swallowed()
        return original(self, format, failure, *args, **kwargs)

    return dress(failure, original)


# Snapshot. --------------------------------------------------------------------------------------


def _loops() -> list[dict[str, object]]:
    process = identity.me
    assert process is not None
    found = []
    for home, reactor in running():
        timers = calls(reactor)
        due = min((call.getTime() for call in timers), default=None)
        facts: dict[str, object] = {
            "lane": home.lane.reference(process),
            "ready": len(reactor.threadCallQueue),
            "timers": len(timers),
            "next": int(time.monotonic_ns() + (due - reactor.seconds()) * 1e9) if due is not None else None,
            "fds": _watched(reactor),
        }
        found.append({key: value for key, value in facts.items() if value is not None})
    return found


def calls(reactor: Any) -> list[Any]:
    calls = [*reactor._pendingTimedCalls, *reactor._newTimedCalls]
    return [call for call in calls if not call.cancelled and not call.called]


def _watched(reactor: Any) -> int:
    """What it reads or writes besides its own wake-up pipes; 1 where that cannot be told."""
    try:
        return len({*reactor.getReaders(), *reactor.getWriters()} - set(reactor._internalReaders))
    except Exception:
        return 1
