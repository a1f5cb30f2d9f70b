"""The watchdog and its snapshots: what is on disk of a program that hangs, and that no program notices it."""

from __future__ import annotations

from harness import run, started, wait_for


def snaps(records, **wanted):
    found = [r for r in records if r.get("ev") == "snap"]
    return [r for r in found if all(r.get(key) == value for key, value in wanted.items())]


DEADLOCK = """
    import threading
    vault_1 = threading.Lock(); vault_2 = threading.RLock()
    both = threading.Barrier(2)
    def transfer(first, second):
        with first:
            both.wait()
            with second: pass
    for order, name in (((vault_1, vault_2), "A"), ((vault_2, vault_1), "B")):
        threading.Thread(target=transfer, args=order, name=name).start()
    """


def test_a_circle_of_waits_and_a_standstill_survive_a_kill(tmp_path):
    with started(tmp_path, DEADLOCK, LOGQ_CAPTURE="events", LOGQ_STANDSTILL="1"):
        records = wait_for(tmp_path, lambda records: snaps(records, why="standstill"))
    (closed,) = snaps(records, why="closed")
    lanes = {r["name"]: r["lane"] for r in records if r.get("ev") == "lane"}
    assert sorted(closed["circle"]) == sorted([lanes["A"], lanes["B"]])
    waits = {f"{r['lane']}@{r['seq']}": r for r in records if r.get("ev") == "wait"}
    (standstill,) = snaps(records, why="standstill")
    for snap in (closed, standstill):
        entries = {entry["lane"]: entry for entry in snap["lanes"]}
        for name in "AB":
            entry = entries[lanes[name]]
            assert waits[entry["wait"]]["lane"] == lanes[name]
            assert entry["stack"][0]["func"] == "transfer"
            assert entry["stack"][0]["line"] == 8
            assert entry["held"][0]["site"][1] == 6
            assert entry["call"]["name"] == "futex"
            assert entry["state"] == "S"
        assert entries["t1"]["exiting"] == "threads"


def test_what_the_system_says_of_blocked_threads(tmp_path):
    code = """
        import os, signal, socket, sys, threading, time
        signal.signal(signal.SIGTERM, lambda *_: None)
        server = socket.create_server(("127.0.0.1", 0))
        pair = socket.socketpair()
        reading, writing = os.pipe()
        for name, target, args in (
            ("server", server.accept, ()), ("peer", pair[0].recv, (1,)), ("reader", os.read, (reading, 1)),
            ("stdin", os.read, (0, 1)), ("sleeper", time.sleep, (300,)),
        ):
            threading.Thread(target=target, args=args, name=name, daemon=True).start()
        threading.Event().wait()
        """
    with started(tmp_path, code, LOGQ_STANDSTILL="0.5"):
        records = wait_for(tmp_path, lambda records: snaps(records, why="standstill"))
    (snap,) = snaps(records, why="standstill")
    names = {r["lane"]: r["name"] for r in records if r.get("ev") == "lane"}
    entries = {names.get(entry["lane"], "main"): entry for entry in snap["lanes"]}
    on = {name: entries[name]["call"].get("on") for name in ("server", "peer", "reader", "stdin")}
    assert on == {"server": "listener", "peer": "socket", "reader": "pipe", "stdin": "stdin"}
    assert entries["reader"]["call"]["id"].startswith("pipe:")
    assert 250e9 < entries["sleeper"]["sleeps"] - snap["mono"] <= 300e9
    assert all(entry["cpu"] > 0 for entry in entries.values())
    assert snap["signals"] == ["SIGTERM"]
    assert "foreign" not in snap


def test_an_idle_server_is_quiet(tmp_path):
    code = """
        import queue, threading, time
        jobs = queue.Queue()
        def work():
            while jobs.get(): pass
        threading.Thread(target=work).start()
        for _ in range(16):
            jobs.put(1); time.sleep(0.5)
        jobs.put(0)
        """
    done = run(tmp_path, code, LOGQ_STANDSTILL="0.1")
    assert 1 <= len(done.events("snap")) <= 8  # of 16 pauses


def test_looking_at_the_clock_is_no_progress(tmp_path):
    code = """
        import threading, time
        never = threading.Event()
        for _ in range(4): threading.Thread(target=never.wait, daemon=True).start()
        while not never.wait(0.2): pass
        """
    with started(tmp_path, code, LOGQ_CAPTURE="events", LOGQ_STANDSTILL="1"):
        records = wait_for(tmp_path, lambda records: snaps(records, why="standstill"))
    assert len([r for r in records if r.get("ev") == "wait" and r["lane"] == "t1"]) > 5


def test_a_request_is_answered(tmp_path):
    with started(tmp_path, "import threading; threading.Thread(target=input).start()"):
        records = wait_for(tmp_path, lambda records: any(r.get("ev") == "lane" for r in records))
        spool = next((tmp_path / ".logq").glob("runs/*/spool"))
        request = spool / (records[0]["proc"] + ".ctl")
        request.write_text("dump k3f9\n")
        records = wait_for(tmp_path, lambda records: snaps(records, why="dump"))
    (snap,) = snaps(records)
    assert snap["request"] == "k3f9"
    assert (snap["lane"], snap["proc"]) == ("w1", records[0]["proc"])
    assert not request.exists()


def test_a_debugger_is_seen(tmp_path):
    code = """
        import threading
        def stop(): breakpoint()
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        stop()
        """
    with started(tmp_path, code, LOGQ_STANDSTILL="0.5"):
        records = wait_for(tmp_path, lambda records: snaps(records, why="standstill"))
    entries = {entry["lane"]: entry for entry in snaps(records)[0]["lanes"]}
    assert entries["t1"]["debugger"] is True
    assert entries["t1"]["stack"][0]["func"] == "stop"
    assert "debugger" not in entries["t2"]


