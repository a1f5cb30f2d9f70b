"""What a reader asks of this process while it runs: a snapshot, by a file beside its parts.

`<proc>.ctl` holds one line, `<why> <token>`: the answer is a `snap` with this `why` and `request` =
the token. Looked for once a tick, in the watchdog's thread; a file is answered once and removed.
"""

from __future__ import annotations

import os

from . import identity, snapshot

__all__ = ["answer"]

_os_read = os.read  # a program's own tests may put something else in its place
_WHYS = ("dump", "timeout")
_LONGEST = 200


_path: tuple[identity.Process | None, str] = (None, "")


def answer(_now: int) -> None:
    global _path
    process = identity.me
    if process is None:
        return
    known, path = _path
    if known is not process:
        path = os.path.join(process.place.spool, process.key + ".ctl")
        _path = (process, path)
    if not os.access(path, os.F_OK):  # an exception for each look would cost twice as much
        return
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return  # nobody asks
    try:
        line = _os_read(fd, _LONGEST)
        if not line.endswith(b"\n"):
            return  # still being written
        os.unlink(path)
    finally:
        os.close(fd)
    words = line.decode("ascii", "replace").split()
    if len(words) == 2 and words[0] in _WHYS:
        snapshot.write(words[0], request=words[1])
