#!/usr/bin/env python3
"""Runs the own tests of Twisted and trio with and without logq and compares them, test by test.

As `tests/untouched.py` does for CPython's: a program must not be able to tell that it is recorded. A test that says
something else under logq is run again, alone, both ways; what says the same then was only timing.

    tests/frameworks.py [--logq PATH] [--python PATH] [SUITE]...

Suites: twisted, trio. The Python is the first of target/venvs, which has the packages.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIMIT_S = 900
TWISTED = ["twisted.test.test_defer", "twisted.test.test_threadpool", "twisted.test.test_internet"]
VERDICT = re.compile(r"^(\s*)(\S.*?) \.\.\.\s+\[(\w+)\]\s*$")

# Tests that say something else under logq, each with the reason why it may: the end of the test's name.
KNOWN = {}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logq", default=str(ROOT / "target" / "debug" / "logq"))
    parser.add_argument("--python")
    parser.add_argument("suites", nargs="*", metavar="SUITE")
    asked = parser.parse_args()
    python = asked.python or first_python()
    wrapper = [str(pathlib.Path(asked.logq).resolve()), "run", "--quiet"]
    suites = {"twisted": twisted, "trio": trio}
    return sum(compare(python, wrapper, name, suites[name]) for name in asked.suites or suites) and 1


def first_python() -> str:
    folder = ROOT / "target" / "venvs"
    return str(folder / (folder / "versions").read_text().split()[0] / "bin" / "python")


def compare(python: str, wrapper: "list[str]", name: str, suite: object) -> int:
    """Prints what came of one suite; how many tests differ without a known reason."""
    plain = suite(python, [], [])
    under = suite(python, wrapper, [])
    differing = [test for test in {**plain, **under} if plain.get(test) != under.get(test)]
    timing, known, unknown = [], [], []
    for test in differing[:30]:
        reason = next((reason for end, reason in KNOWN.items() if test.endswith(end)), None)
        alone = [test]
        if reason:
            known.append(f"{test}: {reason}")
        elif suite(python, [], alone).get(test) == suite(python, wrapper, alone).get(test):
            timing.append(test)
        else:
            unknown.append(f"{test}: {plain.get(test)} without logq, {under.get(test)} with it")
    passed = sum(outcome == "OK" for outcome in under.values())
    print(f"{'DIFFERS' if unknown or not plain else 'same':8} {name:8} {passed} of {len(under)} pass under logq")
    for kind, tests in (("timing", timing), ("known", known), ("DIFFERS", unknown)):
        for test in tests:
            print(f"    {kind}: {test}")
    return len(unknown) or int(not plain)


def twisted(python: str, wrapper: "list[str]", tests: "list[str]") -> "dict[str, str]":
    """By trial, whose verbose report is a tree: modules, classes, tests."""
    command = [python, "-m", "twisted.trial", "--reporter=bwverbose", *(tests or TWISTED)]
    found, path = {}, []
    for line in run(wrapper, command).splitlines():
        verdict = VERDICT.match(line)
        depth = (len(line) - len(line.lstrip())) // 2
        if verdict:
            found[".".join([*path[:depth], verdict[2]])] = verdict[3]
        elif re.fullmatch(r"\s*[\w.]+", line):
            path[depth:] = [line.strip()]
    return found


def trio(python: str, wrapper: "list[str]", tests: "list[str]") -> "dict[str, str]":
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        chosen = ["-k", " or ".join(test.rpartition("::")[2].partition("[")[0] for test in tests)] if tests else []
        command = [python, "-m", "pytest", "-q", "--pyargs", "trio._core", "-p", "trio._tests.pytest_plugin"]
        run(wrapper, [*command, "-p", "no:cacheprovider", f"--junit-xml={report.name}", *chosen])
        text = pathlib.Path(report.name).read_text()
    found = {}
    for case in ET.fromstring(text).iter("testcase") if text else ():
        bad = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        found[f"{case.get('classname')}::{case.get('name')}"] = bad[0] if bad else "OK"
    return found


def run(wrapper: "list[str]", command: "list[str]") -> str:
    with tempfile.TemporaryDirectory(prefix="frameworks-") as folder:
        if wrapper:
            command = [*wrapper, "--dir", str(pathlib.Path(folder) / "store"), "--", *command]
        try:
            ran = subprocess.run(
                command,
                check=False,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=LIMIT_S,
                text=True,
                errors="replace",
            )
        except subprocess.TimeoutExpired as late:
            return (late.stdout or b"").decode("utf-8", "replace")
        return ran.stdout


if __name__ == "__main__":
    sys.exit(main())
