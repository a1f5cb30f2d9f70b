"""What a snapshot says of lanes beside a hang: who could get at what others wait for, and who waits for an import."""

from __future__ import annotations

import pytest
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


ROUNDABOUT = """
    import contextlib, logging, os, signal, sys, threading, time, types, weakref
    from logq import snapshot, waits
    from roundabout import *
    class Sets(logging.Handler):
        def emit(self, record): there.go.set()
        def write(self, text): there.go.set()
        def flush(self): pass
    def wait():
        threading.current_thread().go = there.go
        there.go.wait()
    there = types.SimpleNamespace(go=threading.Event())
    logging.getLogger("audit").addHandler(Sets())
    sys.stdout = Sets()
    hidden = sys.modules["hidden"] = types.ModuleType("hidden")
    hidden.go = there.go
    doomed.append(Doomed())
    weakref.finalize(doomed[0], there.go.set)
    known["go"] = there.go
    fixed.append(types.MappingProxyType({"go": there.go}))
    signal.signal(signal.SIGUSR1, lambda number, frame: there.go.set())
    for round in (*able, beat):
        threading.Thread(target=round, name=round.__name__, daemon=True).start()
    threading.Thread(target=wait, name="stuck").start()
    while "event" not in [wait.on for wait in list(waits.blocked) if wait.timeout is None]: time.sleep(0.01)
    snapshot.write("test")
    os._exit(0)
    """

ROUNDS = """
import logging, os, signal, threading, time, weakref
class Doomed: pass
doomed, known, fixed = [], weakref.WeakValueDictionary(), []
def beat():
    while True: time.sleep(0.05)
def beat_while_main_lives():
    while threading.main_thread().is_alive(): time.sleep(0.05)
def logs():
    while True:
        time.sleep(60)
        logging.getLogger("audit").warning("x")
def prints():
    while True:
        time.sleep(60)
        print("x")
def imports():
    time.sleep(60)
    import hidden
    hidden.go.set()
def asks_each_thread():
    time.sleep(60)
    for thread in threading.enumerate(): thread.go.set()
def lets_it_die():
    time.sleep(60)
    doomed.clear()
def knows_it_weakly():
    time.sleep(60)
    known["go"].set()
def has_a_proxy():
    time.sleep(60)
    fixed[0]["go"].set()
def sends_a_signal():
    time.sleep(60)
    os.kill(os.getpid(), signal.SIGUSR1)
able = [logs, prints, imports, asks_each_thread, lets_it_die, knows_it_weakly, has_a_proxy, sends_a_signal]
able.append(beat_while_main_lives)
"""


def test_who_gets_at_it_in_a_roundabout_way(tmp_path):
    """By what the library has of the program's, by what is destroyed, and by a signal."""
    (tmp_path / "roundabout.py").write_text(ROUNDS)
    records = run(tmp_path, ROUNDABOUT).records
    names = {r["lane"]: r["name"] for r in records if r.get("ev") == "lane"}
    (snap,) = snaps(records, why="test")
    assert sorted(names[entry["lane"]] for entry in snap["lanes"] if entry.get("apart")) == [
        "beat",
        "beat_while_main_lives",
    ]
    assert snap["wakers"] == ["SIGUSR1"]


@pytest.mark.parametrize(
    ("wakes", "handling", "kept"),
    [
        (["SIGTERM"], "signal.signal(signal.SIGTERM, lambda number, frame: go.set())", "None"),
        (["SIGTERM"], "elsewhere.loop = loop = asyncio.new_event_loop(); loop.add_signal_handler(15, go.set)", "None"),
        ([], "signal.signal(signal.SIGTERM, elsewhere.count)", "None"),
        (["SIGINT"], "", "go, KeyboardInterrupt"),
        ([], "", "None, KeyboardInterrupt"),
    ],
)
def test_which_signals_may_end_what_a_thread_waits_for(tmp_path, wakes, handling, kept):
    (tmp_path / "elsewhere.py").write_text("counted = []\ndef count(number, frame): counted.append(number)\n")
    code = f"""
        import asyncio, os, signal, threading, time
        import elsewhere
        from logq import snapshot, waits
        def serve():
            go = threading.Event()
            threading.Thread(target=go.wait, name="worker").start()
            while not waits.blocked: time.sleep(0.01)
            {handling}
            return go
        go = serve()
        kept = {kept}
        if kept is None or kept[0] is None: del go
        snapshot.write("test")
        os._exit(0)
        """
    (snap,) = snaps(run(tmp_path, code).records, why="test")
    assert snap.get("wakers", []) == wakes
