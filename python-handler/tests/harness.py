"""Runs real programs under logq and reads what they left on disk. The one harness of these tests.

Every run's spool is checked against the rules that hold for any program: whole JSON lines, lanes
numbered without gaps, first lines where they belong. Tests say what is special.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import stuck

SOURCE = Path(__file__).resolve().parent.parent / "src"
BOOT = SOURCE / "logq" / "boot"
RUN = "20261122-171503-test"

# A shell that starts the tests in the background has them ignore Ctrl-C, and programs inherit that.
# A handler is not inherited.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

Record = dict[str, Any]


@dataclass
class Finished:
    """A program that has ended, and its run."""

    rc: int
    out: str
    err: str
    directory: Path
    torn: int = 0
    records: list[Record] = field(default_factory=list)

    def logs(self, **wanted: Any) -> list[Record]:
        return [r for r in self.records if "ev" not in r and matches(r, wanted)]

    def events(self, ev: str, **wanted: Any) -> list[Record]:
        return [r for r in self.records if r.get("ev") == ev and matches(r, wanted)]

    def event(self, ev: str, **wanted: Any) -> Record:
        found = self.events(ev, **wanted)
        assert len(found) == 1, f"{len(found)} {ev} events with {wanted}: {found}"
        return found[0]

    def log(self, msg: str, **wanted: Any) -> Record:
        found = self.logs(msg=msg, **wanted)
        assert len(found) == 1, f"{len(found)} records {msg!r} in {[r['msg'] for r in self.logs()]}\n{self.err}"
        return found[0]

    def processes(self) -> list[Record]:
        return [r for r in self.events("proc") if not r.get("again")]


def matches(record: Record, wanted: dict[str, Any]) -> bool:
    return all(record.get(key.rstrip("_")) == value for key, value in wanted.items())


def environment(directory: Path, booted: bool = True, **more: str | None) -> dict[str, str]:
    """What `logq run` gives a program; or, not booted, a plain one that can import logq."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("LOGQ_", "PYTHON"))}
    env.update(PYTHONDONTWRITEBYTECODE="1", PYTHONFAULTHANDLER="1")  # the latter for those that hang
    if booted:
        env.update(LOGQ_DIR=str(directory), LOGQ_RUN=RUN, PYTHONPATH=str(BOOT), LOGQ_DEBUG="1")
    else:
        env["PYTHONPATH"] = str(SOURCE)
    for key, value in more.items():
        if value is None:
            env.pop(key, None)
        else:
            env[key] = value
    return env


def write_program(tmp_path: Path, code: str, name: str = "program.py") -> Path:
    path = tmp_path / name
    path.write_text(textwrap.dedent(code), encoding="utf-8")
    return path


def run(
    tmp_path: Path,
    code: str,
    *arguments: str,
    booted: bool = True,
    rc: int | None = 0,
    checked: bool = True,
    python: str = sys.executable,
    flags: Any = (),
    timeout: float = 60,
    **env: str | None,
) -> Finished:
    """Runs the program to its end and reads the spool. `rc` None accepts any exit code."""
    program = write_program(tmp_path, code)
    directory = tmp_path / ".logq"
    command = [python, *flags, str(program), *arguments]
    env_given = environment(directory, booted, **env)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    child = subprocess.Popen(command, env=env_given, cwd=tmp_path, **pipes)
    out, err = finish(child, timeout)
    finished = Finished(child.returncode, decode(out), decode(err), directory)
    assert rc is None or finished.rc == rc, f"ended with {finished.rc}\n{finished.out}\n{finished.err}"
    if booted:  # LOGQ_DEBUG prints what goes wrong inside
        assert str(SOURCE) not in finished.err, finished.err
    finished.records = read_spool(directory)
    if checked:
        check(finished.records)
    return finished


def finish(child: subprocess.Popen[bytes], timeout: float) -> tuple[bytes, bytes]:
    """What the program printed, once it has ended. One that hangs is ended, and tells where it was."""
    try:
        return child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        told = stuck.end_telling(child.pid)
        out, err = child.communicate(timeout=10)
        raise AssertionError(f"hung for {timeout} s\n{told}\n{decode(out)}\n{decode(err)}") from None
    finally:
        child.kill()


@contextmanager
def started(tmp_path: Path, code: str, *arguments: str, **env: str | None) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs until the test has seen enough. If the test fails, it tells where it was."""
    program = write_program(tmp_path, code)
    command = [sys.executable, str(program), *arguments]
    env_given = environment(tmp_path / ".logq", **env)
    child = subprocess.Popen(command, env=env_given, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        yield child
    except BaseException:
        if child.poll() is None:
            print(stuck.end_telling(child.pid))
        raise
    finally:
        child.kill()
        child.communicate()


def wait_for(tmp_path: Path, found: Callable[[list[Record]], object], limit: float = 30) -> list[Record]:
    """The records of the run, once `found(records)` is true of them."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        records = read_spool(tmp_path / ".logq")
        if found(records):
            return records
        time.sleep(0.05)
    raise AssertionError(f"not seen within {limit} s")


def decode(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def spools(directory: Path) -> list[Path]:
    return sorted(directory.glob("runs/*/spool"))


def parts(directory: Path) -> list[Path]:
    """Part files, in the order of their processes' numbers and their own."""
    found = [path for spool in spools(directory) for path in spool.glob("*.jsonl")]
    return sorted(found, key=lambda path: (path.name.split(".")[0], int(path.name.split(".")[1])))


def read_spool(directory: Path) -> list[Record]:
    """Every whole line of every part. An unterminated last line is not yet written."""
    records = []
    for part in parts(directory):
        lines = part.read_bytes().split(b"\n")
        for line in lines[:-1]:
            if line:
                record = json.loads(line)
                record["part_file"] = part.name
                records.append(record)
    return records


def check(records: list[Record]) -> None:
    """What holds of every spool in which nothing was lost."""
    numbers: dict[Any, list[int]] = {}
    for record in records:
        if record.get("again"):
            assert "seq" not in record
            continue
        numbers.setdefault((record["proc"], record["lane"]), []).append(record["seq"])
        if record["seq"] == 1:
            assert record["ev"] == ("proc" if record["lane"] == "t1" else "lane"), record
        assert record["ts"].endswith("Z")
        assert len(record["ts"]) == 30
    for lane, seqs in numbers.items():
        assert sorted(seqs) == list(range(1, len(seqs) + 1)), f"{lane}: {sorted(seqs)}"


def stamps(record: Record) -> list[str]:
    """The stamps of a record without the objects that carried them."""
    return [stamp.split("|")[0] for stamp in record.get("hb", []) + record.get("hbl", [])]
