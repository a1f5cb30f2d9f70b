"""Objects of an event loop that are touched from a thread which is not the loop's.

Neither a loop nor what belongs to it is safe to use from elsewhere: the loop is not woken, so whoever
waits goes on waiting. Noted where it has an effect: where something was scheduled. `call_soon_threadsafe`
is the way that is meant, and is not noted.
"""

from __future__ import annotations

import os
import sys

from logq import identity
from logq import lane as lanes
from logq.emit import event
from logq.lane import Lane
from logq.native import get_ident
from logq.patching import dress, replace
from logq.sites import caller_site, is_machinery
from logq.trouble import swallowed
from logq.unseen import hide

from . import aio_loops
from .aio_locks import thing_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["is_foreign", "note", "patch"]


# Where asyncio's own files are.
_asyncio = ""


def patch(base_events: Any) -> None:
    global _asyncio
    _asyncio = os.path.dirname(base_events.__file__) + os.sep
    replace(base_events.BaseEventLoop, "call_at", _wrap_call_at)


def is_foreign(loop: Any) -> bool:
    """Whether the loop is running, in another thread."""
    home = aio_loops.homes.get(id(loop))
    if home is None or home.ident == get_ident() or home.loop() is not loop or not loop.is_running():
        return False
    return lanes.running_loop() is not loop  # it may run here, though somebody else had asked for it


def note(loop: Any, callback: Any, args: tuple[Any, ...]) -> None:
    """Something was scheduled in `loop` by the thread that is running, which is not its own."""
    try:
        process = identity.me
        home = aio_loops.homes.get(id(loop))
        if process is None or home is None or home.lane.process is not process:
            return
        what = _method(args)
        thing = thing_of(what.get("self"))
        if thing is not None and thing.told is not process:
            thing.tell()
        target: Lane | None = getattr(getattr(callback, "__self__", None), "_logq_lane", None)
        event(
            "note",
            {
                "what": "foreign",
                "fn": what.get("name"),
                "obj": thing.reference() if thing is not None else None,
                "target": target.reference(process) if target is not None else None,
                "loop": home.lane.reference(process),
                "site": caller_site(3),
            },
        )
    except Exception:
        swallowed()


def _method(args: tuple[Any, ...]) -> dict[str, Any]:
    """The function of asyncio that the program called: the outermost before its own frame."""
    frame: Any = sys._getframe(3)
    settled = len(args) == 1 and hasattr(type(args[0]), "_asyncio_future_blocking")
    called: dict[str, Any] = {"name": "Future.set_result" if settled else "call_soon"}
    while frame is not None and is_machinery(frame.f_code.co_filename):
        owner = frame.f_locals.get("self")
        if owner is not None and frame.f_code.co_filename.startswith(_asyncio):
            called = {"self": owner, "name": f"{type(owner).__name__}.{frame.f_code.co_name}"}
        frame = frame.f_back
    return called


def _wrap_call_at(original: Callable[..., Any]) -> Any:
    def call_at(self: Any, when: Any, callback: Any, *args: Any, context: Any = None) -> Any:
        if identity.me is not None and is_foreign(self):
            note(self, callback, args)
        try:
            return original(self, when, callback, *args, context=context)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(call_at, original)
