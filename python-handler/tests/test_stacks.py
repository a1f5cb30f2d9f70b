"""Stacks on a signal: only where asked for, in each process, and never in the way of the program's own signals."""

from __future__ import annotations

import pytest
from harness import run, spools

PROGRAM = """
import os, signal, sys
def work():
    os.kill(os.getpid(), signal.SIGUSR2)
spool = os.path.join(os.environ["LOGQ_DIR"], "runs", os.environ["LOGQ_RUN"], "spool")
"""


def test_each_process_has_its_own_file(tmp_path):
    code = PROGRAM + "\npid = os.fork()\nwork()\nif pid: assert os.waitpid(pid, 0)[1] == 0\n"
    done = run(tmp_path, code, LOGQ_DUMP_SIGNAL="SIGUSR2")
    (spool,) = spools(done.directory)
    files = {path.name: path.read_text() for path in spool.glob("*.stacks")}
    assert set(files) == {event["proc"] + ".stacks" for event in done.processes()}
    for text in files.values():
        assert text.startswith("signal ")
        assert text.count("in work") == 1


def test_a_handler_of_the_program_takes_its_place(tmp_path):
    code = PROGRAM + "\nsignal.signal(signal.SIGUSR2, lambda *_: print('mine'))\nwork()\n"
    done = run(tmp_path, code, LOGQ_DUMP_SIGNAL="usr2")
    assert done.out == "mine\n"
    assert not list(done.directory.rglob("*.stacks"))


@pytest.mark.parametrize("name", ["", "KILL", "0", "nonsense", "99999999999999999999"])
def test_what_is_no_signal_for_this_is_ignored(tmp_path, name):
    done = run(tmp_path, "print('fine')", LOGQ_DUMP_SIGNAL=name, LOGQ_DEBUG=None)
    assert (done.out, done.err) == ("fine\n", "")
    assert not any(path.read_text() for path in done.directory.rglob("*.stacks"))


def test_recording_may_be_turned_off_and_on(tmp_path):
    code = """
        import logq, os, signal
        logq.install()
        logq.uninstall()
        assert signal.getsignal(signal.SIGUSR2) is signal.SIG_DFL
        with open("/proc/self/status") as status:
            (caught,) = [int(line.split()[1], 16) for line in status if line.startswith("SigCgt")]
        assert not caught >> (signal.SIGUSR2 - 1) & 1
        """
    run(tmp_path, code, booted=False, LOGQ_DUMP_SIGNAL="USR2")
