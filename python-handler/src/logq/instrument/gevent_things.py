"""gevent's events, results and semaphores: subclasses in the place of its C classes, which nobody can patch.

They do what those do, note who waits for what and who holds what, and carry stamps. Whoever asks whether an object is
one of gevent's is told so of either.
"""

from __future__ import annotations

import sys
import time
from types import MethodType

from logq import identity
from logq.holding import hold, let_go
from logq.lane import Lane, here
from logq.objects import Thing
from logq.patching import replace
from logq.sites import is_machinery, position, user_place
from logq.stamp import merge, merge_lock
from logq.trouble import swallowed
from logq.unseen import hide

from . import gevent_waits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["named", "note_made", "patch_event", "patch_lock", "patch_thread", "stand_in", "thing_of"]

_frame = sys._getframe


class _Kind(type):
    """Of the stand-ins: an instance of what they stand for is one of theirs."""

    def __instancecheck__(cls, instance: Any) -> bool:
        plain = cls.__dict__.get("_logq_plain")
        return isinstance(instance, plain) if plain is not None else super().__instancecheck__(instance)

    def __subclasscheck__(cls, subclass: Any) -> bool:
        plain = cls.__dict__.get("_logq_plain")
        return issubclass(subclass, plain) if plain is not None else super().__subclasscheck__(subclass)


def stand_in(module: Any, name: str, methods: dict[str, Callable[[Any], Any]]) -> Any:
    """A subclass of `module.name` with those methods, made of the plain ones, wherever a module names it."""
    plain = getattr(module, name, None)
    if not isinstance(plain, type) or identity.me is None:
        return None
    body: dict[str, Any] = {"__module__": plain.__module__, "__doc__": plain.__doc__, "_logq_plain": plain}
    for method, wrap in methods.items():
        original = getattr(plain, method, None)
        if original is not None:
            body[method] = wrap(original)
            body[method].__name__ = method
    kind = _Kind(plain.__name__, (plain,), body)
    kind.__qualname__ = plain.__qualname__
    for home in list(sys.modules.values()):
        if home is not module and not str(getattr(home, "__file__", None)).endswith(".py"):
            continue  # gevent's own C modules take types from each other, and mean those
        for bound, value in list(getattr(home, "__dict__", {}).items()):
            if value is plain:
                replace(home, bound, lambda _: kind)
            elif type(value) is MethodType and value.__self__ is plain:  # `gevent.spawn` is one of Greenlet's
                replace(home, bound, lambda original: getattr(kind, original.__name__))
    return kind


def patch_thread(thread: Any) -> None:
    """The lock of patched programs, where it was made of the plain semaphore."""
    kind = thread.LockType
    if not any(type(base) is _Kind for base in kind.__mro__):
        for name, wrap in (("__init__", note_made("sem")), ("acquire", _acquires), ("release", _releases)):
            replace(kind, name, wrap)
        replace(kind, "__enter__", _enters)
        replace(kind, "__exit__", _leaves)


def patch_event(event: Any) -> None:
    stand_in(event, "Event", {"__init__": note_made("event"), "wait": _waits("event"), "set": _wakes, "clear": _clears})
    result = {"__init__": note_made("fut"), "get": _waits("future"), "wait": _waits("future")}
    stand_in(event, "AsyncResult", {**result, "set": _wakes, "set_exception": _wakes})


def patch_lock(lock: Any) -> None:
    methods = {"__init__": note_made("sem"), "acquire": _acquires, "release": _releases, "wait": _waits("sem")}
    methods["__enter__"] = _enters
    methods["__exit__"] = _leaves
    stand_in(lock, "Semaphore", methods)
    stand_in(lock, "BoundedSemaphore", methods)


# What is known of one. --------------------------------------------------------------------------


class _Held(Thing):
    """A semaphore that is taken like a lock, and who has it."""

    __slots__ = ("made", "takers")

    def __init__(self, family: str, kind: str, made: Any, owner: Any) -> None:
        super().__init__(family, kind, None, None, owner)
        self.made = made
        self.takers: list[_Taken] = []

    def tell(self) -> None:
        if self.site is None:
            self.site = position(*self.made)
        super().tell()


class _Taken:
    """One permit of it in the hands of a lane; held like a lock."""

    __slots__ = ("code", "holder", "lasti", "lock", "number", "since")

    def __init__(self, lock: _Held, lane: Lane, frame: Any) -> None:
        self.lock = lock
        self.holder: Lane | None = lane
        self.number = lock.number
        self.code, self.lasti = user_place(frame)
        self.since = time.monotonic_ns()

    def is_there(self) -> bool:
        return self.holder is not None

    def place(self) -> tuple[Any, int]:
        return self.code, self.lasti

    def as_held(self) -> dict[str, object]:
        self.lock.tell()
        return {"obj": self.lock.reference(), "site": position(self.code, self.lasti), "since": self.since}


