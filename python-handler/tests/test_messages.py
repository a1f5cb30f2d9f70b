"""Messages between processes: who handed what to whom, and that nothing of it is seen by the program."""

from __future__ import annotations

import pytest
from harness import run
from order import Order

METHODS = ["fork", "spawn", "forkserver"]

QUEUES = """
import logging, multiprocessing, sys
def work(jobs, done, pipe):
    logging.warning("begun")
    while True:
        n = jobs.get()
        if n is None: break
        assert n == {{"n": 1}} and type(n) is dict, n
        logging.warning("got")
        done.put(("answer", n))
    pipe.send([1, 2, 3])
    assert pipe.recv() == "over"
    logging.warning("told")
if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    jobs = context.{kind}()
    answers = context.SimpleQueue()
    ours, theirs = context.Pipe()
    worker = context.Process(target=work, args=(jobs, answers, theirs)); worker.start()
    logging.warning("before put")
    jobs.put({{"n": 1}})
    logging.warning("after put")
    assert answers.get() == ("answer", {{"n": 1}})
    logging.warning("answered")
    jobs.put(None)
    assert ours.recv() == [1, 2, 3]
    logging.warning("before over")
    ours.send("over")
    worker.join()
"""


@pytest.mark.parametrize("kind", ["Queue", "JoinableQueue", "SimpleQueue"])
@pytest.mark.parametrize("method", METHODS)
def test_a_message_carries_its_senders_stamp(tmp_path, method, kind):
    done = run(tmp_path, QUEUES.format(method=method, kind=kind))
    order = Order(done.records)
    assert order.before(done.log("before put"), done.log("got"))
    assert order.before(done.log("got"), done.log("answered"))
    assert order.before(done.log("before over"), done.log("told"))
    assert not order.before(done.log("after put"), done.log("got"))
    assert not order.before(done.log("begun"), done.log("after put"))
    root = next(event for event in done.processes() if event["how"] == "root")["proc"]
    shared = [event for event in done.events("obj") if event["kind"].startswith("multiprocessing.")]
    assert {event.get("name") for event in shared} == {"jobs", "answers", "ours/theirs"}
    received = [event for event in done.events("recv") if event["proc"] != root]
    assert {event["via"] for event in received} == {"queue", "pipe"}
    assert all(event["obj"].startswith(root + "/") for event in received)
    assert received[0]["hb"] == [f"{received[0]['from']}|{received[0]['obj']}"]


@pytest.mark.parametrize("pair", ["Pipe()", "Pipe(False)[::-1]"])
def test_who_waits_for_room_says_so_before_it_is_blocked(tmp_path, pair):
    done = run(
        tmp_path,
        f"""
        import multiprocessing, os
        ours, theirs = multiprocessing.{pair}
        ours.send(b"small")
        child = os.fork()
        if child == 0:
            for _ in range(2): theirs.recv()
            os._exit(0)
        ours.send(b"x" * 2_000_000)
        os.waitpid(child, 0)
        """,
    )
    parent = next(event for event in done.processes() if event["how"] == "root")["proc"]
    waits = [event for event in done.events("wait", on="channel") if event["proc"] == parent]
    assert [(event["state"], event["site"][1]) for event in waits] == [("full", 9)]
    assert len([event for event in done.events("got", obj=waits[0]["obj"]) if event["proc"] == parent]) == 1
