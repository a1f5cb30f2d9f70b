"""Waits: who is blocked on what, held by whom, and what came before."""

from __future__ import annotations

from harness import run, started, wait_for

DEADLOCK = """
    import threading
    vault_1 = threading.Lock(); vault_2 = threading.RLock()
    both = threading.Barrier(2)
    def transfer(first, second):
        with first:
            both.wait()
            with second: pass
    for order, name in (((vault_1, vault_2), "A"), ((vault_2, vault_1), "B")):
        threading.Thread(target=transfer, args=order, name=name).start()
    """


def test_a_deadlock_that_is_killed_is_on_disk(tmp_path):
    def blocked(records):
        return [r for r in records if r.get("ev") == "wait" and r["on"] in ("lock", "rlock")]

    with started(tmp_path, DEADLOCK):
        records = wait_for(tmp_path, lambda records: len(blocked(records)) == 2)
    waits = blocked(records)
    objects = {r["obj"]: r for r in records if r.get("ev") == "obj"}
    named = {objects[wait["obj"]]["name"]: wait for wait in waits}
    assert set(named) == {"vault_1", "vault_2"}
    one, two = named["vault_1"], named["vault_2"]
    assert (one["owner"], two["owner"]) == (two["lane"], one["lane"])
    assert (one["on"], two["on"]) == ("lock", "rlock")
    for wait in (one, two):
        assert wait["held_at"][1:] == [6, "transfer"]
        assert wait["site"][1:] == [8, "transfer"]
        assert wait["held_since"] < wait["since"] < wait["mono"]
        assert [(held["site"][1], held["with"]) for held in wait["held"]] == [(6, True)]
        assert wait["stack"][0]["func"] == "transfer"
    assert objects[one["obj"]]["site"][1] == 3


def test_a_wait_that_ends(tmp_path):
    done = run(
        tmp_path,
        """
        import threading, time
        stock = threading.Lock()
        def keep():
            with stock: ready.set(); time.sleep(0.05)
        ready = threading.Event()
        t = threading.Thread(target=keep); t.start(); ready.wait()
        with stock: pass
        stock.acquire(); assert not stock.acquire(timeout=0.02); assert not stock.acquire(False); stock.release()
        t.join()
        """,
    )
    (first, second) = done.events("wait", on="lock")
    assert first["owner"] == "t2"
    assert second["owner"] == "t1"
    assert second["timeout"] == 0.02
    got = done.events("got", obj=first["obj"])
    assert [event["res"] for event in got] == ["ok", "timeout"]
    assert 10_000_000 < got[0]["waited"] < 5_000_000_000


def test_waits_for_everything_else(tmp_path):
    done = run(
        tmp_path,
        """
        import concurrent.futures, queue, threading, time
        from logq.lane import thread_lane
        mine = thread_lane()
        def when_waiting(act=int, *args):
            while mine.waiting is None: time.sleep(0.001)
            act(*args)
        def later(*args): threading.Thread(target=when_waiting, args=args).start()
        going = threading.Event(); later(going.set); going.wait()
        jobs = queue.Queue(1); later(jobs.put, 1); jobs.get()
        jobs.put(1); later(jobs.get); jobs.put(2)
        later(lambda: (jobs.task_done(), jobs.task_done(), jobs.task_done())); jobs.join()
        simple = queue.SimpleQueue(); later(simple.put, 1); simple.get()
        try: simple.get(timeout=0.01)
        except queue.Empty as e: assert e.__context__ is None
        permits = threading.Semaphore(0); later(permits.release); permits.acquire()
        meeting = threading.Barrier(2); later(meeting.wait); meeting.wait()
        changed = threading.Condition()
        def change():
            with changed: changed.notify()
        with changed: later(change); changed.wait()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            pool.submit(when_waiting).result()
        t = threading.Thread(target=when_waiting, name="sleeper"); t.start(); t.join()
        """,
    )
    mine = [wait for wait in done.events("wait") if wait["lane"] == "t1"]
    kinds = [wait["on"] for wait in mine if wait["on"] != "join"]
    expected = ["event", "queue-get", "queue-put", "queue-join", "queue-get", "queue-get"]
    assert kinds == [*expected, "sem", "barrier", "cond", "future"]
    names = {event["obj"]: event.get("name") for event in done.events("obj")}
    told = [names.get(wait["obj"]) for wait in mine if wait["on"] not in ("join", "future")]
    assert told == ["going", "jobs", "jobs", "jobs", "simple", "simple", "permits", "meeting", "changed"]
    sleeper = done.event("lane", name="sleeper")["lane"]
    assert [wait["owner"] for wait in mine if wait["on"] == "join"][-1] == sleeper
    results = [event["res"] for event in done.events("got", lane="t1")]
    assert results.count("timeout") == 1
    assert set(results) == {"ok", "timeout"}


