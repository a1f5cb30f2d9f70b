"""What each task awaits now: read from the suspended coroutines when somebody asks, at no cost before.

It runs in the watchdog's thread for a snapshot. The chain of coroutines of a suspended task ends in a
function of asyncio that says what it waits for; its `self` is the object. Nothing here changes anything.
"""

from __future__ import annotations

from types import CodeType, MethodType

from logq import identity, reach, snapshot
from logq.holding import held_by
from logq.lane import Lane
from logq.objects import Thing
from logq.sites import is_machinery
from logq.trouble import swallowed
from logq.variables import variables_of

from . import aio_known, aio_loops, aio_reach, future_waits
from .aio_handover import code_of
from .aio_locks import Meeting, Permits, Signal, thing_of
from .suspended import frames_of, sites_of
from .taken import Taken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.lane import Site

__all__ = [
    "awaits",
    "owner_of",
    "patch_locks",
    "patch_queues",
    "patch_streams",
    "patch_tasks",
    "user_frames",
]

_MAX_TASKS = 1000

# What a function of asyncio waits for: the word, and who knows more.
_purposes: dict[CodeType, tuple[str, Callable[[Any], dict[str, object]]]] = {}


def patch_tasks(module: Any) -> None:
    for name, about in (("sleep", _of_sleep), ("_wait", _of_wait), ("wait_for", _of_wait_for)):
        _learn(module, name, "sleep" if name == "sleep" else "task", about)
    _learn(module, "_cancel_and_wait", "task", _of_cancelled)
    if ("tasks", _tasks) not in snapshot.contributors:
        snapshot.contributors.append(("tasks", _tasks))
        reach.wanted[_tasks] = _wanted


def patch_locks(locks: Any) -> None:
    _learn(locks.Lock, "acquire", "lock", _of_lock)
    _learn(locks.Event, "wait", "event", _of_signal)
    _learn(locks.Condition, "wait", "cond", _of_signal)
    _learn(locks.Semaphore, "acquire", "sem", _of_semaphore)
    _learn(getattr(locks, "Barrier", None), "wait", "barrier", _of_barrier)


def patch_queues(queues: Any) -> None:
    for name in ("get", "put", "join"):
        _learn(queues.Queue, name, f"queue-{name}", _of_queue(f"queue-{name}"))


def patch_streams(streams: Any) -> None:
    _learn(streams.StreamReader, "_wait_for_data", "io", _of_nothing)
    _learn(getattr(streams, "FlowControlMixin", None), "_drain_helper", "io", _of_nothing)


def patch_base_events(base_events: Any) -> None:
    _learn(base_events.Server, "serve_forever", "io", _of_nothing)
    for name in ("sock_recv", "sock_accept", "sock_connect", "sock_sendall", "getaddrinfo", "create_connection"):
        _learn(base_events.BaseEventLoop, name, "io", _of_nothing)


def patch_subprocess(base_subprocess: Any) -> None:
    _learn(base_subprocess.BaseSubprocessTransport, "_wait", "process", _of_process)


def patch_taskgroups(taskgroups: Any) -> None:
    _learn(taskgroups.TaskGroup, "__aexit__", "task", _of_group)
    _learn(taskgroups.TaskGroup, "_aexit", "task", _of_group)


def forget() -> None:
    _purposes.clear()


def _learn(owner: Any, name: str, on: str, about: Callable[[Any], dict[str, object]]) -> None:
    code = code_of(getattr(owner, name, None))
    if code is not None:
        _purposes[code] = (on, about)


# Snapshot. --------------------------------------------------------------------------------------


def _tasks() -> list[dict[str, object]]:
    found = []
    running = aio_loops.running()
    homes = {id(loop): home for home, loop in running}
    ends = deadlines([loop for _, loop in running])
    for task in aio_known.all_tasks():
        lane: Lane | None = getattr(task, "_logq_lane", None)
        process = identity.me
        if lane is None or lane.process is not process or lane.over or task.done():
            continue
        home = homes.get(id(task.get_loop()))
        if home is None:
            continue  # its loop does not run: nor will it
        try:
            found.append(_facts(task, lane, home, ends.get(id(task))))
        except Exception:
            swallowed()
        if len(found) >= _MAX_TASKS:
            break
    return found


