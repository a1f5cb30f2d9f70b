"""Whatever the program logs, and whatever becomes of the files: it never sees an error, and what was lost is told."""

from __future__ import annotations

import os

import pytest
from harness import run

HOSTILE = r"""
import logging, sys, threading
log = logging.getLogger("h"); log.addHandler(logging.NullHandler()); log.propagate = False; log.setLevel(10)
import logq
lock = threading.Lock(); reentrant = threading.RLock()
class Locks:
    def __str__(self):
        with lock: return "locked"
    __repr__ = __str__
class Endless:
    def __str__(self): return str(self)
    __repr__ = __str__
class Exits:
    def __str__(self): return [].x
class Wrong:
    def __str__(self): return 3
    __repr__ = __str__
class Meta(type):
    def __repr__(cls): raise RuntimeError
    @property
    def __name__(cls): raise RuntimeError
class Strange(metaclass=Meta):
    __slots__ = ()
    def __getattr__(self, name): raise RuntimeError(name)
    def __repr__(self): raise RuntimeError
class Key:
    def __hash__(self): return 1
    def __repr__(self): raise RuntimeError
class Number(int):
    def __repr__(self): raise RuntimeError
    __str__ = __repr__
class Real(float):
    def __repr__(self): raise RuntimeError
class Items(list):
    def __iter__(self): raise RuntimeError
    def __len__(self): raise RuntimeError
odd = [Locks(), Endless(), Exits(), Wrong(), Strange(), Number(3), Real(1.5), Items([1]), {Key(): 1}]
odd += [{"a": Strange()}, Strange]
for n, thing in enumerate(odd):
    log.info("n %d %s", n, thing)
    log.info("extra %d", n, extra={"thing": thing})
    with logq.context(thing=thing): log.info("context %d", n)
    log.info(thing)
def recurse(n):
    try: return recurse(n + 1)
    except RecursionError: log.info("at the limit"); return n
recurse(0)
log.info("after the limit")
try: raise ValueError(Endless())
except ValueError: log.exception("endless message")
record = logging.LogRecord("h", 20, None, None, None, (), None); log.handle(record)
for attribute in "levelname threadName pathname funcName lineno name exc_info stack_info created".split():
    record = logging.LogRecord("h", 20, "f", 1, attribute, (), None)
    setattr(record, attribute, Strange()); log.handle(record)
log.info("huge", extra={"huge": {str(n): "x" * 1000 for n in range(100_000)}})
print("alive")
"""


def test_hostile_objects(tmp_path):
    done = run(tmp_path, HOSTILE)
    assert done.out == "alive\n"
    for n in range(11):
        assert done.log(f"extra {n}")["extra"]["thing"] is not None
        assert done.log(f"context {n}")["extra"]["thing"] is not None
    assert done.log("after the limit")
    assert done.log("endless message")["exc"]["type"] == "ValueError"
    assert done.log("huge")["cut"] > 0


FILES = """
import logging, os, shutil, time
log = logging.getLogger("f"); log.addHandler(logging.NullHandler()); log.propagate = False
log.warning("before")
spool = os.path.join(os.environ["LOGQ_DIR"], "runs", os.environ["LOGQ_RUN"], "spool")
aside = spool + ".aside"
def ours(): return [int(n) for n in os.listdir("/proc/self/fd") if is_ours(n)]
def is_ours(n):
    try: return "jsonl" in os.readlink("/proc/self/fd/" + n)
    except OSError: return False
def wait(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end: time.sleep(0.01)
TROUBLE
for n in range(5): log.warning("in trouble %d", n)
MEND
wait(1.1)
log.warning("after"); log.warning("and after")
print("alive")
"""

CLOSED_AND_MOVED = ("os.rename(spool, aside); [os.close(n) for n in ours()]", "os.rename(aside, spool)")
READ_ONLY = (
    "os.chmod(spool, 0o500); [os.close(n) for n in ours()]",
    "os.chmod(spool, 0o700)",
)
CLOSED = ("[os.close(n) for n in ours()]", "pass")


