"""Opens the pages that logq writes in a real Chromium: installs what that needs below target/ and runs the tests there.

A machine without Chromium, node or npm is told so and that the tests are skipped; with LOGQ_BROWSER=required that is a
failure. LOGQ_CHROMIUM names another browser than Debian's.

`run.py bench LOGQ STORE` measures instead: the page of the run `bench` in that store, as that binary writes it.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "target" / "browser"
CHROMIUM = os.environ.get("LOGQ_CHROMIUM", "/usr/bin/chromium")


def missing() -> list[str]:
    """What is needed and not there."""
    return [name for name in (CHROMIUM, "node", "npm") if shutil.which(name) is None]


def install() -> None:
    """Copies the tests to where node finds what they import, and installs that, by its lock file, if it has changed."""
    WORK.mkdir(parents=True, exist_ok=True)
    lock, installed = HERE / "package-lock.json", WORK / "node_modules" / "package-lock.json"
    for source in HERE.iterdir():
        if source.suffix in {".mjs", ".json"}:
            shutil.copy(source, WORK / source.name)
    if installed.exists() and installed.read_bytes() == lock.read_bytes():
        return
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=WORK, check=True)
    shutil.copy(lock, installed)


def bench(logq: str, store: str) -> int:
    """Prints what the page of a long run costs."""
    page = WORK / "bench.html"
    begun = time.monotonic()
    subprocess.run([logq, "report", "--dir", store, "--run", "bench", "-o", str(page)], check=True)
    print(f"logq report: {time.monotonic() - begun:.2f} s")
    return subprocess.run(["node", str(WORK / "bench.mjs"), str(page)], check=False).returncode


def main() -> int:
    lacking = missing()
    if lacking:
        print(f"skipped: the pages are not tested without {', '.join(lacking)} (Debian: apt-get install chromium npm)")
        print("# skipped 1")
        return 1 if os.environ.get("LOGQ_BROWSER") == "required" else 0
    install()
    if sys.argv[1:2] == ["bench"]:
        return bench(*sys.argv[2:4])
    environment = dict(os.environ)
    environment.setdefault("LOGQ_BINARY", str(ROOT / "target" / "debug" / "logq"))
    tests = sorted(str(test) for test in WORK.glob("*.test.mjs"))
    return subprocess.run(["node", "--test", "--test-reporter=tap", *tests], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
