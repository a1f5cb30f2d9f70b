"""Pools of processes: which worker had which job, what came of it, and what a killed worker took along."""

from __future__ import annotations

import pytest
from harness import run
from order import Order

POOL = """
import concurrent.futures, logging, multiprocessing
def work(n):
    logging.warning("work %d", n)
    if n == 3: raise KeyError("three")
    return n * n
if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    logging.warning("before")
    {body}
    logging.warning("after")
"""
BODIES = {
    "apply": """
    with context.Pool(2) as pool:
        results = [pool.apply_async(work, (n,)) for n in range(4)]
        logging.warning("submitted")
        assert [r.get() for r in results[:3]] == [0, 1, 4]
        try: results[3].get()
        except KeyError: pass
    """,
    "imap": """
    with context.Pool(2) as pool:
        results = pool.imap(work, range(4))
        logging.warning("submitted")
        assert [next(results) for _ in range(3)] == [0, 1, 4]
        try: next(results)
        except KeyError: pass
    """,
    "executor": """
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        results = [pool.submit(work, n) for n in range(4)]
        logging.warning("submitted")
        assert [r.result() for r in results[:3]] == [0, 1, 4]
        assert type(results[3].exception()) is KeyError
    """,
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_jobs_and_their_results(tmp_path, method, body):
    done = run(tmp_path, POOL.format(method=method, body=BODIES[body].strip()))
    order = Order(done.records)
    root = next(event for event in done.processes() if event["how"] == "root")["proc"]
    for n in range(4):
        assert order.before(done.log("before"), done.log(f"work {n}"))
        assert order.before(done.log(f"work {n}"), done.log("after"))
        assert not order.before(done.log("submitted"), done.log(f"work {n}"))
    taken = [event for event in done.events("recv", via="job") if event["proc"] != root]
    given = [event for event in done.events("send", via="result") if event["proc"] != root]
    assert {event["fn"].split(".")[-1] for event in taken} == {"work"}
    assert sorted((event["proc"], event["job"]) for event in taken) == sorted(
        (event["proc"], event["job"]) for event in given
    )
    assert len(taken) == 4
    assert [event["exc"] for event in given if "exc" in event] == ["KeyError"]
    pool = next(event for event in done.events("obj") if event["obj"].startswith("pool:"))
    assert (pool["name"], pool["size"]) == ("pool", 2)


def test_a_worker_that_is_killed_had_a_job(tmp_path):
    done = run(
        tmp_path,
        """
        import concurrent.futures, multiprocessing, os, signal
        def die(): os.kill(os.getpid(), signal.SIGKILL)
        context = multiprocessing.get_context("fork")
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
            problem = pool.submit(die).exception()
            assert type(problem).__name__ == "BrokenProcessPool", problem
        """,
    )
    job = done.event("recv", via="job")
    assert not done.events("send", via="result")
    assert done.event("reap", child_proc=job["proc"])["signal"] == 9


LOST = """
import multiprocessing, multiprocessing.pool
def work(n):
    return {{0: "a"}}[n]
if __name__ == "__main__":
    with {pool} as pool:
        kept = pool.{submit}
        pool.close(); pool.join()
        {after}
"""
THREADS, PROCESSES = "multiprocessing.pool.ThreadPool(2)", 'multiprocessing.get_context("fork").Pool(2)'


@pytest.mark.parametrize("pool", [PROCESSES, THREADS])
@pytest.mark.parametrize("submit", ["apply_async(work, (1,))", "map_async(work, [0, 1])", "imap(work, [1])"])
def test_a_failure_that_nobody_asks_a_pool_for(tmp_path, pool, submit):
    lost = run(tmp_path, LOST.format(pool=pool, submit=submit, after="pass")).event("exc", where="pool")
    assert (lost["type"], lost["site"][1], "hook" in lost) == ("KeyError", 7, False)
    assert "work" in str((lost["stack"], lost.get("cause")))  # where it was raised, in a worker too


@pytest.mark.parametrize(
    ("submit", "after"),
    [
        ("apply_async(work, (1,))", "assert not kept.successful()"),
        ("apply_async(work, (1,), error_callback=print)", "pass"),
        ("imap_unordered(work, [0])", "pass"),
        ("apply_async(work, (0,))", "pass"),
    ],
)
def test_a_failure_that_somebody_was_told_of_is_not_lost(tmp_path, submit, after):
    done = run(tmp_path, LOST.format(pool=PROCESSES, submit=submit, after=after))
    assert not done.events("exc")