@pytest.mark.parametrize(
    ("trouble", "loses"),
    [
        (CLOSED_AND_MOVED, True),
        pytest.param(READ_ONLY, True, marks=pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")),
        (CLOSED, False),
    ],
    ids=["moved away", "read-only", "closed"],
)
@pytest.mark.parametrize("ring", [None, "1MB"])
def test_trouble_with_files_is_counted_and_ends(tmp_path, trouble, loses, ring):
    code = FILES.replace("TROUBLE", trouble[0]).replace("MEND", trouble[1])
    done = run(tmp_path, code, checked=False, LOGQ_RING=ring)
    assert (done.out, done.err) == ("alive\n", "")
    written = [record["msg"] for record in done.logs()]
    assert written[0] == "before"
    assert written[-2:] == ["after", "and after"]
    lost = sum(record["n"] for record in done.events("lost"))
    assert (lost > 0) == loses
    seqs = [record["seq"] for record in done.records if record["lane"] == "t1" and "seq" in record]
    assert max(seqs) - len(seqs) == lost


def test_very_many_threads_and_tasks_over_time(tmp_path):
    """None of them stays behind: neither in memory nor in what the next part begins with."""
    count = 100_000 if os.environ.get("LOGQ_SOAK") else 2_000
    done = run(
        tmp_path,
        f"""
        import asyncio, gc, logging, threading
        from logq import identity
        for n in range({count} // 4):
            t = threading.Thread(target=int); t.start(); t.join()
        async def main():
            for n in range({count} // 100):
                await asyncio.gather(*[asyncio.sleep(0) for _ in range(100)])
        asyncio.run(main())
        gc.collect()
        from logq.lane import Lane
        left = [thing for thing in gc.get_objects() if type(thing) is Lane]
        print(len(left) < 50, len(identity.me.lanes) < 10, len(identity.me.things) < 50)
        """,
        timeout=600,
    )
    assert done.out == "True True True\n"
    assert len(done.events("end", lane="t100")) == 1
    assert not done.events("lost")


def test_clocks_that_jump(tmp_path):
    """As where somebody sets the clock, or a test freezes it: the order of records is by their numbers."""
    done = run(
        tmp_path,
        """
        import itertools, logging, queue, sys, threading, time
        import concurrent.futures
        log = logging.getLogger("c"); log.addHandler(logging.NullHandler()); log.propagate = False
        log.warning("before")
        plain = {time.time_ns: "time_ns", time.monotonic_ns: "monotonic_ns"}
        walls = itertools.cycle([0, 5, -3, 10**9, 1 << 62, 1_700_000_000_000_000_000])
        jumps = itertools.cycle([0, 10**18, 7, 10**12])
        fakes = {"time_ns": lambda: next(walls), "monotonic_ns": lambda: next(jumps)}
        for module in [m for name, m in list(sys.modules.items()) if name.partition(".")[0] in ("logq", "time")]:
            for attribute, value in list(vars(module).items()):
                try: name = plain.get(value)
                except TypeError: continue
                if name: setattr(module, attribute, fakes[name])
        for n in range(50): log.warning("jumping %d", n)
        box = queue.Queue()
        worker = threading.Thread(target=lambda: (box.get(), log.warning("got"))); worker.start()
        time.sleep(0.01)
        log.warning("puts"); box.put(1); worker.join()
        with concurrent.futures.ThreadPoolExecutor(1) as pool: assert pool.submit(int).result(60) == 0
        with threading.Lock(): log.warning("held")
        print("alive")
        """,
    )
    assert (done.out, done.err) == ("alive\n", "")
    assert [record["msg"] for record in done.logs(lane="t1")][1:51] == [f"jumping {n}" for n in range(50)]
    puts = done.log("puts")
    assert any(stamp.startswith(f"t1@{puts['seq']}|") for stamp in done.log("got")["hb"])
    assert not done.events("lost")


def test_extra_keys_that_are_named_like_ours_stay_the_programs(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, logq
        ours = "ts mono proc pid lane seq hb hbl ev level logger msg tpl thread tid task file".split()
        clash = {key: "mine" for key in [*ours, "line", "func", "exc", "stack", "extra", "cut", "again"]}
        allowed = {key: value for key, value in clash.items() if key not in vars(logging.makeLogRecord({}))}
        logging.warning("with extra", extra=allowed)
        with logq.context(**allowed): logging.warning("with context")
        """,
    )
    for text in ("with extra", "with context"):
        record = done.log(text)  # found by its own `msg`, numbered in its own lane: `run` has checked that
        assert (record["lane"], record["level"], record["logger"]) == ("t1", "WARNING", "root")
        assert record["extra"]["ts"] == record["extra"]["seq"] == record["extra"]["ev"] == "mine"
        assert isinstance(record["seq"], int)
        assert "ev" not in record
