"""asyncio: loops that another thread runs than the one that asked for it, and tasks that end with something in hand."""

from __future__ import annotations

import pytest
from harness import run


def test_a_loop_is_at_home_in_the_thread_that_runs_it(tmp_path):
    done = run(
        tmp_path,
        """
        import asyncio, threading
        async def fetch():
            await asyncio.sleep(0)
            raise LookupError("no such row")
        loop = asyncio.new_event_loop()
        runner = threading.Thread(target=loop.run_forever, name="runner"); runner.start()
        future = asyncio.run_coroutine_threadsafe(fetch(), loop)
        while not future.done(): pass
        loop.call_soon_threadsafe(loop.stop); runner.join(); loop.close()
        """,
    )
    assert not done.events("note", what="foreign")
    # The failure is the task's, not that of the thread that copied it to the future.
    lost = done.event("exc", where="future")
    assert done.event("lane", lane=lost["target"])["fn"] == "fetch"
    assert lost["site"][1] == 8


def test_a_task_that_keeps_a_lock_or_a_permit_leaves_a_line(tmp_path):
    done = run(
        tmp_path,
        """
        import asyncio
        async def keep(thing): await thing.acquire()
        async def use(thing):
            async with thing: pass
        async def main():
            things = asyncio.Lock(), asyncio.Semaphore(2)
            for thing in things: await asyncio.create_task(keep(thing), name=type(thing).__name__)
            await asyncio.create_task(asyncio.sleep(0), name="quick")
        asyncio.run(main())
        """,
    )
    assert {event["name"] for event in done.events("lane", kind="task")} >= {"Lock", "Semaphore"}
    assert "quick" not in {event["name"] for event in done.events("lane", kind="task")}


@pytest.mark.parametrize(
    ("after", "close", "left"),
    [("pass", "loop.close()", [True]), ("pass", "pass", []), ("task.cancel()", "loop.close()", [])],
)
def test_a_task_over_which_the_program_closed_its_loop(tmp_path, after, close, left):
    done = run(
        tmp_path,
        f"""
        import asyncio
        loop = asyncio.new_event_loop()
        async def main():
            task = asyncio.create_task(asyncio.sleep(99), name="saver")
            await asyncio.sleep(0)
            {after}
        loop.run_until_complete(main())
        {close}
        """,
    )
    assert [end["left"] for end in done.events("end", how="destroyed") if "left" in end] == left


def test_uvloop(tmp_path):
    pytest.importorskip("uvloop")
    done = run(
        tmp_path,
        """
        import asyncio, logging, threading, uvloop
        async def main():
            bell = asyncio.Event(); loop = asyncio.get_running_loop()
            async def hears(): await bell.wait(); logging.warning("heard")
            hearing = asyncio.create_task(hears())
            await asyncio.sleep(0)
            logging.warning("ring"); bell.set()
            await hearing
            thread = threading.Thread(target=lambda: loop.call_soon(int)); thread.start(); thread.join()
        uvloop.run(main())
        """,
    )
    ring = done.log("ring")
    assert done.log("heard")["hb"] == [f"{ring['lane']}@{ring['seq']}|event:1"]
    assert done.event("note", what="foreign")["fn"] == "call_soon"
