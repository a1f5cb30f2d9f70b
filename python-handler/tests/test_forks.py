"""os.fork: who the child is, from its first line on, and that nothing of ours hangs in it."""

from __future__ import annotations

import os

from harness import run


def test_identity_right_after_fork(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, os, queue, threading
        q = queue.Queue()
        def work():
            logging.warning("before"); q.put(1)
            pid = os.fork()
            if pid == 0:
                logging.warning("child"); q.get(); logging.warning("child got")
                os._exit(0)
            os.waitpid(pid, 0); logging.warning("parent")
        t = threading.Thread(target=work, name="forker"); t.start(); t.join()
        """,
    )
    parent, child = sorted(done.processes(), key=lambda event: event["n"])
    assert (parent["how"], child["how"]) == ("root", "fork")
    assert child["from"] == f"{parent['proc']}/t2@2"
    assert child["ppid"] == parent["pid"]
    assert child["thread"] == "forker"
    assert done.log("child")["lane"] == "t1"
    assert done.log("child")["proc"] == child["proc"]
    carried = done.log("child got")["hb"]
    assert carried == [f"{parent['proc']}/t2@2|queue:1"]
    told = done.events("obj", obj="queue:1")
    assert child["proc"] in {event["proc"] for event in told}
    started = done.event("child")
    assert (started["child_pid"], started["child_proc"]) == (child["pid"], child["proc"])
    assert done.log("parent")["lane"] == "t2"


def test_a_fork_while_another_thread_imports_for_us(tmp_path):
    """A child in which nobody can release the import's lock must not wait for it."""
    done = run(
        tmp_path,
        """
        import os, sys, threading, _thread
        importing, forked = _thread.allocate_lock(), _thread.allocate_lock()
        importing.acquire(), forked.acquire()
        parent = os.getpid()
        class Slow:
            def find_spec(self, name, path=None, target=None):
                if name == "opcode" and os.getpid() == parent: return type(sys.__spec__)(name, self)
            def create_module(self, spec): pass
            def exec_module(self, module):
                importing.release(), forked.acquire()
                module.opname = [""] * 256
        sys.meta_path.insert(0, Slow())
        threading.excepthook = lambda args: None  # whether it looks at what it is given is found out with `opcode`
        class Dies(threading.Thread):
            def run(self): 1 / 0
        assert "opcode" not in sys.modules
        first = Dies(); first.start()
        importing.acquire()
        if not (child := os.fork()):
            second = Dies(); second.start(); second.join()
            assert "ADD" in "".join(sys.modules["opcode"].opname)
            os._exit(7)
        forked.release(); first.join()
        assert os.waitpid(child, 0)[1] >> 8 == 7
        """,
    )
    assert len(done.events("exc", where="thread")) == 2


def test_fork_inside_a_task(tmp_path):
    done = run(
        tmp_path,
        """
        import asyncio, logging, os
        async def main():
            pid = os.fork()
            if pid == 0:
                logging.warning("child"); os._exit(0)
            os.waitpid(pid, 0); logging.warning("parent")
        asyncio.run(main())
        """,
    )
    assert done.log("parent")["lane"] == "a1"
    assert done.log("child")["lane"] == "t1"  # asyncio does not let a loop run on in a child
    child = next(event for event in done.processes() if event["how"] == "fork")
    assert child["from"].split("/")[1].startswith("a1@")


def test_fork_in_a_lock_loop(tmp_path):
    """Whatever the other threads are in the midst of, the child works: its own locks, its log, its end."""
    rounds = 200 if os.environ.get("LOGQ_SOAK") else 25
    done = run(
        tmp_path,
        f"""
        import concurrent.futures, logging, os, queue, threading, warnings
        warnings.simplefilter("ignore")
        log = logging.getLogger("f"); log.addHandler(logging.NullHandler()); log.propagate = False
        lock, again, ready, box = threading.Lock(), threading.RLock(), threading.Condition(), queue.Queue()
        over = False
        def locks():
            while not over:
                with lock: pass
                with again, again: pass
        def queues():
            while not over: box.put(1); box.get()
        def wakes():
            while not over:
                with ready: ready.notify_all(); ready.wait(0.0001)
        def jobs():
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                while not over: pool.submit(int).result()
        threads = [threading.Thread(target=work) for work in (locks, queues, wakes, jobs)]
        for thread in threads: thread.start()
        for n in range({rounds}):
            with lock:
                pid = os.fork()
            if not pid:
                mine = threading.Lock()
                with mine: log.warning("child %d", n)
                worker = threading.Thread(target=log.warning, args=("thread %d", n)); worker.start(); worker.join()
                done = concurrent.futures.Future(); done.set_result(n); assert done.result() == n
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        over = True
        for thread in threads: thread.join()
        """,
        timeout=300,
    )
    for n in range(rounds):
        assert done.log(f"child {n}")["lane"] == "t1"
        assert done.log(f"thread {n}")["proc"] == done.log(f"child {n}")["proc"]
    assert not done.events("lost")


def test_hooks_of_a_fork_that_log(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, os
        log = logging.getLogger("h"); log.addHandler(logging.NullHandler()); log.propagate = False
        os.register_at_fork(
            before=lambda: log.warning("before"),
            after_in_parent=lambda: log.warning("in parent"),
            after_in_child=lambda: log.warning("in child"),
        )
        pid = os.fork()
        if not pid: os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        """,
    )
    parent = done.log("before")["pid"]
    assert done.log("in parent")["pid"] == parent
    assert done.log("in child")["pid"] != parent
    assert done.log("in child")["proc"] == next(e["proc"] for e in done.processes() if e["how"] == "fork")
