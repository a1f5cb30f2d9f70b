"""Callbacks that one thread sends to another's event loop: they carry the stamp of who sent them.

While such a callback runs, that stamp is the cause of what it settles: `aio_handover.py` asks for it.
Results of executors travel the same way, but bring a stamp of their own, which stays when the executor's
future goes.
"""

from __future__ import annotations

from logq import identity
from logq.lane import here
from logq.native import get_ident
from logq.patching import dress
from logq.stamp import leave, merge_into
from logq.unseen import hide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.lane import Stamp

__all__ = ["causes", "wrap_call_soon_threadsafe", "wrap_copy_future_state"]

# By thread: what caused the callback that runs there, when another thread sent it.
causes: dict[int, Stamp] = {}


class _Carried:
    """A callback from another thread, with the stamp of who sent it."""

    __slots__ = ("callback", "stamp")

    def __init__(self, callback: Any, stamp: Stamp) -> None:
        self.callback = callback
        self.stamp = stamp

    def __call__(self, *args: Any) -> Any:
        if identity.me is None:
            return self.callback(*args)
        merge_into(here(), self.stamp)
        ident = get_ident()
        before = causes.get(ident)
        causes[ident] = self.stamp
        try:
            return self.callback(*args)
        except BaseException as problem:
            hide(problem)
            raise
        finally:
            if before is None:
                causes.pop(ident, None)
            else:
                causes[ident] = before

    def __repr__(self) -> str:
        return repr(self.callback)


def wrap_call_soon_threadsafe(original: Callable[..., Any]) -> Any:
    def call_soon_threadsafe(self: Any, callback: Any, *args: Any, **kwargs: Any) -> Any:
        # Results of executors come with a stamp of their own.
        if identity.me is None or "_chain_future" in getattr(callback, "__qualname__", ""):
            return original(self, callback, *args, **kwargs)
        if self.get_debug():
            getattr(self, "_check_callback", _unchecked)(callback, "call_soon_threadsafe")
        stamp = leave()
        return original(self, _Carried(callback, stamp) if stamp is not None else callback, *args, **kwargs)

    return dress(call_soon_threadsafe, original)


def _unchecked(_callback: Any, _method: str) -> None:
    """uvloop does not check."""


class _Settled:
    """What is left of a future that has settled another one."""

    __slots__ = ("_logq_stamp",)

    def __init__(self, stamp: Stamp | None) -> None:
        self._logq_stamp = stamp

    def done(self) -> bool:
        return True


def wrap_copy_future_state(original: Callable[[Any, Any], None]) -> Any:
    """Where a loop's future is given the outcome of an executor's.

    That one keeps its callbacks, and they keep the loop's future: as its source it would make a circle of the two,
    and what the job returned or raised would stay until the next garbage collection.
    """

    def _copy_future_state(source: Any, dest: Any) -> None:
        if getattr(dest, "_logq_sources", None) == [source]:
            dest._logq_sources = [_Settled(getattr(source, "_logq_stamp", None))]
        try:
            original(source, dest)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(_copy_future_state, original)
