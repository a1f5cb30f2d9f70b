"""What logq adds to the start of an interpreter: `import logq; logq.install()`, and the boot path.

    python bench/startup.py [rounds]

Runs of the plain and of the recorded interpreter alternate; medians are compared, of CPU time too, since what
else runs on the machine is no cost of ours. The modules are compiled before, as those of an installed package are.
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

BUDGET = 15
SOURCE = Path(__file__).resolve().parent.parent / "src"


def run(code: str, environment: dict[str, str]) -> tuple[float, float]:
    """Milliseconds, and of them on the CPU."""
    begin = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-c", code], env=environment)
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"ended with {status}: {code}")
    child.returncode = 0
    return (time.perf_counter() - begin) * 1e3, (used.ru_utime + used.ru_stime) * 1e3


def medians(measured: list[tuple[float, float]]) -> tuple[float, float]:
    """Without the first, which compiles."""
    return statistics.median([wall for wall, _ in measured[1:]]), statistics.median([cpu for _, cpu in measured[1:]])


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    directory = tempfile.mkdtemp()
    plain = {key: text for key, text in os.environ.items() if not key.startswith("PYTHON")}
    plain["PYTHONPYCACHEPREFIX"] = os.path.join(directory, "compiled")
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
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    for _ in range(rounds + 1):
        for name, (code, environment) in cases.items():
            times[name].append(run(code, environment))
    base = medians(times["plain"])
    for name, measured in times.items():
        wall, cpu = medians(measured)
        added = f"   added {wall - base[0]:5.1f} ms, {cpu - base[1]:5.1f} ms CPU   budget {BUDGET}"
        print(f"{name:30} {wall:7.1f} ms, {cpu:7.1f} ms CPU{'' if name == 'plain' else added}")
    shutil.rmtree(directory)


if __name__ == "__main__":
    main()
