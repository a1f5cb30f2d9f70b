"""Who could end a wait at all: a thread that cannot get at what others wait for will not wake them.

Most programs have a thread or a task that goes round for ever, a heartbeat or a meter, and beside it a
hang looks like a program that goes on. So a snapshot says `apart` of whoever has no way to what is
waited for: neither in its variables, nor in what its code and the code that it may call names, nor in
anything that hangs on those. The garbage collector knows, and runs no code of the program for it. Said
wrongly it would make a hang of what is none: so nothing is said of whoever meets too much or a name
that leads everywhere, nor of anybody while a wait is for something that its own waiter does not lead to.
"""

from __future__ import annotations

import gc
import sys
from _weakref import getweakrefs, ref
from collections import deque
from types import (
    BuiltinFunctionType,
    CodeType,
    FrameType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    ModuleType,
    WrapperDescriptorType,
)

from . import identity, waits
from .sites import is_logq, is_machinery
from .trouble import swallowed
from .variables import variables_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Callable

    from .lane import Lane

    # What is waited for, and the frames of whoever waits.
    Waiter = tuple[object, list[Any]]

__all__ = ["ANYBODYS", "Survey", "opaque", "wanted"]

# What can be waited for and whoever likes may bring: of a lock or a thread the one who may is known.
ANYBODYS = frozenset(["queue-get", "queue-put", "queue-join", "cond", "event", "sem", "barrier", "future", "deferred"])
# By what contributes tasks to a snapshot: what those wait for without a time limit, and what else would let one go on.
wanted: dict[Callable[[], object], Callable[[], tuple[list[Waiter], list[object]]]] = {}
# Types whose objects are judged by themselves, such as an event loop.
opaque: list[type] = []

_OFTEN = 20  # so often a flag is asked that it is waited for
_ENOUGH = 64  # things that are waited for
_FARTHEST = 4_000  # objects on one way
_MOST = 30_000  # objects in one survey
_LARGE = 1_000  # what one object leads to
# Names by which code comes to what it does not hold.
_ANYWHERE = frozenset(
    [
        *("__import__", "import_module", "modules", "globals", "locals", "eval", "exec", "pickle"),
        *("_current_frames", "get_objects", "get_referrers", "__subclasses__", "all_tasks"),
        # A signal's handler may do anything.
        *("kill", "killpg", "pthread_kill", "raise_signal", "alarm", "setitimer"),
    ]
)
# By which code comes to whatever is in a module that it has.
_BY_ANY_NAME = frozenset(["getattr", "vars", "dir", "__dict__", "__getattribute__", "attrgetter", "methodcaller"])
_LEAVES = (
    *(int, float, complex, bool, str, bytes, bytearray, range, slice, type(None), CodeType, BuiltinFunctionType),
    *(type(str.join), GetSetDescriptorType, MemberDescriptorType, WrapperDescriptorType),
)
_CONTAINERS = (list, tuple, dict, set, frozenset, deque)


class _TooMuch(Exception):
    """It leads everywhere, or too far to go after."""


class Survey:
    """Of one snapshot: what is waited for, and who leads to none of it."""

    __slots__ = ("_frames", "_left", "_things", "_works")

    def __init__(self, contributors: Iterable[Callable[[], object]]) -> None:
        self._left = _MOST
        self._things: dict[int, object] = {}  # kept: an id must not be given away meanwhile
        self._frames = sys._current_frames()
        self._works = False
        try:
            self._works = self._learn(list(contributors))
        except _TooMuch:
            pass
        except Exception:
            swallowed()

    def _learn(self, contributors: list[Callable[[], object]]) -> bool:
        if not all(contribute in wanted for contribute in contributors):
            return False  # of those nobody tells what they wait for
        anybodys = [wait for wait in list(waits.blocked.values()) if wait.on in ANYBODYS and wait.timeout is None]
        waiters: list[Waiter] = [(wait.thing, self.frames(wait.lane.ident)) for wait in anybodys]
        waiters += self._polled()
        more: list[object] = []
        for contribute in contributors:
            own, others = wanted[contribute]()
            waiters += own
            more += others
        self._things = {id(thing): thing for thing, _ in waiters}
        if not 0 < len(self._things) <= _ENOUGH:
            return False
        for thing, roots in {id(waiter[0]): waiter for waiter in waiters}.values():
            if thing is None or not self._leads({id(thing)}, roots):
                return False
        self._things.update((id(thing), thing) for thing in more)
        return True

    def _polled(self) -> list[Waiter]:
        """What threads ask again and again without waiting."""
        process = identity.me
        lanes = list(process.lanes.values()) if process is not None else []
        asked = [(lane, poll) for lane in lanes if lane.polls for poll in list(lane.polls.items())]
        return [(thing, self.frames(lane.ident)) for lane, (thing, poll) in asked if poll.n >= _OFTEN]

    def apart(self, roots: Iterable[Any]) -> bool | None:
        """True: from there is no way to anything that is waited for. None: nothing is known."""
        if not self._works:
            return None
        try:
            return None if self._leads(self._things, roots) else True
        except _TooMuch:
            return None
        except Exception:
            swallowed()
            return None

    def of_thread(self, lane: Lane) -> bool | None:
        """The same of a thread, unless it waits itself until somebody wakes it."""
        frames, wait = self.frames(lane.ident), lane.waiting
        return self.apart(frames) if frames and (wait is None or wait.timeout is not None) else None

    def frames(self, ident: int) -> list[Any]:
        """Of a thread, the innermost first."""
        found = []
        frame: Any = self._frames.get(ident)
        while frame is not None:
            found.append(frame)
            frame = frame.f_back
        return found

    def _leads(self, things: Iterable[int], roots: Iterable[Any]) -> bool:
        way = _Way(set(things), min(self._left, _FARTHEST))
        try:
            return way.leads(roots)
        finally:
            self._left -= way.met