def test_a_runners_own_handler_is_not_the_programs(tmp_path):
    code = """
        import asyncio, signal, sys
        async def main():
            if "mine" in sys.argv: asyncio.get_running_loop().add_signal_handler(signal.SIGINT, print)
            await asyncio.Event().wait()
        asyncio.run(main())
        """
    for mine, expected in (((), []), (("mine",), ["SIGINT"])):
        place = tmp_path / str(len(mine))
        place.mkdir()
        with started(place, code, *mine, LOGQ_STANDSTILL="0.5"):
            records = wait_for(place, lambda records: snaps(records, why="standstill"))
        assert snaps(records)[0].get("signals", []) == expected


# The program does not notice. -----------------------------------------------------------------------


def test_a_fork_finds_no_other_thread(tmp_path):
    done = run(
        tmp_path,
        """
        import os, threading, time
        for _ in range(20):
            t = threading.Thread(target=int); t.start(); t.join()  # the watchdog runs
            assert threading.active_count() == 1
            if not (child := os.fork()):
                t = threading.Thread(target=int); t.start(); t.join()
                if not (grandchild := os.fork()): os._exit(0)
                os._exit(os.waitpid(grandchild, 0)[1])
            assert os.waitpid(child, 0)[1] == 0
        """,
        flags=["-W", "error"],
    )
    assert done.err == ""


def test_signals_are_the_programs(tmp_path):
    done = run(
        tmp_path,
        """
        import os, signal, threading, time
        t = threading.Thread(target=int); t.start(); t.join()  # the watchdog runs
        time.sleep(0.2)
        assert signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1]) == set()
        os.kill(os.getpid(), signal.SIGUSR1)  # would end it, if a thread took it
        time.sleep(0.2)
        assert signal.sigwait([signal.SIGUSR1]) == signal.SIGUSR1
        """,
    )
    assert done.err == ""


def test_a_fork_while_others_hold_locks(tmp_path):
    done = run(
        tmp_path,
        """
        import os, threading
        lock = threading.Lock(); over = threading.Event()
        def spin():
            while not over.is_set():
                with lock: pass
        threads = [threading.Thread(target=spin) for _ in range(3)]
        for t in threads: t.start()
        for _ in range(30):
            if not (child := os.fork()):
                t = threading.Thread(target=int); t.start(); t.join()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        over.set()
        for t in threads: t.join()
        """,
        LOGQ_CAPTURE="events",
        LOGQ_STANDSTILL="0.01",
    )
    assert len(done.processes()) == 31


def test_an_end_with_daemon_threads_that_log(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, threading, time
        logging.getLogger().addHandler(logging.NullHandler())  # stderr does not like daemons at the end
        def chat():
            while True: logging.warning("still here")
        for _ in range(3): threading.Thread(target=chat, daemon=True).start()
        time.sleep(0.3)
        """,
        LOGQ_STANDSTILL="0.01",
        checked=False,
    )
    assert done.rc == 0


def test_daemon_threads_that_are_cut_off(tmp_path):
    done = run(
        tmp_path,
        """
        import queue, threading, time
        jobs = queue.Queue()
        def work(busy):
            while True:
                jobs.get()
                if busy:
                    started.set(); time.sleep(300)
        started = threading.Event()
        threading.Thread(target=work, args=(True,), name="busy", daemon=True).start()
        jobs.put(1); started.wait()
        threading.Thread(target=work, args=(False,), name="idle", daemon=True).start()
        while not jobs.not_empty._waiters: time.sleep(0.01)
        time.sleep(0.2)
        """,
    )
    names = {event["lane"]: event["name"] for event in done.events("lane")}
    daemons = {names[entry["lane"]]: entry for entry in done.event("exit")["daemons"]}
    assert (daemons["busy"]["busy"], daemons["idle"]["busy"]) == (True, False)
    assert daemons["busy"]["sleeps"] is True
    assert daemons["busy"]["stack"][0]["func"] == "work"
    assert daemons["busy"]["stack"][0]["line"] == 8
    assert daemons["idle"]["wait"].startswith(daemons["idle"]["lane"])


def test_a_program_of_one_thread_that_lives_on_gets_one(tmp_path):
    """It has neither a child nor a loop and never waits; but whoever finds it busy wants to ask it why."""
    done = run(
        tmp_path,
        """
        import logging, os, time
        def watched():
            names = [open(f"/proc/self/task/{tid}/comm").read() for tid in os.listdir("/proc/self/task")]
            return "logq\\n" in names
        logging.warning("young")
        limit = time.monotonic() + 50
        while not watched() and time.monotonic() < limit:
            logging.warning("at work")
            sum(range(100_000))
        assert watched()
        """,
        timeout=90,
    )
    assert len(done.logs(msg="at work")) > 1


def test_since_when_tasks_await_what_they_await(tmp_path):
    """Nothing is noted at an `await`: the watchdog sees that a task is still where it was."""
    code = """
        import asyncio, logging
        async def stuck(gate):
            async with gate:
                logging.warning("waits")
                await asyncio.Event().wait()
        async def main():
            gate = asyncio.Lock()
            await asyncio.gather(stuck(gate), stuck(gate))
        asyncio.run(main())
        """
    with started(tmp_path, code):
        records = wait_for(tmp_path, lambda records: snaps(records, why="standstill"))
    (snap,) = snaps(records, why="standstill")
    begun = next(record["mono"] for record in records if record.get("msg") == "waits")
    awaits = [task["awaits"] for task in snap["tasks"]]
    assert sorted(wait["on"] for wait in awaits) == ["event", "lock", "task"]
    assert all(begun < wait["since"] < snap["mono"] for wait in awaits)
