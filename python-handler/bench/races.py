"""What `logq run --races` costs: two threads that do nothing but read and write what they share, under a lock.

    python bench/races.py LOGQ [rounds]

LOGQ is the command. Plain and watched runs alternate; the program measures its own CPU time: of its first steps, each
access of which is noted, and of many more, most of which are not, as after 100,000 accesses a program is watched for a
tenth of the time. ThreadSanitizer, which watches a compiled program so, costs 5 to 15 times (its documentation).
"""

# ruff: noqa: INP001, T201 - a script, not a package
from __future__ import annotations

import pathlib
import statistics
import subprocess
import sys
import tempfile

PROGRAM = """
import threading, time
guard = threading.Lock()
class Shop:
    def __init__(self):
        self.sold, self.stock = 0, {number: 0 for number in range(100)}
shop = Shop()
def sell(steps):
    for step in range(steps):
        with guard:
            item = step % 100
            if shop.stock[item] > 1000:
                shop.stock[item] = 0
            shop.stock[item] += 1
            shop.sold = shop.sold + 1
def measure(steps):
    workers = [threading.Thread(target=sell, args=(steps,)) for _ in range(2)]
    before = time.process_time_ns()
    for worker in workers: worker.start()
    for worker in workers: worker.join()
    return (time.process_time_ns() - before) / steps
print(measure(2_000), measure(200_000))
"""


def run(wrapper: list[str]) -> list[float]:
    """Nanoseconds a step: of the first ones, and of many."""
    with tempfile.TemporaryDirectory() as directory:
        program = pathlib.Path(directory) / "shop.py"
        program.write_text(PROGRAM)
        wrapped = [*wrapper, "--dir", directory + "/store", "--"] if wrapper else []
        command = [*wrapped, sys.executable, str(program)]
        return [
            float(word)
            for word in subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
        ]


def main() -> None:
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    plain, watched = [], []
    for _ in range(rounds):
        plain.append(run([]))
        watched.append(run([sys.argv[1], "run", "--quiet", "--races"]))
    first, many = (
        statistics.median(times[which] for times in watched) / statistics.median(times[which] for times in plain)
        for which in range(2)
    )
    print(f"--races, two threads that only share: {first:.0f} times as slow at first, {many:.1f} times in the long run")


if __name__ == "__main__":
    main()
