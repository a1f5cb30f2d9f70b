"""subprocess.Popen, also under asyncio: which programs were started, and how they ended.

A child that inherits the environment is told which run it belongs to and who started it. One that
is given an environment of its own gets exactly that.
"""

from __future__ import annotations

import os
from _thread import get_ident

from logq import fork, identity
from logq.encode import safe_str
from logq.patching import dress, replace
from logq.sites import caller_site
from logq.stamp import settled_text
from logq.trouble import swallowed

from .processes import note_child, note_reaped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["patch", "patch_asyncio"]

# Among the arguments of `_execute_child` after self.
_PREEXEC, _ENV = 2, 6


def patch(subprocess: Any) -> None:
    replace(subprocess.Popen, "_execute_child", _wrap_execute)
    replace(subprocess.Popen, "_handle_exitstatus", _wrap_exit_status)


def patch_asyncio(base_subprocess: Any) -> None:
    replace(base_subprocess.BaseSubprocessTransport, "_process_exited", _wrap_process_exited)


def _wrap_execute(original: Callable[..., None]) -> Any:
    """What `Popen.__init__` calls last. That itself warns of its caller's line, so it stays unwrapped."""

    def execute(self: Any, *args: Any, **kwargs: Any) -> None:
        if identity.me is None:
            original(self, *args, **kwargs)
            return
        # With a preexec_fn, which may change the environment that is inherited, it stays as it is.
        if len(args) > _ENV and args[_ENV] is None and args[_PREEXEC] is None:
            args = (*args[:_ENV], _environment(), *args[_ENV + 1 :])
        fork.plans[get_ident()] = fork.Plan(hidden=True)
        try:
            original(self, *args, **kwargs)
        finally:
            fork.plans.pop(get_ident(), None)
        if isinstance(self.pid, int):
            try:
                note_child(self.pid, None, None, argv=_words(self.args), site=caller_site(2))
            except Exception:
                swallowed()

    return dress(execute, original)


def _environment() -> dict[str, str]:
    process = identity.me
    environment = dict(os.environ)
    origin = settled_text()
    if process is not None and origin is not None:
        environment["LOGQ_DIR"] = process.place.directory
        environment["LOGQ_RUN"] = process.place.run
        environment.update(process.options.environment())
        environment["LOGQ_PARENT"] = origin
    return environment


def _words(args: Any) -> list[str]:
    if isinstance(args, (str, bytes, os.PathLike)):
        args = [args]
    return [os.fsdecode(word) if isinstance(word, (str, bytes, os.PathLike)) else safe_str(word) for word in args]


def _wrap_exit_status(original: Callable[..., Any]) -> Any:
    def _handle_exitstatus(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        if identity.me is not None:
            note_reaped(self.pid, self.returncode)
        return result

    return dress(_handle_exitstatus, original)


def _wrap_process_exited(original: Callable[..., Any]) -> Any:
    """asyncio's watchers reap by themselves and never ask the Popen."""

    def _process_exited(self: Any, returncode: Any) -> Any:
        if identity.me is not None and self._pid is not None:
            note_reaped(self._pid, returncode)
        return original(self, returncode)

    return dress(_process_exited, original)
