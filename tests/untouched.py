#!/usr/bin/env python3
"""Runs CPython's own tests with and without logq and compares them, test by test.

The promise is that a program cannot tell that it is recorded: the same tests pass. A test that says something else
under logq is run again, alone, both ways: what says the same then was only timing, and is told as such. What remains
must stand in KNOWN with its reason, or this script exits with 1. A module that a Python comes without, or that hangs
without logq as well, is said to be MISSING or NOT DONE.

    tests/untouched.py [--logq PATH] [--all] [--capture LEVEL] [--python PATH]... [MODULE]...

Without modules: a few minutes' worth on the first Python of target/venvs; with --all what each version is asked
for, on every one of them (an hour).
"""

import argparse
import dataclasses
import pathlib
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What tests/it/handler.rs runs, test_queue and test_threading, is not run twice by `make test`.
SHORT = ["test_thread", "test_threading_local", "test_logging", "test_subprocess"]
EVERYWHERE = ["test_threading", "test_queue", "test_logging", "test_asyncio"]
FULL = [
    *["test_threading", "test_thread", "test_threading_local", "test_queue", "test_logging", "test_asyncio"],
    *["test_concurrent_futures", "test_subprocess"],
    *["test_multiprocessing_fork", "test_multiprocessing_spawn", "test_multiprocessing_forkserver"],
]
IN_FULL = ("3.12", "3.13")
LIMIT_S = 1500  # a module that takes longer hangs
LATE = -1000  # what it then ends with

# Tests that say something else under logq, each with the reason why it may: the end of the test's dotted name.
KNOWN = {
    # The child is a Python that is recorded, too, and lists its own descriptors: two are its recorder's.
    "test_pass_fds_redirected": "the recorded child counts the descriptors of its own recorder",
}

# Tests of deadlocks that CPython itself had, and mended: timing decides whether they come, and the time that logq takes
# makes them likelier. One of them would end its module.
LEFT_OUT = {
    # A pool that is shut down while its feeder handles an error: github.com/python/cpython/issues/125451. `submit`
    # holds the pool's lock while it writes to a pipe. A manager that gets the GIL before it lets the feeder come so
    # far that it waits for that lock, and then joins the feeder with the lock in hand. Whether it does, the time since
    # the first job's result decides. 3.13.0 stood still without logq in 2 of 210 pools of spawned workers as the test
    # has them, and in 16 of 210 with 0.2 ms of computing before the second `submit`: as long as logq takes there, with
    # which it stood still in 13 of 200 (and without it, by turns with those, in none).
    "test_concurrent_futures": ("test_shutdown_deadlock_pickle", {"3.12": (3, 12, 8), "3.13": (3, 13, 1)}),
}


@dataclasses.dataclass
class Said:
    """What one run of test modules said: the outcome of each test by its dotted name."""

    outcomes: dict
    code: int
    seconds: float
    tail: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logq", default=str(ROOT / "target" / "debug" / "logq"))
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--capture")
    parser.add_argument("--python", action="append")
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    asked = parser.parse_args()
    wrapper = [str(pathlib.Path(asked.logq).resolve()), "run", "--quiet"]
    if asked.capture:
        wrapper += ["--capture", asked.capture]

    pythons = asked.python or found_pythons()
    differing = 0
    for python in pythons if asked.all or asked.python else pythons[:1]:
        if not has_tests(python):
            print(f"SKIPPED: {python} comes without the standard library's tests")
            continue
        for module in asked.modules or modules_of(version_of(python), asked.all):
            if has_tests(python, module):
                differing += compare(python, wrapper, module)
            else:
                print(f"MISSING  {version_of(python):5} {module:32} this Python comes without it", flush=True)
    return 1 if differing else 0


def found_pythons() -> "list[str]":
    folder = ROOT / "target" / "venvs"
    return [str(folder / version / "bin" / "python") for version in (folder / "versions").read_text().split()]


def version_of(python: str) -> str:
    asked = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def has_tests(python: str, module: str = "test_queue") -> bool:
    """Whether the test package of this Python has the module; some are installed without a part of it."""
    find = f"import importlib.util, sys; sys.exit(importlib.util.find_spec('test.{module}') is None)"
    return subprocess.run([python, "-c", find], capture_output=True, check=False).returncode == 0


