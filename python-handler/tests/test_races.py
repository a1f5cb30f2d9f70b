"""What is noted of variables that lanes share: lost updates as they happen. What is right: test_races_silent."""

from __future__ import annotations

import textwrap

import pytest
from harness import run

THREADS = """
    def together(*targets):
        threads = [threading.Thread(target=target, name=target.__name__) for target in targets]
        for t in threads: t.start()
        for t in threads: t.join()
"""

# Each makes one lane lose what the other wrote, by events and not by luck.
LOST = {
    "global": """
        total = 0
        def slow():
            global total
            seen = total; ready.set(); done.wait(); total = seen + 1 #W
        def quick():
            global total
            ready.wait(); total += 1; done.set() #O
        """,
    "attribute through methods": """
        class Gauge:
            def __init__(self): self.n = 0
            def get(self): return self.n
            def put(self, n): self.n = n #W
        gauge = Gauge()
        def slow():
            seen = gauge.get(); ready.set(); done.wait()
            gauge.put(seen + 1)
        def quick(): ready.wait(); gauge.n += 1; done.set() #O
        """,
    "class attribute": """
        class Shop: sold = 0
        def slow():
            seen = Shop.sold; ready.set(); done.wait()
            Shop.sold = seen + 1 #W
        def quick(): ready.wait(); Shop.sold += 1; done.set() #O
        """,
    "check of a key": """
        cache = {}
        def slow():
            if "a" not in cache:
                ready.set(); done.wait()
                cache["a"] = object() #W
        def quick(): ready.wait(); cache["a"] = object(); done.set() #O
        """,
    "item by get": """
        class Words:
            def __init__(self): self.counts = {}
            def add(self, word, go=None):
                n = self.counts.get(word + "", 0)
                if go: go()
                self.counts[word] = n + 1 #WO
        words = Words()
        def slow(): words.add("x", lambda: (ready.set(), done.wait()))
        def quick(): ready.wait(); words.add("x"); done.set()
        """,
    "lazy": """
        made = None
        def get(go):
            global made
            if made is None:
                go()
                made = object() #WO
            return made
        def slow(): get(lambda: (ready.set(), done.wait()))
        def quick(): ready.wait(); get(int); done.set()
        """,
    "from one call of a loop to the next": """
        total = 0
        def step(n):
            global total
            if n is None: return total
            ready.set(); done.wait()
            total = n + 1 #W
        def slow():
            n = None
            for _ in range(2): n = step(n)
        def quick():
            global total
            ready.wait(); total += 1; done.set() #O
        """,
    "slow right side": """
        total = 0
        def wait(): ready.set(); done.wait(); return 1
        def slow():
            global total
            total += wait() #W
        def quick():
            global total
            ready.wait(); total += 1; done.set() #O
        """,
}


def lines_of(code, mark):
    return {
        number for number, line in enumerate(code.splitlines(), 1) if "#" in line and mark in line.rpartition("#")[2]
    }


@pytest.mark.parametrize("name", LOST)
def test_a_lost_update_is_told_with_both_sides(tmp_path, name):
    head = "import threading\nready, done = threading.Event(), threading.Event()\n"
    body = textwrap.dedent(LOST[name]).lstrip("\n")
    code = head + body + textwrap.dedent(THREADS) + "together(slow, quick)\n"
    done = run(tmp_path, code, LOGQ_RACES="1")
    (lost,) = [access for access in done.events("access") if "over" in access]
    lanes = {lane["lane"]: lane["name"] for lane in done.events("lane")}
    assert lanes[lost["lane"]] == "slow"
    assert lanes[lost["over"]["by"].split("@")[0]] == "quick"
    assert lost["site"][1] in lines_of(code, "W")
    assert lost["over"]["site"][1] in lines_of(code, "O")
    assert lost["base"]["v"] < lost["over"]["v"] < lost["v"]
    assert lost["stack"][0][1] == lost["site"][1]


def test_tasks_interleave_between_awaits(tmp_path):
    code = """
        import asyncio
        class Account: balance = 100
        async def take(account, n, pause):
            if account.balance >= n:
                await asyncio.sleep(pause)
                account.balance -= n
        async def main():
            account = Account()
            await asyncio.gather(take(account, 80, 0.05), take(account, 70, 0.01))
        asyncio.run(main())
        """
    (lost,) = [access for access in run(tmp_path, code, LOGQ_RACES="1").events("access") if "over" in access]
    assert lost["how"] == "check"
    assert (lost["lane"][0], lost["over"]["by"][0]) == ("a", "a")


def test_init_before_start_and_reading_after_join_are_never_told(tmp_path):
    code = """
        import threading
        box = {"n": 0}
        box["n"] += 1
        def work():
            box["n"] += 1
        for _ in range(20):
            t = threading.Thread(target=work); t.start(); t.join()
            box["n"] += 1
        """
    done = run(tmp_path, code, LOGQ_RACES="1")
    assert all("over" not in access for access in done.events("access"))


