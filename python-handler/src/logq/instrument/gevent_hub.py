"""gevent's hub and its monkey patch: when nothing moves any more, whether the hub turns, and what must give way.

Where `patch_all()` has put gevent's locks in the place of the interpreter's, ours must not wrap those: they are taken
back before. When the hub finds nothing left to wait for it raises LoopExit; how all stand is written before that.
"""

from __future__ import annotations

import sys

from logq import identity, patching, sites, snapshot, watchdog
from logq.emit import announce, event
from logq.lane import Lane, thread_lane
from logq.native import get_ident
from logq.patching import dress, replace
from logq.trouble import swallowed
from logq.unseen import hide

from . import gevent_waits, greenlets
from .turns import follow, places_above

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .turns import Block

__all__ = ["forget", "patch_hub", "patch_monkey", "patch_package"]

_MOST_EXITS = 4  # of one program that catches LoopExit


class _Home:
    """A hub, the thread in which it runs, and the turn of it that was seen at the last look."""

    __slots__ = ("block", "hub", "ident", "lane")

    def __init__(self, hub: Any) -> None:
        self.hub = hub
        self.lane: Lane = thread_lane()
        self.ident = get_ident()
        self.block: Block | None = None


_homes: dict[int, _Home] = {}  # by ident of the thread
_exits = 0


def patch_package(gevent: Any) -> None:
    sites.learn_machinery(gevent)
    greenlets.patch_gevent(gevent)


def patch_hub(hub: Any) -> None:
    greenlets.hubs = (hub.Hub,)
    gevent_waits.install(hub.getcurrent)
    replace(hub.Hub, "__init__", _wrap_init)
    replace(hub, "sleep", _wrap_sleep)
    replace(hub.LoopExit, "__init__", _wrap_exit)
    replace(hub.Hub, "handle_error", _wrap_error)
    if _check not in watchdog.ticks:
        watchdog.ticks.append(_check)
    if ("loops", _loops) not in snapshot.contributors:
        snapshot.contributors.append(("loops", _loops))


def forget() -> None:
    global _exits
    _homes.clear()
    _exits = 0
    gevent_waits.forget()
    if _check in watchdog.ticks:
        watchdog.ticks.remove(_check)


def _wrap_init(original: Callable[..., None]) -> Any:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if identity.me is not None:
            try:
                _homes[get_ident()] = _Home(self)
                watchdog.need()
            except Exception:
                swallowed()

    return dress(init, original)


def _wrap_sleep(original: Callable[..., Any]) -> Any:
    def sleep(seconds: Any = 0, ref: Any = True) -> Any:
        lane = gevent_waits.begin("sleep", dict, seconds)
        try:
            return original(seconds, ref)
        except BaseException as problem:
            hide(problem)
            raise
        finally:
            gevent_waits.end(lane)

    return dress(sleep, original)


# Monkey patching. -------------------------------------------------------------------------------


def patch_monkey(monkey: Any) -> None:
    replace(monkey, "patch_thread", _wrap_patch_thread)


def _wrap_patch_thread(original: Callable[..., Any]) -> Any:
    def patch_thread(*args: Any, **kwargs: Any) -> Any:
        try:
            threading = sys.modules.get("threading")
            if threading is not None:
                kinds = (threading.Condition, threading.Event, threading.Semaphore, threading.Barrier)
                patching.restore(lambda owner, name: owner in kinds or (owner is threading and name in _LOCKS))
        except Exception:
            swallowed()
        return original(*args, **kwargs)

    return dress(patch_thread, original)


_LOCKS = ("Lock", "_CRLock")


# Nothing moves. ---------------------------------------------------------------------------------


def _wrap_exit(original: Callable[..., None]) -> Any:
    """LoopExit is made just before it is raised."""

    def init(self: Any, *args: Any) -> None:
        global _exits
        original(self, *args)
        if identity.me is not None and _exits < _MOST_EXITS and args and "block forever" in str(args[0]):
            _exits += 1
            try:
                snapshot.write("standstill")
            except Exception:
                swallowed()

    return dress(init, original)


def _wrap_error(original: Callable[..., Any]) -> Any:
    """What a greenlet dies of is printed by the hub. Whether somebody asks for it is known later."""

    def handle_error(self: Any, context: Any, type: Any, value: Any, tb: Any) -> Any:  # noqa: A002 - gevent's names
        if identity.me is not None:
            try:
                from . import gevent_greenlets

                gevent_greenlets.printed(context, value)
            except Exception:
                swallowed()
        return original(self, context, type, value, tb)

    return dress(handle_error, original)


# Snapshot. --------------------------------------------------------------------------------------


def _loops() -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for home in list(_homes.values()):
        loop = getattr(home.hub, "loop", None)
        if loop is None or home.lane.process is not identity.me or home.hub.dead:
            continue
        active = int(getattr(loop, "activecnt", 1) or 0)
        threads = getattr(home.hub, "_threadpool", None)
        active += int(getattr(threads, "size", 0) or 0) if threads is not None and len(threads) else 0
        ready = int(getattr(loop, "pendingcnt", 0) or 0)
        found.append({"lane": home.lane.key, "ready": ready, "timers": 0, "fds": active})
    return found


# Does it turn? ----------------------------------------------------------------------------------


def _check(now: int) -> None:
    if not _homes:
        return
    frames = sys._current_frames()
    try:
        for ident, home in list(_homes.items()):
            frame = frames.get(ident)
            if frame is not None and home.lane.process is identity.me:
                _look(home, frame, now)
    finally:
        del frames


def _look(home: _Home, frame: Any, now: int) -> None:
    loop = getattr(home.hub, "loop", None)
    turn = getattr(loop, "iteration", None)
    if turn is None:
        return
    places, _ = places_above(frame, lambda _: False)
    home.block = follow(
        home.block,
        None if _is_idle(frame) else turn,
        home.lane,
        places,
        now,
        lambda block: _find_late(home, block),
        lambda block, over: _write(home, block, over),
    )


def _is_idle(frame: Any) -> bool:
    """Whether the thread is in the hub."""
    return frame.f_code.co_name == "run" and bool(frame.f_code.co_filename.endswith("hub.py"))


def _find_late(home: _Home, block: Block) -> None:
    """Whose turn it is, and which lanes it makes late, ms."""
    block.lane = gevent_waits.running() or home.lane
    block.late.update(gevent_waits.overdue(block.last))


def _write(home: _Home, block: Block, over: bool) -> None:
    if block.lane is not home.lane:
        announce(block.lane)
    late = [{"lane": key, "late": late} for key, late in block.late.items()]
    event("blocked", {"loop": home.lane.key, "target": block.lane.key, **block.facts(over), "victims": late or None})
