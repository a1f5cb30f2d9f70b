"""Queues, futures and pools: what is known of them when somebody blocks, and when the process ends."""

from __future__ import annotations

import sys

import pytest
from harness import Finished, run


def named(done: Finished, name: str) -> str:
    """The object with this name."""
    (obj,) = {event["obj"] for event in done.events("obj", name=name)}
    return obj


def lane(done: Finished, name: str) -> str:
    return done.event("lane", name=name)["lane"]


def test_a_join_names_who_got_and_who_owes(tmp_path):
    done = run(
        tmp_path,
        """
        import os, queue, threading, time
        photos = queue.Queue()
        def develop():
            photos.get(); photos.task_done()
            photos.get(); got.set()
        got = threading.Event()
        threading.Thread(target=develop, name="darkroom").start()
        for n in range(3): photos.put(n)
        got.wait()
        threading.Timer(0.2, os._exit, (0,)).start()
        photos.join()
        """,
    )
    room = lane(done, "darkroom")
    wait = done.event("wait", on="queue-join")
    assert wait["obj"] == named(done, "photos")
    assert (wait["left"], wait["qsize"]) == (2, 1)
    assert (wait["putters"], wait["getters"], wait["doners"]) == ({"t1": 3}, {room: 2}, {room: 1})
    (left,) = done.event("exit")["queues"]
    places = {who: site[2] for at in ("put_at", "got_at") for who, site in left.pop(at).items()}
    assert places == {"t1": "<module>", room: "develop"}
    assert left == {
        "obj": wait["obj"], "left": 1, "unfinished": 2, "putters": {"t1": 3}, "getters": {room: 2}, "doners": {room: 1},
    }  # fmt: skip


# Before 3.12 a comprehension was a function of its own.
LISTED = "take" if sys.version_info >= (3, 12) else "<listcomp>"
SUBCLASSES = """
    import queue, threading, time
    class Ordered(queue.Queue):
        def _init(self, maxsize): self.items = []
        def _qsize(self): return len(self.items)
        def _put(self, item): self.items.append(("x", item)); self.items.sort()
        def _get(self): return self.items.pop(0)[1]
    class Counted(queue.PriorityQueue):
        def _put(self, item): super()._put(item)
    class Simple(queue.SimpleQueue): pass
    assert not isinstance(queue.SimpleQueue(), Simple) and not hasattr(queue.SimpleQueue(), "__dict__")
    a = Ordered(); b = Counted(); c = Simple(); d = queue.LifoQueue()
    for q in (a, b, c, d):
        for n in (2, 1, 3): q.put(n)
    def take():
        assert [q.get() for q in (a, b, c, d)] == [1, 1, 2, 3]
    t = threading.Thread(target=take, name="taker"); t.start(); t.join()
    """


def test_subclasses_and_what_is_left_in_them(tmp_path):
    done = run(tmp_path, SUBCLASSES)
    left = {entry["obj"]: entry for entry in done.event("exit")["queues"]}
    kinds = {event["obj"]: event["kind"] for event in done.events("obj")}
    assert [kinds[obj] for obj in left] == ["queue.Ordered", "queue.Counted", "queue.Simple", "queue.LifoQueue"]
    for entry in left.values():
        assert (entry["left"], entry["putters"], entry["getters"]) == (2, {"t1": 3}, {lane(done, "taker"): 1})
        assert (entry["put_at"]["t1"][2], entry["got_at"][lane(done, "taker")][2]) == ("<module>", LISTED)


def test_a_full_queue(tmp_path):
    done = run(
        tmp_path,
        """
        import queue, threading, time
        jobs = queue.Queue(1)
        jobs.put(1)
        for n in range(5):
            try: jobs.put_nowait(2)
            except queue.Full as problem: assert type(problem) is queue.Full and problem.args == ()
        def serve(): time.sleep(0.05); jobs.get(); jobs.get()
        t = threading.Thread(target=serve, name="server"); t.start()
        jobs.put(2)
        t.join()
        """,
    )
    obj = named(done, "jobs")
    assert [note["n"] for note in done.events("note", what="put-rejected", obj=obj)] == [1, 2, 4]
    wait = done.event("wait", on="queue-put")
    assert (wait["obj"], wait["qsize"], wait["putters"]) == (obj, 1, {"t1": 1})
    server = lane(done, "server")
    mine = [stamp for record in done.records if record["lane"] == "t1" for stamp in record.get("hbl", [])]
    assert any(stamp.startswith(f"{server}@") and stamp.endswith(obj) for stamp in mine)


def test_traffic_is_capped_and_says_so(tmp_path):
    done = run(
        tmp_path,
        """
        import queue
        jobs = queue.Queue()
        jobs.put(1); assert jobs.get() == 1
        for n in range(1000): jobs.put(n); jobs.get()
        """,
        LOGQ_CAPTURE="events",
    )
    obj = named(done, "jobs")
    sent, received = done.events("send", obj=obj), done.events("recv", obj=obj)
    assert (sent[0]["via"], received[0]["via"]) == ("queue", "queue")
    assert received[0]["from"] == f"t1@{sent[0]['seq']}"
    assert len(sent) + len(received) < 2002
    assert done.events("note", what="throttled", obj=obj)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="new in 3.13")
def test_a_shutdown_takes_nothing(tmp_path):
    done = run(
        tmp_path,
        """
        import queue
        jobs = queue.Queue(); jobs.put(1); jobs.put(2); jobs.shutdown(immediate=True)
        other = queue.Queue(); other.put(1); other.shutdown()
        """,
    )
    assert len(done.events("note", what="shutdown")) == 2
    (left,) = done.event("exit")["queues"]
    assert left.pop("put_at")["t1"][2] == "<module>"
    assert left == {"obj": named(done, "other"), "left": 1, "putters": {"t1": 1}}


