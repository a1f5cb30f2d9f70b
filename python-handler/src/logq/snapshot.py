"""A snapshot of the whole process as one `snap` record: where every lane is, and what it waits for.

It runs in the watchdog's thread while the program runs, or stands still. So it only reads, takes no
lock, and gives every frame back before it does anything else: whoever keeps a frame keeps what is in
it. Each part becomes text at once, so that few objects are made that the program's garbage collector
would count. When a snapshot is taken is the affair of others.
"""

from __future__ import annotations

import sys
import time

from . import children, identity, kernel, module_locks, reach
from .emit import send
from .encode import value
from .holding import held_by
from .lane import Lane, here
from .sites import absolute, is_machinery
from .trouble import swallowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Callable

    # The user's frames, innermost first, and what the machinery's frames say of the thread.
    Place = tuple[list[tuple[str, int, str]], dict[str, object]]

__all__ = ["contributors", "of_lane", "places", "stack_of", "write"]

# `(key, function)` gives one member of a `snap`; what is falsy is left out. Several may add to one list.
contributors: list[tuple[str, Callable[[], object]]] = [
    ("children", children.list_states),
    ("pipes", children.list_pipes),
]
# Who can reach what is waited for, while a snapshot is taken.
survey: reach.Survey | None = None
# The same as `contributors`, for one lane's entry.
of_lane: list[tuple[str, Callable[[Lane], object]]] = []

_MAX_FRAMES = 8
_DEEPEST = 400
_MAX_HELD = 16
_MAX_FOREIGN = 32
# Together less than the longest record.
_LANES_SIZE = 400_000
_MEMBER_SIZE = 60_000
_REST_SIZE = 400_000


def write(why: str, **more: object) -> int:
    """Writes a `snap` of this process in the running lane; its number, or 0."""
    global survey
    process = identity.me
    if process is None:
        return 0
    survey = reach.Survey(contribute for key, contribute in contributors if key == "tasks")
    try:
        return _write(process, why, more)
    finally:
        survey = None


def _write(process: identity.Process, why: str, more: dict[str, object]) -> int:
    where = places()
    now = time.monotonic_ns()
    body = [f',"ev":"snap","why":{value(why)}']
    body.extend(f',"{key}":{value(fact)}' for key, fact in more.items() if fact is not None)
    lanes = _threads(process)
    cut: dict[str, int] = {}
    _add(body, cut, "lanes", (_lane_facts(lane, where, now) for lane in lanes), _LANES_SIZE)
    left = _REST_SIZE
    for key, members in _gathered(
        [("signals", _signals), ("wakers", _wakers), ("foreign", lambda: _foreign(lanes)), *contributors]
    ):
        try:
            left -= _add(body, cut, key, members, min(left, _MEMBER_SIZE))
        except Exception:
            swallowed()
    if cut:
        body.append(f',"cut_off":{value(cut)}')
    return send(here(), "".join(body))


def _gathered(contributions: list[tuple[str, Callable[[], object]]]) -> Iterable[tuple[str, Any]]:
    """Each key once, with what its contributors give together."""
    for key in dict.fromkeys(key for key, _ in contributions):
        given: Any = ()
        for name, contribute in contributions:
            if name == key:
                try:
                    more: Any = contribute() or ()
                    given = [*given, *more] if given else more
                except Exception:
                    swallowed()
        yield key, given


def _add(body: list[str], cut: dict[str, int], key: str, members: Any, most: int) -> int:
    """Adds one member to the record, and returns its size. Of a list, what is too much is counted instead."""
    if not isinstance(members, (list, tuple)) and not hasattr(members, "__next__"):
        text = value(members)
        if len(text) <= most:
            body.append(f',"{key}":{text}')
            return len(text)
        cut[key] = 1
        return 0
    size = 0
    texts = []
    for member in members:
        text = value(member) if size < most else ""
        if text and size + len(text) <= most:
            size += len(text) + 1
            texts.append(text)
        else:
            cut[key] = cut.get(key, 0) + 1
    if texts:
        body.append(f',"{key}":[{",".join(texts)}]')
    return size


# Lanes. -----------------------------------------------------------------------------------------


def places() -> dict[int, Place]:
    """Where each thread is, by `get_ident()`."""
    found: dict[int, Place] = {}
    for ident, frame in sys._current_frames().items():
        found[ident] = _walk(frame)
    return found


def _walk(frame: Any) -> Place:
    stack: list[tuple[str, int, str]] = []
    marks: dict[str, object] = {}
    for _ in range(_DEEPEST):
        if frame is None:
            break
        code = frame.f_code
        if len(stack) < _MAX_FRAMES and not is_machinery(code.co_filename):
            stack.append((code.co_filename, frame.f_lineno or 0, code.co_name))
        if code.co_name == module_locks.FUNCTION and code.co_filename == module_locks.FILE:
            marks["importing"] = module_locks.lock_of(frame)
        mark = _MARKS.get(code.co_name)
        if mark is not None and code.co_filename.endswith(mark[0]):
            marks[mark[1]] = mark[2]
        frame = frame.f_back
    return stack, marks


