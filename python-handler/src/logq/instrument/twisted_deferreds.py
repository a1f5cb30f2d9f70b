"""Deferreds: where each was made, who waits for it, and failures that no errback has taken.

A Deferred runs its callbacks in the lane of whoever fires it, so order needs nothing of this. A failure is lost when
its Deferred goes, or is still there at the end of the process. Who waits is found when a snapshot is taken, among
all objects that there are: each waiting coroutine, and each callback chain of the program's, is a lane of its own then.
"""

from __future__ import annotations

import gc
import sys
from types import MethodType

from logq import exits, hooks, identity, snapshot
from logq.emit import announce
from logq.lane import Lane, here
from logq.objects import Thing
from logq.patching import dress, replace
from logq.sites import function_name, is_machinery, position, user_place
from logq.trouble import swallowed
from logq.unseen import hide

from . import twisted_locks, twisted_reactor
from .suspended import frames_of, sites_of, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.lane import Site

__all__ = ["forget", "patch"]

_MAX_WAITING = 200
_MAX_CHAIN = 100

_defer: Any = None
_frame = sys._getframe


def patch(defer: Any) -> None:
    global _defer
    _defer = defer
    replace(defer.Deferred, "__init__", _wrap_init)
    replace(defer.Deferred, "_startRunCallbacks", _wrap_fire)
    replace(defer.DebugInfo, "__del__", _wrap_collected)
    twisted_locks.patch(defer)
    if _say_all not in exits.last_words:
        exits.last_words.append(_say_all)
    if ("tasks", _tasks) not in snapshot.contributors:
        snapshot.contributors.append(("tasks", _tasks))


def forget() -> None:
    global _defer
    _defer = None


def _wrap_init(original: Callable[..., None]) -> Any:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if identity.me is not None:
            try:
                self._logq_made = (*user_place(_frame(1)), here())
            except Exception:
                swallowed()

    return dress(init, original)


def _wrap_fire(original: Callable[..., Any]) -> Any:
    def _startRunCallbacks(self: Any, result: Any) -> Any:  # noqa: N802 - Twisted's name
        if twisted_reactor.homes and identity.me is not None:
            _note_foreign(self)
        try:
            return original(self, result)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(_startRunCallbacks, original)


def _note_foreign(deferred: Any) -> None:
    """Its callbacks would run here, though they were added in the reactor's thread."""
    made = getattr(deferred, "_logq_made", None)
    home = twisted_reactor.foreign_home()
    if home is None or made is None or made[2] is not home.lane or not _callbacks(deferred):
        return
    failed = _frame(2).f_code.co_name == "errback"
    twisted_reactor.note(home, "Deferred.errback" if failed else "Deferred.callback", 4)


def _callbacks(deferred: Any) -> list[Any]:
    found: list[Any] = deferred.__dict__.get("_callbacks") or deferred.__dict__.get("callbacks") or []
    return found


# Failures. --------------------------------------------------------------------------------------


def _wrap_collected(original: Callable[[Any], None]) -> Any:
    def collected(self: Any) -> None:
        failure = self.failResult
        if failure is not None and identity.me is not None:
            _report(failure, None, "no errback took it before the Deferred was dropped")
        original(self)

    return dress(collected, original)


def _report(failure: Any, made: Any, note: str) -> None:
    try:
        problem = getattr(failure, "value", None)
        if not isinstance(problem, BaseException):
            return
        more: dict[str, Any] = {}
        if problem.__traceback__ is None:  # Twisted has cleaned it, and keeps what it was
            frames = getattr(failure, "frames", None) or ()
            more["stack"] = [{"file": frame[1], "line": frame[2], "func": frame[0]} for frame in frames]
        site = position(*made[:2]) if made is not None else None
        hooks.report("deferred", problem, site=site, note=note, **more)
    except Exception:
        swallowed()


def _say_all() -> None:
    """The process ends: Deferreds that are still there and hold a failure."""
    if _defer is None or identity.me is None:
        return
    for deferred in _deferreds():
        info = getattr(deferred, "_debugInfo", None)
        if info is not None and info.failResult is not None:
            made = getattr(deferred, "_logq_made", None)
            _report(info.failResult, made, "no errback took it before the process ended")
            info.failResult, kept = None, info.failResult  # told once, though the Deferred goes later
            info.__dict__["_logq_kept"] = kept


def _deferreds() -> list[Any]:
    if _defer is None:
        return []
    kinds = getattr(_defer, "_DEFERRED_SUBCLASSES", None) or [_defer.Deferred, _defer.DeferredList]
    return [thing for thing in gc.get_objects() if type(thing) in kinds]


# Who waits. -------------------------------------------------------------------------------------


class _Waiting:
    """A coroutine, or a chain of callbacks, that goes on when a Deferred is fired."""

    __slots__ = ("deferred", "keeper", "lane", "name", "outcome", "sites", "who")

    def __init__(self, deferred: Any, keeper: Any, name: str, sites: list[Site], who: Any, outcome: Any) -> None:
        self.deferred = deferred
        self.keeper = keeper  # the object that remembers the lane
        self.name = name
        self.sites = sites
        self.who = who  # the generator
        self.outcome = outcome  # the Deferred that is fired when it ends
        self.lane: Lane | None = None


