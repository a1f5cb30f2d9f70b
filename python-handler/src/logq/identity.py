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
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Tuple

from .place import Place, claim_number, make_spool, random_suffix
from .sink import Sink

if TYPE_CHECKING:
    from .lane import Lane

__all__ = ["Process", "me"]

VERSION = "0.1.0"
DEFAULT_PART_SIZE = 64 << 20

me: Optional["Process"] = None


class Process:
    """One process of a run. `key` is `<pid>-<6 base32>` and unique for ever."""

    __slots__ = (
        "key", "pid", "number", "place", "how", "origin", "name", "capture", "sink", "unopened",
        "threads", "tasks", "objects", "main", "main_ident", "lanes", "things", "folded", "ended",
        "quiet", "argv",
    )  # fmt: skip

    def __init__(
        self,
        place: Place,
        capture: str,
        how: str,
        origin: Optional[str] = None,
        name: Optional[str] = None,
        suffix: Optional[str] = None,
        objects: Optional[Iterator[int]] = None,
    ) -> None:
        self.pid = os.getpid()
        self.key = "%d-%s" % (self.pid, suffix or random_suffix(6))
        self.number = 0
        self.place = place
        self.capture = capture
        self.how = how
        self.origin = origin
        self.name = name
        self.argv = command_line()
        self.sink = Sink(os.path.join(place.spool, self.key), _no_preamble, _part_size())
        self.unopened = [True]  # popped by whoever opens the file: list.pop is atomic
        self.threads = itertools.count(1)
        self.tasks = itertools.count(1)
        self.objects = objects if objects is not None else itertools.count(1)
        self.main: Optional["Lane"] = None
        self.main_ident = 0
        self.lanes: Dict[str, "Lane"] = {}  # written and still running
        self.things: Dict[int, Any] = {}  # number -> weak reference to a told Thing
        self.folded: Dict[Tuple[Any, str], int] = {}  # (site, fn) -> count
        self.ended: List[bool] = [True]  # popped by whoever writes `exit`
        self.quiet = False  # infrastructure of multiprocessing: leaves no file of its own accord

    def open(self, first: int = 1) -> None:
        """Claims a number and opens the first part. Raises OSError."""
        make_spool(self.place)
        self.number = claim_number(self.place.spool, self.key, first)
        if self.how == "root" and self.number > 1:
            self.how = "exec"  # something that is not Python stands between
        self.sink.open()

    def facts(self, part: int) -> Dict[str, object]:
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
            "python": "%d.%d.%d" % sys.version_info[:3],
            "host": os.uname().nodename,
            "boot": _boot_id(),
            "run": self.place.run,
            "logq": VERSION,
            "tz": _time_zone(),
        }


def _no_preamble(part: int) -> List[bytes]:
    return []


def _part_size() -> int:
    try:
        return int(os.environ.get("LOGQ_PART_SIZE", "")) or DEFAULT_PART_SIZE
    except ValueError:
        return DEFAULT_PART_SIZE


def command_line() -> List[str]:
    """The program and its arguments; known this early, as `sitecustomize` runs before `main`."""
    argv = getattr(sys, "argv", None)
    if argv and argv[0] not in ("-m", ""):
        return list(argv)
    original = list(getattr(sys, "orig_argv", []))
    return original[1:] or list(argv or [])


def display_name(argv: List[str]) -> str:
    """What a person calls this program: `shop.py`, `-m pkg`, `python`."""
    if "-m" in argv[:-1]:
        return argv[argv.index("-m") + 1]
    if argv and argv[0] and argv[0] != "-c":
        return os.path.basename(argv[0])
    return os.path.basename(sys.executable or "python")


def _boot_id() -> Optional[str]:
    try:
        fd = os.open("/proc/sys/kernel/random/boot_id", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, 64).decode("ascii").strip()
    finally:
        os.close(fd)


def _time_zone() -> str:
    offset = time.localtime().tm_gmtoff // 60
    return "%s%02d:%02d" % ("-" if offset < 0 else "+", abs(offset) // 60, abs(offset) % 60)
