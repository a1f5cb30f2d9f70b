"""Waits for a future: on disk though nobody looks at a clock, and never over before the future is settled."""

from __future__ import annotations

from harness import run, started, wait_for


def test_a_wait_for_a_future_is_on_disk_when_the_process_is_killed(tmp_path):
    code = """
        import concurrent.futures, threading
        promise, other = concurrent.futures.Future(), concurrent.futures.Future()
        threading.Thread(target=promise.result, name="patient", daemon=True).start()
        other.result(timeout=1000)
        """
    with started(tmp_path, code) as child:
        wait_for(tmp_path, lambda found: sum(r.get("on") == "future" for r in found) == 2)
        child.kill()
        child.wait()
    records = wait_for(tmp_path, lambda _: True)
    waits = {r["lane"]: r for r in records if r.get("ev") == "wait" and r["on"] == "future"}
    names = {r["obj"]: r.get("name") for r in records if r.get("ev") == "obj"}
    assert names[waits.pop("t1")["obj"]] == "other"
    assert [(names[wait["obj"]], wait["state"]) for wait in waits.values()] == [("promise", "PENDING")]


def test_who_waits_for_a_future_wakes_when_it_is_settled_and_not_before(tmp_path):
    """The watchdog wakes waiters at the very moments at which they are told, and at others."""
    done = run(
        tmp_path,
        """
        import concurrent.futures, random, threading, time
        from logq.instrument import future_conditions
        random.seed(5)
        over = False
        def meddle():
            while not over:
                future_conditions._wake_late(1 << 62)
                time.sleep(0)
        meddler = threading.Thread(target=meddle); meddler.start()
        pool = concurrent.futures.ThreadPoolExecutor(4)
        def job(n):
            time.sleep(random.choice([0, 0, 0.0001, 0.002]))
            return n
        for n in range(300):
            assert pool.submit(job, n).result(random.choice([None, 100])) == n
        promise = concurrent.futures.Future()
        early = 0
        for n in range(30):
            begun = time.monotonic()
            try: promise.result(0.01)
            except concurrent.futures.TimeoutError: early += time.monotonic() - begun < 0.009
        assert not early, early
        def wait_all():
            for n in range(200):
                futures[n].result()
                assert futures[n].done()
        futures = [concurrent.futures.Future() for n in range(200)]
        waiters = [threading.Thread(target=wait_all) for _ in range(3)]
        for waiter in waiters: waiter.start()
        for future in futures: future.set_result(None)
        for waiter in waiters: waiter.join()
        over = True; meddler.join()
        pool.shutdown()
        print("right")
        """,
    )
    assert done.out.strip() == "right"
    assert {wait["lane"] for wait in done.events("got", res="timeout")} == {"t1"}


def test_the_condition_of_a_future_is_one(tmp_path):
    done = run(
        tmp_path,
        """
        import concurrent.futures, threading
        future = concurrent.futures.Future()
        condition = future._condition
        assert isinstance(condition, threading.Condition)
        for act in (condition.wait, condition.notify, condition.notify_all):
            try: act()
            except RuntimeError as problem: print(problem)
        with condition:
            assert not condition.wait(0.001) and not condition.wait_for(lambda: False, 0.001)
            threading.Timer(0.05, lambda: (condition.acquire(), condition.notify(5), condition.release())).start()
            assert condition.wait()
        print(type(condition).__name__, repr(condition).startswith("<Condition(<unlocked _thread.RLock object owner=0"))
        """,
    )
    assert done.out.splitlines() == [
        "cannot wait on un-acquired lock",
        "cannot notify on un-acquired lock",
        "cannot notify on un-acquired lock",
        "Condition True",
    ]
