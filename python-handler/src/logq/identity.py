"""Who this process is in the run: its key, its number, its counters, its sink.

`me` is this process, or None while nothing is recorded. A fork replaces it; whatever was made
before keeps its reference to the parent's `Process`, so that no identity is ever reused. What a
`proc` line says about a process is put together here; writing it is `emit.py`'s part.
"""

from __future__ import annotations

import itertools
import os
import sys
import time

from .place import Place, claim_number, make_spool, random_suffix
from .shelf import Shelf, share_of
from .sink import Sink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .lane import Lane
    from .options import Options

__all__ = ["Process", "me"]

_os_read = os.read  # a program's own tests may put something else in its place
__version__ = "0.1.0"
DEFAULT_PART_SIZE = 64 << 20

me: Process | None = None


class Process:
    """One process of a run. `key` is `<pid>-<6 base32>` and unique for ever."""

    __slots__ = (
        "_ring_plan",
        "argv",
        "capture",
        "ended",
        "folded",
        "held",
        "how",
        "key",
        "lane_head",
        "lanes",
        "main",
        "main_ident",
        "name",
        "number",
        "objects",
        "options",
        "origin",
        "pid",
        "place",
        "quiet",
        "ring",
        "sink",
        "tasks",
        "things",
        "threads",
        "unopened",
    )  # fmt: skip

    def __init__(
        self,
        place: Place,
        options: Options,
        how: str,
        origin: str | None = None,
        name: str | None = None,
        suffix: str | None = None,
        objects: Iterator[int] | None = None,
    ) -> None:
        self.pid = os.getpid()
        self.key = f"{self.pid}-{suffix or random_suffix(6)}"
        self.lane_head = f',"proc":"{self.key}","pid":{self.pid},"lane":"'
        self.number = 0
        self.place = place
        self.options = options
        self.capture = options.capture
        self.how = how
        self.origin = origin
        self.name = name
        self.argv = command_line()
        base, part_size = os.path.join(place.spool, self.key), _part_size()
        shelf = Shelf(base, options.ring, options.spool_cap, part_size)
        self.sink = Sink(base, share_of(options.spool_cap, part_size), shelf)
        self.ring: Sink | None = None  # takes the log records below WARNING, where a ring is wanted
        self._ring_plan = (base, share_of(options.ring, part_size), shelf)
        self.unopened = [True]  # popped by whoever opens the file: list.pop is atomic
        self.threads = itertools.count(1)
        self.tasks = itertools.count(1)
        self.objects = objects if objects is not None else itertools.count(1)
        self.main: Lane | None = None
        self.main_ident = 0
        self.lanes: dict[str, Lane] = {}  # written and still running
        self.things: dict[int, Any] = {}  # number -> weak reference to a told Thing
        self.held: list[dict[str, object]] = []  # after a fork, what other lanes than the forking one held
        # Tasks that were only counted: (id of code, instruction, fn) -> [code, count].
        self.folded: dict[tuple[int, int, str | None], list[Any]] = {}
        self.ended: list[bool] = [True]  # popped by whoever writes `exit`
        self.quiet = False  # infrastructure of multiprocessing: leaves no file of its own accord

    def open(self, first: int = 1) -> None:
        """Claims a number and opens the first part. Raises OSError."""
        make_spool(self.place)
        self.number = claim_number(self.place.spool, self.key, first)
        if self.how == "root" and self.number > 1:
            self.how = "exec"  # something that is not Python stands between
        self.sink.open()

    def open_ring(self) -> None:
        """Gives low log records files of their own, where that was asked for. Raises OSError."""
        if self.options.ring is not None:
            ring = Sink(*self._ring_plan, ring=True)
            ring.preamble = self.sink.preamble
            ring.open()
            self.ring = ring

    def close_inherited(self) -> None:
        """In a forked child: this is the parent, whose files are not ours."""
        for sink in (self.sink, self.ring):
            if sink is not None:
                sink.close_inherited()

    def facts(self, part: int) -> dict[str, object]:
        """What the `proc` line of a part says."""
        main = self.main
        return {
            "n": self.number,
            "part": part,
            "how": self.how,
            "from": self.origin,
            "name": self.name or display_name(self.argv),
            "thread": main.name if main is not None else "MainThread",
            "tid": main.tid if main is not None else None,
            "ppid": os.getppid(),
            "argv": self.argv,
            "python": ".".join(str(part) for part in sys.version_info[:3]),
            "host": os.uname().nodename,
            "boot": _boot_id(),
            "run": self.place.run,
            "logq": __version__,
            "tz": _time_zone(),
            "held": self.held or None,
        }


def _part_size() -> int:
    try:
        return int(os.environ.get("LOGQ_PART_SIZE", "")) or DEFAULT_PART_SIZE
    except ValueError:
        return DEFAULT_PART_SIZE


def command_line() -> list[str]:
    """The program and its arguments; known this early, as `sitecustomize` runs before `main`."""
    argv = getattr(sys, "argv", None)
    if argv and argv[0] not in ("-m", ""):
        return list(argv)
    original = list(getattr(sys, "orig_argv", []))
    return original[1:] or list(argv or [])


def display_name(argv: list[str]) -> str:
    """What a person calls this program: `shop.py`, `-m pkg`, `python`."""
    if "-m" in argv[:-1]:
        return argv[argv.index("-m") + 1]
    if argv and argv[0] and argv[0] != "-c":
        return os.path.basename(argv[0])
    return os.path.basename(sys.executable or "python")


def _boot_id() -> str | None:
    try:
        fd = os.open("/proc/sys/kernel/random/boot_id", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _os_read(fd, 64).decode("ascii").strip()
    finally:
        os.close(fd)


def _time_zone() -> str:
    offset = time.localtime().tm_gmtoff // 60
    hours, minutes = divmod(abs(offset), 60)
    return f"{'-' if offset < 0 else '+'}{hours:02d}:{minutes:02d}"