class _Way:
    """A walk over what can be got at, the nearest first. It asks no object anything: it may be the program's."""

    __slots__ = ("_modules", "_most", "_names", "_seen", "_things", "_todo", "met")

    def __init__(self, things: set[int], most: int) -> None:
        self._things = things
        self._most = most
        self._seen: set[int] = set()
        self._todo: deque[Any] = deque()
        self._names: set[str] = set()  # that the code met so far has
        self._modules: list[dict[str, Any]] = []
        self.met = 0

    def leads(self, roots: Iterable[Any]) -> bool:
        found: list[Any] = list(roots)
        while found:
            if any(self._is_it(met) for met in found):
                return True
            while self._todo:
                for met in self._from(self._todo.popleft()):
                    if self._is_it(met):
                        return True
            # Any code that was met may ask any module that was met for any name that was met.
            if self._names.isdisjoint(_BY_ANY_NAME):
                asked = [dict.get(names, name) for names in self._modules for name in self._names]
            else:
                asked = [thing for names in self._modules for thing in list(names.values())]
            found = [met for met in asked if id(met) not in self._seen and type(met) not in _LEAVES]
        return False

    def _is_it(self, met: Any) -> bool:
        """Whether it is one of those; else it is looked at later, once."""
        number = id(met)
        if number in self._things:
            return True
        if type(met) not in _LEAVES and number not in self._seen:
            self.met += 1
            if self.met > self._most:
                raise _TooMuch
            self._seen.add(number)
            self._todo.append(met)
        return False

    def _from(self, met: Any) -> list[Any]:
        """What it leads to."""
        kind = type(met)
        if kind is FunctionType:
            return self._from_function(met)
        if kind is FrameType:
            return self._from_frame(met)
        if issubclass(kind, ref):
            return [ref.__call__(met)]
        if issubclass(kind, ModuleType):
            self._enter(met)
            return []
        if issubclass(kind, tuple(opaque)) or _is_ours(kind):
            return []
        if kind in _CONTAINERS and len(met) > _LARGE:
            raise _TooMuch
        more = gc.get_referents(met)
        if len(more) > _LARGE:
            raise _TooMuch
        if issubclass(kind, type):
            return more
        return [kind, *more, *_at_death_of(met)]

    def _enter(self, module: Any) -> None:
        names: dict[str, Any] = object.__getattribute__(module, "__dict__")
        file = dict.get(names, "__file__")
        spec: Any = dict.get(names, "__spec__")
        origin = spec.origin if type(spec).__name__ == "ModuleSpec" else None
        # One without a file was made by the program, unless it is the interpreter's.
        if not is_machinery(file) if type(file) is str else origin not in ("built-in", "frozen"):
            self._modules.append(names)

    def _from_function(self, function: Any) -> list[Any]:
        code = function.__code__
        if is_logq(code.co_filename):
            return []
        found = [function.__closure__, function.__defaults__, function.__kwdefaults__, function.__dict__]
        if not is_machinery(code.co_filename):
            found += self._named_by(code, function.__globals__)
        return found

    def _from_frame(self, frame: Any) -> list[Any]:
        code, names = frame.f_code, frame.f_globals
        if frame.f_trace is not None:
            raise _TooMuch  # a debugger is there, and its variables are not looked at
        own = variables_of(frame)
        found = [] if own is names else list(own.values())
        if not is_machinery(code.co_filename):
            found += self._named_by(code, names)
        return found

    def _named_by(self, code: Any, names: dict[str, Any]) -> list[Any]:
        """The globals that the code names, and what it imports."""
        found = []
        todo = [code]
        while todo:
            code = todo.pop()
            todo += [inner for inner in code.co_consts if type(inner) is CodeType]
            for name in code.co_names:
                if name in _ANYWHERE:
                    raise _TooMuch
                self._names.add(name)
                found.append(dict.get(names, name))
                found.append(sys.modules.get(name))
                if name in _BEHIND:
                    found += _BEHIND[name]()
            if "enumerate" in code.co_names and "threading" in code.co_names:
                found += getattr(sys.modules.get("threading"), "_active", {}).values()
        return found


def _output() -> list[Any]:
    return [sys.stdout, sys.stderr]


def _module_has(module: str, *names: str) -> Callable[[], list[Any]]:
    return lambda: [getattr(sys.modules.get(module), name, None) for name in names]


# What the standard library does something to for whoever says such a name: the program may have put its own there.
_BEHIND: dict[str, Callable[[], list[Any]]] = {
    **dict.fromkeys(("print", "stdout", "stderr", "displayhook"), _output),
    **dict.fromkeys(("logging", "getLogger"), _module_has("logging", "root")),
    **dict.fromkeys(("warnings", "warn"), _module_has("warnings", "showwarning")),
    **dict.fromkeys(("excepthook", "__excepthook__"), _module_has("threading", "excepthook")),
    "main_thread": _module_has("threading", "_main_thread"),
}


def _at_death_of(met: Any) -> list[Any]:
    """What is called when it is destroyed, as whoever leads to it may have it destroyed."""
    found = []
    finalize = getattr(sys.modules.get("weakref"), "finalize", None)
    for weak in getweakrefs(met):
        called = weak.__callback__
        if finalize is not None and type(called) is finalize:
            found.append(finalize._registry.get(called))
        elif called is not None and not (type(called) is FunctionType and is_machinery(called.__code__.co_filename)):
            found.append(called)
    return found


def _is_ours(kind: type) -> bool:
    module = type.__getattribute__(kind, "__module__")
    return type(module) is str and module.partition(".")[0] == "logq"
