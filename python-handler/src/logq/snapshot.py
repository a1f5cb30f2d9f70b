"""A snapshot of the whole process as one `snap` record: where every lane is, and what it waits for.

It runs in the watchdog's thread while the program runs, or stands still. So it only reads, takes no
lock, and holds no frame longer than it must: whoever keeps a frame keeps what is in it.
"""

from __future__ import annotations

import sys

from . import identity
from .emit import event
from .lane import Lane
from .sites import absolute, is_machinery
from .trouble import swallowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["contributors", "watchdog", "write"]

# `(key, function)` gives one member of a `snap`; what is falsy is left out. A list of dictionaries may
# have members of the same key from several functions: they are joined.
contributors: list[tuple[str, Callable[[], object]]] = []

watchdog = 0  # the thread that is ours

_MAX_FRAMES = 8


def write(why: str, **more: object) -> None:
    """Writes a `snap` of this process in the running lane."""
    process = identity.me
    if process is None:
        return
    stacks = _stacks()
    facts: dict[str, object] = {"why": why, **more}
    lanes = [_lane_facts(lane, stacks) for lane in _threads(process)]
    facts["lanes"] = lanes
    for key, contribute in contributors:
        try:
            facts[key] = contribute() or None
        except Exception:
            swallowed()
    event("snap", facts)


def _stacks() -> dict[int, list[tuple[str, int, str]]]:
    """By thread, the user's frames, innermost first."""
    found = {}
    frames: dict[int, Any] = sys._current_frames()
    for ident, frame in frames.items():
        stack: list[tuple[str, int, str]] = []
        while frame is not None and len(stack) < _MAX_FRAMES:
            code = frame.f_code
            if not is_machinery(code.co_filename):
                stack.append((code.co_filename, frame.f_lineno or 0, code.co_name))
            frame = frame.f_back
        found[ident] = stack
    del frames, frame
    return found


def _threads(process: identity.Process) -> list[Lane]:
    main = process.main
    others = [lane for lane in list(process.lanes.values()) if lane.kind == "thread" and not lane.over]
    return others if main is None or main in others else [main, *others]


def _lane_facts(lane: Lane, stacks: dict[int, list[tuple[str, int, str]]]) -> dict[str, object]:
    facts: dict[str, object] = {"lane": lane.key}
    stack = stacks.get(lane.ident)
    if stack:
        facts["stack"] = [{"file": absolute(file), "line": line, "func": func} for file, line, func in stack]
    wait = lane.waiting
    if wait is not None and wait.seq:
        facts["wait"] = f"{lane.key}@{wait.seq}"
    return facts
