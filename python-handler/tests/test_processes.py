"""Processes: identity right after fork, every start method, subprocesses, and how each one ended."""

from __future__ import annotations

import re

import pytest
from harness import run

EXITS = [
    ("pass", 0, 0, "exit"),
    ("import sys; sys.exit(3)", 3, 3, "exit"),
    ("import sys; sys.exit()", 0, 0, "exit"),
    ("import sys; sys.exit('message')", 1, 1, "exit"),
    ("exit(4)", 4, 4, "exit"),
    ("raise ValueError('x')", 1, 1, "exc"),
    ("import os; os._exit(5)", 5, 5, "_exit"),
    ("import sys\ntry: sys.exit(3)\nexcept SystemExit: pass", 0, 0, "exit"),
    ("import sys\ndef f():\n  try: sys.exit(3)\n  except SystemExit: pass\nf()", 0, 0, "exit"),
    (
        "import threading, time, sys\nthreading.Thread(target=time.sleep, args=(0.1,)).start()\nsys.exit(6)",
        6,
        6,
        "exit",
    ),
    ("import sys\nsys.excepthook = lambda *a: None\n1 / 0", 1, 1, "exc"),
    ("import logging\nlogging.warning('x')\nraise SystemExit(7)", 7, None, "exit"),
    ("raise KeyboardInterrupt", -2, 130, "exc"),
    ("raise SystemExit(8)", 8, None, "exit"),
    ("import queue, sys\nraise SystemExit(sys.maxsize and 9)", 9, None, "exit"),
]


@pytest.mark.parametrize(("code", "rc", "told", "how"), EXITS)
def test_exit_codes(tmp_path, code, rc, told, how):
    done = run(tmp_path, code, rc=rc)
    end = done.event("exit")
    assert (end.get("rc"), end["how"]) == (told, how)


def test_the_main_threads_exception_is_written_before_other_threads_are_waited_for(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, os, sys, threading
        spool = os.path.join(os.environ["LOGQ_DIR"], "runs", os.environ["LOGQ_RUN"], "spool")
        part = [os.path.join(spool, name) for name in os.listdir(spool) if name.endswith("jsonl")][0]
        def wait():
            while '"ev":"exc"' not in open(part).read(): pass
            logging.warning("seen by another thread")
            os._exit(9)
        sys.excepthook = lambda *a: None
        threading.Thread(target=wait).start()
        raise ValueError("main died")
        """,
        rc=9,
    )
    died = done.event("exc")
    assert (died["where"], died["lane"], died["hook"], died["msg"]) == ("sys", "t1", "user", "main died")
    assert died["stack"][-1]["code"] == 'raise ValueError("main died")'


MULTIPROCESSING = """
import logging, multiprocessing, sys
def work(n):
    logging.warning("work %d", n)
    if n == 1: sys.exit(4)
    if n == 2: raise KeyError("died")
if __name__ == "__main__":
    {install}
    context = multiprocessing.get_context("{method}")
    workers = [context.Process(target=work, args=(n,), name="worker-%d" % n) for n in range(3)]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
    assert [worker.exitcode for worker in workers] == [0, 4, 1]
    logging.warning("joined")
"""


@pytest.mark.parametrize("booted", [True, False])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(tmp_path, method, booted):
    install = "pass" if booted else f"import logq; logq.install(dir={str(tmp_path / '.logq')!r})"
    done = run(tmp_path, MULTIPROCESSING.format(method=method, install=install), booted=booted)
    processes = {event["name"]: event for event in done.processes()}
    assert set(processes) == {"program.py", "worker-0", "worker-1", "worker-2"}
    root = processes.pop("program.py")
    for number in range(3):
        worker = processes[f"worker-{number}"]
        assert worker["how"] == method
        assert worker["from"].startswith(root["proc"] + "/t1@")
        assert done.log(f"work {number}")["proc"] == worker["proc"]
        rc = [0, 4, 1][number]
        assert done.event("exit", proc=worker["proc"])["rc"] == rc
        assert done.event("reap", child_proc=worker["proc"])["rc"] == rc
        assert done.event("child", child_proc=worker["proc"])["child_pid"] == worker["pid"]
    died = done.event("exc")
    assert (died["where"], died["type"], died["proc"]) == ("sys", "KeyError", processes["worker-2"]["proc"])
    assert {event["run"] for event in done.processes()} == {root["run"]}


def test_pools_of_processes(tmp_path):
    done = run(
        tmp_path,
        """
        import concurrent.futures, logging, multiprocessing
        def work(n): logging.warning("n%d", n); return n
        if __name__ == "__main__":
            with concurrent.futures.ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
                assert list(pool.map(work, range(4))) == [0, 1, 2, 3]
            with multiprocessing.Pool(2) as pool:
                assert pool.map(work, range(4, 6)) == [4, 5]
            logging.warning("done")
        """,
    )
    assert len({done.log(f"n{n}")["pid"] for n in range(4)}) <= 2
    assert done.log("n4")["proc"] != done.log("done")["proc"]


def test_subprocesses(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, os, signal, subprocess, sys
        code = "import logging, os; logging.warning('sub'); assert 'LOGQ_PARENT' not in os.environ"
        subprocess.run([sys.executable, "-c", code], check=True)
        subprocess.run([sys.executable, "-c", "pass"], env={"PATH": "/bin"}, check=True)
        p = subprocess.Popen(["sleep", "100"]); p.send_signal(signal.SIGKILL); p.wait()
        subprocess.run("true", shell=True, preexec_fn=lambda: None)
        try: subprocess.run(["/does/not/exist"])
        except FileNotFoundError: pass
        left = subprocess.Popen(["sleep", "1"]); left.returncode = 0
        """,
    )
    root, sub = sorted(done.processes(), key=lambda event: event["n"])
    assert (sub["how"], sub["from"]) == ("exec", f"{root['proc']}/t1@1")
    assert [event.get("rc", event.get("signal")) for event in done.events("reap")] == [0, 0, 9, 0]
    assert len(done.events("child")) == 5
    assert done.events("child")[2]["argv"] == ["sleep", "100"]
    assert done.event("exit", proc=root["proc"])["children"][0]["state"] == "running"


