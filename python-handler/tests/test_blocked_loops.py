"""Loops that do not turn: what held them, how long, and who was due."""

from __future__ import annotations

import os

import pytest
from harness import run

from logq.instrument.sampled import Sampled


def test_a_loop_that_does_not_turn(tmp_path):
    done = run(
        tmp_path,
        """
        import asyncio, time
        async def tick():
            while True: await asyncio.sleep(0.01)
        def crunch():
            time.sleep(1)
        async def main():
            ticking = asyncio.create_task(tick(), name="ticking")
            await asyncio.sleep(0.3)
            crunch()
            await asyncio.sleep(0.5)
            ticking.cancel()
        asyncio.run(main(), debug=False)
        """,
    )
    blocked = done.events("blocked")
    assert [event.get("over", False) for event in blocked] == [False, False, True]
    ticking = done.event("lane", name="ticking")["lane"]
    main = done.event("lane", fn="main")["lane"]
    for event in blocked:
        assert (event["loop"], event["target"]) == ("t1", main)
        assert [frame["func"] for frame in event["stack"]] == ["crunch", "main"]
    assert [victim["lane"] for victim in blocked[1]["victims"]] == [ticking]
    assert blocked[2]["victims"][0]["late"] >= 100, "however late it was at the first look"
    assert blocked[1]["samples"] >= 2
    assert blocked[2]["ms"] >= blocked[1]["ms"]


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="the system does not tell who waits for a processor")
def test_of_a_loop_that_does_not_turn_it_is_told_how_long_no_processor_was_there(tmp_path):
    """Rivals on one processor: whoever computes is kept from it for most of the time."""
    done = run(
        tmp_path,
        """
        import asyncio, os, subprocess, sys, time
        os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
        rivals = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"], env={}) for _ in range(3)]
        async def main():
            end = time.thread_time() + 0.3
            while time.thread_time() < end: pass
            await asyncio.sleep(0.3)
        asyncio.run(main())
        for rival in rivals: rival.kill(); rival.wait()
        """,
    )
    last = done.events("blocked")[-1]
    assert last["ms"] >= last["unserved"] > 100


def test_a_callback_that_each_turn_of_the_loop_runs_anew_does_not_block_it(tmp_path):
    """The watchdog finds the reader of a busy connection at every look: the loop turns all the same."""
    done = run(
        tmp_path,
        """
        import asyncio, socket, threading, time
        from logq import watchdog
        from logq.instrument import aio_loops
        reading, looked = threading.Semaphore(0), threading.Semaphore(0)
        def look():
            for _ in range(4):
                reading.acquire()
                aio_loops.check(time.monotonic_ns())
                looked.release()
                time.sleep(0.1)
        ours, theirs = socket.socketpair()
        turns = 0
        def read():
            global turns
            ours.recv(1)
            reading.release(); looked.acquire()
            turns += 1
            if turns < 4: theirs.send(b"x")
        async def tick():
            while turns < 4: await asyncio.sleep(0)
        async def main():
            watchdog.ticks.remove(aio_loops.check)
            looker = threading.Thread(target=look)
            looker.start()
            asyncio.get_running_loop().add_reader(ours, read)
            theirs.send(b"x")
            await asyncio.gather(tick(), tick())
            asyncio.get_running_loop().remove_reader(ours)
            looker.join()
        asyncio.run(main())
        """,
    )
    assert not done.events("blocked")


def test_the_culprit_is_what_most_looks_saw():
    main, crunch = (compile("", "program.py", "exec").replace(co_name=name) for name in ("main", "crunch"))
    sampled = Sampled()
    sampled.add([(crunch, 5), (main, 9)])
    assert (sampled.samples, sampled.stack()[0]["func"]) == (1, "crunch")
    sampled.add([(crunch, 6), (main, 9)])
    sampled.add([(main, 10)])
    assert sampled.samples == 2
    assert [(frame["func"], frame["line"]) for frame in sampled.stack()] == [("crunch", 6), ("main", 9)]


def test_one_that_calls_much_that_is_short_is_the_culprit_itself():
    codes = [compile("", "program.py", "exec").replace(co_name=f"f{number}") for number in range(6)]
    sampled = Sampled()
    for code in codes[:5]:
        sampled.add([(code, 1), (codes[5], 2), (codes[5], 3)])
    assert sampled.samples == 5
    assert [(frame["func"], frame["line"]) for frame in sampled.stack()] == [("f5", 2), ("f5", 3)]
