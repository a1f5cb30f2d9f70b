"""What one log record costs: logq and a FileHandler, each over a logger that goes nowhere.

    python bench/emit.py [records a round] [rounds]

The FileHandler writes time, pid and thread, as a program would that wants to tell them apart.
Rounds alternate; medians of the added CPU time are compared. The budget is a ratio of 0.8.
"""

# ruff: noqa: INP001, T201 - a script, not a package
from __future__ import annotations

import logging
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

import logq

FORMAT = "%(asctime)s %(process)d %(threadName)s %(levelname)s %(name)s %(message)s"


def burn(logger: logging.Logger, count: int) -> float:
    """Microseconds of CPU a record."""
    begin = time.process_time_ns()
    for number in range(count):
        logger.info("processing order %d of %s", number, "shop")
    return (time.process_time_ns() - begin) / count / 1e3


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 9
    directory = tempfile.mkdtemp()
    logger = logging.getLogger("bench")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    nothing = logging.NullHandler()
    to_file = logging.FileHandler(os.path.join(directory, "peer.log"))
    to_file.setFormatter(logging.Formatter(FORMAT))
    spent: dict[str, list[float]] = {"null": [], "file": [], "logq": []}
    for _ in range(rounds + 1):
        logger.handlers = [nothing]
        spent["null"].append(burn(logger, count))
        logger.handlers = [to_file]
        spent["file"].append(burn(logger, count))
        logger.handlers = [nothing]
        logq.install(dir=directory)
        spent["logq"].append(burn(logger, count))
        logq.uninstall()
    null, file, ours = (statistics.median(spent[name][1:]) for name in ("null", "file", "logq"))
    print(f"NullHandler {null:.2f} µs; added: FileHandler {file - null:.2f} µs, logq {ours - null:.2f} µs")
    print(f"ratio {(ours - null) / (file - null):.2f} (budget 0.80)")
    shutil.rmtree(directory)


if __name__ == "__main__":
    main()
