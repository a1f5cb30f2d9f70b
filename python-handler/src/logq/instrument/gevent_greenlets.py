"""gevent's greenlets: who began them, how they ended, who joined them, and failures that were only printed."""

from __future__ import annotations

import sys

from logq import exits, hooks, identity
from logq.lane import here
from logq.objects import RESULT
from logq.patching import replace
from logq.sites import site_from
from logq.stamp import leave_of, merge_into
from logq.trouble import swallowed
from logq.unseen import hide

from . import gevent_things, gevent_waits, greenlets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["forget", "patch", "printed"]

_frame = sys._getframe
# Failures that the hub has printed, by id of the greenlet; an entry goes when somebody asks for the outcome.
_printed: dict[int, Any] = {}


def patch(greenlet: Any) -> None:
    methods = {"__init__": _made, "join": _joins("join"), "get": _joins("get")}
    kind = gevent_things.stand_in(greenlet, "Greenlet", methods)
    if kind is None:
        return
    replace(greenlet, "joinall", _wrap_joinall)
    if _say_all not in exits.last_words:
        exits.last_words.append(_say_all)


def forget() -> None:
    _printed.clear()


# Begin and end. ---------------------------------------------------------------------------------


def _made(original: Any) -> Any:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        process = identity.me
        if process is not None:
            try:
                lane = greenlets.new_lane(self, here())
                lane.site = site_from(_frame(1))
                greenlets.known[lane] = self
                # Not from within `run`: there gevent up to 25 takes a greenlet that is linked to for one that is over.
                self.rawlink(_ended)
            except Exception:
                swallowed()

    return init


def _ended(greenlet: Any) -> None:
    """Called by the hub, before those who joined it go on."""
    try:
        lane = greenlets.lane_of(greenlet)
        if lane is not None:
            greenlets.known.pop(lane, None)
            greenlets.end(lane, greenlet.exception)
    except Exception:
        swallowed()


# Joins. -----------------------------------------------------------------------------------------


def _joins(name: str) -> Any:
    def wrap(original: Any) -> Any:
        def join(self: Any, *args: Any, **kwargs: Any) -> Any:
            timeout = kwargs.get("timeout", args[-1] if args and not isinstance(args[-1], bool) else None)
            waiting = gevent_waits.begin("task", lambda: _owner([self]), timeout)
            try:
                return original(self, *args, **kwargs)
            except BaseException as problem:
                hide(problem)
                raise
            finally:
                gevent_waits.end(waiting)
                _saw_end(self)
                if name == "get":
                    _printed.pop(id(self), None)  # the hub has printed it before

        return join

    return wrap


def _wrap_joinall(original: Any) -> Any:
    def joinall(greenlets: Any, *args: Any, **kwargs: Any) -> Any:
        waited = list(greenlets) if not isinstance(greenlets, (list, tuple, set, frozenset)) else greenlets
        timeout = args[0] if args else kwargs.get("timeout")
        asks = kwargs.get("raise_error") or (len(args) > 1 and args[1])
        waiting = gevent_waits.begin("task", lambda: _owner(list(waited)), timeout)
        try:
            return original(waited, *args, **kwargs)
        except BaseException as problem:
            hide(problem)
            raise
        finally:
            gevent_waits.end(waiting)
            for greenlet in waited:
                _saw_end(greenlet)
                if asks:
                    _printed.pop(id(greenlet), None)

    return joinall


def _owner(waited: list[Any]) -> dict[str, object]:
    process = identity.me
    if process is None:
        return {}
    lanes = [greenlets.lane_of(greenlet) for greenlet in waited if not greenlet.dead]
    owners = [lane.reference(process) for lane in lanes if lane is not None][:64]
    return {"owner": owners[0]} if len(owners) == 1 else {"owners": owners or None}


def _saw_end(greenlet: Any) -> None:
    """Whoever finds it dead comes after all that it did."""
    try:
        lane = greenlets.lane_of(greenlet)
        if lane is not None and greenlet.dead and identity.me is not None:
            if not lane.over:
                _ended(greenlet)
            reader = here()
            if reader is not lane:
                merge_into(reader, leave_of(lane), RESULT)
    except Exception:
        swallowed()


# Failures. --------------------------------------------------------------------------------------


def printed(context: Any, problem: Any) -> None:
    """The hub prints what a greenlet died of."""
    lane = greenlets.lane_of(context) if hasattr(context, "_logq_lane") else None
    if lane is None or not isinstance(problem, BaseException) or len(_printed) > 10_000:
        return
    _printed[id(context)] = (lane, problem)


def _say_all() -> None:
    """The process ends: nobody has asked for these."""
    process = identity.me
    for lane, problem in list(_printed.values()):
        if process is None or lane.process is not process:
            continue
        hooks.report("greenlet", problem, target=lane.reference(process), site=lane.site, fn=lane.fn)
    _printed.clear()


def _was_asked(greenlet: Any) -> bool:
    return greenlet is not None and getattr(greenlet, "_logq_asked", False)
