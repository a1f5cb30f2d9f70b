"""`pytest --logq`: what a failed test's report says, with pytest-xdist, pytest-timeout and pytest-asyncio."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness import SOURCE, environment, write_program

BINARY = Path(__file__).resolve().parents[2] / "target" / "debug" / "logq"
pytestmark = pytest.mark.skipif(not BINARY.exists(), reason="needs the logq command: cargo build")

TESTS = """
    import asyncio, logging, threading, pytest
    accounts, ledger = threading.Lock(), threading.Lock()

    def test_right():
        logging.getLogger("shop").warning("all is well")

    def test_wrong():
        logging.getLogger("shop").warning("order 8812 is lost")
        worker = threading.Thread(target=lambda: 1 / 0, name="packer")
        worker.start()
        worker.join()
        assert 1 == 2

    @pytest.mark.timeout(3)
    def test_stuck():
        met = threading.Barrier(2)
        def take(first, second):
            with first:
                met.wait()
                with second:
                    pass
        threads = [threading.Thread(target=take, args=pair, name=name, daemon=True)
                   for pair, name in (((accounts, ledger), "pay"), ((ledger, accounts), "refund"))]
        for thread in threads: thread.start()
        for thread in threads: thread.join()

    @pytest.mark.asyncio
    async def test_task():
        logging.getLogger("shop").warning("in a task")
        await asyncio.sleep(0)
        raise LookupError("no such row")

    def test_by_fixture(logq_recording):
        import logq.testing
        thread = threading.Thread(target=lambda: [][0])
        thread.start()
        thread.join()
        assert [found["kind"] for found in logq_recording.findings(sure=False)] == ["lost-exception"]
"""


def run_tests(tmp_path: Path, *arguments: str) -> str:
    write_program(tmp_path, TESTS, "test_shop.py")
    env = environment(tmp_path / ".logq", booted=False, LOGQ_BIN=str(BINARY))
    env["PYTHONPATH"] = str(SOURCE)
    plugins = ["-p", "logq.pytest_plugin", "-p", "no:cacheprovider", "--logq"]
    command = [sys.executable, "-m", "pytest", "-q", *plugins, "-W", "ignore", *arguments, "test_shop.py"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def section(report: str, test: str) -> str:
    """What the report says of one failed test."""
    begin = report.index(f" {test} _")
    end = report.find("\n____", begin)
    return report[begin : end if end > 0 else None]


@pytest.mark.parametrize("arguments", [[], ["-n", "2"]])
def test_a_failed_test_tells_what_happened_in_it(tmp_path: Path, arguments: list[str]) -> None:
    report = run_tests(tmp_path, *arguments)
    wrong, stuck = section(report, "test_wrong"), section(report, "test_stuck")
    assert "ZeroDivisionError: thread died" in wrong
    assert "order 8812 is lost" in wrong
    assert "all is well" not in report
    assert "DEADLOCK  certain" in stuck
    assert "accounts" in stuck
    assert "order 8812" not in stuck
    assert "in a task" in section(report, "test_task")
    assert "3 failed, 2 passed" in report


def test_nothing_is_recorded_unless_asked_for(tmp_path: Path) -> None:
    write_program(tmp_path, "def test_right(): pass", "test_shop.py")
    env = {**os.environ, "PYTHONPATH": str(SOURCE)}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "logq.pytest_plugin",
        "-p",
        "no:cacheprovider",
        "test_shop.py",
    ]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    assert not (tmp_path / ".logq").exists()
