"""Greenlets: each is a lane once it has something to write; who switched to it came before.

The main greenlet of a thread, and gevent's hub, are the thread itself. A greenlet that is switched to gets the stamp of
whoever did that, by the tracing function that the package offers; a program that sets one of its own has it called as
if ours were not there. gevent schedules its greenlets itself: with it no switch is looked at.
"""

from __future__ import annotations

import time

from logq import identity
from logq import lane as lanes
from logq.emit import event, retire
from logq.failure import brief
from logq.lane import Lane, new_green_lane, thread_lane
from logq.patching import dress, replace
from logq.sites import function_name, site_from
from logq.stamp import leave_of, merge_into
from logq.trouble import swallowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["end", "forget", "hubs", "known", "lane_of", "new_lane", "patch", "patch_gevent", "strand_of"]

_getcurrent: Any = None
_settrace: Any = None
_plain_kind: Any = None
hubs: tuple[Any, ...] = ()  # classes of greenlets that are their thread's own scheduler
_theirs: Any = None  # the program's tracing function
known: dict[Lane, Any] = {}  # greenlets that a scheduler has begun; an entry goes when one ends
_is_scheduled = False  # gevent is there: a switch tells nothing


def patch(greenlet: Any) -> None:
    global _getcurrent, _settrace, _plain_kind
    if not hasattr(greenlet, "getcurrent"):
        return
    _getcurrent = greenlet.getcurrent
    _plain_kind = greenlet.greenlet
    lanes.take_strand = _take
    lanes.guests_everywhere(_whose_turn)
    if hasattr(greenlet, "settrace") and not _is_scheduled:
        _settrace = greenlet.settrace
        _settrace(_trace)
        replace(greenlet, "settrace", _wrap_settrace)
        replace(greenlet, "gettrace", lambda original: dress(lambda: _theirs, original))


def patch_gevent(_gevent: Any) -> None:
    """From now on greenlets are switched to by a hub."""
    global _is_scheduled
    _is_scheduled = True
    _stop_tracing()


def forget() -> None:
    lanes.take_strand = lanes._no_strand
    lanes.guests_everywhere(None)
    known.clear()
    _stop_tracing()


def _stop_tracing() -> None:
    global _settrace
    if _settrace is not None:
        try:
            _settrace(_theirs)
        except Exception:
            swallowed()
        _settrace = None


# Whose turn is it? ------------------------------------------------------------------------------


def strand_of(greenlet: Any) -> bool:
    """Whether it is a lane of its own: not its thread's main greenlet, nor a hub."""
    return greenlet.parent is not None and not isinstance(greenlet, hubs)


def _whose_turn() -> Lane | None:
    greenlet = _getcurrent()
    if greenlet.parent is None or isinstance(greenlet, hubs):
        return None
    return lane_of(greenlet) or new_lane(greenlet, None)


def lane_of(greenlet: Any) -> Lane | None:
    try:
        lane: Lane | None = greenlet._logq_lane
    except AttributeError:
        return None
    return lane if lane is not None and lane.process is identity.me else None


def new_lane(greenlet: Any, maker: Lane | None) -> Lane:
    """Without a maker it was not seen to begin: then nothing is said of that."""
    lane = new_green_lane()
    if maker is not None:
        lane.inherit(maker.mark or maker.stamp())
    run = getattr(greenlet, "_run", None) or getattr(greenlet, "run", None)
    lane.fn = function_name(run) if run is not None else None
    name = getattr(greenlet, "name", None)
    lane.name = name if isinstance(name, str) and not name.startswith("Greenlet-") else lane.fn
    lane.tid = thread_lane().tid
    lane.began = time.monotonic_ns()
    greenlet._logq_lane = lane
    return lane


def _take(lane: Lane) -> bool:
    greenlet = _getcurrent()
    if not strand_of(greenlet):
        return False
    before = getattr(greenlet, "_logq_lane", None)
    greenlet._logq_lane = lane
    if before is not None and known.pop(before, None) is not None:
        before.over = True  # it was never told of
        known[lane] = greenlet
    return True


# Switches. --------------------------------------------------------------------------------------


def _wrap_settrace(original: Callable[..., Any]) -> Any:
    def settrace(callback: Any) -> Any:
        global _theirs
        before, _theirs = _theirs, callback
        if _settrace is None:
            original(callback)
        return before

    return dress(settrace, original)


def _trace(what: str, pair: Any) -> None:
    if identity.me is not None:
        try:
            _switched(what, *pair)
        except Exception:
            swallowed()
    if _theirs is not None:
        _theirs(what, pair)


def _switched(what: str, origin: Any, target: Any) -> None:
    giver = lane_of(origin) if strand_of(origin) else thread_lane()
    if giver is not None and origin.dead:
        _end(giver, what)
    taker = lane_of(target)
    if taker is None and strand_of(target):
        new_lane(target, giver).site = site_from(origin.gr_frame)
        return
    taker = taker or thread_lane()
    if giver is not None and giver is not taker:
        merge_into(taker, leave_of(giver) if giver.over else giver.mark or giver.stamp())


def _end(lane: Lane, what: str) -> None:
    """It has returned, or raised into its parent, which is told of it."""
    if lane.over or lane.kind != "greenlet":
        return
    if what == "throw":
        event("end", {"how": "exc"}, lane)
    else:
        event("end", {"how": "ok"}, lane)
    retire(lane)


def end(lane: Lane, problem: BaseException | None) -> None:
    """Told by a scheduler."""
    if lane.over or lane.process is not identity.me:
        return
    if problem is None:
        event("end", {"how": "ok"}, lane)
    elif type(problem).__name__ == "GreenletExit":
        event("end", {"how": "cancelled"}, lane)
    else:
        lane.failure = brief(problem)
        event("end", {"how": "exc", "exc": lane.failure}, lane)
    retire(lane)
