"""multiprocessing's Condition, Event and Barrier: whose wait it is.

All of them block on a semaphore inside a condition. Here that one is told what it is a part of, under the
name that the program gave it; it then tells of a long wait as of one for the whole.
"""

from __future__ import annotations

import sys
from _weakref import ref

from logq import identity
from logq.patching import dress, replace
from logq.sites import caller_site, is_machinery
from logq.trouble import swallowed

from . import shared_things
from .shared_locks import past_makers, tell_wait_of, thing_of
from .shared_things import SharedThing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["patch"]


def patch(synchronize: Any) -> None:
    replace(synchronize.Condition, "_make_methods", _wrap_condition_methods)
    replace(synchronize.Event, "__init__", _wrap_init("event", lambda _: None))
    replace(synchronize.Barrier, "__init__", _wrap_init("barrier", lambda made: made._parties))
    replace(synchronize.Barrier, "__setstate__", _wrap_barrier_state)


def _wrap_condition_methods(original: Callable[[Any], None]) -> Any:
    """Both block on a semaphore inside the condition; those are told by the name of what they are part of."""

    def _make_methods(self: Any) -> None:
        original(self)
        if identity.me is None:
            return
        try:
            _name_waits(self)
        except Exception:
            swallowed()

    return dress(_make_methods, original)


def _name_waits(condition: Any) -> None:
    inner = condition._wait_semaphore
    waited, lock = ref(inner), ref(condition._lock)
    plain = inner._semlock.acquire

    def acquire(block: Any = True, timeout: Any = None) -> bool:
        if identity.me is None or not block or (timeout is not None and timeout <= 0):
            return bool(plain(block, timeout))
        if plain(False):
            return True
        purpose = getattr(waited(), "_logq_purpose", None)
        if purpose is not None:
            return tell_wait_of(purpose[0], purpose[1](), plain, timeout, *purpose[2:])
        thing = thing_of(waited()) or thing_of(lock())
        on = "event" if thing is not None and thing.family == "event" else "cond"
        return tell_wait_of(on, thing, plain, timeout)

    inner.acquire = dress(acquire, plain)


def _wrap_init(family: str, size_of: Callable[[Any], int | None]) -> Callable[[Any], Any]:
    kind = f"multiprocessing.{family.capitalize()}"

    def wrap(original: Callable[..., None]) -> Any:
        def init(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            if identity.me is None:
                return
            try:
                frame = past_makers(sys._getframe(1), self)
                if frame is not None and not is_machinery(frame.f_code.co_filename):
                    _announce(self._cond, SharedThing(family, kind, caller_site(2), size_of(self), self))
            except Exception:
                swallowed()

        return dress(init, original)

    return wrap


def _announce(condition: Any, thing: SharedThing) -> None:
    """An Event or a Barrier is pickled with all that it has; what is inside its condition is not."""
    inner = condition._wait_semaphore
    inner._logq_thing = thing
    if inner._semlock.name is not None:
        shared_things.know(inner._semlock.name, thing)


# Barrier. -----------------------------------------------------------------------------------------


def _wrap_barrier_state(original: Callable[..., None]) -> Any:
    """Every barrier comes this way, made here or sent from elsewhere."""

    def __setstate__(self: Any, state: Any) -> None:  # noqa: N807 - its name
        original(self, state)
        if identity.me is None:
            return
        try:
            barrier, inner = ref(self), ref(self._cond._wait_semaphore)
            purpose = ("barrier", lambda: thing_of(inner()), lambda: _facts_of(barrier()))
            self._cond._wait_semaphore._logq_purpose = purpose
        except Exception:
            swallowed()

    return dress(__setstate__, original)


def _facts_of(barrier: Any) -> dict[str, object]:
    return {"need": barrier._parties, "have": barrier._count} if barrier is not None else {}
