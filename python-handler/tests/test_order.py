"""The oracle: random programs carry vector clocks of their own, and the spool must say the same.

Pair for pair: no order missing, none invented.
"""

from __future__ import annotations

import pytest
from harness import run
from order import disagreements

THREADS = """
import concurrent.futures, logging, queue, random, sys, threading

log = logging.getLogger("oracle"); log.setLevel(10); log.addHandler(logging.NullHandler()); log.propagate = False
local = threading.local()
names = iter(range(10 ** 6))

def clock():
    if not hasattr(local, "clock"):
        local.clock, local.me = {}, "x%d" % next(names)
    return local.clock

def merge(other):
    mine = clock()
    for key, n in other.items(): mine[key] = max(mine.get(key, 0), n)

def note():
    c = clock(); c[local.me] = c.get(local.me, 0) + 1
    log.info("%s@%d", local.me, c[local.me], extra={"me": local.me, "clock": dict(c)})

def body(random, depth, world, given):
    merge(given)
    for _ in range(random.randrange(3, 12)):
        step(random, depth, world)
    return dict(clock())

def step(random, depth, world):
    kind = random.choice(["log", "log", "put", "put", "get", "get", "start", "join", "submit", "result", "done"])
    if kind == "log": note()
    elif kind == "put":
        q = random.choice(world["queues"])
        item = dict(clock())
        q.put((random.random(), next(names), item) if isinstance(q, queue.PriorityQueue) else item)
    elif kind == "get":
        q = random.choice(world["queues"])
        try: item = q.get_nowait()
        except queue.Empty: return
        merge(item[2] if isinstance(q, queue.PriorityQueue) else item)
    elif kind == "start" and depth < 3:
        seed, given, out = random.random(), dict(clock()), []
        t = threading.Thread(target=lambda: out.append(body(type(random)(seed), depth + 1, world, given)))
        t.start(); world["threads"].append((t, out))
    elif kind == "join" and world["threads"]:
        t, out = random.choice(world["threads"])
        if t is threading.current_thread(): return
        if random.random() < 0.5:
            if not t.is_alive() and t.ident: merge(out[0])
        elif depth == 0: t.join(); merge(out[0])
    elif kind == "submit":
        seed, given = random.random(), dict(clock())
        world["futures"].append(world["pool"].submit(job, type(random)(seed), world, given))
    elif kind == "result" and world["futures"] and depth == 0:
        merge(random.choice(world["futures"]).result())
    elif kind == "done" and world["futures"]:
        f = random.choice(world["futures"])
        if f.done(): merge(f.result())

def job(random, world, given):
    merge(given)
    for _ in range(random.randrange(3)):
        step(random, 9, world)
    return dict(clock())

def main(seed):
    r = random.Random(seed)
    barrier = threading.Barrier(3)
    pool = concurrent.futures.ThreadPoolExecutor(2)
    for f in [pool.submit(barrier.wait) for _ in range(2)]: f
    barrier.wait()
    world = {"queues": [queue.Queue(), queue.LifoQueue(), queue.PriorityQueue(), queue.SimpleQueue()],
             "threads": [], "futures": [], "pool": pool}
    body(r, 0, world, {})
    for _ in range(40): step(r, 0, world)
    for t, out in list(world["threads"]):
        t.join()
        if out: merge(out[0])
    note()  # before the workers are joined: what they did unasked is not known here
    pool.shutdown()

main(int(sys.argv[1]))
"""