def _tasks() -> list[dict[str, object]]:
    process = identity.me
    if _defer is None or process is None or not twisted_reactor.running():
        return []
    home = twisted_reactor.running()[0][0]
    found: list[_Waiting] = []
    for deferred in _deferreds():
        if "result" not in deferred.__dict__ and not deferred.called:
            found.extend(_waiting_for(deferred))
        if len(found) >= _MAX_WAITING:
            break
    for waiting in found:
        waiting.lane = _lane_of(waiting, home, process)
    ends = {id(waiting.outcome): waiting for waiting in found if waiting.outcome is not None}
    generators = {id(frame): waiting for waiting in found for frame in frames_of(waiting.who)}
    return [_facts(waiting, ends, generators, process) for waiting in found]


def _waiting_for(deferred: Any) -> list[_Waiting]:
    """What the callbacks of a Deferred that was not fired are: coroutines, other Deferreds, functions."""
    found = []
    links = [(deferred, 0)]
    while links:
        link, depth = links.pop()
        for pair in list(_callbacks(link)):
            callback, args = pair[0][0], pair[0][1] or ()
            generator = _generator_of(callback, args)
            if generator is not None:
                status = next((arg for arg in args if hasattr(arg, "deferred")), None)
                if status is not None:
                    name = getattr(generator, "__qualname__", "coroutine")
                    sites = sites_of(frames_of(generator))
                    found.append(_Waiting(deferred, status, name, sites, generator, status.deferred))
            elif args and type(args[0]) is type(deferred) and not callable(callback) and depth < _MAX_CHAIN:
                links.append((args[0], depth + 1))  # that one is chained to this one
            elif _is_own(callback):
                code = getattr(callback, "__func__", callback).__code__
                site = position(code, 0)
                name = function_name(callback) or "callback"
                found.append(_Waiting(deferred, link, name, [site] if site else [], None, None))
                break  # the others of this chain come after it
    return found


def _generator_of(callback: Any, args: Any) -> Any:
    if getattr(callback, "__name__", "") not in ("_gotResultInlineCallbacks", "gotResult"):
        return None
    return next((arg for arg in args if hasattr(arg, "gi_frame") or hasattr(arg, "cr_frame")), None)


def _is_own(callback: Any) -> bool:
    function = callback.__func__ if type(callback) is MethodType else callback
    code = getattr(function, "__code__", None)
    return code is not None and not is_machinery(code.co_filename)


def _lane_of(waiting: _Waiting, home: twisted_reactor.Home, process: identity.Process) -> Lane:
    lane: Lane | None = getattr(waiting.keeper, "_logq_lane", None)
    if lane is None or lane.process is not process:
        lane = Lane(process, f"a{next(process.tasks)}", "task")
        lane.name = lane.fn = waiting.name
        lane.tid = home.lane.tid
        waiting.keeper._logq_lane = lane
    if lane.birth:
        announce(lane)
    return lane


def _facts(
    waiting: _Waiting, ends: dict[int, _Waiting], generators: dict[int, _Waiting], process: identity.Process
) -> dict[str, object]:
    lane = waiting.lane
    assert lane is not None
    awaits = _awaited(waiting.deferred, ends, generators, process)
    awaits["site"] = waiting.sites[0] if waiting.sites else None
    awaits["stack"] = told(waiting.sites)
    facts = {key: value for key, value in awaits.items() if value is not None}
    return {"lane": lane.reference(process), "awaits": facts, "stack": told(waiting.sites)}


def _awaited(
    deferred: Any, ends: dict[int, _Waiting], generators: dict[int, _Waiting], process: identity.Process
) -> dict[str, object]:
    for _ in range(_MAX_CHAIN):
        chained = getattr(deferred, "_chainedTo", None)
        if chained is None:
            break
        deferred = chained
    waiter = ends.get(id(deferred))
    if waiter is not None and waiter.lane is not None:
        return {"on": "task", "owner": waiter.lane.reference(process)}
    parts = getattr(deferred, "_deferredList", None)
    if parts:
        owners = [ends[id(part)].lane for part in parts if not part.called and id(part) in ends]
        if owners and len(owners) == sum(not part.called for part in parts):
            return {"on": "task", "owners": [owner.reference(process) for owner in owners if owner is not None]}
        deferred = next((part for part in parts if not part.called), deferred)
    locked = twisted_locks.waited_for(deferred, generators)
    if locked is not None:
        return locked
    thing = _thing_of(deferred)
    thing.tell()
    return {"on": "deferred", "obj": thing.reference(), "state": "pending"}


def _thing_of(deferred: Any) -> Thing:
    thing: Thing | None = getattr(deferred, "_logq_thing", None)
    if thing is None:
        made = getattr(deferred, "_logq_made", None)
        site = position(*made[:2]) if made is not None else None
        thing = Thing("fut", f"twisted.internet.defer.{type(deferred).__name__}", site, None, deferred)
        deferred._logq_thing = thing
    return thing
