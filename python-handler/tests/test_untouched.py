"""What a program can see of itself is the same with and without logq: what it prints both ways is compared."""

from __future__ import annotations

from harness import run


def assert_same(tmp_path, program, **env):
    """Runs the program both ways and compares what it prints; that, line by line."""
    plain, recorded = run(tmp_path, program, booted=False), run(tmp_path, program, checked=False, **env)
    assert recorded.out.splitlines() == plain.out.splitlines()
    return plain.out.splitlines()


def test_objects_go_when_they_went_before(tmp_path):
    """No frame and no record of ours keeps anything until the next garbage collection."""
    program = """
        import asyncio, concurrent.futures, gc, logging, queue, threading, weakref
        gc.disable()
        class Thing: pass
        class Failed(Exception): pass
        def fail(thing): raise Failed
        def gone(what, reference): print(what, reference() is None)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            thing = Thing(); future = pool.submit(fail, thing)
            seen = weakref.ref(thing), weakref.ref(future)
            concurrent.futures.wait([future]); pool.submit(int).result()
            del thing, future
            gone("argument of a job", seen[0]); gone("failed future", seen[1])
        async def boom(): raise Failed
        async def main():
            task = asyncio.create_task(boom()); seen = weakref.ref(task)
            await asyncio.wait([task]); del task
            await asyncio.sleep(0)
            gone("failed task", seen)
            thing = Thing(); seen = weakref.ref(thing)
            try: await asyncio.get_running_loop().run_in_executor(None, fail, thing)
            except Failed: pass
            del thing
            await asyncio.get_running_loop().run_in_executor(None, int)
            gone("argument in an executor", seen)
        asyncio.run(main())
        for kind in queue.Queue, queue.PriorityQueue, queue.SimpleQueue:
            jobs, thing = kind(), Thing(); seen = weakref.ref(thing)
            jobs.put(thing); del thing; jobs.get()
            gone("item of " + kind.__name__, seen)
            try: jobs.get(timeout=0.01)
            except queue.Empty: pass
            seen = weakref.ref(jobs); del jobs
            gone(kind.__name__, seen)
        class Dies(threading.Thread):
            def run(self): raise Failed
        threading.excepthook = lambda args: None
        thread = Dies(); thread.start(); thread.join()
        try: thread.start()
        except RuntimeError: pass
        seen = weakref.ref(thread); del thread
        gone("thread that failed", seen)
        log = logging.getLogger("log"); log.propagate = False; log.addHandler(logging.NullHandler())
        thing = Thing(); seen = weakref.ref(thing)
        log.warning("%s", thing); del thing
        gone("argument of a record", seen)
        """
    lines = assert_same(tmp_path, program)
    assert "failed future True" in lines