LOCKS = """
import logging, random, sys, threading, time

log = logging.getLogger("oracle"); log.setLevel(10); log.addHandler(logging.NullHandler()); log.propagate = False
locks = [threading.Lock(), threading.RLock(), threading.Lock()]
left = [({}, {}) for _ in locks]  # clocks of the last release: full reading, no-lock reading
events = [threading.Event(), threading.Event()]
told = [({}, {}) for _ in events]

class Mind:
    def __init__(self, me, full, hard): self.me, self.full, self.hard = me, dict(full), dict(hard)
    def note(self):
        for clock in (self.full, self.hard): clock[self.me] = clock.get(self.me, 0) + 1
        clock = self.full if sys.argv[2] == "full" else self.hard
        log.info("%s@%d", self.me, clock[self.me], extra={"me": self.me, "clock": dict(clock)})

def join(mine, other):
    for key, n in other.items(): mine[key] = max(mine.get(key, 0), n)

def work(mind, random):
    for _ in range(60):
        kind = random.choice(["log", "lock", "lock", "nested", "try", "set", "seen"])
        if kind == "log": mind.note()
        elif kind == "set":
            n = random.randrange(2)
            if events[n].is_set(): join(mind.full, told[n][0]); join(mind.hard, told[n][1])
            else:
                with setting[n]:
                    if not plain[n]:
                        told[n] = dict(mind.full), dict(mind.hard); plain[n] = True; events[n].set()
        elif kind == "seen":
            n = random.randrange(2)
            if events[n].is_set(): join(mind.full, told[n][0]); join(mind.hard, told[n][1])
        else:
            n = random.randrange(3)
            if kind == "try":
                if not locks[n].acquire(False): continue
            else: locks[n].acquire()
            join(mind.full, left[n][0])
            if kind == "nested" and n == 1:
                with locks[n]: mind.note()
            if random.random() < 0.6: mind.note()
            if random.random() < 0.1: time.sleep(0.002)
            left[n] = dict(mind.full), dict(mind.hard)
            locks[n].release()

import _thread
setting = [_thread.allocate_lock() for _ in events]; plain = [False, False]
main = Mind("m", {}, {}); main.note()
r = random.Random(int(sys.argv[1]))
minds = [Mind("x%d" % n, main.full, main.hard) for n in range(4)]
threads = [threading.Thread(target=work, args=(mind, random.Random(r.random()))) for mind in minds]
for t in threads: t.start()
for t, mind in zip(threads, minds): t.join(); join(main.full, mind.full); join(main.hard, mind.hard)
main.note()
"""

MINDS = """
import _thread, logging, random, sys, threading

log = logging.getLogger("oracle"); log.setLevel(10); log.addHandler(logging.NullHandler()); log.propagate = False

class Mind:
    def __init__(self, me, full, hard): self.me, self.full, self.hard = me, dict(full), dict(hard)
    def copy(self): return dict(self.full), dict(self.hard)
    def note(self):
        for clock in (self.full, self.hard): clock[self.me] = clock.get(self.me, 0) + 1
        clock = self.full if sys.argv[2] == "full" else self.hard
        log.info("%s@%d", self.me, clock[self.me], extra={"me": self.me, "clock": dict(clock)})

def join(mine, other):
    for key, n in other.items(): mine[key] = max(mine.get(key, 0), n)

def main(work, count):
    mind = Mind("m", {}, {}); mind.note()
    r = random.Random(int(sys.argv[1]))
    minds = [Mind("x%d" % n, mind.full, mind.hard) for n in range(count)]
    threads = [threading.Thread(target=work, args=(each, random.Random(r.random()))) for each in minds]
    for t in threads: t.start()
    for t, each in zip(threads, minds): t.join(); join(mind.full, each.full); join(mind.hard, each.hard)
    mind.note()
"""

SEMAPHORES = (
    MINDS
    + """
# One permit at least always comes back from who took it; the other semaphore is for signals.
class Model:
    def __init__(self, semaphore, initial):
        self.semaphore, self.free, self.released = semaphore, [None] * initial, {}
models = [Model(threading.Semaphore(2), 2), Model(threading.Semaphore(0), 0), Model(threading.BoundedSemaphore(1), 1)]
step = _thread.allocate_lock()  # not seen by logq: each operation and its model are one step

def work(mind, random):
    has = [0, 0, 0]
    for _ in range(80):
        kind = random.choice(["log", "take", "take", "give"])
        if kind == "log": mind.note(); continue
        n = random.randrange(3); model = models[n]
        step.acquire()
        if kind == "take" and model.semaphore.acquire(False):
            join(mind.full, model.released)
            permit = model.free.pop(0)
            if permit: join(mind.full, permit[0]); join(mind.hard, permit[1])
            has[n] += n != 1
        elif kind == "give" and (has[n] or n == 1):
            join(model.released, mind.full)
            model.free.append(None if has[n] else mind.copy())
            has[n] -= bool(has[n])
            model.semaphore.release()
        step.release()

main(work, 3)
"""
)

BARRIERS = (
    MINDS
    + """
barrier = threading.Barrier(3, action=lambda: None)
rounds = [[] for _ in range(12)]

def work(mind, random):
    for arrivals in rounds:
        for _ in range(random.randrange(3)): mind.note()
        arrivals.append(mind.copy())
        barrier.wait()
        for full, hard in arrivals: join(mind.full, full); join(mind.hard, hard)
    mind.note()

main(work, 3)
"""
)

