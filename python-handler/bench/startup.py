"""What logq adds to the start of an interpreter: `import logq; logq.install()`, and the boot path.

    python bench/startup.py [rounds]

Runs of the plain and of the recorded interpreter alternate; medians are compared.
"""

# ruff: noqa: INP001, T201 - a script, not a package
from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "src"


def run(code: str, environment: dict[str, str]) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    return (time.perf_counter() - begin) * 1e3


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    directory = tempfile.mkdtemp()
    plain = {key: text for key, text in os.environ.items() if key != "PYTHONPATH"}
    library = {**plain, "PYTHONPATH": str(SOURCE)}
    booted = {
        **plain,
        "PYTHONPATH": str(SOURCE / "logq" / "boot"),
        "LOGQ_DIR": directory,
        "LOGQ_RUN": "bench",
    }
    cases = {
        "plain": ("pass", library),
        "import logq; logq.install()": (f"import logq; logq.install(dir={directory!r})", library),
        "logq run": ("pass", booted),
    }
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds + 1):
        for name, (code, environment) in cases.items():
            times[name].append(run(code, environment))
    base = statistics.median(times["plain"][1:])
    for name, measured in times.items():
        median = statistics.median(measured[1:])
        print(f"{name:30} {median:7.1f} ms   added {median - base:6.1f} ms")
    shutil.rmtree(directory)


if __name__ == "__main__":
    main()