def left_out(python: str, module: str) -> "str | None":
    """The test that this Python, before the mend, should not be asked for."""
    test, mended = LEFT_OUT.get(module, ("", {}))
    asked = [python, "-c", "import sys; print(*sys.version_info[:3])"]
    version = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    since = mended.get(".".join(version[:2]))
    return test if since and tuple(map(int, version)) < since else None


def modules_of(version: str, every: bool) -> "list[str]":
    if not every:
        return SHORT
    return FULL if version in IN_FULL else EVERYWHERE


def compare(python: str, wrapper: "list[str]", module: str) -> int:
    """Prints what came of one module; how many tests differ without a known reason."""
    without = left_out(python, module)
    plain = run([], python, [module, *(["-i", without] if without else [])])
    if plain.code == LATE:
        print(f"NOT DONE {version_of(python):5} {module:32} without logq, in {LIMIT_S} s", flush=True)
        return 0
    under = run(wrapper, python, [module, *(["-i", without] if without else [])])
    names = [name for name in {**plain.outcomes, **under.outcomes} if differs(plain, under, name)]
    timing, known, unknown = [], [], []
    if len(names) <= 30:  # more than that is no accident, and would take for ever
        for name in names:
            reason = next((reason for end, reason in KNOWN.items() if name.endswith(end)), None)
            if reason:
                known.append(f"{name}: {reason}")
            elif any(agree_alone(python, wrapper, module, name) for _ in range(2)):
                timing.append(name)
            else:
                unknown.append(f"{name}: {plain.outcomes.get(name)} without logq, {under.outcomes.get(name)} with it")
    else:
        unknown = [f"{len(names)} tests, of which {names[0]}"]
    passed = sum(outcome == "ok" for outcome in under.outcomes.values())
    verdict = "DIFFERS" if unknown or not plain.outcomes else "same"
    print(
        f"{verdict:8} {version_of(python):5} {module:32} {passed} of {len(under.outcomes)} pass under logq,"
        f" {plain.seconds:.0f} s without it, {under.seconds:.0f} s with it",
        flush=True,
    )
    out = [f"{without}: a deadlock of this CPython, likelier under logq, mended since"] if without else []
    for kind, tests in (("left out", out), ("timing", timing), ("known", known), ("DIFFERS", unknown)):
        for test in tests:
            print(f"    {kind}: {test}", flush=True)
    if verdict == "DIFFERS":
        print(under.tail, flush=True)
    return len(unknown) or int(not plain.outcomes)


def differs(plain: Said, under: Said, name: str) -> bool:
    return plain.outcomes.get(name) != under.outcomes.get(name)


def agree_alone(python: str, wrapper: "list[str]", module: str, name: str) -> bool:
    alone = [module, "-m", name.rpartition(" ")[2]]
    return run([], python, alone).outcomes.get(name) == run(wrapper, python, alone).outcomes.get(name)


def run(wrapper: "list[str]", python: str, tests: "list[str]") -> Said:
    """Runs `python -m test` in a folder of its own, recorded if there is a wrapper."""
    with tempfile.TemporaryDirectory(prefix="untouched-") as folder:
        report = pathlib.Path(folder) / "report.xml"
        command = [python, "-m", "test", "--junit-xml", str(report), *tests]
        if wrapper:
            command = [*wrapper, "--dir", str(pathlib.Path(folder) / "store"), "--", *command]
        begun = time.monotonic()
        try:
            ran = subprocess.run(
                command,
                check=False,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=LIMIT_S,
            )
            code, text = ran.returncode, ran.stdout.decode("utf-8", "replace")
        except subprocess.TimeoutExpired as late:
            code, text = LATE, (late.stdout or b"").decode("utf-8", "replace") + f"\nnot done after {LIMIT_S} s"
        outcomes = read(report) if report.exists() else {}
        return Said(outcomes, code, time.monotonic() - begun, text[-3000:])


def read(report: pathlib.Path) -> dict:
    outcomes = {}
    for case in ET.parse(report).iter("testcase"):
        troubles = [child.tag for child in case if child.tag in ("error", "failure", "skipped")]
        name = f"{case.get('classname', '')} {case.get('name')}".strip()
        outcomes[name] = troubles[0] if troubles else "ok"
    return outcomes


if __name__ == "__main__":
    sys.exit(main())
