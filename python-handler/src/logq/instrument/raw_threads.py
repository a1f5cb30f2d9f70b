"""Threads made with `_thread.start_new_thread`: who made them, where and to run what.

Their function is not wrapped, since it is shown to the program when it fails. So such a thread becomes a
lane when it first has something to write, and finds here what its maker has noted; its end is not seen.
"""

from __future__ import annotations

import sys

from logq import identity, lane, watchdog
from logq.lane import Lane, here
from logq.patching import dress, replace
from logq.sites import caller_site, function_name
from logq.trouble import swallowed
from logq.unseen import hide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["patch"]

_MANY = 1000

# By the ident of the thread: the code it runs, and what its lane is to know. Idents are used again, so what
# is found must fit the code, and is not asked for while somebody is between starting and noting.
_made: dict[int, tuple[Any, Callable[[Lane], None]]] = {}
_making: list[bool] = []


def patch(thread: Any) -> None:
    replace(thread, "start_new_thread", _wrap_start)
    replace(thread, "start_new", _wrap_start)
    replace(thread, "_count", _wrap_count)
    lane.find_maker = _find_maker


def forget() -> None:
    _made.clear()
    lane.find_maker = lane._no_maker


def _wrap_count(original: Callable[[], int]) -> Any:
    """How many threads run that are the program's: tests wait for this to fall again."""

    def _count() -> int:
        return original() - int(watchdog.is_counted())

    return dress(_count, original)


def _wrap_start(original: Callable[..., int]) -> Any:
    def start_new_thread(function: Any, *args: Any, **kwargs: Any) -> int:
        code = getattr(function, "__code__", None)
        if identity.me is None or code is None:
            return original(function, *args, **kwargs)
        _making.append(True)
        try:
            describe = _describe(function)
            ident = original(function, *args, **kwargs)
            if len(_made) > _MANY:
                _made.clear()
            _made[ident] = (code, describe)
        except BaseException as problem:
            hide(problem)
            raise
        finally:
            _making.pop()
        watchdog.need()
        return ident

    return dress(start_new_thread, original)


def _describe(function: Any) -> Callable[[Lane], None]:
    creator = here()
    # As they are now: by the time that the thread asks, its maker will have gone on.
    start = Lane(creator.process, "", "thread")
    start.inherit(creator.mark or creator.stamp())
    site, name = caller_site(3), function_name(function)

    def describe(made: Lane) -> None:
        made.daemon = True  # the interpreter does not wait for it
        made.site, made.fn = site, name
        made.origin, made.given = start.origin, start.given
        made.hard[:0], made.soft[:0] = start.hard, start.soft

    return describe


def _find_maker(made: Lane, ident: int) -> None:
    """Tells a lane that has just been made for the running thread where it comes from, if that is known."""
    found = _made.pop(ident, None)
    if found is None or _making:
        return
    try:
        frame = sys._getframe(1)
        while frame.f_back is not None:
            frame = frame.f_back
        if frame.f_code is found[0]:
            found[1](made)
    except Exception:
        swallowed()
