#!/usr/bin/env python3
"""Finds the Pythons of this machine and keeps a virtual environment for each, for `make test` and for nobody else.

Every CPython from 3.9 up that can make a virtual environment counts, one a minor version: those on PATH, then pyenv's.
The environments lie in FOLDER/3.X and hold what LOCK pins; they are rebuilt only when the lock or the Python changes.
FOLDER/versions gets their names in one line, the one that `python3` starts first, then the newest first.

    tests/pythons.py FOLDER LOCK
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

OLDEST = (3, 9)

# Asked of every candidate: it runs on 2.7 as well, and names the interpreter behind a shim or a virtual environment.
QUESTION = """
import json, platform, sys, sysconfig
def can(module):
    try:
        __import__(module)
    except Exception:
        return False
    return True
print(json.dumps({
    "implementation": platform.python_implementation(),
    "version": list(sys.version_info[:2]),
    "full": sys.version,
    "path": getattr(sys, "_base_executable", None) or sys.executable,
    "venv": can("venv") and can("ensurepip"),
    "gil": not sysconfig.get_config_var("Py_GIL_DISABLED"),
}))
"""


def main() -> int:
    folder, lock = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
    pythons = find()
    if not pythons:
        oldest = ".".join(map(str, OLDEST))
        print(f"no CPython {oldest} or later here that can make a virtual environment", file=sys.stderr)
        return 1

    folder.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        kept = [pool.submit(keep, python, folder, lock) for python in pythons]
    for python, environment in zip(pythons, kept):
        failure = environment.exception()
        if failure:
            print(f"no environment for {python['path']}: {failure}", file=sys.stderr)
            return 1
    (folder / "versions").write_text(" ".join(map(name, pythons)) + "\n")
    return 0


def find() -> "list[dict]":
    found = {}
    for candidate in candidates():
        python = ask(candidate)
        if python is None or python["implementation"] != "CPython" or python["version"] < list(OLDEST):
            continue
        if not python["venv"]:
            print(f"left out: {candidate} has no venv or no ensurepip", file=sys.stderr)
        elif not python["gil"]:
            print(f"left out: {candidate} is a free-threaded build", file=sys.stderr)
        else:
            found.setdefault(name(python), python)
    if not found:
        return []
    first, *others = found.values()
    return [first, *sorted(others, key=lambda python: python["version"], reverse=True)]


def candidates() -> "list[str]":
    on_path = []
    for entry in os.get_exec_path():
        if os.path.isdir(entry):
            on_path += [os.path.join(entry, each) for each in os.listdir(entry) if re.fullmatch(r"python3\.\d+", each)]
    default = shutil.which("python3")
    pyenv = pathlib.Path(os.environ.get("PYENV_ROOT") or pathlib.Path.home() / ".pyenv") / "versions"
    of_pyenv = sorted(pyenv.glob("*/bin/python3"), key=lambda path: numbers(path.parts[-3]), reverse=True)
    return ([default] if default else []) + sorted(on_path) + [str(path) for path in of_pyenv]


def numbers(text: str) -> "list[int]":
    return [int(digits) for digits in re.findall(r"\d+", text)]


def ask(candidate: str) -> "dict | None":
    """What the candidate says of itself; None when it does not run, as the shim of a version that is not chosen."""
    try:
        answer = subprocess.run(
            [candidate, "-I", "-c", QUESTION], stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=True
        )
        return json.loads(answer.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def name(python: dict) -> str:
    return ".".join(map(str, python["version"]))


def keep(python: dict, folder: pathlib.Path, lock: pathlib.Path) -> None:
    """Makes the environment, unless the one that is there was made by this same Python from this same lock."""
    home = folder / name(python)
    made_of = hashlib.sha256(lock.read_bytes()).hexdigest() + "\n" + python["path"] + "\n" + python["full"] + "\n"
    stamp = home / "made-of"
    if stamp.exists() and stamp.read_text() == made_of:
        return

    sys.stdout.write(f"making {os.path.relpath(home)} from {python['path']}\n")
    sys.stdout.flush()
    shutil.rmtree(home, ignore_errors=True)
    subprocess.run([python["path"], "-I", "-m", "venv", str(home)], stdin=subprocess.DEVNULL, check=True)
    pip = [str(home / "bin" / "python"), "-I", "-m", "pip", "--disable-pip-version-check", "--quiet"]
    # PyCSP has no wheel; it is Python alone.
    whole = ["--only-binary", ":all:", "--no-binary", "pycsp"]
    install = ["install", "--require-hashes", *whole, "--requirement", str(lock)]
    subprocess.run(pip + install, stdin=subprocess.DEVNULL, check=True)
    stamp.write_text(made_of)


if __name__ == "__main__":
    sys.exit(main())
