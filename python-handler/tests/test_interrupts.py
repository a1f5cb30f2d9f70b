"""Ctrl-C and other signals, with handlers that the program or the standard library has put in place."""

from __future__ import annotations

import sys

import pytest
from harness import run


def test_ctrl_c_cancels_what_asyncio_runs(tmp_path):
    done = run(
        tmp_path,
        """
        import asyncio, os, signal, sys
        seen = []
        async def main():
            seen.append(signal.getsignal(signal.SIGINT))
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
            try: await asyncio.sleep(30)
            except asyncio.CancelledError: print("cancelled"); raise
            finally: print("finally")
        try: asyncio.run(main())
        except KeyboardInterrupt: print("interrupted")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if sys.version_info >= (3, 11):  # from there on asyncio has a handler of its own
            assert seen[0].func.__self__.__class__ is asyncio.Runner
        """,
    )
    assert done.out.split() == ["cancelled", "finally", "interrupted"]


def test_ctrl_c_stops_unittest_and_then_ends_it(tmp_path):
    run(
        tmp_path,
        """
        import os, signal, unittest
        result = unittest.TestResult()
        unittest.installHandler(); unittest.registerResult(result)
        assert type(signal.getsignal(signal.SIGINT)).__name__ == "_InterruptHandler"
        os.kill(os.getpid(), signal.SIGINT)
        assert result.shouldStop
        try: os.kill(os.getpid(), signal.SIGINT); assert False
        except KeyboardInterrupt: pass
        unittest.removeHandler()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        """,
    )


def test_handlers_are_given_back_as_they_were_set(tmp_path):
    run(
        tmp_path,
        """
        import signal
        class Handler:
            def __call__(self, *_): pass
            def method(self, *_): pass
        first, second = Handler(), Handler()
        assert signal.signal(signal.SIGUSR1, first) is signal.SIG_DFL
        assert signal.signal(signal.SIGUSR1, second.method) is first
        assert signal.signal(signal.SIGUSR1, signal.SIG_IGN) == second.method
        assert signal.signal(signal.SIGUSR1, signal.SIG_DFL) is signal.SIG_IGN
        for wrong in (None, 7, "x"):
            try: signal.signal(signal.SIGUSR1, wrong); assert False
            except (TypeError, ValueError): pass
        """,
    )


LOCKS_OF_TASKS = """
    import asyncio, logging, threading
    lock = threading.Lock()
    async def keep(going):
        with lock:
            logging.warning("kept")
            going.set()
            while not lock._logq_taken.waiting: await asyncio.sleep(0.001)
    async def main():
        going = asyncio.Event()
        task = asyncio.ensure_future(keep(going))
        await going.wait()
        await asyncio.get_running_loop().run_in_executor(None, ask)
        await task
    def ask():
        with lock: logging.warning("asked")
    asyncio.run(main())
    """


def test_a_lock_that_is_held_across_an_await_is_the_tasks(tmp_path):
    done = run(tmp_path, LOCKS_OF_TASKS)
    kept = done.log("kept")
    assert kept["lane"].startswith("a")
    wait = done.event("wait", on="lock")
    assert wait["owner"] == kept["lane"]
    assert any(entry.startswith(f"{kept['lane']}@") and "|lock:" in entry for entry in done.log("asked")["hbl"])


@pytest.mark.skipif(sys.version_info < (3, 10), reason="CPython 3.9 itself leaks a C lock here")
def test_ctrl_c_leaks_no_lock_of_a_task(tmp_path):
    run(
        tmp_path,
        """
        import asyncio, os, signal, threading, time
        lock = threading.Lock()
        armed = []
        def shoot():
            while True:
                time.sleep(0.0005)
                if armed: armed.clear(); os.kill(os.getpid(), signal.SIGINT)
        async def main():
            armed.append(True)
            while True:
                with lock: pass
        loop = asyncio.new_event_loop()
        threading.Thread(target=shoot, daemon=True).start()
        for _ in range(100):
            try: loop.run_until_complete(main())
            except KeyboardInterrupt: pass
            assert not lock.locked()
        """,
    )


def test_the_watchdog_is_not_among_the_threads_that_a_program_counts(tmp_path):
    run(
        tmp_path,
        """
        import _thread, threading, time
        from logq import watchdog
        assert _thread._count() == 0
        go = threading.Event()
        t = threading.Thread(target=go.wait); t.start()
        while not watchdog.is_counted(): time.sleep(0.001)
        assert _thread._count() == threading.active_count() - 1 == 1
        go.set(); t.join()
        while _thread._count(): time.sleep(0.001)
        """,
    )


def test_what_a_handler_raises_is_not_lost_while_something_of_ours_is_imported(tmp_path):
    """Another one's finder is asked for our modules, too."""
    done = run(
        tmp_path,
        """
        import os, signal, sys, threading
        class Finder:
            def find_spec(self, name, path=None, target=None):
                if name == "logq.standstill":
                    asked.append(name)
                    os.kill(os.getpid(), signal.SIGINT)
                    for _ in range(1000): pass
        asked = []
        def handler(*_): raise TimeoutError
        signal.signal(signal.SIGINT, handler)
        sys.meta_path.insert(0, Finder())
        gate = threading.Event()
        try:
            thread = threading.Thread(target=gate.wait); thread.start()
            print("lost")
        except TimeoutError: print("interrupted", asked)
        gate.set()
        """,
        checked=False,
    )
    assert done.out == "interrupted ['logq.standstill']\n"
