"""`--races`: notes accesses to plain variables of the program's own files, with nothing marked in them.

Modules are rewritten as they are loaded (`loading`, `rewrite`), each access calls a point (`points`), which
finds the variable (`variables`) and what follows (`versions`). Here it is turned on and off.
"""

from __future__ import annotations

import os
import sys

from logq import importing, watchdog
from logq import lane as lanes
from logq.patching import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["turn_off", "turn_on"]

_registered = False


def turn_on() -> None:
    """From here on modules are rewritten when they are loaded."""
    global _registered
    # Not before somebody asks for it: `ast` alone costs more than the rest of a start.
    from logq.instrument import accesses, aio_loops, signals

    from . import databases, files, loading, outside, points, versions, within

    loading.patch(sys.modules["_frozen_importlib_external"])
    importing.when_imported("multiprocessing.spawn", loading.patch_spawn)
    loading.claim_script()
    replace(lanes.Lane, "__init__", _wrap_init)
    if points.begin not in aio_loops.begun:
        aio_loops.begun.append(points.begin)
    importing.when_imported("uvloop", _note_uvloop)
    accesses.made_from, accesses.lock_called = versions.made_from, outside.lock_called
    files.watch()
    importing.when_imported("sqlite3.dbapi2", databases.patch)
    importing.when_imported("queue", within.learn_queues)
    importing.when_imported("logging", within.learn_handlers)
    if not _registered:
        _registered = True
        os.register_at_fork(after_in_child=_forget)
        watchdog.ticks.append(points.rest)
        notes = [each for each in vars(points.Point).values() if hasattr(each, "__code__")]
        signals.guard(*notes, versions.read, versions.wrote)


def _wrap_init(original: Callable[..., None]) -> Any:
    from . import points

    def init(self: Any, *arguments: Any) -> None:
        original(self, *arguments)
        points.begin()

    return init


def _note_uvloop(_: Any) -> None:
    """Its loops are not always seen to begin."""
    from . import points

    points.begin()


def turn_off() -> None:
    """What was rewritten stays so, and notes nothing."""
    from logq.instrument import accesses, aio_loops

    from . import databases, files, loading, points, versions

    points.end()
    aio_loops.begun.clear()
    loading.forget()
    accesses.made_from, accesses.lock_called = accesses.from_nothing, accesses.ignored
    files.forget()
    databases.forget()
    _forget()
    versions.told = 0


def _forget() -> None:
    """In a forked child too: what its parent's lanes did is not its own."""
    from . import containers, outside, variables

    variables.forget()
    containers.boxes.clear()
    outside.outside.clear()
