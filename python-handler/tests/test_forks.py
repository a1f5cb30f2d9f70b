"""os.fork: who the child is, from its first line on, and that nothing of ours hangs in it."""

from __future__ import annotations

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
