"""The files: one a process, nothing of ours in the host's files, nothing written is ever missing."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness import check, environment, parts, read_spool, run, spools, write_program

from logq.shelf import Shelf
from logq.sink import Sink


def test_files_and_lock(tmp_path):
    program = write_program(
        tmp_path,
        """
        import logging, sys
        logging.warning("x"); print("ready", flush=True); sys.stdin.readline()
        """,
    )
    directory = tmp_path / ".logq"
    process = subprocess.Popen(
        [sys.executable, str(program)], env=environment(directory), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        process.stdout.readline()
        (spool,) = spools(directory)
        (lock,) = spool.glob("*.lock")
        assert owner_of(lock) == process.pid
        (part,) = parts(directory)
        numbers = [int(fd) for fd in os.listdir(f"/proc/{process.pid}/fd")]
        assert sorted(numbers)[:3] == [0, 1, 2]
        assert all(number >= 200 for number in sorted(numbers)[3:])
        flags = [flags_of(process.pid, number) for number in sorted(numbers)[3:]]
        assert all(flag & os.O_CLOEXEC for flag in flags)
        assert any(flag & os.O_APPEND for flag in flags)
        process.stdin.close()
    assert owner_of(lock) is None
    assert part.stat().st_mode & 0o777 == 0o600


def flags_of(pid: int, number: int) -> int:
    text = Path(f"/proc/{pid}/fdinfo/{number}").read_text(encoding="ascii")
    return int(text.split("flags:")[1].split()[0], 8)


def owner_of(lock):
    """As readers ask: by F_GETLK, without taking it."""
    code = (
        "import fcntl, os, struct, sys\n"
        "fd = os.open(sys.argv[1], os.O_RDWR)\n"
        "query = struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 0, 0, 0)\n"
        "kind, _, _, _, pid = struct.unpack('hhqqi4x', fcntl.fcntl(fd, fcntl.F_GETLK, query))\n"
        "print(pid if kind != fcntl.F_UNLCK else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(lock)], stdout=subprocess.PIPE, check=True)
    return int(done.stdout) or None


def test_parts(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, queue, threading
        q = queue.Queue()
        def work():
            for n in range(100): logging.warning("a rather long line to fill the part with %d", n); q.put(n)
        t = threading.Thread(target=work, name="worker"); t.start()
        for _ in range(100): q.get(); logging.warning("got")
        t.join()
        """,
        LOGQ_PART_SIZE="10000",
    )
    files = parts(done.directory)
    assert len(files) > 3
    for number, file in enumerate(files, 1):
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        assert file.name.endswith(f".{number}.jsonl")
        assert (lines[0]["ev"], lines[0]["part"], lines[0].get("again")) == (
            "proc",
            number,
            True if number > 1 else None,
        )
        if number > 1:
            again = [line["ev"] for line in lines if line.get("again")]
            assert again[0] == "proc"
            assert "obj" in again or number < len(files)  # the queue may not have been told of that early
            assert [line.get("again") for line in lines[: len(again)]] == [True] * len(again)
    assert len(done.logs(msg="got")) == 100


def test_a_part_ends_with_the_record_that_fills_it(tmp_path):
    done = run(
        tmp_path,
        """
        import logging
        for n in range(300): logging.warning("a line of some length %d", n)
        """,
        LOGQ_PART_SIZE="10000",
    )
    *full, last = parts(done.directory)
    assert len(full) > 5
    for part in [*full, last]:
        lines = part.read_bytes().splitlines(keepends=True)
        own = [len(line) for line in lines if b'"again":true' not in line]
        assert sum(own[:-1]) <= 10_000
        assert part == last or sum(own) > 10_000


DAEMON = """
import logging, os, sys
logging.warning("before")
if os.fork(): os.wait(); os._exit(0)
os.setsid()
os.closerange({low}, {high})
files = [open("host%d" % n, "w") for n in range(10)]
target = None
for number in range({low}, 4200):
    try: os.fstat(number)
    except OSError: pass
for offset in range({steal}):
    os.dup2(files[0].fileno(), 4000 + offset)
logging.warning("after")
for file in files: file.write("host"); file.flush()
logging.warning("more")
"""


@pytest.mark.parametrize(("low", "high", "steal"), [(3, 1000, 0), (3, 70000, 0), (3, 70000, 20)])
def test_daemonizing_never_leads_our_bytes_into_the_hosts_files(tmp_path, low, high, steal):
    done = run(tmp_path, DAEMON.format(low=low, high=high, steal=steal))
    assert done.log("before")
    assert done.log("after")["proc"] == done.log("more")["proc"]
    assert done.log("after")["proc"] != done.log("before")["proc"]
    assert {path.read_text() for path in tmp_path.glob("host*")} == {"host"}


