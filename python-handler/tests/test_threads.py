"""Threads' own facts: who made them and where, what they run, who waits for their end."""

from __future__ import annotations

from harness import run


def test_the_interpreter_waits_for_its_threads(tmp_path):
    done = run(
        tmp_path,
        """
        import concurrent.futures, threading, time
        pool = concurrent.futures.ThreadPoolExecutor(1)
        pool.submit(time.sleep, 0.05)
        threading.Thread(target=time.sleep, args=(0.2,), name="slow").start()
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        """,
    )
    slow = done.event("lane", name="slow")["lane"]
    (*_, last) = done.events("wait", lane="t1", on="join")
    assert last["owner"] == slow
    (got,) = [event for event in done.events("got", lane="t1") if event["seq"] > last["seq"]]
    assert got["mono"] > done.event("end", lane=slow)["mono"]


def test_a_timer_and_a_subclass_say_what_they_run(tmp_path):
    done = run(
        tmp_path,
        """
        import threading
        def ring(): pass
        class Miller(threading.Thread):
            def run(self): pass
        for thread in (threading.Timer(0.01, ring), Miller()): thread.start(); thread.join()
        """,
    )
    assert [lane["fn"] for lane in done.events("lane", kind="thread")] == ["ring", "Miller.run"]


def test_a_thread_of_the_thread_module(tmp_path):
    done = run(
        tmp_path,
        """
        import _thread, logging
        def work():
            with begun: logging.warning("inside")  # who asks while its maker is still at it learns nothing
            over.release()
        over = _thread.allocate_lock(); over.acquire(); begun = _thread.allocate_lock()
        logging.warning("before")
        with begun: _thread.start_new_thread(work, ())
        over.acquire()
        """,
    )
    lane = done.event("lane", kind="thread")
    assert lane["lane"] == done.log("inside")["lane"]
    assert (lane["fn"], lane["site"][1:], lane["daemon"]) == ("work", [8, "<module>"], True)
    assert lane["from"] == f"t1@{done.log('before')['seq']}"