def test_a_loop_of_many_accesses_is_bounded(tmp_path):
    code = """
        import threading
        class Box: n = 0
        box = Box(); table = {}
        def work():
            for i in range(8_000):
                box.n += 1
                table[i % 4000] = table.get(i % 4000, 0) + 1
        ts = [threading.Thread(target=work) for _ in range(3)]
        for t in ts: t.start()
        for t in ts: t.join()
        """
    done = run(tmp_path, code, LOGQ_RACES="1")
    assert 0 < len(done.events("access")) <= 5000


def test_nothing_is_noted_before_a_second_lane_or_a_loop_is_there(tmp_path):
    code = """
    import asyncio
    import logq.races.versions as versions
    class Counter: n = 0
    counter = Counter()
    for _ in range(100): counter.n += 1
    alone = versions.noted
    async def main():
        for _ in range(100): counter.n += 1
    asyncio.run(main())
    print(alone, versions.noted > alone)
    """
    assert run(tmp_path, code, LOGQ_RACES="1").out == "0 True\n"


def test_nothing_is_kept_alive(tmp_path):
    code = """
        import gc, threading, weakref
        gc.disable()
        class Part: pass
        class Whole:
            def __init__(self): self.part = Part(); self.items = {"p": Part()}
        kept = None
        def work():
            global kept
            for _ in range(3):
                whole = Whole(); whole.part; whole.items["p"]; whole.part = whole.part
                gone = [weakref.ref(whole), weakref.ref(whole.part), weakref.ref(whole.items["p"])]
                kept = [Part()]; kept[0]; gone.append(weakref.ref(kept[0]))
                whole = kept = None
                assert [ref() for ref in gone] == [None] * 4, gone
            print("gone")
        t = threading.Thread(target=work); t.start(); t.join()
        work()
        """
    assert run(tmp_path, code, LOGQ_RACES="1").out == "gone\n" * 2


def test_what_cannot_be_rewritten_is_said(tmp_path):
    (tmp_path / "deep.py").write_text("x = " + "+".join(["1"] * 3000) + "\n")
    code = "import sys; sys.path.insert(0, '.'); sys.setrecursionlimit(2500)\n"
    code += "try: import deep\nexcept RecursionError: pass\n"
    (note,) = run(tmp_path, code, LOGQ_RACES="1").events("note", what="unwatched")
    assert note["name"].endswith("deep.py")


def test_install_watches_what_is_imported_after_it(tmp_path):
    (tmp_path / "stock.py").write_text(
        "left = 5\ndef take(go=int):\n    global left\n    seen = left\n    go()\n    left = seen - 1\n"
    )
    code = """
        import sys, threading, logq
        logq.install(races=True, dir=".logq")
        sys.path.insert(0, ".")
        import stock
        ready, done = threading.Event(), threading.Event()
        t = threading.Thread(target=lambda: stock.take(lambda: (ready.set(), done.wait()))); t.start()
        ready.wait(); stock.take(); done.set(); t.join()
        """
    done = run(tmp_path, code, booted=False)
    (lost,) = [access for access in done.events("access") if "over" in access]
    assert lost["site"][1:] == [6, "take"]


def test_files_and_databases(tmp_path):
    code = """
        import fcntl, os, sqlite3, threading
        open("n.txt", "w").write("0")
        def bump():
            with open("n.txt") as f: n = int(f.read() or 0)
            with open("n.txt", "w") as f: f.write(str(n + 1))
        def guarded():
            with open("n.lock", "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                bump()
        def appended():
            with open("n.txt", "a") as f: f.write("1")
        db = sqlite3.connect("n.db", isolation_level=None)
        db.execute("CREATE TABLE seats (n INTEGER, id INTEGER)"); db.execute("INSERT INTO seats VALUES (9, 1)")
        def book():
            n = db.execute("SELECT n FROM seats WHERE id = ?", (1,)).fetchone()[0]
            db.execute("UPDATE seats SET n = ? WHERE id = ?", (n - 1, 1))
        def safely():
            db.execute("BEGIN IMMEDIATE"); book(); db.execute("COMMIT")
        bump(); guarded(); appended(); book(); safely()
        """
    done = run(tmp_path, code, LOGQ_RACES="1")
    names = {event["obj"]: event["name"] for event in done.events("obj")}
    told = [
        (names[use["var"]].rpartition("/")[2], use.get("item"), bool(use["base"].get("held")), use["site"][1])
        for use in done.events("access")
    ]
    assert told == [
        ("n.txt", None, False, 6),
        ("n.txt", None, True, 6),
        ("n.db", "id = 1", False, 17),
        ("n.db", "id = 1", True, 17),
    ]


def test_a_manager_s_lock_is_held_from_the_read_to_the_write(tmp_path):
    code = """
        import multiprocessing
        def work(stock, guard):
            with guard: stock["a"] += 1
            stock["a"] += 1
        if __name__ == "__main__":
            with multiprocessing.Manager() as manager:
                stock, guard = manager.dict(a=0), manager.Lock()
                child = multiprocessing.Process(target=work, args=(stock, guard)); child.start(); child.join()
        """
    told = [use for use in run(tmp_path, code, LOGQ_RACES="1").events("access") if "base" in use]
    assert [set(use.get("held") or []) & set(use["base"].get("held") or []) != set() for use in told] == [True, False]
