"""What one use of a concurrency primitive costs: plain, and recorded at capture `causal`.

    python bench/primitives.py [case ...] [--rounds N] [--capture LEVEL]

Cases: lock, rlock, queue, simplequeue, handover, future, map, thread, task (all without a name). Rounds of the plain
and the recorded interpreter alternate in one process, short ones, since a busy machine changes its pace by the
second; each makes its objects anew, since only those made while recording are recorded. Medians of CPU time a use are
compared, and the ratio stands beside the budget. CPU and not wall time, because what else runs on the machine is no
cost of ours.
"""

# ruff: noqa: INP001, T201 - a script, not a package
from __future__ import annotations

import argparse
import asyncio
import queue
import shutil
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

import logq

OLD = sys.version_info < (3, 11)


def lock(count: int) -> None:
    guard = threading.Lock()
    for _ in range(count):
        with guard:
            pass


def rlock(count: int) -> None:
    guard = threading.RLock()
    for _ in range(count):
        with guard:
            pass


def put_and_get(count: int) -> None:
    jobs: queue.Queue[int] = queue.Queue()
    for number in range(count):
        jobs.put(number)
        jobs.get()


def simple_put_and_get(count: int) -> None:
    jobs: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(count):
        jobs.put(number)
        jobs.get()


def hand_over(count: int) -> None:
    """From one thread to another, with `task_done`."""
    jobs: queue.Queue[int] = queue.Queue(100)

    def serve() -> None:
        for _ in range(count):
            jobs.get()
            jobs.task_done()

    server = threading.Thread(target=serve)
    server.start()
    for number in range(count):
        jobs.put(number)
    jobs.join()
    server.join()


def submit_and_result(count: int) -> None:
    with ThreadPoolExecutor(1) as pool:
        for _ in range(count):
            pool.submit(int).result()


def map_all(count: int) -> None:
    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(int, range(count)):
            pass


def start_and_join(count: int) -> None:
    for _ in range(count):
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()


async def _nothing() -> None:
    pass


def create_and_await(count: int) -> None:
    async def run() -> None:
        for _ in range(count):
            await asyncio.create_task(_nothing())

    asyncio.run(run())


# name -> what runs, how often a round, the budget of performance.md (None: none there).
CASES: dict[str, tuple[Callable[[int], None], int, float | None]] = {
    "lock": (lock, 10_000, 5.5 if OLD else 4.0),
    "rlock": (rlock, 10_000, 5.5 if OLD else 4.0),
    "queue": (put_and_get, 2_000, 2.5),
    "simplequeue": (simple_put_and_get, 5_000, None),
    "handover": (hand_over, 1_000, None),
    "future": (submit_and_result, 400, 1.8),
    "map": (map_all, 400, None),
    "thread": (start_and_join, 50, None),
    "task": (create_and_await, 500, 2.0),
}


def burn(case: Callable[[int], None], count: int) -> float:
    """Microseconds of CPU a use."""
    begin = time.process_time_ns()
    case(count)
    return (time.process_time_ns() - begin) / count / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description="What one use of a primitive costs, plain and recorded.")
    parser.add_argument("cases", nargs="*", metavar="case", default=[])
    parser.add_argument("--rounds", type=int, default=61)
    parser.add_argument("--capture", default="causal")
    options = parser.parse_args()
    for name in options.cases:
        if name not in CASES:
            parser.error(f"no case {name!r}; there are {', '.join(CASES)}")
    directory = tempfile.mkdtemp()
    version = ".".join(str(part) for part in sys.version_info[:2])
    print(f"Python {version}, capture {options.capture}, {options.rounds} rounds, medians of CPU time a use")
    for name in options.cases or CASES:
        case, count, budget = CASES[name]
        plain: list[float] = []
        recorded: list[float] = []
        for _ in range(options.rounds + 1):
            plain.append(burn(case, count))
            logq.install(capture=options.capture, dir=directory)
            recorded.append(burn(case, count))
            logq.uninstall()
        base, ours = statistics.median(plain[1:]), statistics.median(recorded[1:])
        limit = f"   budget {budget:.1f}" if budget else ""
        print(f"{name:12} plain {base:7.2f} µs   recorded {ours:7.2f} µs   ratio {ours / base:5.2f}{limit}")
    shutil.rmtree(directory)


if __name__ == "__main__":
    main()
