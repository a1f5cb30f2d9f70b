"""What a program that hangs is doing: its stacks, printed by itself, and what the system says of its threads.

A test that waits in vain fails on a machine that nobody can look at. Everything that is to be known must be in what
it prints. Only the programs that a test has started are looked at.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def end_telling(pid: int) -> str:
    """Ends a process and those it started; what the system says of them. Each prints its stacks to its stderr, if
    it is a Python with PYTHONFAULTHANDLER set."""
    tree = tree_of(pid)
    told = "\n".join(line for each in tree for line in threads_of(each))
    for number in (signal.SIGABRT, signal.SIGKILL):
        for each in reversed(tree):
            try:
                os.kill(each, number)
            except ProcessLookupError:
                pass
        wait_until_gone(tree, 5)
    return told


def tree_of(pid: int) -> list[int]:
    """This process and its descendants, as far as nobody has died between them."""
    tree = [pid]
    for known in tree:
        for listing in Path(f"/proc/{known}/task").glob("*/children"):
            tree += [int(child) for child in read(listing).split()]
    return tree


def threads_of(pid: int) -> list[str]:
    command = read(Path(f"/proc/{pid}/cmdline")).replace("\0", " ")
    told = [f"process {pid}: {command}"]
    for task in sorted(Path(f"/proc/{pid}/task").glob("*")):
        state = read(task / "stat").rpartition(")")[2].split()[:1]
        told.append(
            f"    thread {task.name} {' '.join(state)} in {read(task / 'wchan')} {read(task / 'syscall').strip()}"
        )
    return told


def wait_until_gone(tree: list[int], limit: float) -> None:
    end = time.monotonic() + limit
    while time.monotonic() < end and any(is_running(each) for each in tree):
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    return read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()[:1] not in ([], ["Z"])


def read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
