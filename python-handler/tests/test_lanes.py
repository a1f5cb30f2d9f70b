"""Who is running: threads and tasks by counters, their starts and ends, exceptions that nobody handled."""

from __future__ import annotations

import sys

import pytest
from harness import run, stamps


def test_threads_are_numbered_in_order_of_start(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, threading
        class Mine(threading.Thread):
            def run(self): logging.warning("mine")
        def work(n): logging.warning("n%d", n)
        ts = [threading.Thread(target=work, args=(i,), name="w%d" % i, daemon=True) for i in range(3)] + [Mine()]
        for t in ts: t.start()
        for t in ts: t.join()
        logging.warning("end")
        """,
    )
    lanes = done.events("lane")
    assert sorted(event["lane"] for event in lanes) == ["t2", "t3", "t4", "t5"]
    first = done.event("lane", lane="t2")
    assert (first["name"], first["fn"], first["kind"], first["daemon"]) == ("w0", "work", "thread", True)
    assert first["from"] == "t1@1"
    assert first["site"] == [str(tmp_path / "program.py"), 7, "<module>"]
    assert done.event("lane", lane="t5")["fn"] == "Mine.run"
    # Not always a lane's third line, nor told by the main thread's last one: each may have waited, and said so.
    ends = done.events("end")
    told = [stamp for record in done.records if record["lane"] == "t1" for stamp in record.get("hb", [])]
    assert sorted(told) == sorted(f"{end['lane']}@{end['seq']}|join" for end in ends)
    assert {event["how"] for event in ends} == {"ok"}
    assert all(event["cpu"] >= 0 for event in done.events("end"))


def test_silent_threads_are_on_disk_while_they_hang(tmp_path):
    done = run(
        tmp_path,
        """
        import os, signal, threading
        held = threading.Lock()
        held.acquire()
        threads = [threading.Thread(target=held.acquire, name=f"hangs-{n}") for n in range(3)]
        for t in threads: t.start()
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        rc=-9,
    )
    assert sorted(event["name"] for event in done.events("lane")) == ["hangs-0", "hangs-1", "hangs-2"]


def test_silent_threads_end(tmp_path):
    done = run(
        tmp_path,
        """
        import threading
        for _ in range(50):
            t = threading.Thread(target=lambda: None, name="short"); t.start(); t.join()
        """,
    )
    assert [event["name"] for event in done.events("lane")] == ["short"] * 50
    assert [event["how"] for event in done.events("end")] == ["ok"] * 50


def test_a_thread_that_dies(tmp_path):
    done = run(
        tmp_path,
        """
        import sys, threading
        def work(): raise ValueError("no item 77")
        t = threading.Thread(target=work); t.start(); t.join()
        threading.excepthook = lambda args: None
        t = threading.Thread(target=work); t.start(); t.join()
        t = threading.Thread(target=sys.exit, args=(5,)); t.start(); t.join()
        """,
    )
    default, user = done.events("exc")
    assert (default["where"], default["hook"], user["hook"]) == ("thread", "default", "user")
    assert (default["type"], default["msg"]) == ("ValueError", "no item 77")
    assert default["stack"][-1]["func"] == "work"
    ends = done.events("end")
    assert [end["how"] for end in ends][:2] == ["exc", "exc"]
    assert ends[0]["exc"] == {"type": "ValueError", "msg": "no item 77"}
    assert done.err.count("ValueError: no item 77") == 1
    assert done.event("exit")["rc"] == 0


def test_threads_that_nobody_announced(tmp_path):
    done = run(
        tmp_path,
        """
        import _thread, logging, queue
        q = queue.Queue()
        def foreign(): logging.warning("foreign"); q.put(1)
        _thread.start_new_thread(foreign, ()); q.get(); logging.warning("after")
        """,
    )
    assert done.log("foreign")["lane"] == "t2"
    assert done.log("after")["hb"] == ["t2@2|queue:1"]


