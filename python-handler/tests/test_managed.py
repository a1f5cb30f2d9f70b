"""Locks, conditions, events, barriers and queues that a manager keeps: a wait says which one it is for."""

from __future__ import annotations

import pytest
from harness import run

METHODS = ["fork", "spawn", "forkserver"]

WRITTEN = """
import logging, multiprocessing, os, threading, time, traceback
def await_written(*texts):
    spool = os.path.join(os.environ["LOGQ_DIR"], "runs", os.environ["LOGQ_RUN"], "spool")
    def lines():
        for name in os.listdir(spool):
            if name.endswith("jsonl"): yield from open(os.path.join(spool, name))
    while not any(all(text in line for text in texts) for line in lines()): time.sleep(0.01)
"""

LOCKS = """
def work(gate, deep, permits):
    with gate: logging.warning("in")
    assert not gate.acquire(False) or gate.release() is None
    with deep, deep: logging.warning("deep")
    with permits: pass
if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    with context.Manager() as manager:
        gate = manager.Lock()
        deep = manager.RLock()
        permits = manager.Semaphore(2)
        gate.acquire()
        worker = context.Process(target=work, args=(gate, deep, permits)); worker.start()
        await_written('"on":"lock"', f'"pid":{{worker.pid}},')  # our own answer may have been slow
        assert not gate.acquire(False)
        assert not gate.acquire(True, 0.1)
        gate.release()
        worker.join()
        assert worker.exitcode == 0
        try: gate.release()
        except RuntimeError as problem: assert "logq" not in "".join(traceback.format_tb(problem.__traceback__))
"""


@pytest.mark.parametrize("method", METHODS)
def test_every_use_of_a_managed_lock_is_written(tmp_path, method):
    done = run(tmp_path, WRITTEN + LOCKS.format(method=method))
    root = next(event for event in done.processes() if event["how"] == "root")["proc"]
    wait = next(event for event in done.events("wait", on="lock") if event["proc"] != root)
    child = wait["proc"]
    names = {event["name"]: event["obj"] for event in done.events("obj", proc=child)}
    kinds = {event["name"]: event["kind"] for event in done.events("obj", proc=child)}
    assert wait["obj"] == names["gate"]
    assert kinds["gate"] == "multiprocessing.Manager.Lock"
    assert wait["site"][2] == "work"
    taken = [event["obj"] for event in done.events("acq", proc=child)]
    given = [event["obj"] for event in done.events("rel", proc=child)]
    counts = [taken.count(names[name]) for name in ("gate", "deep", "permits")]
    assert counts == [2, 1, 1], "of a lock that is taken again only the outermost level is told"
    assert [given.count(names[name]) for name in ("gate", "deep", "permits")] == counts
    mine = done.event("acq", proc=root)  # the other two did not get it
    assert f"{root}/{mine['obj']}" == names["gate"]
    assert [event["timeout"] for event in done.events("wait", on="lock", proc=root) if event.get("timeout")] == [0.1]


WAITS = """
if __name__ == "__main__":
    with multiprocessing.Manager() as manager:
        bell = manager.Event()
        jobs = manager.Queue(1)
        meeting = manager.Barrier(2)
        news = manager.Condition()
        seen = manager.list()
        def use():
            bell.wait()
            jobs.get()
            jobs.put(2)
            jobs.put(3)
            meeting.wait()
            with news:
                while not seen: news.wait()
            jobs.join()
        worker = threading.Thread(target=use, name="worker"); worker.start()
        await_written('"on":"event"', '"use"'); bell.set()
        await_written('"on":"queue-get"', '"use"'); jobs.put(1)
        await_written('"on":"queue-put"', '"use"'); jobs.get()
        await_written('"on":"barrier"', '"use"'); meeting.wait()
        await_written('"on":"cond"', '"use"')
        with news:
            seen.append(1)
            news.notify()
        await_written('"on":"queue-join"', '"use"')
        jobs.get()
        for _ in range(3): jobs.task_done()
        worker.join()
"""


