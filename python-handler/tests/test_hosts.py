"""Legal programs of unusual kinds: what they print and how they end is the same under logq as without it."""

from __future__ import annotations

import pytest
from harness import run

PROGRAMS = {
    # What the main module's variables hold is finalised when the interpreter ends.
    "the end of globals": """
        import atexit, logging, os, sys, threading
        logging.basicConfig(stream=sys.stdout, format="%(message)s")
        class Last:
            def __del__(self):
                logging.warning("finalised")
        last = Last()
        atexit.register(threading.Thread, target=print)
        worker = threading.Thread(target=print, args=("worked",))
        worker.start()
        worker.join()
    """,
    # At the recursion limit calls fail that are ours: a lock must be given and given back all the same.
    "the recursion limit": """
        import sys, threading
        sys.setrecursionlimit(150)
        def down(locks, depth):
            with locks[depth]:
                down(locks, depth + 1)
        def down_by_hand(locks, depth):
            lock = locks[depth]
            if lock.acquire():
                try:
                    down_by_hand(locks, depth + 1)
                finally:
                    lock.release()
        def deeper(levels, function, locks):
            if levels:
                deeper(levels - 1, function, locks)
            else:
                function(locks, 0)
        for kind in (threading.Lock, threading.RLock):
            for function in (down, down_by_hand):
                for levels in range(3):
                    locks = [kind() for _ in range(200)]
                    try:
                        deeper(levels, function, locks)
                    except RecursionError:
                        pass
                    leaked = []
                    for number, lock in enumerate(locks):
                        if lock._is_owned() if kind is threading.RLock else lock.locked():
                            leaked.append(number)
                    print(kind is threading.Lock, function.__name__, levels, leaked)
    """,
    # Before 3.11 a warning, since then an error; either names the program's own line.
    "coroutines given to asyncio.wait": """
        import asyncio, os, warnings
        def show(message, category, file, line, *rest):
            print(os.path.basename(file), line, message)
        warnings.showwarning = show
        warnings.simplefilter("always")
        async def one():
            return 1
        async def main():
            given = [one()]
            try:
                done, pending = await asyncio.wait(given)
            except TypeError as problem:
                given[0].close()
                print(problem)
            else:
                print([task.result() for task in done], pending)
        asyncio.run(main())
    """,
    "objects that know how to be pickled": """
        import copy, pickle, queue, threading
        class Jobs(queue.Queue):
            def __getstate__(self):
                inner = ("mutex", "not_empty", "not_full", "all_tasks_done")
                return {name: kept for name, kept in vars(self).items() if name not in inner}
            def __setstate__(self, state):
                self.__dict__.update(state)
                self.mutex = threading.Lock()
                for name in ("not_empty", "not_full", "all_tasks_done"):
                    setattr(self, name, threading.Condition(self.mutex))
        class WithoutCondition:
            def __getstate__(self):
                return {name: kept for name, kept in vars(self).items() if name != "_cond"}
            def __setstate__(self, state):
                self.__dict__.update(state)
                self._cond = threading.Condition()
        class Flag(WithoutCondition, threading.Event): pass
        class Permits(WithoutCondition, threading.Semaphore): pass
        class Meeting(WithoutCondition, threading.Barrier): pass
        def by_pickle(thing):
            return pickle.loads(pickle.dumps(thing))
        for way in (by_pickle, copy.copy, copy.deepcopy):
            jobs, flag, permits, meeting = Jobs(1), Flag(), Permits(2), Meeting(1)
            jobs.put(1); flag.set(); permits.acquire(); meeting.wait()
            jobs, flag, permits, meeting = map(way, (jobs, flag, permits, meeting))
            putter = threading.Thread(target=jobs.put, args=(2,))
            putter.start()
            print(jobs.get(), jobs.get(), flag.is_set(), flag.wait(), permits.acquire(), meeting.wait())
            putter.join(); jobs.task_done(); jobs.task_done(); jobs.join(); flag.clear(); permits.release()
            print(jobs.unfinished_tasks, flag.wait(0.01), permits._value)
    """,
    "a debugger": """
        import io, pdb, threading
        COMMANDS = "w\\nn\\nn\\ns\\ns\\np lock.locked()\\nc\\n"
        lock = threading.Lock()
        class Jobs(threading.Thread):
            def run(self):
                said = io.StringIO()
                debugger = pdb.Pdb(stdin=io.StringIO(COMMANDS), stdout=said, nosigint=True)
                debugger.use_rawinput = 0
                with lock:
                    debugger.set_trace()
                    print("inside")
                print("outside")
                self.said = said.getvalue()
        jobs = Jobs()
        jobs.start()
        jobs.join()
        print(jobs.said)
    """,
    "names and words of what stands in for C types": """
        import copy, pickle, queue, threading
        for thing in (threading.Lock(), threading.RLock()):
            for name in ("acquire", "release", "__enter__", "__exit__"):
                method = getattr(thing, name)
                print(name, method.__name__, method.__qualname__, method.__doc__)
        class Twice(queue.SimpleQueue):
            def put(self, item, block=True, timeout=None):
                super().put(item * 2, block, timeout)
        jobs = Twice()
        jobs.put_nowait(1)
        jobs.put(1)
        print(jobs.get(), jobs.get())
        for thing in (threading.Lock(), threading.RLock(), queue.SimpleQueue(), jobs):
            for way in (pickle.dumps, copy.copy):
                try:
                    way(thing)
                except TypeError as problem:
                    print(problem)
    """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_does_what_it_does_without_us(tmp_path, name):
    plain = run(tmp_path, PROGRAMS[name], booted=False)
    recorded = run(tmp_path, PROGRAMS[name])
    assert recorded.out == plain.out
    assert recorded.err == plain.err
    assert recorded.rc == plain.rc
    # Notes that found no room on the stack are lost, and told.
    assert bool(recorded.events("lost")) <= (name == "the recursion limit")