def _wanted() -> tuple[list[tuple[object, list[Any]]], list[object]]:
    """What tasks wait for that anybody may bring; and the tasks that wait, since whoever has one may cancel it."""
    loops = [loop for _, loop in aio_loops.running()]
    ends = deadlines(loops)
    found: list[tuple[object, list[Any]]] = []
    waiting: list[object] = []
    for task in aio_known.all_tasks():
        future = task._fut_waiter
        if future is None or future.done() or id(task) in ends or task.get_loop() not in loops:
            continue
        facts = _purpose_of(_frames(task)) or _of_future(future)
        if "timeout" not in facts:
            waiting.append(task)
            if facts["on"] in reach.ANYBODYS:
                found.append((future, _frames(task)))
    return found, waiting


def _facts(task: Any, lane: Lane, home: aio_loops.Home, until: float | None) -> dict[str, object]:
    if lane.birth:
        aio_loops.show(lane, home)
    process = identity.me
    assert process is not None
    facts: dict[str, Any] = {"lane": lane.reference(process)}
    future = task._fut_waiter
    if aio_loops._current(task.get_loop()) is task:
        pass  # it runs: its stack is that of its thread
    elif future is None or future.done() or task._must_cancel:
        facts["ready"] = True
    else:
        facts["awaits"] = awaits(task, future, until)
    if "awaits" not in facts or "timeout" in facts["awaits"]:
        facts["apart"] = aio_reach.of_task(task)
    stack = user_frames(task)
    if stack:
        facts["stack"] = [{"file": site[0], "line": site[1], "func": site[2]} for site in stack]
    cancelling = task.cancelling() if hasattr(task, "cancelling") else getattr(task, "_logq_cancels", 0)
    if cancelling:
        facts["cancelling"] = cancelling
    return {key: value for key, value in facts.items() if value is not None}


# The chain. -------------------------------------------------------------------------------------


def _frames(task: Any) -> list[Any]:
    """The frames of a suspended task, from its own coroutine to the innermost."""
    return frames_of(task.get_coro())


def user_frames(task: Any) -> list[Site]:
    """The program's own frames of a suspended task, innermost first; at most 8."""
    return sites_of(_frames(task))


# What it waits for. -----------------------------------------------------------------------------


def awaits(task: Any, future: Any, until: float | None = None) -> dict[str, object]:
    """The same keys as a `wait` event. `until`: when somebody ends the wait, in the loop's time."""
    frames = _frames(task)
    facts = _purpose_of(frames) or _of_future(future)
    known = getattr(task, "_logq_awaits", None)  # see `aio_since.py`
    if known is not None and known[0]() is future:
        facts["since"] = known[1]
    if until is not None:
        facts["timeout"] = max(0.0, until - task.get_loop().time())
    lane: Lane = task._logq_lane
    held = [taken.as_held() for taken in held_by(lane)[-16:]]
    sites = sites_of(frames)
    facts.update(
        {
            "held": held,
            "site": sites[0] if sites else None,
            "stack": [{"file": site[0], "line": site[1], "func": site[2]} for site in sites],
        }
    )
    return {key: value for key, value in facts.items() if value not in (None, [], {})}


def owner_of(task: Any) -> object:
    """The one lane that can let a suspended task go on; None where it may go on without."""
    future = task._fut_waiter
    if future is None or future.done() or task._must_cancel:
        return None
    facts = _purpose_of(_frames(task)) or _of_future(future)
    bounded = "timeout" in facts or id(task) in deadlines([task.get_loop()])
    return None if bounded else facts.get("owner")


def deadlines(loops: list[Any]) -> dict[int, float]:
    """By id of the task, the loop's time at which an `asyncio.timeout` (or one like it) ends its wait."""
    found: dict[int, float] = {}
    for loop in loops:
        for timer in list(getattr(loop, "_scheduled", ())):
            callback = timer._callback
            if type(callback) is MethodType and callback.__func__.__name__ == "_on_timeout" and not timer._cancelled:
                found[id(getattr(callback.__self__, "_task", None))] = timer._when
    return found


def _purpose_of(frames: list[Any]) -> dict[str, object] | None:
    """By the outermost function of asyncio that the program's innermost frame has called."""
    below: list[Any] = []
    for frame in reversed(frames):
        if not is_machinery(frame.f_code.co_filename):
            break
        below.append(frame)
    timeout: dict[str, object] = {}
    while below:
        frame = below.pop()
        known = _purposes.get(frame.f_code)
        if known is None:
            continue
        on, about = known
        if on == "cond" and any(_purposes.get(inner.f_code, ("",))[0] == "lock" for inner in below):
            continue  # notified, and now it takes the lock again
        names = variables_of(frame)
        if about is _of_wait_for:
            timeout = {"timeout": names.get("timeout")}
            inner = _of_wait_for(names)
            if not inner:
                continue  # since 3.12 the rest of the chain says
            return {**inner, **timeout}
        return {"on": on, **about(names), **timeout}
    return None


