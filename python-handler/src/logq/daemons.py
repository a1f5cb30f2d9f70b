"""Daemon threads that a program's end cuts off: where each was, for the `exit` line.

The interpreter freezes them wherever they are. One that was in the midst of something is lost work;
one that waited for work is how daemons usually end. Threads that ended are not this file's affair.
"""

from __future__ import annotations

import time

from . import identity, kernel, snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .lane import Lane

__all__ = ["cut_off"]

# What a thread with nothing to do waits for.
_IDLE_WAITS = frozenset(["queue-get", "event", "cond", "sem"])
_IDLE_CALLS = frozenset(["accept", "recvfrom", "recvmsg", "read", "epoll_wait", "poll", "ppoll"])
_MAX_LANES = 100


def cut_off() -> list[dict[str, object]]:
    """`{lane, stack, busy, sleeps}` of each daemon thread that is still there."""
    process = identity.me
    if process is None:
        return []
    lanes = [
        lane
        for lane in list(process.lanes.values())
        if lane.daemon and lane.kind == "thread" and not lane.over and lane is not process.main
    ]
    if not lanes:
        return []
    where, now = snapshot.places(), time.monotonic_ns()
    return [_facts(lane, where, now) for lane in lanes[:_MAX_LANES] if lane.ident in where]


def _facts(lane: Lane, where: dict[int, snapshot.Place], now: int) -> dict[str, object]:
    stack, _ = where[lane.ident]
    facts: dict[str, object] = {"lane": lane.key, "busy": bool(stack)}
    if stack:
        facts["stack"] = snapshot.stack_of(stack)
    call = kernel.call_of(lane.tid or 0, now)
    name = call["name"] if call is not None else None
    if lane.waiting is not None:
        facts["wait"] = f"{lane.key}@{lane.waiting.seq}"
        facts["busy"] = facts["busy"] and lane.waiting.on not in _IDLE_WAITS
    elif name in _IDLE_CALLS:
        facts["busy"] = False
    elif call is not None and kernel.is_sleep(call):
        facts["sleeps"] = True
    return facts
