"""What one log record costs: logq and its peers, over a logger that goes nowhere.

    python bench/emit.py [records a round] [rounds]

Rounds of all of them alternate, short ones, since a machine that is busy with other things changes its pace by the
second; medians of CPU time a record are compared. What the program pays for the call itself (a NullHandler) is taken
off. The budget is a ratio to the FileHandler, which writes time, pid and thread as a program would that wants to tell
them apart. Peers that are not installed are left out, and said so.
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
from typing import Any, Callable

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

import logq

FORMAT = "%(asctime)s %(process)d %(threadName)s %(levelname)s %(name)s %(message)s"
BUDGET = 0.8

Peer = Callable[[str], tuple[Any, Callable[[], None]]]


def null(_: str) -> tuple[Any, Callable[[], None]]:
    return standard(logging.NullHandler())


def to_file(path: str) -> tuple[Any, Callable[[], None]]:
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter(FORMAT))
    return standard(handler)


def recorded(path: str) -> tuple[Any, Callable[[], None]]:
    logger, _ = standard(logging.NullHandler())
    logq.install(dir=path)
    return logger, logq.uninstall


def python_json_logger(path: str) -> tuple[Any, Callable[[], None]]:
    from pythonjsonlogger.json import JsonFormatter

    handler = logging.FileHandler(path)
    handler.setFormatter(JsonFormatter(FORMAT))
    return standard(handler)


def structlog_orjson(path: str) -> tuple[Any, Callable[[], None]]:
    import orjson
    import structlog

    file = open(path, "ab")  # noqa: SIM115 - closed when the round is over
    stamp = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.CallsiteParameterAdder(
            [structlog.processors.CallsiteParameter.THREAD_NAME, structlog.processors.CallsiteParameter.PROCESS]
        ),
    ]
    logger = structlog.wrap_logger(
        structlog.BytesLogger(file), processors=[*stamp, structlog.processors.JSONRenderer(serializer=orjson.dumps)]
    ).bind()
    return _Formatting(logger), file.close


class _Formatting:
    """structlog takes values by name: this gives it what the others are given."""

    def __init__(self, logger: Any) -> None:
        self._info = logger.info

    def info(self, template: str, *arguments: object) -> None:
        self._info(template % arguments)


def loguru_serialized(path: str) -> tuple[Any, Callable[[], None]]:
    from loguru import logger

    logger.remove()
    logger.add(path, serialize=True)
    return _Formatting(logger), logger.remove


def picologging_file(path: str) -> tuple[Any, Callable[[], None]]:
    import picologging

    logger = picologging.Logger("bench", picologging.INFO)
    handler = picologging.FileHandler(path)
    handler.setFormatter(picologging.Formatter(FORMAT))
    logger.addHandler(handler)
    return logger, handler.close


PEERS: dict[str, Peer] = {
    "NullHandler": null,
    "FileHandler, time/pid/thread": to_file,
    "logq": recorded,
    "python-json-logger": python_json_logger,
    "structlog + orjson": structlog_orjson,
    "loguru serialize=True": loguru_serialized,
    "picologging, no JSON": picologging_file,
}


def standard(handler: logging.Handler) -> tuple[Any, Callable[[], None]]:
    logger = logging.getLogger("bench")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.handlers = [handler]
    return logger, handler.close


def burn(logger: Any, count: int) -> float:
    """Microseconds of CPU a record."""
    begin = time.process_time_ns()
    for number in range(count):
        logger.info("processing order %d of %s", number, "shop")
    return (time.process_time_ns() - begin) / count / 1e3


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 61
    directory = tempfile.mkdtemp()
    spent: dict[str, list[float]] = {}
    missing: list[str] = []
    for turn in range(rounds + 1):
        for name, peer in PEERS.items():
            if name in missing:
                continue
            try:
                logger, close = peer(os.path.join(directory, f"{len(name)}"))
            except ImportError:
                missing.append(name)
                continue
            cost = burn(logger, count)
            close()
            if turn:  # the first round warms up
                spent.setdefault(name, []).append(cost)
    shutil.rmtree(directory)
    show({name: statistics.median(costs) for name, costs in spent.items()}, missing)


def show(median: dict[str, float], missing: list[str]) -> None:
    base = median.pop("NullHandler")
    file = median["FileHandler, time/pid/thread"]
    print(f"one record, CPU; a NullHandler takes {base:.2f} µs of each")
    for name, whole in median.items():
        ratio = (whole - base) / (file - base)
        budget = f"   budget {BUDGET:.2f}" if name == "logq" else ""
        print(f"  {name:30} whole {whole:6.2f} µs   added {whole - base:6.2f} µs   {ratio:5.2f} x FileHandler{budget}")
    if missing:
        print("  not installed: " + ", ".join(missing))


if __name__ == "__main__":
    main()