# Function -> (its file, key, value): frames that tell what a thread is about. Debuggers while somebody
# sits before them; and the ways in which an interpreter that ends waits for others.
_MARKS: dict[str, tuple[tuple[str, ...], str, object]] = {
    "interaction": (("pdb.py", "debugger.py"), "debugger", True),
    "_cmdloop": (("pdb.py",), "debugger", True),
    "cmdloop": (("cmd.py", "pdb.py"), "debugger", True),
    "dispatch_line": (("bdb.py",), "debugger", True),
    "interact": (("code.py", "interactiveshell.py", "embed.py"), "debugger", True),
    "do_wait_suspend": (("pydevd.py",), "debugger", True),
    "_do_wait_suspend": (("pydevd.py",), "debugger", True),
    "wait_for_client": (("api.py", "__init__.py"), "debugger", True),
    "_shutdown": (("threading.py",), "exiting", "threads"),
    "_python_exit": (("thread.py", "process.py"), "exiting", "pool"),
    "_exit_function": (("util.py",), "exiting", "children"),
}


def _threads(process: identity.Process) -> list[Lane]:
    """Of the threads that run: first those that wait, since the others may have to be left out."""
    lanes = [lane for lane in list(process.lanes.values()) if lane.kind == "thread" and not lane.over]
    lanes.sort(key=lambda lane: lane.waiting is None)
    main = process.main
    return lanes if main is None or main in lanes else [main, *lanes]


def _lane_facts(lane: Lane, where: dict[int, Place], now: int) -> dict[str, object]:
    stack, marks = where.get(lane.ident, ([], {}))
    importing: Any = marks.pop("importing", None)
    facts: dict[str, object] = {"lane": lane.key, **marks}
    if stack:
        facts["stack"] = stack_of(stack)
    if importing is not None:
        facts["awaits"] = module_locks.awaits(lane, importing, facts.get("stack"))
    wait = lane.waiting
    if wait is not None and wait.seq:
        facts["wait"] = f"{lane.key}@{wait.seq}"
    if lane.tid:
        _ask_kernel(facts, lane.tid, now)
    held = held_by(lane)[-_MAX_HELD:]
    if held:
        facts["held"] = [taken.as_held() for taken in held]
    facts["apart"] = survey.of_thread(lane) if survey is not None else None
    for key, contribute in of_lane:
        try:
            facts[key] = contribute(lane) or None
        except Exception:
            swallowed()
    return {key: fact for key, fact in facts.items() if fact is not None}


def stack_of(frames: Iterable[tuple[str, int, str]]) -> list[dict[str, object]]:
    return [{"file": absolute(file), "line": line, "func": func} for file, line, func in frames]


def _ask_kernel(facts: dict[str, object], tid: int, now: int) -> None:
    facts["cpu"] = kernel.cpu_of(tid)
    facts["state"] = kernel.state_of(tid)
    call = kernel.call_of(tid, now)
    if call is None:
        return
    facts["call"] = call
    if kernel.is_sleep(call):
        facts["sleeps"] = call.pop("until", None)


# The process. -------------------------------------------------------------------------------------


def _signals() -> list[str]:
    """Names of the signals that the program handles in Python: they may wake a main thread that waits."""
    return [name for name, _ in _handlers()]


def _wakers() -> list[str]:
    """Those of them that may end what other threads wait for: the handler leads there, or the main thread if it raises.

    Ctrl-C is one where the main thread has code for it.
    """
    threading: Any = sys.modules.get("threading")
    main = survey.frames(threading._main_thread.ident) if survey is not None and threading is not None else []
    found = [name for name, handler in _handlers() if _may_end_waits(handler, main)]
    own = [frame for frame in main if not is_machinery(frame.f_code.co_filename)]
    if any("KeyboardInterrupt" in frame.f_code.co_names for frame in own) and survey and not survey.apart(main):
        found.append("SIGINT")
    return found


def _may_end_waits(handler: Any, main: list[Any]) -> bool:
    """That of a loop calls what the program gave the loop, which is not looked into."""
    code = getattr(handler, "__code__", None)
    of_loop = code is not None and is_machinery(code.co_filename)
    return of_loop or survey is None or not survey.apart([handler, *main])


def _handlers() -> list[tuple[str, Any]]:
    signals: Any = sys.modules.get("_signal")
    names: Any = sys.modules.get("signal")
    if signals is None or names is None:
        return []
    found = []
    for number in signals.valid_signals():
        handler = signals.getsignal(number)
        plain = getattr(handler, "handler", handler)
        if callable(plain) and plain is not signals.default_int_handler and not _is_runners(plain):
            try:
                found.append((names.Signals(number).name, plain))
            except ValueError:  # a real-time signal
                found.append((str(int(number)), plain))
    return found


def _is_runners(handler: Any) -> bool:
    """Whether it is the standard library's own, such as `asyncio.run` has for Ctrl-C. An empty one stands for
    a handler that the program has given to its loop."""
    function = getattr(getattr(handler, "func", handler), "__func__", getattr(handler, "func", handler))
    code = getattr(function, "__code__", None)
    return code is not None and is_machinery(code.co_filename) and code.co_name != "_sighandler_noop"


def _foreign(lanes: list[Lane]) -> Iterable[dict[str, object]]:
    """Native threads that are no lane: of libraries written in C, or of Python and never heard of."""
    known = {lane.tid for lane in lanes}
    known.add(here().tid)
    now = time.monotonic_ns()
    for tid in [tid for tid in kernel.threads() if tid not in known][:_MAX_FOREIGN]:
        facts: dict[str, object] = {"tid": tid, "name": kernel.name_of(tid)}
        _ask_kernel(facts, tid, now)
        yield {key: fact for key, fact in facts.items() if fact is not None}