def test_a_stolen_descriptor_is_noticed_and_left_alone(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, os, time
        logging.warning("one")
        links = [n for n in os.listdir("/proc/self/fd") if os.path.lexists("/proc/self/fd/" + n)]
        ours = [int(n) for n in links if os.readlink("/proc/self/fd/" + n).endswith("jsonl")]
        host = os.open("host", os.O_RDWR | os.O_CREAT)
        end = time.monotonic() + 0.001
        while time.monotonic() < end: pass
        os.dup2(host, ours[0])
        logging.warning("two")
        os.write(ours[0], b"mine")
        logging.warning("three")
        """,
    )
    assert (tmp_path / "host").read_bytes() == b"mine"
    assert [record["msg"] for record in done.logs()] == ["one", "two", "three"]
    assert not done.events("lost")


@pytest.mark.parametrize("seed", range(200 if os.environ.get("LOGQ_SOAK") else 3))
def test_after_kill_9_every_record_whose_write_returned_is_there(tmp_path, seed):
    program = write_program(
        tmp_path,
        """
        import logging, os, sys, threading
        log = logging.getLogger("k"); log.addHandler(logging.NullHandler()); log.propagate = False; log.setLevel(10)
        def work(me):
            n = 0
            while True:
                n += 1
                log.info("%d:%d", me, n)
                os.write(1, b"%d:%d\\n" % (me, n))
        for me in range(3): threading.Thread(target=work, args=(me,)).start()
        """,
    )
    directory = tmp_path / ".logq"
    process = subprocess.Popen([sys.executable, str(program)], env=environment(directory), stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process:
        count = random.Random(seed).randrange(1, 600)
        seen = [process.stdout.readline() for _ in range(count)]
        process.send_signal(signal.SIGKILL)
        seen += process.stdout.read().split(b"\n")
    records = read_spool(directory)
    check(records)
    written = {record["msg"] for record in records if "ev" not in record}
    acknowledged = {line.strip().decode() for line in seen if line.strip()}
    assert acknowledged <= written
    assert len(acknowledged) >= count
    for part in parts(directory):  # at most the last line is torn
        assert all(json.loads(line) for line in part.read_bytes().split(b"\n")[:-1])


def test_a_full_disk_is_counted_and_told(tmp_path):
    """RLIMIT_FSIZE cuts one write short and fails the next ones, as a full disk does."""
    program = """
        import logging, os, resource
        log = logging.getLogger("x"); log.addHandler(logging.NullHandler()); log.propagate = False
        log.warning("first")
        spool = os.path.join(os.environ["LOGQ_DIR"], "runs", os.environ["LOGQ_RUN"], "spool")
        part = [os.path.join(spool, n) for n in os.listdir(spool) if n.endswith("jsonl")][0]
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(part) + 100, hard))
        for n in range(5): log.warning("lost %d", n)
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        log.warning("works again")
        log.warning("and again")
        """
    path = write_program(tmp_path, program)
    directory = tmp_path / ".logq"
    subprocess.run([sys.executable, str(path)], env=environment(directory), check=True, timeout=60)
    (part,) = parts(directory)
    lines = part.read_bytes().split(b"\n")
    torn = [line for line in lines if line and not line.endswith(b"}")]
    assert len(torn) == 1
    records = [json.loads(line) for line in lines if line.endswith(b"}")]
    assert [record["msg"] for record in records if "ev" not in record] == ["first", "works again", "and again"]
    (lost,) = [record for record in records if record.get("ev") == "lost"]
    assert lost["n"] == 5
    assert lost["why"] == "short-write,EFBIG"
    assert max(record["seq"] for record in records) == 11


def test_a_spool_that_vanishes(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, os, shutil, time
        logging.warning("one")
        shutil.rmtree(os.environ["LOGQ_DIR"])
        end = time.monotonic() + 1.2
        while time.monotonic() < end: logging.getLogger("x").debug("")
        for n in range(3): logging.warning("gone")
        print("alive")
        """,
    )
    assert done.out == "alive\n"