def test_what_is_waited_for_by_a_proxy_has_a_name(tmp_path):
    done = run(tmp_path, WRITTEN + WAITS)
    lane = next(event for event in done.events("lane") if event.get("name") == "worker")
    own = {"proc": lane["proc"], "lane": lane["lane"]}
    names = {event["obj"]: event["name"] for event in done.events("obj", proc=lane["proc"])}
    waits = [(event["on"], names[event["obj"]]) for event in done.events("wait", **own) if "obj" in event]
    # Any answer may be slow: it may have waited twice for the queue, and for the condition's lock.
    assert [wait for wait in dict.fromkeys(waits) if wait != ("lock", "news")] == [
        ("event", "bell"),
        ("queue-get", "jobs"),
        ("queue-put", "jobs"),
        ("barrier", "meeting"),
        ("cond", "news"),
        ("queue-join", "jobs"),
    ]
    condition = next(obj for obj, name in names.items() if name == "news")
    uses = [event["ev"] for event in done.records if event.get("obj") == condition and event["lane"] == lane["lane"]]
    assert [use for use in uses if use in ("acq", "rel")] == ["acq", "rel", "acq", "rel"]


GIVEN_BACK = """
import threading
if __name__ == "__main__":
    with multiprocessing.Manager() as manager:
        gate = manager.Lock()
        thread = threading.Thread(target=gate.acquire, name="taker")
        thread.start(); thread.join()
        gate.release()  # a manager's lock may be given back by anyone
        other = multiprocessing.get_context("fork").Process(target=gate.acquire); other.start(); other.join()
        assert not gate.acquire(True, 0.1)
"""


def test_a_managed_lock_that_another_thread_gave_back_is_held_no_more(tmp_path):
    done = run(tmp_path, WRITTEN + GIVEN_BACK)
    # Any answer may be slow: this is the one that was to be waited for.
    (wait,) = done.events("wait", on="lock", timeout=0.1)
    assert "owner" not in wait, "the thread that took it has given it away"


AGAIN = """
import threading
if __name__ == "__main__":
    with multiprocessing.Manager() as manager:
        deep, news, strict = manager.RLock(), manager.Condition(), manager.Condition(manager.Lock())
        with deep:
            with deep: pass
            logging.warning("still held")
            taker = threading.Thread(target=deep.acquire, args=(True, 0.2), name="taker"); taker.start(); taker.join()
            def refused():
                try: deep.release()
                except RuntimeError: logging.warning("not mine")
            other = threading.Thread(target=refused); other.start(); other.join()
        with news, news:
            assert not news.wait(0.01)
            logging.warning("has it again")
        strict.acquire()
        giver = threading.Thread(target=strict.release, name="giver"); giver.start(); giver.join()
        with strict: pass
"""


def test_a_managed_lock_that_is_still_held_is_not_given_up(tmp_path):
    done = run(tmp_path, WRITTEN + AGAIN)
    names = {(event["proc"], event["obj"]): event["name"] for event in done.events("obj")}

    def named(record):
        return names.get((record["proc"], record.get("obj")))

    def story(name):
        """Without the waits: any answer may be slow."""
        told = [record for record in done.records if named(record) == name or "msg" in record]
        return [record.get("msg") or record["ev"] for record in told if record.get("ev") not in ("obj", "wait", "got")]

    assert story("deep") == ["acq", "still held", "not mine", "rel", "has it again"]
    assert story("news") == ["still held", "not mine", "acq", "rel", "acq", "has it again", "rel"]
    assert story("strict")[-4:] == ["acq", "rel", "acq", "rel"]
    taker = next(event["lane"] for event in done.events("lane") if event.get("name") == "taker")
    (wait,) = done.events("wait", lane=taker, timeout=0.2)
    assert (named(wait), wait["owner"]) == ("deep", "t1"), "it is held all the time"
