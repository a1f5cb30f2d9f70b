"""The child processes of this one: which were started, which have ended, and what the living ones are at.

Whoever starts a child or sees its end says so here, by whatever means it was done. Looking at a
child never reaps it. How the means are instrumented is not this file's affair.
"""

from __future__ import annotations

import os
import sys
import time

from . import exits, identity, procfs, watchdog
from .emit import event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .lane import Site

__all__ = [
    "Child",
    "facts_of",
    "facts_of_any",
    "find",
    "forget",
    "is_running",
    "is_there",
    "list_pipes",
    "list_states",
    "note_child",
    "note_reaped",
    "peek",
]


_waitid: Any = getattr(os, "waitid", None)  # the system's own, whoever replaces it


class Child:
    """One child that has not been reaped. `pipes` are the ends that this process holds of it."""

    __slots__ = ("key", "name", "pid", "pipes", "site")

    def __init__(self, pid: int, key: str | None, name: str | None, site: Site | None) -> None:
        self.pid = pid
        self.key = key
        self.name = name
        self.site = site
        self.pipes: list[dict[str, Any]] = []

    def find_key(self) -> str | None:
        """The child's key. That of a program that was executed is known once it has a file."""
        if self.key is None:
            self.key = _recorded_as(self.pid)
        return self.key


_children: dict[int, Child] = {}


def forget() -> None:
    """In a forked child, and at the end of recording."""
    _children.clear()


def find(pid: object) -> Child | None:
    return _children.get(pid) if isinstance(pid, int) else None


def note_child(
    pid: int,
    key: str | None,
    name: str | None,
    site: Site | None,
    pipes: list[dict[str, Any]] | None = None,
    argv: list[str] | None = None,
) -> None:
    """A child was started. `pipes` are `{fd, inode, name}`."""
    child = Child(pid, key, name, site)
    child.pipes = pipes or []
    _children[pid] = child
    if ("children", _list_unreaped) not in exits.contributors:
        exits.contributors += [("children", _list_unreaped), ("sigchld", _sigchld)]
    event(
        "child",
        {"child_pid": pid, "child_proc": key, "name": name, "argv": argv, "site": site, "pipes": pipes or None},
    )
    watchdog.need()


def note_reaped(pid: int, returncode: int | None) -> None:
    """The end of a child was seen; once a child. `returncode` is negative for a signal."""
    if returncode is None:
        return
    child = _children.pop(pid, None)
    if child is None:
        return
    outcome: dict[str, object] = {"child_pid": pid, "child_proc": child.find_key(), "name": child.name}
    if returncode < 0:
        outcome["signal"] = -returncode
    else:
        outcome["rc"] = returncode
    event("reap", outcome)


def facts_of(pid: int) -> dict[str, object]:
    """What a `wait` for this child says of it."""
    child = _children.get(pid)
    if child is None:
        return {"child_pid": pid}
    key = child.find_key()
    return {
        "child_pid": pid,
        "owner": f"{key}/t1" if key else None,
        "pipes": [procfs.pipe_facts(end) for end in child.pipes] or None,
    }


def facts_of_any() -> dict[str, object]:
    """What a `wait` for whichever child ends first says."""
    return {"child_pids": list(_children)[:32] or None}


def peek(kind: int, number: int) -> Any:
    """What `waitid` says of children that have ended, without reaping them; None when there is none yet."""
    return _waitid(kind, number, os.WEXITED | os.WNOHANG | os.WNOWAIT)


def is_running(pid: int) -> bool:
    """Whether a child has not ended yet. Looks without reaping."""
    try:
        return peek(os.P_PID, pid) is None
    except (OSError, TypeError, AttributeError, OverflowError):
        # Not our own child: the fork server's, say. Or it was reaped.
        return pid in _children and procfs.state(pid) not in (None, "Z", "X")


def is_there(pid: int) -> bool:
    """Whether a child has not been reaped yet."""
    try:
        peek(os.P_PID, pid)
        return True
    except (OSError, TypeError, AttributeError, OverflowError):
        return False


def _recorded_as(pid: int) -> str | None:
    """The key under which a process has a file in this run; None when several had that pid."""
    process = identity.me
    if process is None:
        return None
    start = f"{pid}-"
    try:
        found = [name for name in os.listdir(process.place.spool) if name.startswith(start) and name.endswith(".lock")]
    except OSError:
        return None
    return found[0][: -len(".lock")] if len(found) == 1 else None


# For the `exit` line. ---------------------------------------------------------------------------


def _list_unreaped() -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for child in list(_children.values()):
        try:
            ended = peek(os.P_PID, child.pid)
        except (OSError, TypeError, AttributeError, OverflowError):
            continue  # reaped by someone we do not see, or by the system: SIGCHLD is ignored
        state = "running" if ended is None else "zombie"
        found.append(
            {
                "child_pid": child.pid,
                "child_proc": child.find_key(),
                "name": child.name,
                "state": state,
                "site": child.site,
                "over": _over_for(child.key) if ended is not None else None,
            }
        )
    return found


def _over_for(key: str | None) -> int | None:
    """For how long a recorded child has been silent, ns: its last line is its end."""
    process = identity.me
    if process is None or key is None:
        return None
    try:
        parts = [name for name in os.listdir(process.place.spool) if name.startswith(key) and name.endswith(".jsonl")]
        last = max(os.stat(os.path.join(process.place.spool, name)).st_mtime_ns for name in parts)
    except (OSError, ValueError):
        return None
    return max(0, time.time_ns() - last)


def _sigchld() -> str | None:
    """How this process hears of a child's end, when it has children: `default`, `ignored` or `handler`."""
    signals: Any = sys.modules.get("_signal")
    if not _children or signals is None:
        return None
    handler = signals.getsignal(signals.SIGCHLD)
    return {signals.SIG_DFL: "default", signals.SIG_IGN: "ignored"}.get(handler, "handler")


# For a snapshot. --------------------------------------------------------------------------------


def list_states() -> list[dict[str, object]]:
    """The children and what they started: a shell's own child may be the one that is blocked."""
    found: list[dict[str, object]] = []
    for child in list(_children.values()):
        found.append({**procfs.process_facts(child.pid), "proc": child.find_key(), "name": child.name})
        found.extend(
            {**procfs.process_facts(pid), "parent_pid": parent, "proc": _recorded_as(pid)}
            for pid, parent in procfs.descendants(child.pid)
        )
    return found


def list_pipes() -> list[dict[str, object]]:
    return [
        {**procfs.pipe_facts(end), "child_pid": child.pid}
        for child in list(_children.values())
        for end in child.pipes
        if procfs.is_open(end)
    ]
