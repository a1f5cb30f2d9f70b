"""Files that are read and then written again, by the audit hook of `open`.

A read and a later write of one path within one call of a function is an update; so is opening it for both.
Appending is none, nor is renaming a new file over it. What keeps others out meanwhile is a lock on any
file (`fcntl`), or a file that only one can create (mode `x`): both are told in `held`.
"""

from __future__ import annotations

import os
import stat
import sys

from logq import identity
from logq.instrument.shared_things import SharedThing
from logq.lane import here
from logq.sites import is_logq, is_machinery, position, user_frame
from logq.trouble import swallowed

from . import outside, versions
from .variables import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["forget", "watch"]

_MOST = 1000
_FLOCK_UNLOCK = 8  # of `flock`; for `lockf` it is the same number

_watching = False
_hooked = False
_states: dict[str, tuple[State, SharedThing]] = {}


def watch() -> None:
    """An audit hook cannot be taken away again: it is there once, and asks whether it is still wanted."""
    global _watching, _hooked
    _watching = True
    if not _hooked:
        _hooked = True
        sys.addaudithook(_see)


def forget() -> None:
    global _watching
    _watching = False
    _states.clear()


def _see(what: str, arguments: tuple[Any, ...]) -> None:
    if what == "open":
        if _watching and identity.me is not None:
            _see_open(*arguments)
    elif what == "fcntl.flock" or what == "fcntl.lockf":
        if _watching and identity.me is not None:
            _see_lock(*arguments[:2])
    elif what == "os.remove" and _watching and identity.me is not None:
        _see_remove(arguments[0])


def _see_open(path: Any, _mode: Any, flags: Any) -> None:
    try:
        opener = sys._getframe(1).f_back
        if opener is None or is_logq(opener.f_code.co_filename):  # the interpreter opens files itself, too
            return
        frame = user_frame(opener)
        if type(path) is not str or is_machinery(frame.f_code.co_filename) or not isinstance(flags, int):
            return
        full = os.path.abspath(path)
        if is_machinery(full) or full.startswith(("/proc/", "/sys/", "/dev/")):
            return
        if flags & os.O_EXCL:
            outside.hold(here(), "file:" + full, lambda: os.path.exists(full))
        elif not flags & os.O_APPEND:
            _note(full, flags, frame)
    except Exception:
        swallowed()


def _note(full: str, flags: int, frame: Any) -> None:
    reads = flags & os.O_ACCMODE != os.O_WRONLY and not flags & os.O_TRUNC
    writes = flags & os.O_ACCMODE != os.O_RDONLY
    if reads and not writes and full.endswith((".py", ".pyc", ".so", ".toml", ".ini", ".cfg")):
        return
    known = _states.get(full)
    if known is None:
        if writes and not reads:
            return  # nobody has read it here
        try:
            if not stat.S_ISREG(os.stat(full).st_mode):
                return
        except OSError:
            return
        known = _meet(full)
    lane = here()
    state, thing = known
    place = versions.Place(position(frame.f_code, frame.f_lasti), together=True)
    if reads:
        versions.update_of(state, place, "r", frame, lane)
    if writes:
        facts = versions.update_of(state, place, "w", frame, lane)
        if facts is not None:
            versions.tell_update(thing, place, facts, lane)


def _meet(full: str) -> tuple[State, SharedThing]:
    if len(_states) >= _MOST:
        _states.pop(next(iter(_states)), None)
    thing = SharedThing("file", "file", None)
    thing.name = full
    return _states.setdefault(full, (State("file", full), thing))


# What keeps others out. ---------------------------------------------------------------------------


def _see_lock(file: Any, operation: Any) -> None:
    try:
        caller = sys._getframe(1).f_back
        if caller is None or is_logq(caller.f_code.co_filename):
            return
        number = file if isinstance(file, int) else file.fileno()
        facts = os.fstat(number)
        name = f"file:{facts.st_dev}.{facts.st_ino}"
        if operation & _FLOCK_UNLOCK:
            outside.let_go(here(), name)
        else:
            outside.hold(here(), name, lambda: _is_open(number, facts))
    except Exception:
        swallowed()


def _is_open(number: int, facts: os.stat_result) -> bool:
    """Whether that number is that file still: to close it is to unlock it."""
    try:
        return os.path.samestat(os.fstat(number), facts)
    except OSError:
        return False


def _see_remove(path: Any) -> None:
    try:
        if type(path) is str:
            outside.let_go(here(), "file:" + os.path.abspath(path))
    except Exception:
        swallowed()
