"""What a snapshot says of lanes beside a hang: who could get at what others wait for, and who waits for an import."""

from __future__ import annotations

from harness import run
from test_watchdog import snaps

BESIDE_A_HANG = """
    import os, threading, time
    import config
    from logq import snapshot, waits
    go = threading.Event()
    class Meter:
        def __init__(self, owner): self.owner = owner
        def run(self):
            while True: time.sleep(0.05)
    def wake(): go.set()
    def beat():
        while True: time.sleep(0.05)
    def beat_by_clock(stop=threading.Event()):
        while not stop.wait(0.05): pass
    def names_it():
        while True:
            time.sleep(0.05)
            if time.time() < 0: go.set()
    def calls_who_names_it():
        while True:
            time.sleep(0.05)
            if time.time() < 0: wake()
    def asks_a_module():
        while True:
            time.sleep(0.05)
            if time.time() < 0: config.signal.set()
    def asks_anything():
        while True:
            time.sleep(0.05)
            if time.time() < 0: globals()["g" + "o"].set()
    config.signal = go
    apart = beat, beat_by_clock, Meter(None).run
    able = names_it, calls_who_names_it, asks_a_module, asks_anything, Meter([go]).run
    for number, loop in enumerate((*apart, *able)):
        threading.Thread(target=loop, name=f"{number}-{loop.__name__}", daemon=True).start()
    threading.Thread(target=lambda: go.wait(), name="stuck").start()
    while "event" not in [wait.on for wait in list(waits.blocked) if wait.timeout is None]: time.sleep(0.01)
    snapshot.write("test")
    os._exit(0)
    """


def test_who_can_get_at_what_others_wait_for(tmp_path):
    (tmp_path / "config.py").write_text("")
    records = run(tmp_path, BESIDE_A_HANG).records
    names = {r["lane"]: r["name"] for r in records if r.get("ev") == "lane"}
    (snap,) = snaps(records, why="test")
    assert sorted(names[entry["lane"]] for entry in snap["lanes"] if entry.get("apart")) == [
        "0-beat",
        "1-beat_by_clock",
        "2-run",
    ]


TASKS_BESIDE_A_HANG = """
    import asyncio, os, threading, time
    from logq import snapshot
    def look(tasks):
        while any(task._fut_waiter is None for task in tasks): time.sleep(0.01)
        snapshot.write("test")
        os._exit(0)
    async def stuck(go): await go.wait()
    async def beat(*others):
        while True: await asyncio.sleep(5)
    async def main():
        go = asyncio.Event()
        first = asyncio.ensure_future(stuck(go))
        others = [asyncio.ensure_future(other) for other in (beat(), beat(go), beat([first]))]
        for number, other in enumerate(others): other.set_name(str(number))
        threading.Thread(target=look, args=([first, *others],)).start()
        await first
    asyncio.run(main())
    """


def test_which_tasks_can_get_at_what_others_wait_for(tmp_path):
    records = run(tmp_path, TASKS_BESIDE_A_HANG).records
    names = {r["lane"]: r["name"] for r in records if r.get("ev") == "lane"}
    (snap,) = snaps(records, why="test")
    assert sorted(names[entry["lane"]] for entry in snap["tasks"] if entry.get("apart")) == ["0"]
    assert [entry.get("apart") for entry in snap["loops"]] == [True]


def test_who_waits_for_a_module_that_another_thread_imports(tmp_path):
    slow = "import threading; began.set(); [over.wait()]"
    (tmp_path / "catalogue.py").write_text(f"from __main__ import began, over\n{slow}\n")
    code = """
        import os, sys, threading, time
        from logq import snapshot
        sys.path.insert(0, os.path.dirname(__file__))
        began, over = threading.Event(), threading.Event()
        def load(): import catalogue
        first = threading.Thread(target=load, name="first"); first.start()
        began.wait()
        second = threading.Thread(target=load, name="second"); second.start()
        def waits():
            frame = sys._current_frames().get(second.ident)
            while frame is not None and frame.f_code.co_name != "acquire": frame = frame.f_back
            return frame is not None
        while not waits(): time.sleep(0.01)
        snapshot.write("test")
        over.set()
        """
    records = run(tmp_path, code).records
    lanes = {r["name"]: r["lane"] for r in records if r.get("ev") == "lane"}
    (module,) = [r for r in records if r.get("kind") == "module" and r.get("ev") == "obj"]
    (snap,) = snaps(records, why="test")
    (awaits,) = [entry["awaits"] for entry in snap["lanes"] if "awaits" in entry]
    assert (awaits["on"], awaits["owner"], awaits["obj"]) == ("import", lanes["first"], module["obj"])
    assert (module["name"], awaits["stack"][0]["func"]) == ("catalogue", "load")
