"""Turning recording on and off in this process: where to, under which identity, how deep.

The order of things at a start: find the run, become a process of it, watch the exits, then the
exceptions, the log records, and last the concurrency primitives.
"""

from __future__ import annotations

import os
import sys
from _thread import get_ident

from . import exits, fork, hooks, identity, importing, instrument, patching, records, render, watchdog
from .emit import open_process
from .identity import Process
from .lane import make_main
from .place import Place, find_directory, new_run
from .redact import make_redactor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Callable, Union

    Redact = Union[None, Callable[[dict[str, Any]], None], Iterable[Any]]

__all__ = ["CAPTURES", "install", "is_on", "uninstall"]

CAPTURES = ("records", "causal", "events", "full")


_retired: Process | None = None


def install(
    capture: str | None = None,
    dir: str | None = None,  # noqa: A002 - its name in dictConfig
    *,
    redact: Redact = None,
    context: Iterable[Any] = (),
) -> None:
    """Records this process: log records, concurrency, exceptions, its end.

    `capture` is how much: "records", "causal" (the default), "events" or "full". `dir` is the logq
    directory; without it the one of the run that this process belongs to, or `.logq` as looked for
    upward from here. `redact` and `context` are as for `logq.Handler`. A second call adds nothing
    but its `redact` and `context`. Raises ValueError for an unknown capture, OSError where the
    directory cannot be used.
    """
    _start(capture, dir, redact, context, wrap=True)


def _start(
    capture: str | None,
    directory: str | None,
    redact: Redact,
    context: Iterable[Any],
    wrap: bool,
) -> None:
    capture = capture or os.environ.get("LOGQ_CAPTURE") or "causal"
    if capture not in CAPTURES:
        raise ValueError("capture must be one of {}, not {!r}".format(", ".join(CAPTURES), capture))
    add_options(redact, context)
    if identity.me is None:
        become(find_place(directory), capture)
        turn_on(capture)
    if wrap and not records.wrapped:
        importing.when_imported("logging", records.patch)


def install_for_handler(capture: str | None, directory: str | None, redact: Redact, context: Iterable[Any]) -> None:
    """As `install`, for a `logq.Handler`: only records that reach the handler are written."""
    _start(capture, directory, redact, context, wrap=False)


def add_options(redact: Redact, context: Iterable[Any]) -> None:
    redactor = make_redactor(redact)
    if redactor is not None:
        render.redactors.append(redactor)
    for variable in context or ():
        if variable not in render.contexts:
            render.contexts.append(variable)


def is_on() -> bool:
    return identity.me is not None


def find_place(directory: str | None = None) -> Place:
    """The run that the environment names, or a new one of which this process is the root."""
    if _retired is not None and _retired.pid == os.getpid() and directory is None:
        return _retired.place
    inherited = os.environ.get("LOGQ_DIR")
    run = os.environ.get("LOGQ_RUN")
    if directory is not None:
        directory = os.path.abspath(directory)
    if inherited and run and (directory is None or directory == os.path.abspath(inherited)):
        return Place(os.path.abspath(inherited), run)
    return Place(directory or inherited or find_directory(), new_run())


def become(
    place: Place,
    capture: str,
    how: str | None = None,
    origin: str | None = None,
    name: str | None = None,
    suffix: str | None = None,
    wait: bool = False,
) -> None:
    """Makes this process one of the run. With `wait` the file is opened at the first record only."""
    global _retired
    if _retired is not None and _retired.pid == os.getpid() and _retired.place.spool == place.spool:
        identity.me, _retired = _retired, None  # installed again: one process, one file
        return
    parent = os.environ.pop("LOGQ_PARENT", None)  # ours alone, not our children's
    process = Process(place, capture, how or "exec", origin or parent, name, suffix)
    make_main(process, _main_ident())
    identity.me = process
    if not wait:
        if how is None and not (parent and not _is_run_itself(place, parent)):
            process.how = "root"  # unless others are there already, see Process.open
        open_process(process)
        if process.sink.broken:
            identity.me = None
            raise OSError(f"logq cannot write to {place.spool}")


def _is_run_itself(place: Place, parent: str) -> bool:
    """Whether the parent's stamp is that of `logq run`, which is process 0."""
    try:
        with open(os.path.join(place.spool, "0.claim"), "rb") as claim:
            return parent.startswith(claim.read().decode("ascii").strip() + "/")
    except (OSError, ValueError):
        return False


def _main_ident() -> int:
    threading = sys.modules.get("threading")
    if threading is not None:
        ident = threading.main_thread().ident
        if isinstance(ident, int):
            return ident
    return get_ident()


def turn_on(capture: str) -> None:
    """Puts every hook of a capture level in place."""
    exits.patch()
    hooks.patch()
    fork.register()
    instrument.install(capture)


def uninstall() -> None:
    """Stops recording and restores every name that was replaced."""
    global _retired
    watchdog.stop()
    importing.forget_all()
    patching.restore_all()
    instrument.uninstall()
    records.wrapped = False
    render.redactors.clear()
    render.contexts.clear()
    if identity.me is not None:
        _retired, identity.me = identity.me, None
