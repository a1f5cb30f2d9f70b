"""trio: tasks as lanes, who woke whom, what each awaits, steps that hold the run."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import run, stamps, started, wait_for

pytest.importorskip("trio")


def test_tasks_are_lanes_in_order_by_channels_events_and_nurseries(tmp_path: Path) -> None:
    code = """
    import logging, trio
    logging.basicConfig(level=logging.INFO)
    async def sender(send):
        logging.info("sent")
        await send.send(1)
    async def receiver(receive):
        await receive.receive()
        logging.info("received")
    async def main():
        send, receive = trio.open_memory_channel(1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sender, send)
            await trio.sleep(0.01)
            nursery.start_soon(receiver, receive)
        logging.info("over")
    trio.run(main)
    """
    finished = run(tmp_path, code)
    sent, received, over = finished.log("sent"), finished.log("received"), finished.log("over")
    assert len({sent["lane"], received["lane"], over["lane"]}) == 3
    assert f"{sent['lane']}@{sent['seq']}" in stamps(received)
    ends = {event["lane"]: event for event in finished.events("end", how="ok")}
    for lane in (sent["lane"], received["lane"]):
        assert f"{lane}@{ends[lane]['seq']}" in stamps(over)
    assert finished.event("lane", lane=sent["lane"])["fn"] == "sender"


def test_what_tasks_await_stands_in_a_snapshot(tmp_path: Path) -> None:
    code = """
    import trio
    lock, ready = trio.Lock(), trio.Event()
    async def holder():
        async with lock:
            await ready.wait()
    async def second():
        async with lock:
            pass
    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(holder)
            await trio.sleep(0)
            nursery.start_soon(second)
    trio.run(main)
    """
    with started(tmp_path, code, LOGQ_STANDSTILL="0.3"):
        records = wait_for(tmp_path, lambda found: any(len(r.get("tasks", ())) == 3 for r in found))
    snap = next(r for r in records if len(r.get("tasks", ())) == 3)
    names = {r["lane"]: r["name"] for r in records if r.get("ev") == "lane"}
    awaits = {names[task["lane"]]: task["awaits"] for task in snap["tasks"]}
    assert awaits["holder"]["on"] == "event"
    assert (awaits["second"]["on"], names[awaits["second"]["owner"]]) == ("lock", "holder")
    assert {names[lane] for lane in awaits["main"]["owners"]} == {"holder", "second"}
    assert snap["loops"] == [{"lane": "t1", "ready": 0, "timers": 0, "fds": 0}]


def test_a_step_that_holds_the_run_is_told_with_its_victims(tmp_path: Path) -> None:
    code = """
    import time, trio
    async def hold():
        await trio.sleep(0.05)
        time.sleep(0.6)
    async def due():
        await trio.sleep(0.1)
    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hold)
            nursery.start_soon(due)
    trio.run(main)
    """
    finished = run(tmp_path, code)
    names = {lane["lane"]: lane["name"] for lane in finished.events("lane")}
    last = finished.events("blocked")[-1]
    assert names[last["target"]] == "hold"
    assert "due" in [names[victim["lane"]] for victim in last["victims"]]
