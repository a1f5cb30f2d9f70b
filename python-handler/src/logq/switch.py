"""Turning recording on and off in this process: where to, under which identity, how deep.

The order of things at a start: find the run, become a process of it, watch the exits, then the
exceptions, the log records, and last the concurrency primitives.
"""

from __future__ import annotations

import os
import sys

from . import exits, fork, hooks, identity, importing, instrument, patching, unseen, watchdog
from .emit import open_process
from .identity import Process
from .lane import get_native_id, make_main, unsettle
from .native import get_ident, is_green
from .options import Options, asked, cleaners, contexts, hidden, redactors
from .place import Place, find_directory, new_run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Callable, Union

    Redact = Union[None, Callable[[dict[str, Any]], None], Iterable[Any]]

__all__ = ["install", "is_on", "uninstall"]

_LATE = ("records", "stacks")  # what remembers something, if there was need of it

catches_all = False  # asked for, though logging may not be imported yet
_retired: Process | None = None


def install(
    capture: str | None = None,
    dir: str | None = None,  # noqa: A002 - its name in dictConfig
    *,
    redact: Redact = None,
    context: Iterable[Any] = (),
    record_level: int | str | None = None,
    ring: int | str | None = None,
    spool_cap: int | str | None = None,
    prints: bool | None = None,
    races: bool | None = None,
) -> None:
    """Records this process: log records, concurrency, exceptions, its end.

    `capture` is how much: "records", "causal" (the default), "events" or "full". `dir` is the logq
    directory; without it the one of the run that this process belongs to, or `.logq` as looked for
    upward from here. `redact` and `context` are as for `logq.Handler`.

    The flight recorder: with `record_level` ("debug", or a number) log records from that level on are
    written even where the program's own levels drop them; its handlers do not see them. Of records below
    WARNING each process then keeps the last `ring` bytes (`"64MB"`), and `spool_cap` bounds all that it
    keeps. With `prints` each `print()` becomes a record of its own. With `races` the program's own modules
    that are imported from here on note what their threads and tasks do to the variables that they share.

    What is not given is as the environment says (`LOGQ_CAPTURE`, `LOGQ_RECORD_LEVEL`, `LOGQ_RING`,
    `LOGQ_SPOOL_CAP`, `LOGQ_PRINTS`, `LOGQ_RACES`). A second call adds nothing but its `redact` and `context`. Raises
    ValueError for a value that makes no sense, OSError where the directory cannot be used.
    """
    _start(asked(capture, record_level, ring, spool_cap, prints, races), dir, redact, context, wrap=True)


def _start(options: Options, directory: str | None, redact: Redact, context: Iterable[Any], wrap: bool) -> None:
    add_options(redact, context)
    if identity.me is None:
        become(find_place(directory), options)
        turn_on(options)
    if wrap:
        catch_all(options)


def install_for_handler(capture: str | None, directory: str | None, redact: Redact, context: Iterable[Any]) -> None:
    """As `install`, for a `logq.Handler`: only records that reach the handler are written."""
    _start(asked(capture), directory, redact, context, wrap=False)


def add_options(redact: Redact, context: Iterable[Any]) -> None:
    if redact is not None:
        from .redact import add

        add(redact)
    for variable in context or ():
        if variable not in contexts:
            contexts.append(variable)


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
    options: Options,
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
    if options.redact:  # the first line has the words of the command
        from .redact import follow

        follow(options.redact)
    parent = os.environ.pop("LOGQ_PARENT", None)  # ours alone, not our children's
    process = Process(place, options, how or "exec", origin or parent, name, suffix)
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
    if is_green():  # there the main thread's ident is that of a greenlet; on Linux its native one is the process's
        return get_ident() if get_native_id() == os.getpid() else 0
    threading = sys.modules.get("threading")
    if threading is not None:
        ident = threading.main_thread().ident
        if isinstance(ident, int):
            return ident
    return get_ident()


def turn_on(options: Options) -> None:
    """Puts every hook of a capture level in place."""
    exits.patch()
    hooks.patch()
    fork.register()
    importing.when_imported("traceback", unseen.patch)
    importing.when_imported("bdb", unseen.patch_debugger)
    instrument.install(options.capture)
    if options.races and options.capture != "records":  # without stamps nobody could tell what orders accesses
        from . import races

        races.turn_on()


def catch_all(options: Options) -> None:
    """Also catches what reaches no `logq.Handler`: every log record, warnings, prints where asked for."""
    global catches_all
    if not catches_all:
        catches_all = True
        importing.when_imported("logging", _catch_records)
        importing.when_imported("warnings", _catch_warnings)
        if options.record_level is not None:  # seldom: most starts need not pay for these imports
            from . import recorder

            importing.when_imported("logging", recorder.patch)
    if options.prints:
        from . import prints

        prints.patch()


def _catch_records(logging: Any) -> None:
    from . import records  # programs that log nothing need not pay for it

    records.patch(logging)


def _catch_warnings(warnings: Any) -> None:
    from . import alerts

    alerts.patch(warnings)


def uninstall() -> None:
    """Stops recording and restores every name that was replaced."""
    global _retired, catches_all
    watchdog.stop()
    catches_all = False
    if "logq.races" in sys.modules:
        from . import races

        races.turn_off()
    importing.forget_all()
    patching.restore_all()
    redactors.clear()
    cleaners.clear()
    hidden.clear()
    contexts.clear()
    if identity.me is not None:
        _retired, identity.me = identity.me, None
    unsettle()
    for name in _LATE:
        late = sys.modules.get(f"{__package__}.{name}")
        if late is not None:
            late.forget()
    instrument.uninstall()