def _named(thing: Thing | None) -> dict[str, object]:
    if thing is None:
        return {}
    if thing.told is not identity.me:
        thing.tell()
    return {"obj": thing.reference()}


def _of_nothing(_names: Any) -> dict[str, object]:
    return {}


def _of_sleep(names: Any) -> dict[str, object]:
    return {"timeout": names.get("delay")}


def _of_lock(names: Any) -> dict[str, object]:
    thing = thing_of(names.get("self"))
    owned = thing.as_owned() if isinstance(thing, Taken) else {}
    return {**_named(thing), **owned}


def _of_signal(names: Any) -> dict[str, object]:
    thing = thing_of(names.get("self"))
    return {**_named(thing), "last": thing.as_last() if isinstance(thing, Signal) else None}


def _of_semaphore(names: Any) -> dict[str, object]:
    thing = thing_of(names.get("self"))
    return {**_named(thing), "permits": thing.as_permits() if isinstance(thing, Permits) else None}


def _of_barrier(names: Any) -> dict[str, object]:
    barrier = names.get("self")
    thing = thing_of(barrier)
    if not isinstance(thing, Meeting):
        return {"have": barrier._count}
    return {**_named(thing), "need": thing.size, "have": barrier._count, "arrived": thing.as_arrived()}


def _of_queue(on: str) -> Callable[[Any], dict[str, object]]:
    def about(names: Any) -> dict[str, object]:
        queue = names.get("self")
        trail = getattr(queue, "_logq_trail", None)
        facts: dict[str, object] = {"qsize": queue.qsize(), "left": queue._unfinished_tasks}
        if trail is not None:
            facts.update(_named(trail.thing), **trail.facts(on))
        return {**facts, "qsize": queue.qsize()}

    return about


def _of_process(names: Any) -> dict[str, object]:
    return {"child_pid": getattr(names.get("self"), "_pid", None)}


def _of_group(names: Any) -> dict[str, object]:
    return _owners(list(names["self"]._tasks))


def _of_wait(names: Any) -> dict[str, object]:
    some = names.get("return_when") == "FIRST_COMPLETED"
    return {**_owners(list(names.get("fs") or ())), "any": some or None, "timeout": names.get("timeout")}


def _of_cancelled(names: Any) -> dict[str, object]:
    return _owners([names.get("fut")])


def _of_wait_for(names: Any) -> dict[str, object]:
    future = names.get("fut")
    return _of_future(future) if hasattr(type(future), "_asyncio_future_blocking") else {}


def _of_future(future: Any) -> dict[str, object]:
    """A task, or a future that stands for others, or one that somebody will settle."""
    lane = getattr(future, "_logq_lane", None)
    if isinstance(lane, Lane) and identity.me is not None:
        return {"on": "task", "owner": lane.reference(identity.me)}
    sources = [source for source in getattr(future, "_logq_sources", None) or () if not source.done()]
    asynchronous = [source for source in sources if hasattr(type(source), "_asyncio_future_blocking")]
    if asynchronous:
        return {"on": "task", **_owners(asynchronous)}
    if sources:
        return {"on": "future", **_of_job(sources[0])}
    return {"on": "future", "state": "pending"}


def _owners(futures: list[Any]) -> dict[str, object]:
    """The tasks among them that are not done, also behind futures that stand for others."""
    process = identity.me
    owners: list[str] = []
    others = 0
    seen: set[int] = set()
    todo = list(futures)
    while todo and len(owners) < 64:
        future = todo.pop(0)
        if id(future) in seen or future is None or future.done():
            continue
        seen.add(id(future))
        lane = getattr(future, "_logq_lane", None)
        if isinstance(lane, Lane) and process is not None:
            owners.append(lane.reference(process))
        elif hasattr(future, "_logq_sources"):
            todo.extend(future._logq_sources)
        else:
            others += 1
    alone = owners[0] if len(owners) == 1 and not others else None
    return {"owner": alone, "owners": owners if alone is None else None, "others": others or None}


def _of_job(future: Any) -> dict[str, object]:
    """What is known of a future of a pool: who runs it, or how busy its pool is."""
    return {**_named(future_waits.thing_of(future)), **future_waits.facts_of(future)}