def note_made(family: str) -> Callable[[Any], Any]:
    def wrap(original: Any) -> Any:
        def init(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            try:
                made = _maker(_frame(1))
                if identity.me is not None and made is not None:
                    kind = f"gevent.{type(self).__name__}"
                    self._logq_thing = _Held(family, kind, (made.f_code, made.f_lasti), self)
            except Exception:
                swallowed()

        return init

    return wrap


def _maker(frame: Any) -> Any:
    """The program's frame that makes it; None for what a library makes for itself, which is not worth a word."""
    while frame is not None and is_machinery(frame.f_code.co_filename):
        if frame.f_code.co_name not in ("__init__", "RLock"):
            return None
        frame = frame.f_back
    return frame


def thing_of(owner: Any) -> _Held | None:
    return getattr(owner, "_logq_thing", None)


def named(owner: Any) -> dict[str, object]:
    thing = thing_of(owner)
    if thing is None:
        return {}
    thing.tell()
    return {"obj": thing.reference()}


# Events and results. ----------------------------------------------------------------------------


def _waits(on: str) -> Callable[[Any], Any]:
    def wrap(original: Any) -> Any:
        def wait(self: Any, *args: Any, **kwargs: Any) -> Any:
            timeout = kwargs.get("timeout", args[-1] if args and not isinstance(args[-1], bool) else None)
            if kwargs.get("block", True) is False or (args and args[0] is False):
                timeout = 0
            lane = gevent_waits.begin(on, lambda: _facts_of_wake(self, on), timeout)
            try:
                result = original(self, *args, **kwargs)
            except BaseException as problem:
                hide(problem)
                raise
            finally:
                gevent_waits.end(lane)
            _arrive(self)
            return result

        return wait

    return wrap


def _facts_of_wake(owner: Any, on: str) -> dict[str, object]:
    facts = named(owner)
    if on == "future":
        facts["state"] = "pending"
    last = getattr(owner, "_logq_last", None)
    process = identity.me
    if last is not None and process is not None:
        what, lane, code, lasti, at, waiters = last
        facts["last"] = {
            "what": what,
            "lane": lane.reference(process),
            "site": position(code, lasti),
            "waiters": waiters,
            "at": at,
        }
    return facts


def _wakes(original: Any) -> Any:
    return _leaving(original, "set")


def _clears(original: Any) -> Any:
    return _leaving(original, "clear")


def _leaving(original: Any, what: str) -> Any:
    def leave(self: Any, *args: Any, **kwargs: Any) -> Any:
        if identity.me is not None and thing_of(self) is not None:
            try:
                lane = here()
                waiters = self.linkcount() if hasattr(self, "linkcount") else None
                self._logq_last = (what, lane, *user_place(_frame(1)), time.monotonic_ns(), waiters)
                self._logq_stamp = (lane.mark or lane.stamp()) if what == "set" else None
            except Exception:
                swallowed()
        try:
            return original(self, *args, **kwargs)
        except BaseException as problem:
            hide(problem)
            raise

    return leave


def _arrive(owner: Any) -> None:
    stamp = getattr(owner, "_logq_stamp", None)
    if stamp is not None and identity.me is not None and owner.ready():
        merge(stamp, thing_of(owner))


# Semaphores. ------------------------------------------------------------------------------------


def _acquires(original: Any) -> Any:
    def acquire(self: Any, blocking: Any = True, timeout: Any = None) -> Any:
        if identity.me is None or thing_of(self) is None:
            return original(self, blocking, timeout)
        lane = gevent_waits.begin("lock", lambda: _facts_of_lock(self), timeout if blocking else 0)
        try:
            got = original(self, blocking, timeout)
        except BaseException as problem:
            hide(problem)
            raise
        finally:
            gevent_waits.end(lane)
        if got and lane is not None:
            _take(self, lane, _frame(1))
        return got

    return acquire


def _take(owner: Any, lane: Lane, frame: Any) -> None:
    try:
        thing = thing_of(owner)
        if thing is not None:
            taken = _Taken(thing, lane, frame)
            thing.takers.append(taken)
            if owner.counter == 0 and len(thing.takers) == 1:
                hold(lane, taken)
            stamp = getattr(owner, "_logq_stamp", None)
            if stamp is not None:
                merge_lock(lane, stamp, thing)
    except Exception:
        swallowed()


def _enters(_original: Any) -> Any:
    def enter(self: Any) -> None:
        self.acquire()

    return enter


def _leaves(_original: Any) -> Any:
    def leave(self: Any, *_problem: Any) -> None:
        self.release()

    return leave


def _releases(original: Any) -> Any:
    def release(self: Any) -> Any:
        thing = thing_of(self)
        if thing is not None and identity.me is not None:
            try:
                lane = here()
                own = next((taken for taken in thing.takers if taken.holder is lane), None)
                own = own or (thing.takers[0] if thing.takers else None)
                if own is not None:
                    thing.takers.remove(own)
                    if own.holder is not None:
                        let_go(own.holder, own)
                    own.holder = None
                self._logq_stamp = lane.mark or lane.stamp()
            except Exception:
                swallowed()
        try:
            return original(self)
        except BaseException as problem:
            hide(problem)
            raise

    return release


def _facts_of_lock(owner: Any) -> dict[str, object]:
    """With one permit it is a lock, whose owner is known; with more, those who have them are."""
    thing = thing_of(owner)
    process = identity.me
    if thing is None or process is None:
        return {"on": "sem"}
    facts = named(owner)
    takers = [taken for taken in thing.takers if taken.holder is not None]
    if len(takers) == 1 and takers[0].holder is not None:
        taken = takers[0]
        holder: Any = taken.holder
        place = position(taken.code, taken.lasti)
        return {**facts, "owner": holder.reference(process), "held_at": place, "held_since": taken.since}
    permits = [
        {"lane": taken.holder.reference(process), "site": position(taken.code, taken.lasti)}
        for taken in takers
        if taken.holder is not None
    ]
    return {**facts, "on": "sem", "permits": permits or None}