def test_a_pool_that_waits_for_itself(tmp_path):
    done = run(
        tmp_path,
        """
        import concurrent.futures, os, threading
        cooks = concurrent.futures.ThreadPoolExecutor(1)
        def dish():
            side = cooks.submit(int)
            threading.Timer(0.2, os._exit, (0,)).start()
            return side.result()
        order = cooks.submit(dish)
        order.result()
        """,
    )
    waits = {wait["lane"]: wait for wait in done.events("wait", on="future")}
    outer, inner = waits.pop("t1"), next(iter(waits.values()))
    worker, pool = inner["lane"], named(done, "cooks")
    load = {"obj": pool, "size": 1, "busy": [worker]}
    assert (outer["state"], outer["runner"], outer["obj"]) == ("RUNNING", worker, named(done, "order"))
    assert outer["pool"].items() >= load.items()
    assert (inner["state"], inner.get("runner"), inner["obj"]) == ("PENDING", None, named(done, "side"))
    assert inner["pool"] == {**load, "queued": 1}
    assert done.event("obj", obj=pool)["size"] == 1
    assert done.event("obj", obj=inner["obj"])["in"] == pool


def test_futures_waited_for_together_or_made_by_hand(tmp_path):
    done = run(
        tmp_path,
        """
        import concurrent.futures as cf, threading, time
        from logq.lane import here
        main = here()
        def until_waited_for(_=None):
            while main.waiting is None: time.sleep(0.005)
        with cf.ThreadPoolExecutor(2) as pool:
            jobs = [pool.submit(until_waited_for) for _ in range(2)]
            cf.wait(jobs)
            for job in cf.as_completed([pool.submit(until_waited_for)]): pass
            list(pool.map(until_waited_for, [None]))
        promise = cf.Future()
        try: promise.result(timeout=0.02)
        except (TimeoutError, cf.TimeoutError): pass
        """,
    )
    mine = [wait for wait in done.events("wait") if wait["lane"] == "t1" and wait["on"] == "future"]
    both, one, mapped, by_hand = mine
    assert (both["need"], both["have"], len(both["futures"])) == (2, 0, 2)
    assert all(entry["pool"]["size"] == 2 for entry in both["futures"])
    assert (one["need"], one["have"]) == (1, 0)
    assert "runner" in mapped or mapped["state"] == "PENDING"  # its worker may be late
    assert by_hand["state"] == "PENDING"
    assert not {"runner", "pool"} & set(by_hand)


def test_work_that_queued(tmp_path):
    done = run(
        tmp_path,
        """
        import concurrent.futures, time
        with concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="cook") as kitchen:
            kitchen.submit(time.sleep, 0.3)  # longer than a pool keeps still about its backlog
            kitchen.submit(int)
        """,
    )
    begun = done.events("begin")[-1]  # a machine that is slow may let the first one wait as well
    assert begun["obj"] == named(done, "kitchen")
    assert begun["busy"] == [begun["lane"]] == [lane(done, "cook_0")]
    assert begun["queued"] > 10_000_000


def test_an_idle_worker_is_in_its_pool(tmp_path):
    done = run(
        tmp_path,
        """
        import concurrent.futures, time
        pool = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="idle")
        pool.submit(int).result()
        (worker,) = pool._threads
        limit = time.monotonic() + 20
        while not worker._logq_lane.waiting and time.monotonic() < limit: time.sleep(0.01)
        assert pool.submit(int).result() == 0
        """,
    )
    waits = done.events("wait", lane=lane(done, "idle_0"))
    assert {(wait["on"], wait["in"], wait["obj"]) for wait in waits} == {
        ("queue-get", named(done, "pool"), named(done, "pool"))
    }


def test_only_a_failure_is_retrieved(tmp_path):
    done = run(
        tmp_path,
        """
        import concurrent.futures
        pool = concurrent.futures.ThreadPoolExecutor(1)
        good = pool.submit(int); good.result()
        bad = pool.submit(int, "x")
        try: bad.result()
        except ValueError: pass
        lost = pool.submit(int, "y")
        pool.shutdown()
        """,
    )
    assert done.event("note", what="retrieved")["obj"] == named(done, "bad")
    (entry,) = done.event("exit")["unretrieved"]
    assert (entry["obj"], entry["site"][1]) == (named(done, "lost"), 8)


def test_a_callback_and_an_initializer_that_fail(tmp_path):
    done = run(
        tmp_path,
        """
        import concurrent.futures, logging
        logging.basicConfig(format="%(funcName)s %(filename)s")
        def callback(future): raise ValueError("late")
        def fail(): raise KeyError("setup")
        future = concurrent.futures.Future()
        future.add_done_callback(callback)
        future.set_result(1)
        broken = concurrent.futures.ThreadPoolExecutor(1, initializer=fail)
        assert isinstance(broken.submit(int).exception(), concurrent.futures.BrokenExecutor)
        """,
    )
    late, setup = done.events("exc")[:2]
    assert (late["where"], late["type"], late["obj"]) == ("callback", "ValueError", named(done, "future"))
    assert (setup["where"], setup["type"], setup["note"]) == ("pool", "KeyError", "Exception in initializer:")
    assert [line for line in done.err.splitlines() if line.endswith(".py")] == [
        "_invoke_callbacks _base.py",
        "_worker thread.py",
    ]
