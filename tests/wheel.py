#!/usr/bin/env python3
"""Builds the wheel and the source archive, installs them as a person would, and uses what came of it.

One `pip install ./python-handler` must give the package and the command, `python -m logq` must find that command, and a
program under `logq run` must get the package that its command carries, whatever version is installed for it. The binary
is built as cargo builds it for tests, so that nothing is compiled twice.

    tests/wheel.py [--python PATH]

The Python is the first of target/venvs; what is built and installed lies below target/wheel.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "python-handler" / "src" / "logq"
WORK = ROOT / "target" / "wheel"
DEV = {"MATURIN_PEP517_ARGS": "--profile dev", "CARGO_TARGET_DIR": str(ROOT / "target")}

# Of a source archive, beside the Python package.
NEEDED = re.compile(
    r"PKG-INFO|pyproject\.toml|Cargo\.(toml|lock)|build\.rs|README\.md|LICENSE-\w+|src/.+\.(rs|js|css|html|json)|benches/.+"
)

PROGRAM = """
import logging, threading
import logq
logq.install()
logging.warning("recorded by %s", logq.__version__)
thread = threading.Thread(target=logging.error, args=("from a thread",))
thread.start()
thread.join()
"""

# An older package that a program finds in its environment. Nothing of it may run under `logq run`.
OLDER = "__version__ = '0.0.1'\nraise RuntimeError('the installed one')\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python")
    base = parser.parse_args().python or first_python()
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    python = environment(base, "installed")
    ask(python, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", WORK, ROOT / "python-handler", env=DEV)
    [wheel] = WORK.glob("logq-*.whl")
    check_content(wheel)
    ask(python, "-m", "pip", "install", "--no-deps", wheel)
    check_use(python)
    check_versions(base, python)
    check_source(base)
    print("wheel ok: one install, one version, nothing astray")
    return 0


def first_python() -> str:
    folder = ROOT / "target" / "venvs"
    return str(folder / (folder / "versions").read_text().split()[0] / "bin" / "python")


def environment(base: str, name: str) -> pathlib.Path:
    """A new environment; its interpreter."""
    ask(base, "-m", "venv", WORK / name)
    return WORK / name / "bin" / "python"


def ask(*words: object, env: "dict[str, str] | None" = None, cwd: pathlib.Path = WORK) -> str:
    """What a command printed, stderr with it. That it fails ends the test."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("LOGQ_", "PYTHON"))}
    done = subprocess.run(
        [str(word) for word in words], env={**own, **(env or {})}, cwd=cwd, check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}: exit {done.returncode}\n{done.stdout}")
    return done.stdout


def expect(holds: bool, what: str, found: object) -> None:
    if not holds:
        sys.exit(f"{what}; found: {found}")


def sources() -> "set[str]":
    files = [path for path in PACKAGE.rglob("*") if path.suffix == ".py" or path.name == "py.typed"]
    return {f"logq/{path.relative_to(PACKAGE).as_posix()}" for path in files}


def check_content(wheel: pathlib.Path) -> None:
    """The package's sources, the command, licences and what pip needs: nothing more."""
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
        entries = opened.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    expect(sources() <= names, "the wheel lacks sources", sources() - names)
    rest = {name for name in names - sources() if ".dist-info/" not in name}
    expect(all(name.endswith(".data/scripts/logq") for name in rest) and len(rest) == 1, "strangers in the wheel", rest)
    expect(any("LICENSE" in name for name in names), "the wheel lacks its licences", names)
    expect("[pytest11]" in entries, "pytest would not find the plugin", entries)


def check_use(python: pathlib.Path) -> None:
    """Command, module and library are of one version, and the library records without `logq run`."""
    command = python.parent / "logq"
    said = ask(command, "--version")
    expect(ask(python, "-m", "logq", "--version") == said, "python -m logq is another command", said)
    version = ask(python, "-c", "import logq; print(logq.__version__)").strip()
    expect(said.split() == ["logq", version], "command and package differ", (said, version))
    folder = WORK / "use"
    folder.mkdir()
    (folder / "program.py").write_text(PROGRAM)
    ask(python, "program.py", cwd=folder)
    found = ask(python, "-m", "logq", "search", "thread", cwd=folder)
    expect("from a thread" in found, "the library recorded nothing that the command finds", found)
    found = ask(command, "run", "--", python, "program.py", cwd=folder)
    expect(f"recorded by {version}" in found and "2 threads" in found, "a run of an installed logq", found)


def check_versions(base: str, python: pathlib.Path) -> None:
    """A program whose environment has another version gets the one that its `logq run` carries."""
    other = environment(base, "older")
    site = ask(other, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    older = pathlib.Path(site) / "logq"
    older.mkdir()
    (older / "__init__.py").write_text(OLDER)
    found = ask(python.parent / "logq", "run", "--", other, "program.py", cwd=WORK / "use")
    expect("the installed one" not in found and "recorded by" in found, "two versions fight", found)


def check_source(base: str) -> None:
    """The source archive has what building needs and no more, and installs."""
    python = environment(base, "source")
    ask(python, "-m", "pip", "install", "maturin>=1.9,<2")
    ask(python.parent / "maturin", "sdist", "--out", WORK, cwd=ROOT / "python-handler")
    [archive] = WORK.glob("logq-*.tar.gz")
    with tarfile.open(archive) as opened:
        inside = {name.partition("/")[2] for name in opened.getnames()}
    carried = {name for name in inside if name.startswith("src/logq/")}
    expect(carried == {f"src/{name}" for name in sources()}, "another package in the source archive", sorted(carried))
    strangers = {name for name in inside - carried if not NEEDED.fullmatch(name)}
    expect(not strangers, "strangers in the source archive", sorted(strangers)[:20])
    ask(python, "-m", "pip", "install", "--no-deps", archive, env=DEV)
    found = ask(python, "-m", "logq", "--version")
    expect(found.startswith("logq "), "what was built from the archive does not start", found)


if __name__ == "__main__":
    sys.exit(main())
