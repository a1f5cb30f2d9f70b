"""Locks that processes share: each use is on disk, a wait names its lock, and queues are waited for by name."""

from __future__ import annotations

import pytest
from harness import run

METHODS = ["fork", "spawn", "forkserver"]

LOCKS = """
import logging, multiprocessing, os, time
def written(text):
    spool = os.path.join(os.environ["LOGQ_DIR"], "runs", os.environ["LOGQ_RUN"], "spool")
    return any(text in open(os.path.join(spool, name)).read() for name in os.listdir(spool) if name.endswith("jsonl"))
def work(gate, pool, deep, value, ready):
    ready.wait()
    with gate: logging.warning("in")
    pool.acquire(); pool.release()
    with deep, deep: pass
    with value.get_lock(): value.value += 1
    assert not gate.acquire(False, None) or gate.release() is None
if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    gate = context.Lock()
    pool = context.BoundedSemaphore(2)
    deep = context.RLock()
    value = context.Value("i", 7)
    ready = context.Event()
    worker = context.Process(target=work, args=(gate, pool, deep, value, ready))
    worker.start()
    gate.acquire()
    while not written('"on":"event"'): time.sleep(0.01)
    ready.set()
    while not written('"on":"lock"'): time.sleep(0.01)
    gate.release()
    worker.join()
    assert value.value == 8 and worker.exitcode == 0
"""


@pytest.mark.parametrize("method", METHODS)
def test_every_use_of_a_shared_lock_is_written(tmp_path, method):
    done = run(tmp_path, LOCKS.format(method=method))
    root = next(event for event in done.processes() if event["how"] == "root")["proc"]
    child = next(event for event in done.processes() if event["how"] == method)["proc"]
    shared = [event for event in done.events("obj", proc=child) if event["kind"].startswith("multiprocessing.")]
    names = {event["name"]: event["obj"] for event in shared}
    assert set(names) == {"gate", "pool", "deep", "value", "ready"}
    assert done.event("wait", on="event", proc=child)["obj"] == names["ready"]
    gate = names["gate"]
    assert gate.startswith(root + "/lock:")
    assert {event["obj"]: event["site"][1] for event in shared}[gate] == 15
    wait = done.event("wait", on="lock", proc=child, obj=gate)
    assert wait["site"][2] == "work"
    uses = [(use["ev"], use["obj"]) for ev in ("acq", "rel") for use in done.events(ev, proc=child)]
    per_name = [uses.count(("acq", names[name])) for name in ("gate", "pool", "deep", "value")]
    assert per_name == [2, 1, 1, 1]
    assert [uses.count(("rel", names[name])) for name in ("gate", "pool", "deep", "value")] == per_name
    ours = done.event("acq", proc=root)
    assert ours["obj"] == gate.split("/")[1]
    first = min((event for event in done.events("acq", proc=child)), key=lambda event: event["mono"])
    assert ours["mono"] < done.event("rel", proc=root)["mono"] < first["mono"]


def test_a_wait_for_a_queue_between_processes_names_it(tmp_path):
    done = run(
        tmp_path,
        """
        import multiprocessing, os, signal, sys, time
        def work(jobs): jobs.get()
        context = multiprocessing.get_context("fork")
        jobs = context.Queue()
        ours, theirs = context.Pipe(False)
        workers = [context.Process(target=work, args=(jobs,)) for _ in range(2)]
        for w in workers: w.start()
        spool = os.path.join(os.environ["LOGQ_DIR"], "runs", os.environ["LOGQ_RUN"], "spool")
        def count():
            texts = [open(os.path.join(spool, name)).read() for name in os.listdir(spool) if name.endswith("jsonl")]
            return "".join(texts).count('"on":"queue-get"')
        while count() < 2: time.sleep(0.01)
        for w in workers: jobs.put(1)
        for w in workers: w.join()
        """,
    )
    waits = done.events("wait", on="queue-get")
    assert len({wait["proc"] for wait in waits}) == 2
    assert {wait["obj"].split("/")[1] for wait in waits} == {"queue:1"}
    assert len(done.events("got", obj=waits[0]["obj"])) == len(waits)


