"""What `os` has for processes: waiting for children, signals to others, becoming or starting another program.

`os.fork` is not replaced: the fork hooks see it, and its warning about threads must go on naming the
program's own line.
"""

from __future__ import annotations

import os
import sys
import time

from logq import children, exits, fork, identity, waits
from logq.emit import event
from logq.encode import safe_str
from logq.lane import here
from logq.native import get_ident
from logq.options import SEPARATOR, hidden
from logq.patching import dress, replace
from logq.sites import caller_site, is_machinery
from logq.stamp import settled_text
from logq.trouble import swallowed
from logq.unseen import hide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["environment", "patch"]


def patch(os_module: Any) -> None:
    replace(os_module, "wait", lambda original: _wrap_wait(original, _any_child, _pid_and_status))
    replace(os_module, "wait3", lambda original: _wrap_wait(original, _any_child, _pid_and_status))
    replace(os_module, "waitpid", lambda original: _wrap_wait(original, _one_child, _pid_and_status))
    replace(os_module, "wait4", lambda original: _wrap_wait(original, _one_child, _pid_and_status))
    replace(os_module, "waitid", lambda original: _wrap_wait(original, _by_kind, _pid_and_info))
    replace(os_module, "kill", _wrap_kill)
    replace(os_module, "killpg", _wrap_kill)
    replace(os_module, "execv", _wrap_execv)
    replace(os_module, "execve", _wrap_execve)
    replace(os_module, "posix_spawn", _wrap_posix_spawn)
    replace(os_module, "posix_spawnp", _wrap_posix_spawn)


# Waiting. ---------------------------------------------------------------------------------------


def _wrap_wait(original: Callable[..., Any], asks: Callable[..., int | None], tells: Callable[[Any], Any]) -> Any:
    def wait(*args: Any, **kwargs: Any) -> Any:
        if identity.me is None:
            return original(*args, **kwargs)
        begun = _begin(asks, args) if not kwargs else None
        res = "exc"
        try:
            result = original(*args, **kwargs)
            res = "ok"
        except BaseException as problem:
            hide(problem)
            raise
        finally:
            if begun is not None:
                begun.end(res)
        try:
            ended = tells(result)
            if ended is not None:
                children.note_reaped(*ended)
        except Exception:
            swallowed()
        return result

    return dress(wait, original)


def _begin(asks: Callable[..., int | None], args: tuple[Any, ...]) -> waits.Wait | None:
    """Writes the `wait` of a call that will block. subprocess and multiprocessing write theirs themselves."""
    try:
        if _waits_already():
            return None
        pid = asks(*args)
        if pid is None:
            return None
        if pid > 0:
            if not children.is_running(pid):
                return None
            facts = children.facts_of(pid)
        else:
            facts = children.facts_of_any()
        return waits.begin("process", time.monotonic_ns(), None, facts)
    except Exception:  # arguments that the original will complain about
        return None


def _waits_already() -> bool:
    """Whether the running lane is in a wait for a process already."""
    wait = here().waiting
    return wait is not None and wait.on == "process"


# Each gives the pid that a blocking call waits for, 0 for any child, None when it does not block.


def _any_child(options: int = 0) -> int | None:
    if options & os.WNOHANG or children.peek(os.P_ALL, 0) is not None:
        return None
    return 0


def _one_child(pid: int, options: int) -> int | None:
    if pid > 0:
        return None if options & os.WNOHANG else pid
    return _any_child(options)


def _by_kind(kind: int, number: int, options: int) -> int | None:
    if options & (os.WNOHANG | os.WNOWAIT):
        return None
    return number if kind == os.P_PID else _any_child(options)


# Each gives the pid of who was reaped and its return code, negative for a signal.


def _pid_and_status(result: Any) -> tuple[int, int] | None:
    pid, status = result[0], result[1]
    if not pid or not (os.WIFEXITED(status) or os.WIFSIGNALED(status)):
        return None
    return pid, os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)


def _pid_and_info(result: Any) -> tuple[int, int] | None:
    if result is None or result.si_code not in (os.CLD_EXITED, os.CLD_KILLED, os.CLD_DUMPED):
        return None
    if children.is_there(result.si_pid):
        return None  # it only looked: WNOWAIT
    return result.si_pid, result.si_status if result.si_code == os.CLD_EXITED else -result.si_status


# Signals. ---------------------------------------------------------------------------------------


def _wrap_kill(original: Callable[[int, int], None]) -> Any:
    def kill(*args: Any, **kwargs: Any) -> None:
        if identity.me is not None and len(args) == 2 and not kwargs:
            note_kill(*args)
        try:
            return original(*args, **kwargs)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(kill, original)