def test_tasks(tmp_path):
    done = run(
        tmp_path,
        """
        import asyncio, logging
        async def order(n):
            await asyncio.sleep(0.001)
            logging.warning("order %d", n)
            if n == 2: raise ValueError("lost")
        async def main():
            t = asyncio.create_task(order(1), name="first")
            u = asyncio.create_task(order(2))
            c = asyncio.create_task(asyncio.sleep(100))
            assert "cb=" not in repr(t) and type(t).__name__ == "Task" and isinstance(t, asyncio.Task)
            await t
            logging.warning("awaited")
            await asyncio.wait([u])
            c.cancel()
            await asyncio.gather(c, return_exceptions=True)
        asyncio.run(main())
        logging.warning("after the loop")
        """,
    )
    first = done.event("lane", name="first")
    assert (first["kind"], first["fn"], first["from"]) == ("task", "order", "a1@0")
    assert done.log("order 1")["task"] == "first"
    assert done.log("order 1")["thread"] == "MainThread"
    assert f"{first['lane']}@3" in stamps(done.log("awaited"))
    assert sorted(end["how"] for end in done.events("end")) == ["cancelled", "exc", "ok", "ok"]
    lost = done.event("exc")
    assert (lost["where"], lost["type"], lost["target"]) == ("task", "ValueError", "a3")
    assert "a1@" in " ".join(done.log("after the loop")["hb"])


@pytest.mark.skipif(sys.version_info < (3, 11), reason="task groups came with 3.11")
def test_task_groups(tmp_path):
    done = run(
        tmp_path,
        """
        import asyncio, logging
        async def child(n):
            await asyncio.sleep(0); logging.warning("child %d", n)
        async def main():
            async with asyncio.TaskGroup() as group:
                group.create_task(child(1)); group.create_task(child(2))
            logging.warning("both")
        asyncio.run(main())
        """,
    )
    assert {stamp.split("@")[0] for stamp in done.log("both")["hb"]} >= {"a2", "a3"}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
def test_eager_tasks(tmp_path):
    done = run(
        tmp_path,
        """
        import asyncio, logging
        async def child(n):
            logging.warning("eager %d", n)
            await asyncio.sleep(n / 1000)
        async def main():
            asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
            t = asyncio.create_task(child(0)); u = asyncio.create_task(child(1))
            await t; await u
            logging.warning("main")
        asyncio.run(main())
        """,
    )
    assert (done.log("eager 0")["lane"], done.log("eager 1")["lane"], done.log("main")["lane"]) == ("a2", "a3", "a1")
    assert done.event("lane", lane="a2")["from"] == "a1@0"


def test_queues_are_named_and_told_once(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, queue, threading
        class Shop:
            def __init__(self): self.jobs: queue.Queue = queue.Queue(7)
        shop = Shop(); plain = queue.SimpleQueue()
        def work():
            for _ in range(3): shop.jobs.get(); logging.warning("got")
            plain.get(); logging.warning("plain")
        t = threading.Thread(target=work); t.start()
        for n in range(3): logging.warning("put %d", n); shop.jobs.put(n)
        plain.put(1); t.join()
        """,
    )
    jobs = done.event("obj", kind="queue.Queue")
    assert (jobs["name"], jobs["size"], jobs["obj"]) == ("jobs", 7, "queue:1")
    assert jobs["site"][1:] == [4, "__init__"]
    assert done.event("obj", kind="queue.SimpleQueue")["name"] == "plain"
    assert [record["hb"] for record in done.logs(msg="got")] == [["t1@2|queue:1"], ["t1@3|queue:1"], ["t1@4|queue:1"]]


def test_a_queue_changed_behind_our_back_invents_no_order(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, queue, threading
        q = queue.Queue()
        def put(*items):
            for item in items: logging.warning("put"); q.put(item)
        t = threading.Thread(target=put, args=("a", "b")); t.start(); t.join()
        logging.warning("joined")
        q.queue.clear(); q.queue.append("mine"); q.queue.append("mine too")
        u = threading.Thread(target=lambda: (q.get(), logging.warning("got"))); u.start(); u.join()
        q.get()
        put("c"); q.get(); logging.warning("consistent again")
        """,
    )
    assert "hb" not in done.log("got")


