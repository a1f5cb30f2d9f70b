"""uvloop: the loop is C, and what its Python subclass lets be seen is recorded as for asyncio's own loops.

Its queue of callbacks cannot be looked into: so who is held up is not known, nor how much it has to do.
"""

from __future__ import annotations

from . import aio_handover, aio_loops, aio_trouble, tasks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["patch"]


def patch(uvloop: Any) -> None:
    for family in (tasks, aio_handover, aio_loops, aio_trouble):
        family.patch_loop(uvloop.Loop)
