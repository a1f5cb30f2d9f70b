"""The boot path of `logq run`: in every interpreter, before everything, and as if it were not there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness import BOOT, RUN, SOURCE, environment, read_spool, run, write_program

PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
OTHERS = sorted(PYENV.glob("*/bin/python"))


@pytest.mark.parametrize("python", OTHERS, ids=lambda path: path.parent.parent.name)
def test_every_interpreter_starts(tmp_path, python):
    """What is too old runs as if nothing were there; 2.7 must be able to read the file."""
    program = write_program(
        tmp_path, "import sys, logging\nlogging.warning('x')\nsys.stdout.write('%d' % sys.version_info[0])\n"
    )
    done = subprocess.run(
        [str(python), str(program)],
        env=environment(tmp_path / ".logq"),
        capture_output=True,
        check=True,
    )
    version = tuple(int(part) for part in python.parent.parent.name.split(".")[:2] if part.isdigit())
    assert done.stdout.decode() == str(version[0])
    assert b"logq" not in done.stderr
    records = read_spool(tmp_path / ".logq")
    assert len(records) == (3 if version >= (3, 9) else 0)


STATE = """
import sys
print([entry for entry in sys.path])
print(sorted(name for name in sys.modules if not name.startswith("logq")))
print(sys.argv, sys.flags, getattr(sys.modules.get("sitecustomize"), "__file__", None))
"""


def test_the_program_sees_its_own_path_and_modules(tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "sitecustomize.py").write_text("import sys; sys.stderr.write('mine ran\\n')")
    with_own = f"{BOOT}{os.pathsep}{mine}"
    for boot, plain in ((str(BOOT), None), (with_own, str(mine))):
        done = run(tmp_path, STATE, "argument", PYTHONPATH=boot)
        without = run(tmp_path, STATE, "argument", booted=False, PYTHONPATH=plain)
        path, modules, rest = done.out.splitlines()
        path_before, modules_before, rest_before = without.out.splitlines()
        assert path == path_before
        assert rest == rest_before
        assert done.err == without.err
        extra = set(eval(modules)) - set(eval(modules_before))
        ours = {"__future__", "_contextvars", "_json", "_weakref", "atexit", "errno", "fcntl", "itertools", "time"}
        assert extra <= ours, extra


def test_a_sitecustomize_that_fails_fails_as_before(tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "sitecustomize.py").write_text("import does_not_exist")
    done = run(tmp_path, "print('alive')", PYTHONPATH=f"{BOOT}{os.pathsep}{mine}")
    plain = run(tmp_path, "print('alive')", booted=False, PYTHONPATH=str(mine))
    assert (done.out, done.err) == (plain.out, plain.err)


def test_inactive_without_a_run(tmp_path):
    done = run(tmp_path, "import sys; print('logq' in sys.modules)", LOGQ_RUN=None)
    assert done.out == "False\n"
    assert done.records == []


def test_nothing_of_the_library_is_imported_for_the_program(tmp_path):
    code = """
    import sys
    names = ("logging", "asyncio", "queue", "concurrent", "multiprocessing", "json", "subprocess", "ast", "traceback")
    print([name for name in names if name in sys.modules])
    """
    assert run(tmp_path, code).out == run(tmp_path, code, booted=False).out


def test_the_carried_package_wins_over_an_installed_one(tmp_path):
    fake = tmp_path / "installed" / "logq"
    fake.mkdir(parents=True)
    (fake / "__init__.py").write_text("raise RuntimeError('the installed one')")
    done = run(
        tmp_path,
        "import logq; print(logq.__file__)",
        PYTHONPATH=f"{BOOT}{os.pathsep}{fake.parent}",
    )
    assert done.out.strip() == str(SOURCE / "logq" / "__init__.py")


@pytest.mark.parametrize(
    "arguments",
    [("-m", "program"), ("-c", "import program"), ("-W", "error", "program.py"), ("-X", "dev", "program.py")],
)
def test_ways_to_start(tmp_path, arguments):
    write_program(
        tmp_path,
        "import logging, asyncio, concurrent.futures, multiprocessing, subprocess, queue; logging.warning('x')",
    )
    done = subprocess.run(
        [sys.executable, *arguments], env=environment(tmp_path / ".logq"), cwd=tmp_path, capture_output=True,
        check=True,
    )  # fmt: skip
    assert done.stderr == b"WARNING:root:x\n"
    records = read_spool(tmp_path / ".logq")
    assert [record["msg"] for record in records if "ev" not in record] == ["x"]
    assert records[0]["run"] == RUN
    assert records[-1]["rc"] == 0


def test_helpers_of_multiprocessing_leave_no_file(tmp_path):
    done = run(
        tmp_path,
        """
        import multiprocessing
        if __name__ == "__main__":
            context = multiprocessing.get_context("forkserver")
            lock = context.Lock()
            p = context.Process(target=print, args=("hello",)); p.start(); p.join()
        """,
    )
    assert [event["how"] for event in sorted(done.processes(), key=lambda event: event["n"])] == ["root", "forkserver"]


def test_a_virtual_environment(tmp_path):
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    python = venv / "bin" / "python"
    done = run(tmp_path, "import sys, logging; logging.warning('x'); print(sys.prefix)", python=str(python))
    assert done.out.strip() == str(venv)
    assert done.log("x")


SUBINTERPRETER = """
import logging
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
logging.warning("before")
interpreters.run_string(interpreters.create(), "import logging; logging.warning('inside')")
logging.warning("after")
"""


def test_a_subinterpreter_is_no_process(tmp_path):
    """It starts with a sitecustomize of its own, in a process that records already."""
    done = run(tmp_path, SUBINTERPRETER)
    assert [process["n"] for process in done.processes()] == [1]
    assert [record["msg"] for record in done.logs()] == ["before", "after"]
