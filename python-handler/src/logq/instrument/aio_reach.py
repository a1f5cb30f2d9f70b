"""Tasks and loops that go on beside a hang, and whether they lead to what others wait for: see `logq.reach`.

A reference to a task leads to nothing but itself: it can be cancelled by it, which is why every task
that waits counts as something that is waited for. A loop does what its timers and descriptors lead to.
What its thread does after it matters only where the task that it runs for may end.
"""

from __future__ import annotations

from logq import reach, snapshot
from logq.sites import is_machinery
from logq.variables import variables_of

from .suspended import frames_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["of_loop", "of_task", "patch_events", "patch_tasks"]


def patch_events(events: Any) -> None:
    _hide(events.AbstractEventLoop)


def patch_tasks(tasks: Any) -> None:
    for name in ("_PyTask", "_CTask"):
        _hide(getattr(tasks, name, None))


def _hide(kind: type | None) -> None:
    if kind is not None and kind not in reach.opaque:
        reach.opaque.append(kind)


def of_task(task: Any) -> bool | None:
    """Whether a task that goes on by itself is apart; None where nothing is known, as of one that runs."""
    survey, coroutine = snapshot.survey, task.get_coro()
    if survey is None or getattr(coroutine, "cr_running", True):
        return None
    own = [frame for frame in frames_of(coroutine) if not is_machinery(frame.f_code.co_filename)]
    return survey.apart(own) if own else None


def of_loop(loop: Any, ident: int) -> bool | None:
    """The same of what a loop itself has to do, in that thread."""
    survey = snapshot.survey
    watched = getattr(getattr(loop, "_selector", None), "_fd_to_key", None)
    if survey is None or watched is None:
        return None
    roots = [*loop._scheduled, *loop._ready, *watched.values()]
    frames = survey.frames(ident)
    of = next((frame for frame in frames if frame.f_code.co_name == "run_until_complete"), None)
    main = variables_of(of).get("future") if of is not None else None
    ends = not hasattr(main, "get_coro") or of_task(main)
    return survey.apart([*roots, *frames] if ends else roots)