def test_a_file_that_vanishes_under_a_steady_stream_of_records(tmp_path):
    """However dense they come, by their own clock, the file is looked at once a second."""
    base = str(tmp_path / "42-aaaaaa")
    sink = Sink(base, 1 << 20, Shelf(base, None, None, 1 << 20))
    sink.open()
    sink.write(b"first\n", time.monotonic_ns())
    (part,) = tmp_path.glob("*.jsonl")
    part.unlink()
    begun = time.monotonic_ns()
    for number in range(30_000):
        sink.write(b"%d\n" % number, begun + number * 50_000)
    assert [path.read_bytes()[-6:] for path in tmp_path.glob("*.jsonl")] == [b"29999\n"]


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root may write anywhere")
def test_a_directory_that_cannot_be_written(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    program = write_program(tmp_path, "import logging; logging.warning('x'); print('alive')")
    env = environment(tmp_path, LOGQ_DEBUG=None, LOGQ_DIR=str(blocked))
    done = subprocess.run([sys.executable, str(program)], env=env, capture_output=True, check=True)
    assert done.stdout == b"alive\n"
    assert done.stderr == b"WARNING:root:x\n"


def test_nested_records(tmp_path):
    """From finalizers, signal handlers and str(): written, not lost, nobody waits for ever."""
    done = run(
        tmp_path,
        """
        import gc, logging, os, signal, sys, threading, time
        log = logging.getLogger("n"); log.addHandler(logging.NullHandler()); log.propagate = False
        class Loud:
            def __init__(self): self.me = self
            def __del__(self): log.warning("finalizer")
        gc.set_threshold(50)
        handled = []  # an `append` is one step, for a handler in the midst of a handler
        def on_signal(*_):
            handled.append(1)
            log.warning("signal")
        signal.signal(signal.SIGALRM, on_signal)
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        made = 0
        while len(handled) < 60:
            Loud(); made += 1
            log.warning("plain %s", made, extra={"list": [[] for _ in range(5)]})
        signal.setitimer(signal.ITIMER_REAL, 0)
        gc.collect()
        print(made, len(handled))
        """,
    )
    made, handled = map(int, done.out.split())
    assert len(done.logs(msg="signal")) == handled
    assert len(done.logs(msg="finalizer")) == made
    assert len(done.logs(tpl="plain %s")) == made
    assert not done.events("lost")


def test_fork_while_other_threads_log(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, os, threading, warnings
        warnings.simplefilter("ignore")
        log = logging.getLogger("f"); log.addHandler(logging.NullHandler()); log.propagate = False
        stop = False
        def work():
            while not stop: log.warning("busy")
        ts = [threading.Thread(target=work) for _ in range(3)]
        for t in ts: t.start()
        for n in range(20):
            pid = os.fork()
            if pid == 0:
                log.warning("child %d", n)
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        stop = True
        for t in ts: t.join()
        """,
        timeout=120,
    )
    assert len(done.processes()) == 21
    for n in range(20):
        assert done.log(f"child {n}")["lane"] == "t1"


def test_many_threads_write_whole_lines(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, threading
        log = logging.getLogger("m"); log.addHandler(logging.NullHandler()); log.propagate = False
        def work(me):
            for n in range(200): log.warning("%d:%d %s", me, n, "x" * (n * 7 % 3000))
        ts = [threading.Thread(target=work, args=(me,)) for me in range(8)]
        for t in ts: t.start()
        for t in ts: t.join()
        """,
        LOGQ_PART_SIZE="300000",
    )
    assert len(done.logs()) == 1600
    sizes = sorted(path.stat().st_size for path in parts(done.directory))
    assert sizes[-1] < 300_000 + 20_000 + 9 * 4_000  # its first lines, and one record a thread
    assert sizes[1] > 300_000  # all but the last one
    assert not done.events("lost")


def test_ctrl_c_loses_no_record_and_reaches_the_program(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, os, signal, threading
        log = logging.getLogger("c"); log.addHandler(logging.NullHandler()); log.propagate = False
        caught = n = 0
        def shoot():
            while caught < 30:
                before = caught
                os.kill(os.getpid(), signal.SIGINT)
                while caught == before: pass
        t = threading.Thread(target=shoot, daemon=True)
        started = False
        while caught < 30:
            try:
                if not started: started = True; t.start()
                while True: n += 1; log.warning("n %d", n)
            except KeyboardInterrupt: caught += 1
        print(caught)
        """,
        checked=False,
    )
    assert done.out == "30\n"
    seqs = sorted(record["seq"] for record in done.records if record["lane"] == "t1")
    assert len(seqs) == len(set(seqs)), "a record was written twice"
    assert set(range(1, max(seqs) + 1)) - set(seqs) == set()
