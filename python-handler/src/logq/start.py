"""Recording from the first moment: what `boot/sitecustomize.py` calls in every interpreter of a run.

Decides what kind of interpreter this is. Children of multiprocessing are told by their parent who
they are, a moment later; its helpers (resource tracker, fork server) are no processes of the
program and leave no file.
"""

from __future__ import annotations

import os
import sys

from . import descriptors, exits, identity
from .options import Options, inherited
from .place import Place
from .switch import become, catch_all, turn_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["arrive", "boot"]


def boot() -> None:
    """Starts recording into the run that the environment names. Raises what goes wrong."""
    if identity.me is not None:
        return
    arguments = _arguments()
    command = arguments[1] if len(arguments) > 1 else ""
    if "multiprocessing.resource_tracker" in command or _is_recorded_already():
        return
    options = inherited()
    helper = "multiprocessing.forkserver" in command
    told_later = "--multiprocessing-fork" in arguments
    become(
        Place(os.environ["LOGQ_DIR"], os.environ["LOGQ_RUN"]),
        options,
        how="spawn" if told_later else None,
        wait=helper or told_later,
    )
    if helper:
        _current().quiet = True
    turn_on(options)
    catch_all(options)


def _is_recorded_already() -> bool:
    """Whether this is a subinterpreter: the process's main interpreter records, and they share descriptors.

    Its open part tells; an exec closes it. Importing `_interpreters` to ask would cost more than all of this.
    """
    ours = f"{os.path.realpath(os.environ['LOGQ_DIR'])}/runs/{os.environ['LOGQ_RUN']}/spool/{os.getpid()}-"
    for floor in descriptors.FLOORS:
        for number in (floor, floor + 1):
            try:
                if os.readlink(f"/proc/self/fd/{number}").startswith(ours):
                    return True
            except OSError:
                continue
    return False


def _current() -> identity.Process:
    process = identity.me
    assert process is not None
    return process


def _arguments() -> list[str]:
    """`["-c", command, …]` or the like: the command line without the interpreter's own switches."""
    return [part for part in _command_line() if part == "-c" or part.startswith("--") or part[:1] != "-"]


def _command_line() -> list[str]:
    original = getattr(sys, "orig_argv", None)  # since 3.10
    if original:
        return list(original[1:])
    try:
        with open("/proc/self/cmdline", "rb") as line:
            return line.read().decode("utf-8", "replace").split("\0")[1:]
    except OSError:
        return list(sys.argv)


def arrive(
    place: tuple[str, str],
    packed: tuple[Any, ...],
    how: str,
    origin: str | None,
    name: str | None,
    suffix: str,
    wrap: bool,
    shared: list[Any],
) -> None:
    """In a child of multiprocessing: its parent's token says who it is, before its target runs."""
    known = identity.me
    if known is not None and not known.unopened:
        return  # it has written something already, under an identity of its own
    os.environ.pop("LOGQ_PARENT", None)  # of the interpreter, not of this child
    options = Options(*packed)
    become(Place(*place), options, how, origin, name, suffix)
    if known is None:
        turn_on(options)
    else:
        exits.reset()
    if shared:
        from .instrument import shared_things

        shared_things.adopt(shared)
    if wrap:
        catch_all(options)
