"""What a busy service pays: 1,000 log records and 10,000 lock operations a second, with and without `logq run`.

    python bench/program.py LOGQ [seconds a run] [rounds]

LOGQ is the command. Runs alternate: plain, recorded, and plain with one more FileHandler that writes time, pid and
thread, which is the least that any record of the same could cost. The program measures its own CPU time over its
working seconds, and what is added is given in percent of one core. The budget is 2.
"""

# ruff: noqa: INP001, T201 - a script, not a package
from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile

BUDGET = 2.0
SERVICE = """
import logging, sys, threading, time
seconds = float(sys.argv[1])
logging.basicConfig(filename=sys.argv[2], level=logging.INFO, format="%(asctime)s %(threadName)s %(message)s")
log = logging.getLogger("service")
if len(sys.argv) > 3:
    second = logging.FileHandler(sys.argv[3])
    second.setFormatter(logging.Formatter("%(asctime)s %(process)d %(threadName)s %(levelname)s %(name)s %(message)s"))
    log.addHandler(second)
guard = threading.Lock()
turns = int(seconds * 100)
def serve(turns):
    begun = time.monotonic()
    for turn in range(turns):
        for number in range(5):
            log.info("request %d of turn %d", number, turn)
        for _ in range(50):
            with guard:
                pass
        time.sleep(max(0.0, begun + (turn + 1) / 100 - time.monotonic()))
workers = [threading.Thread(target=serve, args=(turns,)) for _ in range(2)]
before = time.process_time_ns()
for worker in workers: worker.start()
for worker in workers: worker.join()
print((time.process_time_ns() - before) / 1e9)
"""


def run(wrapper: list[str], seconds: float, has_second: bool = False) -> float:
    """Percent of one core that the program took."""
    with tempfile.TemporaryDirectory() as directory:
        wrapped = [*wrapper, "--dir", directory + "/store", "--"] if wrapper else []
        command = [*wrapped, sys.executable, "-c", SERVICE, str(seconds), directory + "/service.log"]
        command += [directory + "/second.log"] if has_second else []
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        return float(said) / seconds * 100


def main() -> None:
    logq = sys.argv[1]
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 3.0
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    plain, recorded, second = [], [], []
    for _ in range(rounds):
        plain.append(run([], seconds))
        recorded.append(run([logq, "run", "--quiet"], seconds))
        second.append(run([], seconds, has_second=True))
    without, with_it, beside = statistics.median(plain), statistics.median(recorded), statistics.median(second)
    print(
        f"1,000 records/s and 10,000 locks/s: {without:.2f} % of a core without logq, {with_it:.2f} % with it:"
        f" {with_it - without:+.2f} (budget {BUDGET:.0f}); a second FileHandler alone {beside - without:+.2f}"
    )


if __name__ == "__main__":
    main()
