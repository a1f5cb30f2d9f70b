"""What a program can see of itself is the same with and without logq: what it prints both ways is compared."""

from __future__ import annotations

import sys

import pytest
from harness import run


def assert_same(tmp_path, program, **env):
    """Runs the program both ways and compares what it prints; that, line by line."""
    plain, recorded = run(tmp_path, program, booted=False), run(tmp_path, program, checked=False, **env)
    assert recorded.out.splitlines() == plain.out.splitlines()
    return plain.out.splitlines()


def test_objects_go_when_they_went_before(tmp_path):
    """No frame and no record of ours keeps anything until the next garbage collection."""
    program = """
        import asyncio, concurrent.futures, gc, logging, queue, threading, time, weakref
        gc.disable()
        class Thing: pass
        class Failed(Exception): pass
        def fail(thing): raise Failed
        def fail_late(thing, gate): gate.wait(); raise Failed
        def gone(what, reference):
            for _ in range(500):  # a look of the watchdog at a stack holds what is in it for a moment
                if reference() is None: break
                time.sleep(0.01)
            print(what, reference() is None)
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
            thing, pool = Thing(), concurrent.futures.ThreadPoolExecutor(1); seen = weakref.ref(thing)
            try: await asyncio.get_running_loop().run_in_executor(pool, fail, thing)
            except Failed: pass
            del thing
            await asyncio.get_running_loop().run_in_executor(pool, int)
            gone("argument in an executor", seen)
            thing, gate = Thing(), threading.Event(); seen = weakref.ref(thing)
            late = asyncio.get_running_loop().run_in_executor(pool, fail_late, thing, gate)
            gate.set()
            try: await late
            except Failed: pass
            del thing, late
            await asyncio.get_running_loop().run_in_executor(pool, int)
            gone("argument of a job that was awaited", seen)
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


def test_failures_and_stacks_look_as_they_always_did(tmp_path):
    """Through what is replaced, too: arguments that do not fit, time limits, callbacks that look at their stack."""
    program = """
        import asyncio, concurrent.futures, io, logging, os, queue, re, signal, sys, threading, traceback
        def shown(text): print(re.sub("0x[0-9a-f]+|Thread-[0-9]+", "?", text))
        def fails(act, *args, **kwargs):
            try: act(*args, **kwargs)
            except BaseException: shown(traceback.format_exc())
        def stack(*_): shown("".join(traceback.format_stack()))
        def alarm(*_): raise TimeoutError("too late")
        def late(act, *args):
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            fails(act, *args)
        signal.signal(signal.SIGALRM, alarm)
        jobs, simple, lock, condition = queue.Queue(1), queue.SimpleQueue(), threading.Lock(), threading.Condition()
        fails(jobs.get, timeout=0.01); fails(jobs.get, timeout=-1); fails(jobs.task_done)
        fails(simple.get, timeout=0.01); fails(simple.get_nowait); fails(lock.release); fails(threading.RLock().release)
        fails(lock.acquire, timeout=-5); fails(condition.notify); fails(threading.BoundedSemaphore().release)
        fails(threading.Barrier(2).wait, 0.01)
        lock.acquire(); late(lock.acquire); late(jobs.get); late(simple.get); late(threading.Event().wait)
        thread = threading.Thread(target=stack); fails(thread.join); thread.start(); thread.join(); fails(thread.start)
        future = concurrent.futures.Future(); late(future.result); fails(future.exception, 0.01)
        future.add_done_callback(stack); future.set_result(1); fails(future.set_result, 1)
        with concurrent.futures.ThreadPoolExecutor(1) as pool: pool.submit(stack).result()
        fails(os.waitpid, -1, 0); fails(os.kill, 1 << 22, 0); fails(os.execv, "/missing", ["x"]); fails(os.waitpid, 1)
        fails(signal.signal, 99, int); fails(sys.exit, 3); fails(print, 1, sep=1)
        handler = logging.StreamHandler(stream := io.StringIO()); log = logging.getLogger("log")
        log.addHandler(handler); log.propagate = False
        thread = threading.Thread(target=lambda: log.warning("here", stack_info=True)); thread.start(); thread.join()
        shown(stream.getvalue())
        async def main():
            loop = asyncio.get_running_loop()
            loop.call_soon_threadsafe(stack); await asyncio.sleep(0.01)
            fails(loop.create_task, 1); fails(asyncio.Queue().task_done); fails(loop.call_at, None, print)
            try: await asyncio.wait([])
            except ValueError: shown(traceback.format_exc())
            loop.set_debug(True)
            shown("".join(traceback.format_list(loop.call_soon(int)._source_traceback)))
            task = loop.create_task(asyncio.sleep(0)); shown("".join(traceback.format_list(task._source_traceback)))
            await task; fails(loop.call_soon, 1)
        asyncio.run(main())
        """
    lines = assert_same(tmp_path, program, LOGQ_PRINTS="1")
    assert sum(line.startswith("Traceback") for line in lines) > 30


@pytest.mark.skipif(sys.version_info < (3, 11), reason="an exception that is raised again gets its old traceback back")
def test_our_frames_are_not_even_in_the_traceback(tmp_path):
    program = """
        import queue, signal, threading
        def alarm(*_): raise TimeoutError("too late")
        signal.signal(signal.SIGALRM, alarm)
        def depth(act):
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            try: act()
            except Exception as problem:
                tb, names = problem.__traceback__, []
                while tb is not None: names.append(tb.tb_frame.f_code.co_name); tb = tb.tb_next
                print(names)
        lock = threading.Lock(); lock.acquire()
        for act in lock.acquire, lock.__enter__, queue.Queue().get, queue.SimpleQueue().get, threading.Event().wait:
            depth(act)
        """
    assert_same(tmp_path, program)


def test_a_failure_that_passes_a_wrapper_is_written_without_it(tmp_path):
    done = run(
        tmp_path,
        """
        import logq, logging, signal, threading
        def alarm(*_): raise TimeoutError("too late")
        signal.signal(signal.SIGALRM, alarm)
        lock = threading.Lock(); lock.acquire()
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        try: lock.acquire()
        except TimeoutError: logging.exception("gave up")
        """,
    )
    stack = done.log("gave up")["exc"]["stack"]
    assert [(frame["line"], frame["func"]) for frame in stack] == [(7, "<module>"), (3, "alarm")]


@pytest.mark.skipif(sys.version_info < (3, 10), reason="only SIGINT can be put off")
def test_what_a_signals_handler_raises_is_never_lost(tmp_path):
    """A time limit may strike while a record is being written."""
    program = """
        import logging, signal
        raised = lost = 0
        def alarm(*_):
            global raised
            raised += 1
            raise TimeoutError
        signal.signal(signal.SIGALRM, alarm)
        log = logging.getLogger("log"); log.addHandler(logging.NullHandler()); log.propagate = False
        def work(before):
            while raised == before: log.warning("at %d", before)
        for n in range(100):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.001 + n % 17 / 20000)
                work(raised)
                lost += 1
            except TimeoutError: pass
        print("lost", lost)
        """
    assert assert_same(tmp_path, program) == ["lost 0"]


def test_a_look_at_variables_keeps_and_changes_nothing(tmp_path):
    """Before 3.13 a frame that was asked for its variables keeps them all."""
    program = """
        import sys, threading, time, weakref
        class Thing: pass
        def work(kept, ready, go, said):
            thing, cell = Thing(), 1
            def inner(): return cell
            seen = weakref.ref(thing)
            if kept: names = locals()
            ready.set(); go.wait()
            del thing
            said.append((seen() is None, cell, sorted(names) if kept else sorted(locals())))
        def look(frame): pass
        if "logq" in sys.modules: from logq.variables import variables_of as look
        for kept in False, True:
            ready, go, said = threading.Event(), threading.Event(), []
            thread = threading.Thread(target=work, args=(kept, ready, go, said)); thread.start(); ready.wait()
            while True:
                frame = sys._current_frames()[thread.ident]
                while frame is not None and frame.f_code is not work.__code__: frame = frame.f_back
                if frame is not None: break
            for _ in range(2):
                found = look(frame)
                assert found is None or found["cell"] == 1 and type(found["thing"]) is Thing, found
            del found, frame
            go.set(); thread.join(); print(kept, said[0][:2], said[0][2] if not kept else "")
        """
    assert assert_same(tmp_path, program)[0].startswith("False (True, 1) ")


def test_no_thread_of_ours_is_there_when_the_interpreter_goes(tmp_path):
    program = """
        import os, sys, threading, time
        class Last:
            def __del__(self, say=os.write, look=os.listdir): say(1, b"%d\\n" % len(look("/proc/self/task")))
        thread = threading.Thread(target=int); thread.start(); thread.join()
        last = Last()
        if "logq" in sys.modules: from logq import watchdog; watchdog.stop()
        while len(os.listdir("/proc/self/task")) > 1: time.sleep(0.001)  # a thread that was joined may still be going
        if "logq" in sys.modules: watchdog.need()  # it has not begun when the program ends
        """
    assert assert_same(tmp_path, program) == ["1"]
