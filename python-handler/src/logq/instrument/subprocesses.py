"""subprocess.Popen, also under asyncio: which programs were started, with which pipes, and how they ended.

A child that inherits the environment is told which run it belongs to and who started it. One that
is given an environment of its own gets exactly that. Nothing here shows in a traceback, of which
`Popen` gives its users many.
"""

from __future__ import annotations

import os
import sys

from logq import children, fork, identity, procfs
from logq.encode import safe_str
from logq.native import get_ident
from logq.patching import dress, replace
from logq.sites import caller_site

from .around import Around
from .process_waits import watch_wait
from .system_calls import environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Callable

__all__ = ["patch", "patch_asyncio"]

# Among the arguments of C's `fork_exec`.
_ENV = 5
_PREEXEC = 21 if sys.version_info >= (3, 11) else 20


def patch(subprocess: Any) -> None:
    popen = subprocess.Popen
    replace(popen, "_execute_child", lambda original: Around(original, _before_start))
    replace(popen, "_handle_exitstatus", _wrap_exit_status)
    replace(popen, "_wait", lambda original: Around(original, _before_wait))
    replace(popen, "_communicate", lambda original: Around(original, _before_communicate))
    holder = subprocess if hasattr(subprocess, "_fork_exec") else subprocess._posixsubprocess
    replace(holder, "_fork_exec" if holder is subprocess else "fork_exec", _wrap_fork_exec)


def patch_asyncio(base_subprocess: Any) -> None:
    replace(base_subprocess.BaseSubprocessTransport, "_process_exited", _wrap_process_exited)


# Starting. --------------------------------------------------------------------------------------


def _before_start(popen: Any, _frame: FrameType) -> Callable[[], None]:
    def after() -> None:
        # Of a program that could not be executed, the process is reaped by now.
        if isinstance(getattr(popen, "pid", None), int) and popen.returncode is None:
            site = caller_site(3)
            children.note_child(popen.pid, None, None, site, _pipes(popen), _words(popen.args))

    return after


def _pipes(popen: Any) -> list[dict[str, Any]]:
    """The ends that the parent holds."""
    found = []
    for what in ("stdin", "stdout", "stderr"):
        stream = getattr(popen, what)
        if stream is not None and not stream.closed:
            end = procfs.pipe_end(stream.fileno(), what)
            if end is not None:
                found.append(end)
    return found


def _wrap_fork_exec(original: Callable[..., int]) -> Any:
    """The last step, in C. What goes wrong in the child is raised by its caller."""

    def fork_exec(*args: Any) -> int:
        if identity.me is None or sys._getframe(1).f_code.co_name != "_execute_child" or len(args) <= _PREEXEC:
            return original(*args)
        # With a preexec_fn, which may change the environment that is inherited, it stays as it is.
        if args[_ENV] is None and args[_PREEXEC] is None:
            listed = [os.fsencode(name) + b"=" + os.fsencode(value) for name, value in environment().items()]
            args = (*args[:_ENV], listed, *args[_ENV + 1 :])
        fork.plans[get_ident()] = fork.Plan(hidden=True)
        try:
            return original(*args)
        finally:
            fork.plans.pop(get_ident(), None)

    return dress(fork_exec, original)


def _words(args: Any) -> list[str]:
    if isinstance(args, (str, bytes, os.PathLike)):
        args = [args]
    return [os.fsdecode(word) if isinstance(word, (str, bytes, os.PathLike)) else safe_str(word) for word in args]


# Waiting and ending. ----------------------------------------------------------------------------


def _before_wait(popen: Any, frame: FrameType) -> Callable[[], None] | None:
    if popen.returncode is not None:
        return None
    timeout = frame.f_locals.get("timeout") if frame.f_code.co_name == "wait" else None
    return watch_wait(popen, timeout)


def _before_communicate(popen: Any, frame: FrameType) -> Callable[[], None] | None:
    """Reading its pipes until it closes them is waiting for it."""
    if popen.returncode is not None:
        return None
    return watch_wait(popen, frame.f_locals.get("timeout"))


def _wrap_exit_status(original: Callable[..., Any]) -> Any:
    def _handle_exitstatus(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        if identity.me is not None:
            children.note_reaped(self.pid, self.returncode)
        return result

    return dress(_handle_exitstatus, original)


def _wrap_process_exited(original: Callable[..., Any]) -> Any:
    """asyncio's watchers reap by themselves and never ask the Popen."""

    def _process_exited(self: Any, returncode: Any) -> Any:
        if identity.me is not None and self._pid is not None:
            children.note_reaped(self._pid, returncode)
        return original(self, returncode)

    return dress(_process_exited, original)
