"""`logq.context`: fields that follow a program through its tasks, threads and executors, and nowhere else."""

from __future__ import annotations

from harness import run


def test_fields_follow_and_do_not_leak(tmp_path):
    done = run(
        tmp_path,
        """
        import asyncio, logging, logq, threading
        from concurrent.futures import ThreadPoolExecutor
        log = logging.getLogger("c"); log.setLevel(10)
        pool = ThreadPoolExecutor(1)
        def in_thread(name): t = threading.Thread(target=log.info, args=(name,)); t.start(); t.join()
        log.info("before")
        with logq.context(order=8812, who="me"):
            log.info("outer", extra={"who": "you", "more": 1})
            with logq.context(order=1): log.info("inner")
            in_thread("thread")
            pool.submit(log.info, "job").result()
        log.info("after"); in_thread("other thread")
        pool.submit(log.info, "other job").result()
        async def task(n):
            with logq.context(n=n):
                await asyncio.sleep(0.01)
                log.info("task %d", n)
                await asyncio.gather(asyncio.create_task(below(n)))
                await asyncio.get_running_loop().run_in_executor(None, log.info, "executor %d" % n)
        async def below(n): log.info("below %d", n)
        async def main(): await asyncio.gather(task(1), task(2)); log.info("main")
        asyncio.run(main())
        """,
    )
    assert {record["msg"]: record.get("extra") for record in done.logs()} == {
        "before": None,
        "outer": {"order": 8812, "who": "you", "more": 1},
        "inner": {"order": 1, "who": "me"},
        "thread": {"order": 8812, "who": "me"},
        "job": {"order": 8812, "who": "me"},
        "after": None,
        "other thread": None,
        "other job": None,
        "task 1": {"n": 1},
        "task 2": {"n": 2},
        "below 1": {"n": 1},
        "below 2": {"n": 2},
        "executor 1": {"n": 1},
        "executor 2": {"n": 2},
        "main": None,
    }


def test_decorator_generators_and_any_order(tmp_path):
    done = run(
        tmp_path,
        """
        import asyncio, logging, logq
        log = logging.getLogger("c"); log.setLevel(10)
        @logq.context(f=1)
        def function(depth):
            "doc"
            log.info("function %d", depth)
            if depth: function(depth - 1)
        function(1); log.info("out of it")
        assert (function.__name__, function.__doc__) == ("function", "doc")
        @logq.context(c=1)
        async def coroutine(): await asyncio.sleep(0); log.info("coroutine")
        assert asyncio.iscoroutinefunction(coroutine)
        asyncio.run(coroutine())
        try:
            @logq.context(g=1)
            def generator(): yield
        except TypeError as problem: print(problem)
        def steps():
            with logq.context(step=1): yield
        first, second = steps(), steps()
        next(first); next(second); log.info("two"); first.close(); log.info("one"); second.close(); log.info("none")
        a, b = logq.context(a=1), logq.context(b=1)
        a.__enter__(); b.__enter__(); a.__exit__(None, None, None); log.info("b alone"); b.__exit__(None, None, None)
        try:
            with logq.context(gone=1): raise ValueError
        except ValueError: log.info("nothing left")
        with logq.context(level="x", msg="y", ev="z"): log.info("clash")
        class Loud:
            def __repr__(self): raise RuntimeError
        with logq.context(loud=Loud(), text="\\udc80"): log.info("odd")
        mutable = [1]
        with logq.context(mutable=mutable): log.info("first"); mutable.append(2); log.info("second")
        """,
    )
    assert "generator" in done.out
    extras = {record["msg"]: record.get("extra") for record in done.logs()}
    assert extras["function 1"] == extras["function 0"] == {"f": 1}
    assert extras["coroutine"] == {"c": 1}
    assert (extras["two"], extras["one"]) == ({"step": 1}, {"step": 1})
    assert extras["b alone"] == {"b": 1}
    assert extras["out of it"] is extras["none"] is extras["nothing left"] is None
    assert extras["clash"] == {"level": "x", "msg": "y", "ev": "z"}
    assert extras["odd"] == {"loud": "<unprintable Loud: RuntimeError>", "text": "\\udc80"}
    assert (extras["first"], extras["second"]) == ({"mutable": [1]}, {"mutable": [1, 2]})
