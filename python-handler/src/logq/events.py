"""The closed list of event kinds, twin of the Rust side's `record/event.rs`.

A test holds the two lists together. What each event carries is said in docs/wire-format.md; this
file has no behaviour.
"""

from __future__ import annotations

__all__ = ["EVENTS", "WIRE_VERSION"]

WIRE_VERSION = 1

EVENTS: frozenset[str] = frozenset(
    [
        "proc",
        "lane",
        "end",
        "exit",
        "child",
        "reap",
        "obj",
        "wait",
        "got",
        "send",
        "recv",
        "begin",
        "acq",
        "rel",
        "nest",
        "note",
        "exc",
        "access",
        "blocked",
        "snap",
        "sync",
        "lost",
    ]
)