def test_who_gathers_many_stamps_writes_sync(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, queue, threading, time
        q = queue.Queue()
        ts = [threading.Thread(target=lambda: (logging.warning("x"), q.put(1))) for _ in range(40)]
        for t in ts: t.start()
        while q.qsize() < 40: time.sleep(0.001)  # or the `wait` of a `get` carries some
        for t in ts: q.get()
        logging.warning("all")
        """,
    )
    syncs = done.events("sync")
    assert len(syncs) == 2
    assert all(len(record["hb"]) <= 17 for record in done.records if "hb" in record)
    carried = {stamp.split("@")[0] for record in [*syncs, done.log("all")] for stamp in record["hb"]}
    assert len(carried) == 40


def test_what_is_merged_in_the_midst_of_a_record_is_not_lost(tmp_path):
    """A signal's handler may merge between the copy of the stamps and their deletion."""
    done = run(
        tmp_path,
        """
        from logq import identity
        from logq.lane import Lane, new_thread_lane
        from logq.stamp import merge_into
        class Interrupted(Lane):
            def next_number(self):
                merge_into(self, (giver, 2, (), ()))
                return Lane.next_number(self)
        giver, child = new_thread_lane(), new_thread_lane()
        lane = Interrupted(identity.me, "t99", "thread")
        merge_into(lane, (giver, 1, (), ()))
        lane.begin()
        print([entry[1] for entry in lane.hard])
        merge_into(lane, (giver, 3, (), ()))
        print([entry[1] for entry in lane.hard])
        child.inherit(lane.stamp())
        merge_into(child, (giver, 4, (), ()))
        print(child.has_news(lane))
        """,
    )
    assert done.out.split("\n")[:3] == ["[2]", "[3]", "True"]


def test_failed_futures_nobody_asked(tmp_path):
    done = run(
        tmp_path,
        """
        import concurrent.futures, gc, logging
        def fail(n): raise ValueError(n)
        pool = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="pool")
        asked = pool.submit(fail, 1)
        assert isinstance(asked.exception(), ValueError)
        pool.submit(fail, 2)
        kept = pool.submit(fail, 3)
        pool.shutdown()
        gc.collect()
        logging.warning("end")
        """,
    )
    collected, alive = done.events("exc")
    assert (collected["where"], collected["msg"], collected["target"]) == ("future", "2", "t2")
    assert collected["site"][1:] == [7, "<module>"]
    assert (alive["where"], alive["msg"], alive["target"]) == ("future", "3", "t2")
    assert [told["from"].partition("@")[0] for told in (collected, alive)] == ["t1", "t1"]
    assert collected["lane"] == "t2" or any(stamp.endswith("|result") for stamp in collected["hb"])
    kept = done.event("exit")["unretrieved"]
    assert [entry["exc"]["msg"] for entry in kept] == ["3"]
    assert kept[0]["lane"] == "t2"


def test_a_lost_failure_is_told_once(tmp_path):
    done = run(
        tmp_path,
        """
        from concurrent.futures import ThreadPoolExecutor
        def work(): raise KeyError("nobody looks")
        with ThreadPoolExecutor(1) as pool:
            lost = pool.submit(work)
        """,
    )
    assert [lost["msg"] for lost in done.events("exc")] == ["'nobody looks'"]


def test_unraisable(tmp_path):
    done = run(
        tmp_path,
        """
        class Bad:
            def __del__(self): raise ValueError("in del")
        Bad()
        """,
    )
    lost = done.event("exc")
    assert (lost["where"], lost["type"], lost["hook"]) == ("unraisable", "ValueError", "default")
    assert "Exception ignored" in done.err


def test_a_hook_that_looks_at_nothing_is_told_from_one_that_may_have_told(tmp_path):
    done = run(
        tmp_path,
        """
        import threading

        seen = []
        def ignores(args):
            pass
        def keeps(args):
            seen.append(args.exc_value)
        def asks(args):
            import sys
            sys.exc_info()
        for hook in (ignores, lambda *a: None, keeps, asks, seen.append):
            threading.excepthook = hook
            thread = threading.Thread(target=lambda: 1 / 0)
            thread.start()
            thread.join()
        """,
    )
    died = sorted(done.events("exc", where="thread"), key=lambda record: record["mono"])
    assert [record.get("muted") for record in died] == [True, True, None, None, None]
    assert {record["hook"] for record in died} == {"user"}


def test_a_mark_is_made_once_and_never_outlives_a_change(tmp_path):
    run(
        tmp_path,
        """
        import logging
        from logq.lane import here, new_thread_lane
        from logq.stamp import leave, merge
        lane, other = here(), new_thread_lane()
        first = leave()
        assert leave() is first
        logging.warning("a record")
        assert leave()[1] == first[1] + 1
        merge((other, 5, (), ()))
        assert leave()[2] == ((other, 5, None),) and leave() is lane.mark
        logging.warning("takes what was merged")
        assert leave() == (lane, first[1] + 2, (), ())
        class Merging(list):
            def __iter__(self):
                merge((other, 7, (), ()))
                return list.__iter__(self)
        lane.soft, lane.mark = Merging(), None
        leave()
        lane.soft = []
        assert leave()[2] == ((other, 7, None),)  # merged in the midst of it
        """,
    )
