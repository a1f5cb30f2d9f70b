"""Every acquisition and release of a lock as a record, at capture `full`.

It is put around the methods of `locks.py` and `rlocks.py` only where somebody has asked for it; `acq` is written after
acquiring and `rel` before releasing.
"""

from __future__ import annotations

from logq.emit import event
from logq.patching import dress, replace
from logq.sites import position
from logq.trouble import swallowed

from . import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .taken import Taken

__all__ = ["tell_of"]


def tell_of(kind: Any) -> None:
    """Locks of class `kind` tell of their uses from now on."""
    replace(kind, "acquire", _telling_acquire)
    replace(kind, "release", _telling_release)
    replace(kind, "__enter__", lambda _: kind.acquire)
    replace(kind, "__exit__", lambda _: _releasing_exit(kind.release))


def _telling_acquire(original: Callable[..., bool]) -> Any:
    def acquire(self: Any, *args: Any, **kwargs: Any) -> bool:
        got = original(self, *args, **kwargs)
        if got:
            _tell("acq", self)
        return got

    signals.guard(acquire)
    return dress(acquire, original)


def _telling_release(original: Callable[..., None]) -> Any:
    def release(self: Any) -> None:
        _tell("rel", self)
        original(self)

    signals.guard(release)
    return dress(release, original)


def _releasing_exit(release: Callable[[Any], None]) -> Any:
    def exit_releasing(self: Any, *_: object) -> None:
        release(self)

    signals.guard(exit_releasing)
    return exit_releasing


def _tell(ev: str, lock: Any) -> None:
    try:
        taken: Taken = lock._logq_taken
        if taken.holder is None or getattr(lock, "_logq_again", 0) > 0:  # only the outermost level is noted
            return
        taken.tell()
        site = position(*taken.place()) if ev == "acq" else None
        event(ev, {"obj": taken.reference(), "site": site})
    except Exception:
        swallowed()
