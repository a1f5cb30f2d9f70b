"""Nothing is noted of right programs, whatever their lanes share."""

from __future__ import annotations

import textwrap

import pytest
from harness import run
from test_races import THREADS

# Right programs, or such as are right under CPython: not one access is worth telling.
QUIET = {
    "flag": """
        running = True
        def loop():
            while running: pass
        def stop():
            global running
            if running: running = False
        """,
    "append": """
        class Log: pass
        log = Log(); log.lines = []
        def one():
            for n in range(300): log.lines.append(n)
        def two():
            for n in range(300): log.lines.append(n)
        """,
    "lock": """
        total, guard = 0, threading.Lock()
        def one():
            global total
            for _ in range(200):
                with guard: total += 1
        def two():
            global total
            for _ in range(200):
                with guard: seen = total; total = seen + 1
        """,
    "rlock and condition": """
        guard = threading.RLock(); cond = threading.Condition(); state = {"a": 0, "b": 0}
        def bump():
            with guard: state["a"] += 1
        def one():
            for _ in range(200):
                with guard: bump()
                with cond: state["b"] += 1; cond.notify_all()
        def two():
            for _ in range(200):
                bump()
                with cond: state["b"] = state["b"] + 1
        """,
    "semaphore as a lock": """
        gate = threading.Semaphore(1); n = 0
        def one():
            global n
            for _ in range(100):
                with gate: n += 1
        def two():
            global n
            for _ in range(100):
                with gate: n += 1
        """,
    "thread's own": """
        own = threading.local()
        def one():
            own.n = 0; mine = {"n": 0}
            for _ in range(200): own.n += 1; mine["n"] += 1
        def two(): one()
        """,
    "temporary containers": """
        def one():
            for _ in range(300):
                d = {}; d["x"] = 0; d["x"] += 1; l = [0]; l[0] += 1
        def two(): one()
        """,
    "handed over by a queue": """
        import queue
        class Item: n = 0
        q, back = queue.Queue(), queue.Queue()
        def one():
            item = Item()
            for _ in range(50):
                item.n += 1; q.put(item); item = back.get()
        def two():
            for _ in range(50):
                item = q.get(); item.n += 1; back.put(item)
        """,
    "compare again under the lock": """
        class Pool: made = None; guard = threading.Lock()
        def get():
            if Pool.made is None:
                with Pool.guard:
                    if Pool.made is None: Pool.made = object()
            return Pool.made
        def one():
            for _ in range(100): get()
        def two(): one()
        """,
    "publication": """
        config = None
        def one():
            global config
            for n in range(100): config = (n, n)
        def two():
            for _ in range(100): config
        """,
    "under the mutex of a queue": """
        import queue
        class Counting(queue.Queue):
            puts = 0
            def _put(self, item):
                self.puts += 1
                super()._put(item)
            def _get(self):
                self.puts -= 1
                return super()._get()
        q = Counting()
        def one():
            for n in range(100): q.put(n)
        def two():
            for n in range(100): q.put(n); q.get()
        """,
    "under the lock of a handler": """
        import logging
        class Counting(logging.Handler):
            lines = 0
            def emit(self, record): self.lines += 1
        log = logging.getLogger("shop"); log.propagate = False; log.addHandler(Counting())
        def one():
            for n in range(100): log.warning("%d", n)
        def two(): one()
        """,
    "whose it is, asked without the lock": """
        import time
        class Cache: owner = None
        cache, guard = Cache(), threading.Lock()
        def transact(work):
            me = threading.get_ident()
            owner = cache.owner
            if me == owner:
                work()
            else:
                with guard:
                    cache.owner = me
                    work()
                    cache.owner = None
        def one():
            for n in range(60): transact(lambda: transact(lambda: time.sleep(1e-4)))
        def two(): one()
        """,
    "asked in one call, taken out in another": """
        guard = threading.Lock()
        class Watches: there = {}
        watches = Watches(); watches.there = {0: "a", 1: "b"}
        def handle(n):
            with guard:
                if n % 2: watches.there.pop(0, None)
                else: watches.there.get(n)
        def one():
            for n in range(200):
                handle(n)
        def two(): one()
        """,
    "two calls of one line, in a loop": """
        watches, guard, looked, gone = {1: 1}, threading.Lock(), threading.Event(), threading.Event()
        def look():
            with guard: watches.get(1)
        def drop(n):
            if n:
                looked.set(); gone.wait()
                with guard: watches.pop(1, None)
        def one():
            for n in range(2):
                drop(n); look()
        def two():
            looked.wait()
            with guard: watches.pop(1, None)
            gone.set()
        """,
    "read, then something else written": """
        class Status: text = "new"
        status = Status()
        def one():
            for _ in range(100):
                print(status.text, end="")
                status.text = "one"
        def two():
            for _ in range(100): status.text = "two"
        """,
}


@pytest.mark.parametrize("name", QUIET)
def test_nothing_is_told_of_what_is_right(tmp_path, name):
    code = "import threading\n" + textwrap.dedent(QUIET[name]) + textwrap.dedent(THREADS)
    code += "import sys; sys.setswitchinterval(1e-5)\n"
    code += "together(*[globals()[name] for name in ('one', 'two', 'loop', 'stop') if name in globals()])\n"
    done = run(tmp_path, code, LOGQ_RACES="1")
    assert not [access for access in done.events("access") if "over" in access]
    others = [access for access in done.events("access") if "other" in access]
    if name not in ("handed over by a queue", "semaphore as a lock"):  # there stamps order them: the reader sees it
        assert not others