def test_order_by_locks_events_and_conditions(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, threading
        lock = threading.Lock(); rlock = threading.RLock(); go = threading.Event(); changed = threading.Condition()
        def work():
            with lock, rlock, rlock: logging.warning("inside")
            go.wait(); logging.warning("went")
            with changed: logging.warning("changing"); changed.notify()
        t = threading.Thread(target=work); t.start()
        while lock.acquire(False) and "inside" not in str(lock): lock.release(); break
        import time; time.sleep(0.1)
        with lock: logging.warning("after")
        logging.warning("go"); go.set()
        """,
    )
    assert done.log("after").get("hb", []) == ["t2@0"] or "hb" not in done.log("after")
    inside = done.log("inside")
    assert any(stamp.startswith(f"t2@{inside['seq']}|lock:") for stamp in done.log("after")["hbl"])
    went = done.log("went")
    go = done.log("go")
    assert f"t1@{go['seq']}|" in "".join(went["hb"]) + "".join("".join(r.get("hb", [])) for r in done.events("got"))


def test_a_signal_from_another_thread_is_hard(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, threading
        gate = threading.Lock(); gate.acquire()
        def work(): logging.warning("ready"); gate.release()
        threading.Thread(target=work).start()
        gate.acquire(); logging.warning("passed")
        """,
    )
    ready = done.log("ready")
    carried = [stamp for r in done.records if r["lane"] == "t1" for stamp in r.get("hb", [])]
    assert any(stamp.startswith(f"t2@{ready['seq']}|lock:") for stamp in carried)


def test_what_a_wait_knows_of_its_object(tmp_path):
    done = run(
        tmp_path,
        """
        import threading, time
        ready = threading.Condition(); go = threading.Event(); permits = threading.Semaphore(2)
        meeting = threading.Barrier(3)
        def leak(): permits.acquire()
        leak(); permits.acquire()
        with ready: ready.notify()
        go.set(); go.clear()
        assert not permits.acquire(timeout=0.02) and not go.wait(0.02)
        with ready: assert not ready.wait(0.02)
        def come():
            try: meeting.wait()
            except threading.BrokenBarrierError: pass
        t = threading.Thread(target=come); t.start()
        while not meeting.n_waiting: time.sleep(0.001)
        try: meeting.wait(0.02)
        except threading.BrokenBarrierError: pass
        t.join()
        """,
    )
    (taken,) = done.events("wait", on="sem")
    assert [(permit["lane"], permit["site"][2]) for permit in taken["permits"]] == [("t1", "leak"), ("t1", "<module>")]
    last = done.event("wait", on="cond")["last"]
    assert (last["what"], last["waiters"], last["lane"], last["site"][1]) == ("notify", 0, "t1", 7)
    assert last["at"] < done.event("wait", on="cond")["since"]
    last = done.event("wait", on="event")["last"]
    assert (last["what"], last["waiters"], last["site"][1]) == ("clear", 0, 8)
    mine = done.event("wait", on="barrier", lane="t1")
    assert (mine["need"], mine["have"]) == (3, 2)
    assert [(there["lane"], there["site"][2]) for there in mine["arrived"]] == [("t2", "come"), ("t1", "<module>")]
    sizes = {event["name"]: event.get("size") for event in done.events("obj")}
    assert (sizes["permits"], sizes["meeting"]) == (2, 3)


def test_operations_are_notes_at_capture_events(tmp_path):
    done = run(
        tmp_path,
        """
        import threading
        ready = threading.Condition(); go = threading.Event(); permits = threading.BoundedSemaphore(1)
        with permits: go.set(); go.clear()
        with ready: ready.notify_all()
        try: permits.release()
        except ValueError as problem: assert str(problem) == "Semaphore released too many times"
        else: assert False
        """,
        LOGQ_CAPTURE="events",
    )
    names = {event["obj"]: event["name"] for event in done.events("obj")}
    notes = [(names[note["obj"]], note["what"], note["site"][1]) for note in done.events("note")]
    expected = [("permits", "acquire", 4), ("go", "set", 4), ("go", "clear", 4), ("permits", "release", 4)]
    assert notes == [*expected, ("ready", "notify", 5)]


def test_polling_is_counted_for_a_snapshot(tmp_path):
    done = run(
        tmp_path,
        """
        import logq, threading
        from logq import snapshot
        flag = threading.Event(); lock = threading.Lock()
        lock.acquire(); freed = threading.Lock()
        for _ in range(5): flag.is_set()
        for _ in range(4): lock.acquire(False); lock.locked()
        flag.set(); flag.is_set(); flag.is_set(); flag.is_set()
        freed.acquire()
        for _ in range(3): freed.acquire(False)
        freed.release(); freed.acquire(False)
        snapshot.write("dump")
        """,
    )
    names = {event["obj"]: event["name"] for event in done.events("obj")}
    # Of the lock that was got in the end nothing is left to tell.
    (mine,) = [lane for lane in done.event("snap")["lanes"] if lane["lane"] == "t1"]
    polls = {names[poll["obj"]]: (poll["n"], poll["value"], poll["site"][1]) for poll in mine["polls"]}
    assert polls == {"flag": (3, True, 8), "lock": (8, True, 7)}
    assert [poll.get("owner") for poll in mine["polls"] if names[poll["obj"]] == "lock"] == ["t1"]
