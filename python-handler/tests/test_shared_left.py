"""What is left in multiprocessing's queues at the end is told by the process that made them, and by no other."""

from __future__ import annotations

import pytest
from harness import run

LEFT = """
import multiprocessing, os
def work(jobs, ready):
    jobs.get()
    ready.set()
    multiprocessing.Event().wait()
def quiet(jobs):
    assert jobs is not None
def main():
    context = multiprocessing.get_context("{method}")
    jobs = context.{kind}()
    done = context.Queue()
    meant = context.Queue()
    few = context.Queue(2)
    ready = context.Event()
    worker = context.Process(target=work, args=(jobs, ready), daemon=True); worker.start()
    child = context.Process(target=quiet, args=(jobs,)); child.start(); child.join()
    for n in range(4): jobs.put(n)
    done.put(1); done.get()
    meant.put(1); meant.cancel_join_thread()
    few.put(1); few.put(2); few.get()
    ready.wait()
    return few
if __name__ == "__main__":
    few = main()
"""


@pytest.mark.parametrize("kind", ["Queue", "JoinableQueue"])
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_items_left_are_counted(tmp_path, method, kind):
    done = run(tmp_path, LEFT.format(method=method, kind=kind))
    root = next(event for event in done.processes() if event["how"] == "root")["proc"]
    names = {event["obj"]: event["name"] for event in done.events("obj", proc=root)}
    ends = {event["proc"]: event.get("queues", []) for event in done.events("exit")}
    assert {names[queue["obj"]]: queue["left"] for queue in ends.pop(root)} == {"jobs": 3, "few": 1}
    assert len(ends) >= 1
    assert not any(ends.values())


def test_queues_of_threads_are_told_of_as_well(tmp_path):
    done = run(
        tmp_path,
        """
        import multiprocessing, queue
        shared = multiprocessing.Queue()
        own = queue.Queue()
        shared.put(1)
        own.put(1); own.put(2)
        """,
    )
    names = {event["obj"]: event["name"] for event in done.events("obj")}
    assert {names[left["obj"]]: left["left"] for left in done.event("exit")["queues"]} == {"shared": 1, "own": 2}


def test_a_queue_that_is_gone_keeps_nothing(tmp_path):
    done = run(
        tmp_path,
        """
        import gc, multiprocessing, weakref
        gone = []
        for n in range(100):
            jobs = multiprocessing.Queue()
            jobs.put(n)
            if n % 2: jobs.get()
            gone.append(weakref.ref(jobs))
        del jobs
        gc.collect()
        assert not any(ref() for ref in gone)
        """,
    )
    assert 1 <= len(done.event("exit")["queues"]) <= 20