def test_waiting_for_a_queue_to_be_done_says_how_much_is_left(tmp_path):
    done = run(
        tmp_path,
        """
        import multiprocessing, os, threading, time
        def work(jobs):
            jobs.get()
            while not written('"on":"queue-join"'): time.sleep(0.01)
            jobs.task_done(); jobs.get(); jobs.task_done()
        def written(text):
            spool = os.path.join(os.environ["LOGQ_DIR"], "runs", os.environ["LOGQ_RUN"], "spool")
            parts = [name for name in os.listdir(spool) if name.endswith("jsonl")]
            return any(text in open(os.path.join(spool, name)).read() for name in parts)
        context = multiprocessing.get_context("fork")
        jobs = context.JoinableQueue()
        worker = context.Process(target=work, args=(jobs,)); worker.start()
        jobs.put(1); jobs.put(2)
        jobs.join(); worker.join()
        """,
    )
    wait = done.event("wait", on="queue-join")
    assert (wait["left"], wait["obj"].split(":")[0]) == (2, "queue")
    queue = next(event for event in done.events("obj") if event["obj"] == wait["obj"])
    assert (queue["kind"], queue["name"]) == ("multiprocessing.JoinableQueue", "jobs")


def test_a_fork_while_another_thread_holds_a_shared_lock(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, multiprocessing, os, threading
        gate = multiprocessing.get_context("fork").Lock()
        held, go, inner = threading.Event(), threading.Event(), threading.Lock()
        def keep():
            with gate, inner: held.set(); go.wait()
        keeper = threading.Thread(target=keep); keeper.start(); held.wait()
        pid = os.fork()
        if not pid:
            logging.warning("child"); os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        go.set(); keeper.join()
        """,
    )
    assert done.log("child")["proc"] != done.event("rel")["proc"]


def test_what_cannot_be_sent_is_told_of(tmp_path):
    done = run(
        tmp_path,
        """
        import multiprocessing
        jobs = multiprocessing.get_context("fork").Queue()
        jobs.put(lambda: None)
        jobs.close(); jobs.join_thread()
        """,
    )
    failed = done.event("exc", where="feeder")
    assert "pickle" in failed["msg"]
    assert failed["obj"] == "queue:1"
    assert "Traceback" in done.err


MEETING = """
import multiprocessing, os, threading, time
def written(text):
    spool = os.path.join(os.environ["LOGQ_DIR"], "runs", os.environ["LOGQ_RUN"], "spool")
    return any(text in open(os.path.join(spool, name)).read() for name in os.listdir(spool) if name.endswith("jsonl"))
def work(meeting, gate, changed):
    with changed: changed.wait()
    meeting.wait()
if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    meeting = context.Barrier(2)
    gate = context.Lock()
    changed = context.Condition()
    worker = context.Process(target=work, args=(meeting, gate, changed)); worker.start()
    while not written('"on":"cond"'): time.sleep(0.01)
    with changed: changed.notify()
    while not written('"on":"barrier"'): time.sleep(0.01)
    meeting.wait()
    gate.acquire()
    other = threading.Thread(target=lambda: gate.acquire()); other.start()
    while not written('"owner":"t1","held_at"'): time.sleep(0.01)
    gate.release(); other.join(); worker.join()
"""


@pytest.mark.parametrize("method", METHODS)
def test_waits_tell_what_is_waited_for(tmp_path, method):
    done = run(tmp_path, MEETING.format(method=method))
    root = next(event for event in done.processes() if event["how"] == "root")["proc"]
    child = next(event for event in done.processes() if event["how"] == method)["proc"]
    names = {event["obj"]: (event["name"], event.get("size")) for event in done.events("obj", proc=child)}
    wait = done.event("wait", on="barrier", proc=child)
    assert (names[wait["obj"]], wait["need"], wait["have"]) == (("meeting", 2), 2, 1)
    assert names[done.event("wait", on="cond", proc=child)["obj"]] == ("changed", None)
    (inside,) = [wait for wait in done.events("wait", on="lock", proc=root) if wait["lane"] != "t1"]
    assert (inside["owner"], inside["held_at"][1]) == ("t1", 19)