def test_asyncio_subprocesses(tmp_path):
    done = run(
        tmp_path,
        """
        import asyncio, sys
        async def main():
            p = await asyncio.create_subprocess_exec(sys.executable, "-c", "import sys; sys.exit(3)")
            assert await p.wait() == 3
        asyncio.run(main())
        """,
    )
    assert done.event("reap")["rc"] == 3
    assert {event["how"] for event in done.processes()} == {"root", "exec"}


def test_a_killed_child_is_seen_by_its_parent(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, multiprocessing, os, signal, time
        def work(): logging.warning("alive"); os.kill(os.getpid(), signal.SIGKILL)
        if __name__ == "__main__":
            p = multiprocessing.get_context("fork").Process(target=work); p.start(); p.join()
            assert p.exitcode == -9
        """,
    )
    assert done.event("reap")["signal"] == 9
    assert done.log("alive")
    assert len(done.events("exit")) == 1


def test_a_wait_for_a_child_that_is_blocked_on_its_pipe_is_on_disk(tmp_path):
    """And so is, in a snapshot, what it is blocked in: the write end of a full pipe that its parent holds."""
    done = run(
        tmp_path,
        """
        import os, subprocess, sys, threading
        from logq import snapshot
        p = subprocess.Popen([sys.executable, "-c", "print('row' * 100000)"], stdout=subprocess.PIPE)
        waiter = threading.Thread(target=p.wait); waiter.start()
        while True:
            with open(f"/proc/{p.pid}/syscall") as call:
                if call.read().startswith("1 0x1 "): break
        snapshot.write("dump")
        assert p.stdout.read().startswith(b"rowrow")
        waiter.join()
        """,
    )
    wait = done.event("wait", on="process")
    child = done.event("child")
    (pipe,) = child["pipes"]
    assert pipe["name"] == "stdout"
    assert wait["child_pid"] == child["child_pid"]
    assert wait["pipes"][0]["inode"] == pipe["inode"]
    snap = done.event("snap", why="dump")
    (state,) = snap["children"]
    assert (state["child_pid"], state["state"]) == (child["child_pid"], "S")
    assert state["call"] == {"name": "write", "fd": 1, "on": f"pipe:[{pipe['inode']}]"}
    sub = next(event for event in done.processes() if event["how"] == "exec")
    assert state["proc"] == sub["proc"]
    (end,) = snap["pipes"]
    assert end["queued"] == end["capacity"] > 0
    assert end["child_pid"] == child["child_pid"]
    assert done.event("got", lane=wait["lane"], proc=wait["proc"])["res"] == "ok"


def test_children_that_nobody_reaped_are_listed_with_their_place(tmp_path):
    done = run(
        tmp_path,
        """
        import os, time
        pids = []
        for n in range(2):
            pid = os.fork()
            if pid == 0: os._exit(n)
            pids.append(pid)
        for pid in pids: os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        seen = os.fork()
        if seen == 0: os._exit(5)
        assert os.waitpid(seen, 0) == (seen, 5 << 8)
        """,
    )
    end = next(event for event in done.events("exit") if "children" in event)
    assert end["sigchld"] == "default"
    assert [(child["state"], child["site"][1]) for child in end["children"]] == [("zombie", 5), ("zombie", 5)]
    assert {child["child_proc"] for child in end["children"]} < {event["proc"] for event in done.processes()}
    assert done.event("reap")["rc"] == 5


def test_each_way_of_waiting_sees_the_end(tmp_path):
    done = run(
        tmp_path,
        """
        import glob, multiprocessing, os, signal, subprocess, time
        (part,) = glob.glob(os.path.join(os.environ["LOGQ_DIR"], "runs", "*", "spool", "%d-*.1.jsonl" % os.getpid()))
        def linger():  # until somebody waits
            text = ""
            while text.count('"ev":"wait"') <= text.count('"ev":"got"'):
                time.sleep(0.005)
                text = open(part).read()
        def child(code):
            pid = os.fork()
            if pid == 0: linger(); os._exit(code)
            return pid
        child(1); os.wait()
        child(2); os.wait3(0)
        os.wait4(child(3), 0)
        os.waitid(os.P_PID, child(4), os.WEXITED)
        pid = child(5); os.kill(pid, signal.SIGTERM); os.waitpid(-1, 0)
        p = multiprocessing.get_context("fork").Process(target=linger); p.start(); p.join()
        try: subprocess.run(["sleep", "30"], timeout=0.05)
        except subprocess.TimeoutExpired: pass
        until = "until [ `grep -c ev.:.wait $0` -gt `grep -c ev.:.got $0` ]; do sleep 0.01; done"
        pid = os.posix_spawn("/bin/sh", ["sh", "-c", until, part], os.environ); os.waitpid(pid, 0)
        """,
    )
    assert [event.get("rc", -event.get("signal", 0)) for event in done.events("reap")] == [1, 2, 3, 4, -15, 0, -9, 0]
    pids = [event["child_pid"] for event in done.events("child")]
    told = [event.get("child_pid") or event["child_pids"] for event in done.events("wait", on="process")]
    assert told[:4] == [pids[:1], pids[1:2], pids[2], pids[3]]
    assert pids[5] in told
    assert pids[7] in told
    wait = done.event("wait", on="process", child_pid=pids[5])
    assert wait["owner"] == done.events("child")[5]["child_proc"] + "/t1"
    notes = done.events("note", what="kill")
    assert [(note["sig"], note["target"]) for note in notes] == [
        (15, done.events("child")[4]["child_proc"]),
        (9, pids[6]),
    ]


def test_becoming_another_program(tmp_path):
    done = run(
        tmp_path,
        """
        import os, sys
        try: os.execv("/does/not/exist", ["x"])
        except FileNotFoundError: pass
        code = "import logging, os; logging.warning('after'); assert 'LOGQ_PARENT' not in os.environ"
        os.execvp(sys.executable, [sys.executable, "-c", code])
        """,
    )
    before, after = sorted(done.processes(), key=lambda event: event["n"])
    assert before["pid"] == after["pid"]
    assert after["from"] == f"{before['proc']}/t1@{done.event('note', what='exec')['seq']}"
    assert done.event("exit", proc=before["proc"])["how"] == "exec"


def test_a_popen_that_fails_looks_as_it_always_did(tmp_path):
    program = """
        import subprocess, sys, traceback
        for act in (
            lambda: subprocess.run(["/does/not/exist"]),
            lambda: subprocess.Popen(["true"], cwd="/does/not/exist"),
            lambda: subprocess.run(["sleep", "9"], timeout=0.01),
            lambda: subprocess.run(["cat"], input=b"", stdout=-1, timeout=0.0),
            lambda: subprocess.run(["false"], check=True),
        ):
            try: act()
            except Exception: traceback.print_exc(file=sys.stdout)
        """
    plain, recorded = run(tmp_path, program, booted=False), run(tmp_path, program)
    assert "Traceback" in plain.out
    seconds = re.compile(r"-?[0-9.e-]+ seconds")  # of which none may be left
    assert seconds.sub("", recorded.out) == seconds.sub("", plain.out)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_managers(tmp_path, method):
    """Their registry is sent to the process that serves, classes of locks and all."""
    done = run(
        tmp_path,
        f"""
        import logging, multiprocessing, pickle, queue, threading
        def work(shared, jobs, lock, space):
            logging.warning("work")
            with lock: shared["n"] += 1
            space.done = jobs.get()
        if __name__ == "__main__":
            kinds = [threading.Lock, queue.SimpleQueue]
            assert pickle.loads(pickle.dumps(kinds)) == kinds
            context = multiprocessing.get_context("{method}")
            with context.Manager() as manager:
                shared, jobs, lock, space = manager.dict(n=1), manager.Queue(), manager.Lock(), manager.Namespace()
                jobs.put("job")
                p = context.Process(target=work, args=(shared, jobs, lock, space)); p.start(); p.join()
                assert (shared["n"], space.done, p.exitcode) == (2, "job", 0)
        """,
    )
    assert done.log("work")
    assert len(done.processes()) == 3


def test_a_process_that_cannot_be_started_looks_as_it_always_did(tmp_path):
    program = """
        import multiprocessing, sys, traceback
        if __name__ == "__main__":
            for method in ("spawn", "forkserver"):
                p = multiprocessing.get_context(method).Process(target=lambda: None)
                try: p.start()
                except Exception: traceback.print_exc(file=sys.stdout)
        """
    plain, recorded = run(tmp_path, program, booted=False), run(tmp_path, program)
    assert "Traceback" in plain.out
    address = re.compile("0x[0-9a-f]+")
    assert address.sub("", recorded.out) == address.sub("", plain.out)
    assert not recorded.events("child")
