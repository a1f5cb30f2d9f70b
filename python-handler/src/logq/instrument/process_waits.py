"""Waiting for a child's end: `wait on process`, whichever interface is used.

A child's life is long beside a moment, so such a wait is written at once if the child still runs.
"""

from __future__ import annotations

import time

from logq import children
from logq.waits import begin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["watch_wait"]


def watch_wait(popen: Any, timeout: Any) -> Callable[[], None] | None:
    """Writes the `wait` for the child of a Popen, subprocess's or multiprocessing's; what it gives ends it.

    None when the child is over already, or nobody would block.
    """
    if not _may_block(timeout) or not children.is_running(popen.pid):
        return None
    wait = begin("process", time.monotonic_ns(), None, children.facts_of(popen.pid), timeout)
    if wait is None:
        return None

    def after() -> None:
        res = "ok" if popen.returncode is not None else "timeout" if timeout is not None else "exc"
        wait.end(res)

    return after


def _may_block(timeout: Any) -> bool:
    return timeout is None or (isinstance(timeout, (int, float)) and timeout > 0)
