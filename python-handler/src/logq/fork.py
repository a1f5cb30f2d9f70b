"""A process splits: the child gets an identity of its own before any other code runs in it.

Hooks of `os.register_at_fork`. They stay registered for good and do nothing while nothing is
recorded. Starting interpreters (`spawn`, `exec`) is not the concern of this file.
"""

from __future__ import annotations

import os
import sys

from . import children, identity, importing, waits, watchdog
from .emit import open_process
from .holding import held_by, hold
from .identity import Process
from .lane import Lane, here, make_main
from .native import get_ident
from .place import random_suffix
from .sites import caller_site
from .stamp import leave_of
from .trouble import swallowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .lane import Stamp

__all__ = ["Plan", "become_child", "plans", "register"]


class Plan:
    """What the code that forks knows of the child to come.

    `hidden` children become another program at once: no file, and no `child` line from here. Of
    `announced` ones the caller writes the `child` line itself.
    """

    __slots__ = ("announced", "hidden", "name", "suffix")

    def __init__(
        self, name: str | None = None, suffix: str | None = None, hidden: bool = False, announced: bool = False
    ) -> None:
        self.name = name
        self.suffix = suffix
        self.hidden = hidden
        self.announced = announced


_MOST_HELD = 64

# Both by thread: several threads may be forking, each its own child.
plans: dict[int, Plan] = {}
_departures: dict[int, tuple[Lane, Stamp, str]] = {}  # with the suffix of the child's key
_registered = False


def register() -> None:
    """Once a process and for good: such hooks cannot be taken back."""
    global _registered
    if _registered or not hasattr(os, "register_at_fork"):
        return
    _registered = True
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)


def _before() -> None:
    if identity.me is None:
        return
    try:
        watchdog.before_fork()
        lane = here()
        plan = plans.get(get_ident())
        suffix = plan.suffix if plan is not None and plan.suffix else random_suffix(6)
        _departures[get_ident()] = (lane, leave_of(lane), suffix)
    except Exception:
        swallowed()


def _after_in_parent() -> None:
    watchdog.after_fork_in_parent()
    departure = _departures.pop(get_ident(), None)
    plan = plans.get(get_ident())
    if departure is None or identity.me is None or identity.me.quiet:
        return
    if plan is not None and (plan.hidden or plan.announced):
        return
    pid = _newest_child()
    if pid is not None:
        children.note_child(pid, f"{pid}-{departure[2]}", None, caller_site(2))


def _newest_child() -> int | None:
    """The child that this thread forked last. The kernel knows; `os.fork` is left unwrapped, since
    its warning about threads must go on naming the program's own line."""
    try:
        with open("/proc/thread-self/children", "rb", 0) as listing:
            return int(listing.read().split()[-1])
    except (OSError, ValueError, IndexError):
        return None


def _after_in_child() -> None:
    importing.free_locks()
    watchdog.after_fork_in_child()
    waits.blocked.clear()
    departure = _departures.pop(get_ident(), None)
    _departures.clear()
    plan = plans.pop(get_ident(), None)
    plans.clear()
    if identity.me is None or departure is None:
        return
    try:
        become_child(*departure, plan)
    except Exception:
        identity.me = None


def become_child(lane: Lane, stamp: Stamp | None = None, suffix: str | None = None, plan: Plan | None = None) -> None:
    """Makes this process, a copy of the one that `lane` belongs to, a process of its own."""
    parent = identity.me or lane.process
    giver, seq, hard, soft = stamp or leave_of(lane)
    child = Process(
        parent.place,
        parent.options,
        "forkserver" if parent.quiet else "fork",
        origin=None if parent.quiet else f"{parent.key}/{giver.key}@{seq}",
        name=plan.name if plan is not None else None,
        suffix=suffix,
        objects=parent.objects,
    )
    parent.close_inherited()
    children.forget()
    identity.me = child
    main = make_main(child, get_ident())
    main.hard.extend([(known, number, None) for known, number, _ in hard])
    main.soft.extend(soft)
    main.given = (len(hard), len(soft))
    for taken in held_by(lane):  # what the forking thread holds, its copy goes on holding
        if getattr(taken, "stays_behind", False):  # shared, not copied
            continue
        taken.pass_to(main)
        hold(main, taken)
    orphaned = _held_by_others(parent, lane)
    child.held = [taken.as_orphaned() for taken in orphaned]
    _forget_parents_exit()
    waits_for_token = parent.quiet or (plan is not None and plan.hidden)
    if not waits_for_token:
        open_process(child, parent.number + 1)
        for taken in orphaned:
            taken.tell()


def _held_by_others(parent: Process, lane: Lane) -> list[Any]:
    """The locks that nobody in the child will ever release: their holders stayed behind."""
    others = [other for other in [parent.main, *parent.lanes.values()] if other is not None and other is not lane]
    held = [taken for other in others for taken in held_by(other)]
    copied = {taken.number: taken for taken in held if not getattr(taken, "stays_behind", False)}
    return list(copied.values())[:_MOST_HELD]


def _forget_parents_exit() -> None:
    exits = sys.modules.get("logq.exits")
    if exits is not None:
        exits.reset()
