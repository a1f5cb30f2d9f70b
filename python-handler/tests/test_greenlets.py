"""Plain greenlets and gevent: lanes, order, who waits for what, and both orders of `patch_all()` and install."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import run, stamps

pytest.importorskip("gevent")

PATCHED = """
    import threading, queue, time, logging
    logging.basicConfig(level=logging.INFO)
    jobs, lock, ready = queue.Queue(), threading.RLock(), threading.Condition()
    state = []
    def worker():
        job = jobs.get()
        with lock:
            logging.info("got %s", job)
        with ready:
            state.append(job)
            ready.notify()
    threads = [threading.Thread(target=worker, name=f"w{n}") for n in range(2)]
    for thread in threads: thread.start()
    for n in range(2):
        time.sleep(0.01)
        logging.info("put %s", n)
        jobs.put(n)
    with ready:
        while len(state) < 2:
            ready.wait(5)
    for thread in threads: thread.join()
    logging.info("over")
"""


def test_a_switch_is_a_hand_over_and_the_programs_tracing_goes_on(tmp_path: Path) -> None:
    code = """
    import logging
    logging.basicConfig(level=logging.INFO)
    import greenlet
    seen = []
    assert greenlet.settrace(lambda what, pair: seen.append(what)) is None
    def other():
        logging.info("other")
        main.switch()
    main = greenlet.getcurrent()
    logging.info("first")
    one = greenlet.greenlet(other)
    one.switch()
    logging.info("last")
    assert seen == ["switch", "switch"], seen
    assert greenlet.gettrace() is not None
    """
    finished = run(tmp_path, code)
    other, last = finished.log("other"), finished.log("last")
    assert (other["lane"][0], last["lane"]) == ("g", "t1")
    assert f"{other['lane']}@{other['seq']}" in stamps(last)
    assert finished.event("lane", lane=other["lane"])["from"] == f"t1@{finished.log('first')['seq']}"


@pytest.mark.parametrize("order", ["before", "after"])
def test_threads_that_gevent_made_greenlets_keep_their_lanes(tmp_path: Path, order: str) -> None:
    patch = "\n    from gevent import monkey; monkey.patch_all()\n"
    install = "\n    import logq; logq.install()\n"
    head = patch + install if order == "before" else install + patch
    finished = run(tmp_path, head + PATCHED, booted=False)
    got, put = finished.log("got 0"), finished.log("put 0")
    lanes = {lane["lane"]: lane["name"] for lane in finished.events("lane", kind="greenlet")}
    assert put["lane"] == "t1"
    assert lanes[got["lane"]].startswith("w")
    assert f"t1@{put['seq']}" in stamps(got)
    ends = {event["lane"]: event["seq"] for event in finished.events("end") if event["lane"] in lanes}
    over = finished.log("over")
    assert all(f"{lane}@{seq}" in stamps(over) for lane, seq in ends.items())
    assert len(ends) == 2


def test_when_the_hub_gives_up_everybodys_wait_is_on_disk(tmp_path: Path) -> None:
    code = """
    import sys, gevent
    from gevent.lock import BoundedSemaphore
    from gevent.queue import Queue
    sys.tracebacklimit = 0  # before Python 3.11 the interpreter itself shows frames of ours
    one, two, jobs = BoundedSemaphore(1), BoundedSemaphore(1), Queue()
    def take(first, second):
        with first:
            gevent.sleep(0.01)
            with second:
                pass
    gevent.joinall([gevent.spawn(take, one, two), gevent.spawn(take, two, one), gevent.spawn(jobs.get)])
    """
    finished = run(tmp_path, code, rc=1)
    snap = finished.event("snap")
    awaits = {task["lane"]: task["awaits"] for task in snap["tasks"]}
    circle = [lane for lane, told in awaits.items() if told["on"] == "lock"]
    assert len(circle) == 2
    assert {awaits[lane]["owner"] for lane in circle} == set(circle)
    assert awaits["t1"]["on"] == "task"
    assert "queue-get" in {told["on"] for told in awaits.values()}
    assert snap["seq"] < finished.event("exc", where="sys")["seq"]


def test_what_a_greenlet_died_of_is_told_unless_somebody_asked(tmp_path: Path) -> None:
    code = """
    import gevent
    def fail(message):
        raise ValueError(message)
    asked, lost = gevent.spawn(fail, "asked"), gevent.spawn(fail, "lost")
    try:
        asked.get()
    except ValueError:
        pass
    lost.join()
    """
    finished = run(tmp_path, code)
    assert finished.event("exc", where="greenlet")["msg"] == "lost"


def test_stand_ins_are_taken_for_what_they_stand_for(tmp_path: Path) -> None:
    code = """
    import gevent, gevent.event, gevent.lock, gevent.queue, gevent.pool
    from gevent import Greenlet
    class Mine(gevent.event.Event):
        pass
    assert isinstance(Mine(), gevent.event.Event) and not isinstance(gevent.event.Event(), Mine)
    assert isinstance(gevent.lock.BoundedSemaphore(), gevent.lock.Semaphore)
    assert type(gevent.spawn(int)) is Greenlet and Greenlet.__name__ == "Greenlet"
    assert issubclass(gevent.queue.JoinableQueue, gevent.queue.Queue)
    assert gevent.pool.Pool(2).map(abs, [-1, -2]) == [1, 2]
    with gevent.lock.RLock() as _:
        pass
    """
    run(tmp_path, code)
