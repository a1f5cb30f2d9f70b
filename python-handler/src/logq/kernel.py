"""What Linux tells of one thread of this process: its state, its CPU time, the system call it is blocked in.

Read from `/proc/self/task`, for a snapshot only. Everything may be missing (another system, a sandbox)
and then is left out. Nothing here raises, and nothing here is true any more when it is read, unless
the thread is blocked.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["call_of", "cpu_of", "is_sleep", "name_of", "runnable_of", "state_of", "threads"]

_os_read = os.read  # a program's own tests may put something else in its place

# Number -> name, of the calls in which a thread may be blocked for long.
_NAMES: dict[str, dict[int, str]] = {
    "x86_64": {
        0: "read", 1: "write", 7: "poll", 17: "pread", 19: "readv", 20: "writev", 23: "select", 34: "pause",
        35: "nanosleep", 40: "sendfile", 42: "connect", 43: "accept", 44: "sendto", 45: "recvfrom", 46: "sendmsg",
        47: "recvmsg", 61: "wait4", 72: "fcntl", 73: "flock", 74: "fsync", 128: "sigtimedwait", 130: "sigsuspend",
        202: "futex", 220: "semtimedop", 230: "clock_nanosleep", 232: "epoll_wait", 247: "waitid", 257: "openat",
        270: "pselect", 271: "ppoll", 281: "epoll_wait", 288: "accept", 441: "epoll_wait",
    },
    "aarch64": {
        22: "epoll_wait", 25: "fcntl", 32: "flock", 56: "openat", 63: "read", 64: "write", 65: "readv", 66: "writev",
        67: "pread", 71: "sendfile", 72: "pselect", 73: "ppoll", 82: "fsync", 95: "waitid", 98: "futex",
        101: "nanosleep", 115: "clock_nanosleep", 133: "sigsuspend", 137: "sigtimedwait", 192: "semtimedop",
        202: "accept", 203: "connect", 206: "sendto", 207: "recvfrom", 211: "sendmsg", 212: "recvmsg", 242: "accept",
        260: "wait4", 441: "epoll_wait",
    },
}  # fmt: skip
_OF_DESCRIPTOR = frozenset(
    [
        *("read", "write", "readv", "writev", "pread", "sendfile", "recvfrom", "recvmsg", "sendto", "sendmsg"),
        *("accept", "connect", "fcntl", "flock", "fsync", "epoll_wait"),
    ]
)
_MAX_DESCRIPTORS = 8
_ABSOLUTE = 1  # TIMER_ABSTIME

_names = _NAMES.get(os.uname().machine, {}) if hasattr(os, "uname") and sys.maxsize > 1 << 32 else {}


def threads() -> list[int]:
    """Native ids of all threads of this process."""
    try:
        return sorted(int(name) for name in os.listdir("/proc/self/task"))
    except OSError:
        return []


def state_of(tid: int) -> str | None:
    """R running or wanting to, S asleep, D asleep in the kernel, T stopped…"""
    stat = _read(f"/proc/self/task/{tid}/stat")
    return stat[stat.rfind(b")") + 2 :][:1].decode("ascii", "replace") or None


def name_of(tid: int) -> str | None:
    return _read(f"/proc/self/task/{tid}/comm").decode("utf-8", "replace").strip() or None


def cpu_of(tid: int) -> int | None:
    """CPU time in ns, by the number that the kernel gives the clock of a thread."""
    try:
        return time.clock_gettime_ns((~tid << 3) | 6)
    except (OSError, OverflowError, AttributeError):
        return None


def runnable_of(tid: int) -> int | None:
    """How long it was ready to run and had no processor, in ns: the machine had other things to do."""
    words = _read(f"/proc/self/task/{tid}/schedstat").split()
    return int(words[1]) if len(words) == 3 and words[1].isdigit() else None


def call_of(tid: int, now: int) -> dict[str, object] | None:
    """The system call that the thread is in: `name`, and what is known of it.

    `fd` with `on` (what it is) and `id` (`pipe:[7]`, the same in every process that has it); `fds` of a
    poll; `child` of a wait for a process; `until` (monotonic ns, at the latest) of a sleep or timeout.
    """
    words = _read(f"/proc/self/task/{tid}/syscall").split()
    if len(words) < 7:  # "running", or there is no such file
        return None
    try:
        number, arguments = int(words[0]), [int(word, 16) for word in words[1:7]]
    except ValueError:
        return None
    name = _names.get(number)
    if name is None:
        return {"name": str(number)} if number >= 0 else None
    try:
        return {"name": name, **_details(name, arguments, now)}
    except OSError:
        return {"name": name}


def is_sleep(call: dict[str, object]) -> bool:
    """Whether it waits for nothing but the time."""
    name = call["name"]
    return name in ("clock_nanosleep", "nanosleep") or (name in ("select", "pselect") and "fds" not in call)


def _details(name: str, arguments: list[int], now: int) -> dict[str, object]:
    if name == "epoll_wait":
        fds = _watched(arguments[0])
        return {**_descriptor(arguments[0]), "fds": fds, **_within(arguments[3], now)}
    if name in _OF_DESCRIPTOR:
        return _descriptor(arguments[0])
    if name == "clock_nanosleep":
        length = _time_at(arguments[2])
        if arguments[1] & _ABSOLUTE:
            return {"until": length} if arguments[0] == time.CLOCK_MONOTONIC else {}
        return {"until": now + length}
    if name == "nanosleep":
        return {"until": now + _time_at(arguments[0])}
    if name in ("select", "pselect"):
        return _select(name, arguments, now)
    if name in ("poll", "ppoll"):
        until = _within(arguments[2], now) if name == "poll" else _until(arguments[2], now)
        return {"fds": _polled(arguments[0], arguments[1]), **until}
    if name == "wait4" and 0 < arguments[0] < 1 << 31:
        return {"child": arguments[0]}
    if name == "waitid" and arguments[0] == 1:
        return {"child": arguments[1]}
    return {}


def _select(name: str, arguments: list[int], now: int) -> dict[str, object]:
    """Without descriptors it is how Python before 3.11 sleeps."""
    more: dict[str, object] = {}
    if arguments[4]:
        unit = 1000 if name == "select" else 1
        more["until"] = now + _time_at(arguments[4], unit)
    if arguments[0] == 0:
        return more
    count = min(arguments[0], 1024)
    found: set[int] = set()
    for place in arguments[1:3]:
        if place:
            bits = int.from_bytes(_memory(place, (count + 7) // 8), "little")
            found.update(number for number in range(count) if bits >> number & 1)
    return {"fds": [_descriptor(number) for number in sorted(found)[:_MAX_DESCRIPTORS]], **more}


def _polled(place: int, count: int) -> list[dict[str, object]]:
    count = min(count, _MAX_DESCRIPTORS)
    entries = _memory(place, 8 * count) if count else b""  # of each, the first four bytes are the descriptor
    numbers = [_signed(entries[at : at + 4]) for at in range(0, len(entries), 8)]
    return [_descriptor(number) for number in numbers if number >= 0]


def _watched(epoll: int) -> list[dict[str, object]]:
    lines = _read(f"/proc/self/fdinfo/{epoll}").split(b"\n")
    numbers = [int(line.split()[1]) for line in lines if line.startswith(b"tfd:")]
    return [_descriptor(number) for number in numbers[:_MAX_DESCRIPTORS]]


def _within(milliseconds: int, now: int) -> dict[str, object]:
    milliseconds &= 0xFFFFFFFF
    return {"until": now + milliseconds * 1_000_000} if milliseconds < 1 << 31 else {}


def _until(place: int, now: int) -> dict[str, object]:
    return {"until": now + _time_at(place)} if place else {}


def _time_at(place: int, unit: int = 1) -> int:
    """A C `timespec` (or, with `unit` 1000, `timeval`) of this process, in ns."""
    pair = _memory(place, 16)
    return _signed(pair[:8]) * 1_000_000_000 + _signed(pair[8:]) * unit


def _signed(number: bytes) -> int:
    """As C has it; the module `struct` is not imported for a program that may not want it."""
    return int.from_bytes(number, sys.byteorder, signed=True)


def _memory(place: int, size: int) -> bytes:
    """Read as a file, so that an address that is no longer good is an error and no crash."""
    fd = os.open("/proc/self/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = os.pread(fd, size, place)
    except OverflowError:
        content = b""
    finally:
        os.close(fd)
    if len(content) < size:
        raise OSError
    return content


# Descriptors. ---------------------------------------------------------------------------------


def _descriptor(number: int) -> dict[str, object]:
    if not 0 <= number < 1 << 31:
        return {}
    try:
        target = os.readlink(f"/proc/self/fd/{number}")
    except OSError:
        return {"fd": number}
    facts: dict[str, object] = {"fd": number, "on": "stdin" if number == 0 else _kind(number, target)}
    if target.startswith(("pipe:", "socket:")):
        facts["id"] = target
    return facts


def _kind(number: int, target: str) -> str:
    if target.startswith("pipe:"):
        return "pipe"
    if target.startswith("socket:"):
        return "listener" if _is_listening(number) else "socket"
    if target.startswith("anon_inode:"):
        return target[len("anon_inode:") :].strip("[]")
    return "terminal" if target.startswith(("/dev/pts/", "/dev/tty")) else "file"


def _is_listening(number: int) -> bool:
    """Asked of a second descriptor of the socket; only where the program has sockets in Python."""
    sockets: Any = sys.modules.get("_socket")
    if sockets is None:
        return False
    try:
        twin = sockets.socket(fileno=os.dup(number))
        try:
            return bool(twin.getsockopt(sockets.SOL_SOCKET, sockets.SO_ACCEPTCONN))
        finally:
            twin.close()
    except OSError:
        return False


def _read(path: str) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return _os_read(fd, 16384)
    except OSError:
        return b""
    finally:
        os.close(fd)