TASKS = """
import asyncio, concurrent.futures, contextvars, logging, random, sys, threading

log = logging.getLogger("oracle"); log.setLevel(10); log.addHandler(logging.NullHandler()); log.propagate = False
names = iter(range(10 ** 6))
local = threading.local()

class Mind:
    def __init__(self, given=()): self.clock, self.me = dict(given), "x%d" % next(names)
    def merge(self, other):
        for key, n in other.items(): self.clock[key] = max(self.clock.get(key, 0), n)
    def note(self):
        self.clock[self.me] = self.clock.get(self.me, 0) + 1
        log.info("%s@%d", self.me, self.clock[self.me], extra={"me": self.me, "clock": dict(self.clock)})

def job(given, noisy):
    if not hasattr(local, "mind"): local.mind = Mind()
    local.mind.merge(given)
    if noisy: local.mind.note()
    return dict(local.mind.clock)

async def body(random, depth, world, given):
    mind = Mind(given)
    for _ in range(random.randrange(2, 10)):
        await step(random, depth, world, mind)
    return mind.clock

async def step(random, depth, world, mind):
    kinds = ["log", "log", "put", "get", "task", "await", "gather", "thread", "sleep", "done", "wait", "shield"]
    kind = random.choice(kinds)
    child = lambda: body(type(random)(random.random()), depth + 1, world, dict(mind.clock))
    if kind == "log": mind.note()
    elif kind == "sleep": await asyncio.sleep(random.choice([0, 0.001]))
    elif kind == "put": random.choice(world["queues"]).put_nowait((random.random(), next(names), dict(mind.clock)))
    elif kind == "get":
        q = random.choice(world["queues"])
        if not q.empty(): mind.merge((await q.get())[2])
    elif depth >= 3: return
    elif kind == "task": world["tasks"].append((depth, asyncio.ensure_future(child())))
    elif kind == "await":
        below = [t for d, t in world["tasks"] if d == depth and depth < 1]
        if below: mind.merge(await random.choice(below))
    elif kind == "done" and world["tasks"]:
        t = random.choice(world["tasks"])[1]
        if t.done(): mind.merge(t.result())
    elif kind == "gather":
        for clock in await asyncio.gather(child(), child()): mind.merge(clock)
    elif kind == "wait":
        done, _ = await asyncio.wait([asyncio.ensure_future(child()), asyncio.ensure_future(child())])
        for t in done: mind.merge(t.result())
    elif kind == "shield": mind.merge(await asyncio.shield(child()))
    elif kind == "thread":
        loop = asyncio.get_running_loop()
        mind.merge(await loop.run_in_executor(world["pool"], job, dict(mind.clock), random.random() < 0.5))

async def main(seed):
    r = random.Random(seed)
    world = {"queues": [asyncio.Queue(), asyncio.LifoQueue(), asyncio.PriorityQueue()], "tasks": [], "pool": pool}
    mind = Mind()
    for _ in range(40): await step(r, 0, world, mind)
    for _, t in world["tasks"]: mind.merge(await t)
    mind.note()

pool = concurrent.futures.ThreadPoolExecutor(2)
barrier = threading.Barrier(3)
for _ in range(2): pool.submit(barrier.wait)
barrier.wait()
asyncio.run(main(int(sys.argv[1])))
"""


@pytest.mark.parametrize("seed", range(12))
def test_threads_queues_and_pools(tmp_path, seed):
    done = run(tmp_path, THREADS, str(seed))
    assert len(done.logs()) > 5
    assert disagreements(done.records) == []
    assert disagreements(done.records, with_locks=False) == []


@pytest.mark.parametrize("seed", range(12))
def test_tasks_queues_and_executors(tmp_path, seed):
    done = run(tmp_path, TASKS, str(seed))
    assert len(done.logs()) > 5
    assert disagreements(done.records) == []


@pytest.mark.parametrize("reading", ["full", "no-lock"])
@pytest.mark.parametrize("seed", range(8))
def test_locks_and_events(tmp_path, seed, reading):
    done = run(tmp_path, LOCKS, str(seed), "full" if reading == "full" else "hard")
    assert len(done.logs()) > 50
    assert disagreements(done.records, with_locks=reading == "full") == []


@pytest.mark.parametrize("reading", ["full", "no-lock"])
@pytest.mark.parametrize("program", [SEMAPHORES, BARRIERS], ids=["semaphores", "barriers"])
@pytest.mark.parametrize("seed", range(4))
def test_semaphores_and_barriers(tmp_path, seed, program, reading):
    done = run(tmp_path, program, str(seed), "full" if reading == "full" else "hard")
    assert len(done.logs()) > 20
    assert disagreements(done.records, with_locks=reading == "full") == []
