"""Where a run lives on disk: the logq directory, run names, the spool, claims of process numbers.

It makes directories and claim files and nothing else; records are written by `sink.py`.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time

__all__ = ["Place", "claim_number", "find_directory", "new_run", "random_suffix", "spool_of"]

_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"


class Place:
    """One run in one logq directory."""

    __slots__ = ("directory", "run")

    def __init__(self, directory: str, run: str) -> None:
        self.directory = directory
        self.run = run

    @property
    def spool(self) -> str:
        return spool_of(self.directory, self.run)


def spool_of(directory: str, run: str) -> str:
    return os.path.join(directory, "runs", run, "spool")


def find_directory(start: str | None = None) -> str:
    """The absolute logq directory for a program that was given none.

    `.logq` is looked for upward from the working directory, as git does. One that belongs to
    somebody else is refused (they could read what is logged), and one in a folder that anybody may write to,
    such as `/tmp`, serves that folder only. Where the working directory is `/` or cannot be written, the user's
    state directory is taken, which is said once on stderr.
    """
    here = start or os.getcwd()
    found = _look_upward(here)
    if found is not None:
        return found
    own = os.path.join(here, ".logq")
    if here != "/" and os.access(here, os.W_OK | os.X_OK) and not os.path.lexists(own):
        return own
    fallback = _state_directory()
    sys.stderr.write(f"logq: {here} cannot hold a .logq directory; recording to {fallback}\n")
    return fallback


def _look_upward(start: str) -> str | None:
    level = start
    while True:
        candidate = os.path.join(level, ".logq")
        is_ours = os.path.isdir(candidate) and os.stat(candidate).st_uid == os.geteuid()
        if is_ours and (level == start or not os.stat(level).st_mode & stat.S_IWOTH):
            return candidate
        parent = os.path.dirname(level)
        if parent == level:
            return None
        level = parent


def _state_directory() -> str:
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    if not os.path.isabs(base):  # no home either: a private place under the temporary directory
        base = os.path.join("/tmp", f"logq-{os.geteuid()}")
    return os.path.join(base, "logq")


def new_run() -> str:
    """A fresh run name, sortable by local time: `20261122-171503-k3f9`."""
    return time.strftime("%Y%m%d-%H%M%S") + "-" + random_suffix(4)


def random_suffix(length: int) -> str:
    return "".join(_BASE32[byte & 31] for byte in os.urandom(length))


def make_spool(place: Place) -> None:
    """Creates `<dir>/runs/<run>/spool`, private to the user, as far as it is missing."""
    path = place.directory
    _make_private(path)
    for part in ("runs", place.run, "spool"):
        path = os.path.join(path, part)
        _make_private(path)


def _make_private(path: str) -> None:
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        return
    except FileNotFoundError:
        os.makedirs(path, 0o700)


def claim_number(spool: str, key: str, first: int = 1) -> int:
    """Takes the next free process number of the run by creating `<n>.claim` exclusively."""
    number = first
    while True:
        path = os.path.join(spool, f"{number}.claim")
        try:
            claim = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as problem:
            if problem.errno != errno.EEXIST:
                raise
            number = max(number, _highest_claim(spool)) + 1
            continue
        try:
            os.write(claim, key.encode("ascii") + b"\n")
        finally:
            os.close(claim)
        return number


def _highest_claim(spool: str) -> int:
    numbers = [name[:-6] for name in os.listdir(spool) if name.endswith(".claim")]
    return max((int(number) for number in numbers if number.isdigit()), default=0)
