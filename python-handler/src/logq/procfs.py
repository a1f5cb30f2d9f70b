"""What the system tells of processes and pipes: states, system calls, how full a pipe is.

Linux only; elsewhere, and where the system refuses, there is simply less to say. It reads, and
blocks on nothing.
"""

from __future__ import annotations

import os
import sys

try:  # here, where no fork can come between: see sites.position
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["blocking_call", "descendants", "is_open", "pipe_end", "pipe_facts", "process_facts", "state"]

_FIONREAD = 0x541B
_GETPIPE_SZ = 1032
_MOST_DESCENDANTS = 32

# The system calls in which a process is found waiting, by machine. Those of `_ON_FD` name a descriptor first.
_CALLS = {
    "x86_64": {
        0: "read", 1: "write", 7: "poll", 19: "readv", 20: "writev", 23: "select", 34: "pause", 35: "nanosleep",
        42: "connect", 43: "accept", 44: "sendto", 45: "recvfrom", 46: "sendmsg", 47: "recvmsg", 61: "wait4",
        72: "fcntl", 73: "flock", 202: "futex", 230: "clock_nanosleep", 232: "epoll_wait", 247: "waitid",
        270: "pselect6", 271: "ppoll", 281: "epoll_pwait", 288: "accept4",
    },
    "aarch64": {
        22: "epoll_pwait", 25: "fcntl", 32: "flock", 63: "read", 64: "write", 65: "readv", 66: "writev",
        72: "pselect6", 73: "ppoll", 95: "waitid", 98: "futex", 101: "nanosleep", 115: "clock_nanosleep",
        202: "accept", 203: "connect", 206: "sendto", 207: "recvfrom", 211: "sendmsg", 212: "recvmsg",
        242: "accept4", 260: "wait4",
    },
}  # fmt: skip
_ON_FD = ("read", "write", "connect", "accept", "send", "recv", "fcntl", "flock")
_calls: dict[int, str] = _CALLS.get(os.uname().machine, {}) if sys.platform == "linux" else {}


def process_facts(pid: int) -> dict[str, object]:
    """`{child_pid, state, call}` of a process: R runs, S sleeps, D waits for a device, T is stopped, Z has ended."""
    return {"child_pid": pid, "state": state(pid), "call": blocking_call(f"/proc/{pid}")}


def state(pid: int) -> str | None:
    """The letter of a process's state, None when it is gone."""
    after_name = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return after_name[0] if after_name else None


def blocking_call(place: str) -> dict[str, object] | None:
    """`{name, fd, on}`: the system call in which the process or thread at this place under /proc is blocked.

    None while it runs, or where the system keeps it to itself.
    """
    words = _read(place + "/syscall").split()
    if len(words) < 2 or not words[0].isdigit():  # "running", or -1: in none
        return None
    name = _calls.get(int(words[0]))
    if name is None:
        return None
    call: dict[str, object] = {"name": name}
    if name.startswith(_ON_FD):
        fd = int(words[1], 16)
        call["fd"] = fd
        try:
            call["on"] = os.readlink(f"{place}/fd/{fd}")
        except OSError:
            pass
    return call


def descendants(pid: int) -> list[tuple[int, int]]:
    """`(pid, parent)` of the children of a process and their children, a few dozen at most."""
    found: list[tuple[int, int]] = []
    todo = [pid]
    while todo and len(found) < _MOST_DESCENDANTS:
        parent = todo.pop()
        try:
            threads = os.listdir(f"/proc/{parent}/task")
        except OSError:
            continue
        for thread in threads:
            children = [int(word) for word in _read(f"/proc/{parent}/task/{thread}/children").split()]
            found.extend([(child, parent) for child in children])
            todo.extend(children)
    return found[:_MOST_DESCENDANTS]


# Pipes. -----------------------------------------------------------------------------------------


def pipe_end(fd: int, name: str) -> dict[str, Any] | None:
    """`{fd, inode, name}` of a pipe or socket that this process has open."""
    try:
        return {"fd": fd, "inode": os.fstat(fd).st_ino, "name": name}
    except OSError:
        return None


def is_open(end: dict[str, Any]) -> bool:
    """Whether the descriptor still is this very pipe."""
    try:
        return bool(os.fstat(end["fd"]).st_ino == end["inode"])
    except OSError:
        return False


def pipe_facts(end: dict[str, Any]) -> dict[str, object]:
    """The end with what is `queued` in the pipe and its `capacity`, both in bytes, while it is open."""
    facts: dict[str, object] = dict(end)
    if not is_open(end):
        facts["closed"] = True
        return facts
    try:
        facts["queued"] = int.from_bytes(fcntl.ioctl(end["fd"], _FIONREAD, bytes(4)), sys.byteorder)
        facts["capacity"] = fcntl.fcntl(end["fd"], _GETPIPE_SZ)
    except (AttributeError, OSError):
        pass
    return facts


def _read(path: str) -> str:
    try:
        with open(path, "rb", 0) as file:
            return file.read(4096).decode("ascii", "replace")
    except OSError:
        return ""
