"""multiprocessing.Process: who started whom by which method, and how each child ended.

A forked child is told by the fork hooks, a spawned one by a token that is pickled with its process
object. Pools, queues and pipes between processes are not this file's affair.
"""

from __future__ import annotations

import os
import sys

from logq import children, exits, fork, hooks, identity, switch
from logq.native import get_ident
from logq.patching import dress, replace
from logq.place import random_suffix
from logq.sites import caller_site
from logq.stamp import settled_text

from . import shared_things
from .around import Around
from .process_waits import watch_wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Callable

__all__ = ["patch_popen", "patch_process", "patch_traceback"]


def forget() -> None:
    children.forget()


def patch_process(process: Any) -> None:
    replace(process.BaseProcess, "_bootstrap", _wrap_bootstrap)


def patch_popen(module: Any) -> None:
    if "_launch" in vars(module.Popen):
        replace(module.Popen, "_launch", lambda original: Around(original, _before_launch))
    if "poll" in vars(module.Popen):
        replace(module.Popen, "poll", _wrap_poll)
    if "wait" in vars(module.Popen):
        replace(module.Popen, "wait", lambda original: Around(original, _before_wait))


def patch_traceback(traceback: Any) -> None:
    replace(traceback, "print_exc", _wrap_print_exc)


# In the parent. -------------------------------------------------------------------------------


def _before_launch(popen: Any, frame: FrameType) -> Callable[[], None] | None:
    """What `start` does in the end. A target that cannot be pickled is an error like any other, and looks so."""
    process, child = identity.me, frame.f_locals.get("process_obj")
    if process is None or child is None:
        return None
    suffix = random_suffix(6)
    name = getattr(child, "_name", None)
    fork.plans[get_ident()] = fork.Plan(name=name, suffix=suffix, announced=True)
    child._logq_token = _Token(name, suffix)

    def after() -> None:
        fork.plans.pop(get_ident(), None)
        child.__dict__.pop("_logq_token", None)
        pid = getattr(popen, "pid", None)
        if identity.me is process and isinstance(pid, int):  # not in a child that comes back here
            children.note_child(pid, f"{pid}-{suffix}", name, caller_site(3))

    return after


class _Token:
    """Pickles into a call that makes the child a process of this run before its target runs.

    The call is source text, since the child may be an interpreter that has no logq.
    """

    def __init__(self, name: str | None, suffix: str) -> None:
        self.name = name
        self.suffix = suffix
        self.origin = settled_text()

    def __reduce__(self) -> Any:
        process = identity.me
        if process is None:
            return (str, ())
        popen = sys.modules.get("multiprocessing.context")
        spawning = popen.get_spawning_popen() if popen is not None else None
        how = getattr(spawning, "method", None) or "spawn"
        package = os.path.dirname(os.path.dirname(os.path.abspath(fork.__file__)))
        facts = (
            (process.place.directory, process.place.run),
            process.options.packed(),
            how,
            self.origin,
            self.name,
            self.suffix,
            switch.catches_all,
            shared_things.table(),
        )
        return (exec, (_ARRIVAL % (package, facts),))


_ARRIVAL = """
try:
    import sys as _sys
    _sys.path.insert(0, %r)
    try:
        import logq.start as _start
    finally:
        _sys.path.pop(0)
    _start.arrive(*%r)
except Exception:
    pass
"""


def _wrap_poll(original: Callable[..., Any]) -> Any:
    def poll(self: Any, *args: Any, **kwargs: Any) -> Any:
        code = original(self, *args, **kwargs)
        if code is not None and identity.me is not None:
            children.note_reaped(self.pid, code)
        return code

    return dress(poll, original)


def _before_wait(popen: Any, frame: FrameType) -> Callable[[], None] | None:
    if popen.returncode is not None:
        return None
    return watch_wait(popen, frame.f_locals.get("timeout"))


# In the child. --------------------------------------------------------------------------------


def _wrap_bootstrap(original: Callable[..., Any]) -> Any:
    def _bootstrap(self: Any, *args: Any, **kwargs: Any) -> Any:
        code = original(self, *args, **kwargs)
        exits.note_code(code)
        return code

    return dress(_bootstrap, original)


def _wrap_print_exc(original: Callable[..., Any]) -> Any:
    """`_bootstrap` prints what ended the child's target, and only there can it be seen."""

    def print_exc(*args: Any, **kwargs: Any) -> Any:
        caller = sys._getframe(1).f_code
        if caller.co_name == "_bootstrap" and caller.co_filename.endswith("process.py"):
            problem = sys.exc_info()[1]
            process = identity.me
            if problem is not None and process is not None:
                hooks.report("sys", problem, "default", process.main)
            del problem
        return original(*args, **kwargs)

    return dress(print_exc, original)
