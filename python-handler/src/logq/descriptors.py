"""Descriptors of our files: under high numbers, and never taken for those of the host.

The host may close our number and open something else under it. What is written, and when, is `sink.py`'s affair.
"""

from __future__ import annotations

import fcntl
import os

__all__ = ["FLOORS", "is_file", "is_identity", "lift"]

FLOORS = (4000, 900, 200)  # where our descriptors go: as high as the limit allows


def lift(low: int) -> int:
    """Moves a descriptor to a high number, out of the way of programs that close low ones."""
    try:
        for floor in (*FLOORS, 0):
            try:
                return int(fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, floor))
            except OSError:
                if floor == 0:
                    raise
        raise AssertionError("unreachable")
    finally:
        os.close(low)


def is_identity(fd: int, identity: tuple[int, int]) -> bool:
    try:
        state = os.fstat(fd)
    except OSError:
        return False
    return (state.st_dev, state.st_ino) == identity


def is_file(fd: int, path: str) -> bool:
    try:
        state = os.stat(path)
    except OSError:
        return False
    return is_identity(fd, (state.st_dev, state.st_ino))