def note_kill(target: Any, signal: Any) -> None:
    """Before it is sent: it may be the last that this process does. Signal 0 only asks."""
    if isinstance(target, int) and isinstance(signal, int) and signal:
        child = children.find(target)
        named = child.find_key() if child is not None else None
        event("note", {"what": "kill", "sig": int(signal), "target": named or target, "site": caller_site(3)})


# Other programs. --------------------------------------------------------------------------------


def environment() -> dict[str, str]:
    """This process's environment for a child of this run."""
    process = identity.me
    inherited = dict(os.environ)
    origin = settled_text()
    if process is not None and origin is not None:
        inherited["LOGQ_DIR"] = process.place.directory
        inherited["LOGQ_RUN"] = process.place.run
        inherited.update(process.options.environment())
        inherited["LOGQ_PARENT"] = origin
    return inherited


def _wrap_execv(original: Callable[..., Any]) -> Any:
    """It inherits the environment as C has it, so that is where it finds who came before it."""

    def execv(*args: Any) -> Any:
        before = os.environ.get("LOGQ_REDACT")
        try:
            if identity.me is None or not _will_run(args):
                return original(*args)
            origin = _say_farewell(args)
            if origin is not None:
                os.environ["LOGQ_PARENT"] = origin
            if hidden:
                os.environ["LOGQ_REDACT"] = SEPARATOR.join(hidden)
            return original(*args)
        except BaseException as problem:
            hide(problem)
            raise
        finally:
            os.environ.pop("LOGQ_PARENT", None)
            if hidden:  # it was not replaced after all
                os.environ.pop("LOGQ_REDACT", None)
                if before is not None:
                    os.environ["LOGQ_REDACT"] = before

    return dress(execv, original)


def _wrap_execve(original: Callable[..., Any]) -> Any:
    def execve(*args: Any, **kwargs: Any) -> Any:
        try:
            if identity.me is None or kwargs or len(args) != 3 or not _will_run(args):
                return original(*args, **kwargs)
            inherits = args[2] is os.environ
            _say_farewell(args)
            return original(args[0], args[1], environment() if inherits else args[2])
        except BaseException as problem:
            hide(problem)
            raise

    return dress(execve, original)


def _will_run(args: tuple[Any, ...]) -> bool:
    """Whether the file is there: `execvp` tries one directory after the other. A child that subprocess
    forked says nothing of itself."""
    process = identity.me
    if process is None or process.pid != os.getpid() or process.unopened or len(args) < 2:
        return False
    return _is_executable(args[0])


def _say_farewell(args: tuple[Any, ...]) -> str | None:
    """This process becomes another program, which records under a name of its own."""
    origin = settled_text()
    try:
        event("note", {"what": "exec", "argv": [_word(word) for word in args[1]], "site": caller_site(3)})
        origin = settled_text()
        exits.finish("exec", None)
    except Exception:
        swallowed()
    return origin


def _word(word: Any) -> str:
    return os.fsdecode(word) if isinstance(word, (str, bytes, os.PathLike)) else safe_str(word)


def _wrap_posix_spawn(original: Callable[..., int]) -> Any:
    def posix_spawn(*args: Any, **kwargs: Any) -> int:
        if identity.me is None or len(args) != 3:
            return original(*args, **kwargs)
        # subprocess, which may call this, tells of its children itself.
        of_program = not is_machinery(sys._getframe(1).f_code.co_filename)
        if args[2] is os.environ or args[2] is None:  # None since 3.13
            args = (args[0], args[1], environment())
        fork.plans[get_ident()] = fork.Plan(hidden=True)
        try:
            pid = original(*args, **kwargs)
        except BaseException as problem:
            hide(problem)
            raise
        finally:
            fork.plans.pop(get_ident(), None)
        if of_program:
            try:
                children.note_child(pid, None, None, caller_site(2), None, [_word(word) for word in args[1]])
            except Exception:
                swallowed()
        return pid

    return dress(_PosixSpawn(original, posix_spawn), original)


class _PosixSpawn:
    """Either of the two, as it is called: a program that subprocess cannot find must not show ours in a traceback."""

    def __init__(self, original: Callable[..., int], noting: Callable[..., int]) -> None:
        self.original = original
        self.noting = noting

    @property
    def __call__(self) -> Callable[..., int]:
        caller = sys._getframe(1)
        if caller.f_code.co_name == "_posix_spawn" and not _is_executable(caller.f_locals.get("executable")):
            return self.original
        return self.noting


def _is_executable(path: Any) -> bool:
    try:
        return os.access(path, os.X_OK)
    except (TypeError, ValueError):
        return False
