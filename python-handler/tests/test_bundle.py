"""The modules of every start in one file: quicker, and nothing else is different."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness import SOURCE, environment

LOOK = """
import sys
import logq
assert not any(type(finder).__module__ == "logq.bundle" for finder in sys.meta_path)
import inspect
for name, module in sorted(sys.modules.items()):
    if name.startswith("logq."):
        spec = module.__spec__
        same = module.__file__ == spec.origin and module.__cached__ == spec.cached and bool(inspect.getsource(module))
        print(name, module.__file__, module.__package__, getattr(module, "__path__", None), same)
print("bundled:", sum(type(module.__spec__.loader).__module__ == "logq.bundle" for module in sys.modules.values()
    if getattr(module, "__spec__", None)))
print("marker:", getattr(logq.switch, "marker", None))
"""


@pytest.fixture
def package(tmp_path):
    return Path(
        shutil.copytree(SOURCE / "logq", tmp_path / "lib" / "logq", ignore=shutil.ignore_patterns("__pycache__"))
    )


def look(package: Path, writes: bool = True) -> tuple[list[str], int, str]:
    """What a program sees of our modules, how many came from the bundle, and the marker that was put into one."""
    no = None if writes else "1"
    env = environment(package.parent / ".logq", False, PYTHONPATH=str(package.parent), PYTHONDONTWRITEBYTECODE=no)
    command = [sys.executable, "-c", LOOK]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    *lines, bundled, marker = done.stdout.splitlines()
    return lines, int(bundled.split()[1]), marker.split()[1]


def test_modules_come_from_one_file_and_look_the_same(package):
    before, none, _ = look(package, writes=False)
    assert none == 0
    assert not list(package.rglob("*.bundle"))
    assert look(package)[:2] == (before, 0)  # the first start writes it
    after, bundled, _ = look(package)
    assert after == before
    assert bundled == len(before) - 1  # all but the module that reads the bundle
    assert all(line.endswith(" True") for line in after)


def test_a_bundle_that_does_not_fit_is_made_anew(package):
    look(package)
    source = package / "switch.py"
    source.write_text(source.read_text() + "\nmarker = 'new'\n")
    lines, _, marker = look(package)
    assert marker == "new"
    assert look(package) == (lines, len(lines) - 1, "new")
    (bundle,) = package.rglob("*.bundle")
    whole = bundle.read_bytes()
    for damage in (b"", whole[: len(whole) // 2], b"\x00" * 100, b"not at all"):
        bundle.write_bytes(damage)
        assert look(package)[0] == lines
        assert look(package)[1] == len(lines) - 1
    elsewhere = package.parent.parent / "elsewhere"
    elsewhere.mkdir()
    package.rename(elsewhere / "logq")
    moved, _, _ = look(elsewhere / "logq")
    assert moved == [line.replace(str(package.parent), str(elsewhere)) for line in lines]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(package):
    look(package)
    (bundle,) = package.rglob("*.bundle")
    bundle.unlink()
    bundle.parent.chmod(0o500)
    try:
        assert look(package)[1] == 0
    finally:
        bundle.parent.chmod(0o700)


STARTS = """
import multiprocessing, queue, sys
import logq
assert not any(type(finder).__module__ == "logq.bundle" for finder in sys.meta_path)
multiprocessing.Queue()
print(sorted(name for name in sys.modules if name.partition(".")[0] == "logq"))
"""


def test_what_logq_has_unpacked_is_compiled_once_whatever_the_program_writes(tmp_path, package):
    """`logq run` in a container that says PYTHONDONTWRITEBYTECODE: that is meant for the program's folders."""
    store = tmp_path / ".logq"
    carried = store / "python" / "0" / "logq"
    shutil.copytree(package, carried)
    own = tmp_path / "own.py"
    own.write_text("")
    env = environment(store, PYTHONPATH=os.pathsep.join([str(carried / "boot"), str(tmp_path)]))
    command = [sys.executable, "-c", "import own\n" + STARTS]

    def start() -> tuple[list[str], str]:
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, check=False, preexec_fn=lambda: os.umask(0)
        )
        assert (done.returncode, done.stderr) == (0, "")
        return sorted(str(path) for path in tmp_path.rglob("*.pyc")), done.stdout

    compiled, modules = start()
    assert start() == (compiled, modules)
    assert {Path(path).name.partition(".")[0] for path in compiled} >= {"messages", "queues", "bundle", "switch"}
    assert all(path.startswith(str(carried)) for path in compiled)
    assert len(list(carried.rglob("*.bundle"))) == 1
    assert {os.stat(path).st_mode & 0o177 for path in compiled} == {os.stat(carried / "switch.py").st_mode & 0o177}


def test_a_prefix_of_compiled_code_is_the_programs_own(tmp_path, package):
    """With PYTHONPYCACHEPREFIX what is compiled lies in a folder of the program's, which asked for nothing there."""
    store, prefix = tmp_path / ".logq", tmp_path / "prefix"
    carried = store / "python" / "0" / "logq"
    shutil.copytree(package, carried)
    prefix.mkdir()
    env = environment(store, PYTHONPATH=str(carried / "boot"), PYTHONPYCACHEPREFIX=str(prefix))
    done = subprocess.run([sys.executable, "-c", STARTS], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert not list(prefix.iterdir())
    assert not list(carried.rglob("*.pyc"))
