"""Exceptions that nobody handled: seen whatever hooks the program has, and its hooks called as ever."""

from __future__ import annotations

import sys

import pytest
from harness import run

OWN_HOOKS = """
import asyncio, atexit, gc, sys, threading
said = []
def main_hook(kind, value, traceback): sys.stderr.write("main %r\\n" % value)
def thread_hook(args): said.append("thread %r" % args.exc_value)
def unraisable_hook(unraisable): said.append("unraisable %r" % unraisable.exc_value)
def loop_handler(loop, context): said.append("loop %r" % context["exception"])
if {late}: import logq; logq.install()
sys.excepthook, threading.excepthook = main_hook, thread_hook
if {early}: sys.unraisablehook = unraisable_hook
if {early}: import logq; logq.install()
t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()
class Bad:
    def __del__(self): raise KeyError("finalizer")
Bad()
async def main():
    asyncio.get_running_loop().set_exception_handler(loop_handler)
    asyncio.get_running_loop().call_soon(int, "x")
    async def lost(): raise OSError("lost")
    task = asyncio.create_task(lost()); await asyncio.sleep(0.01); del task; gc.collect()
asyncio.run(main())
print(said, sys.excepthook is main_hook, threading.excepthook is thread_hook)
raise ValueError("end")
"""


@pytest.mark.parametrize("when", ["early", "late"])
def test_hooks_of_the_program_before_and_after_install(tmp_path, when):
    code = OWN_HOOKS.format(early=when == "early", late=when == "late")
    done = run(tmp_path, code, booted=False, rc=1)
    plain = run(tmp_path, code.replace("import logq; logq.install()", "pass"), booted=False, rc=1)
    assert (done.out, done.err) == (plain.out, plain.err) or when == "late"
    assert "main ValueError('end')" in done.err
    assert "True True" in done.out
    found = {(exc["where"], exc["type"]): exc["hook"] for exc in done.events("exc")}
    assert found == {
        ("thread", "ZeroDivisionError"): "user",
        ("unraisable", "KeyError"): "user" if when == "early" else "default",
        ("callback", "ValueError"): "user",
        ("task", "OSError"): "user",
        ("sys", "ValueError"): "user",
    }
    assert done.event("exit")["rc"] == 1


def test_default_hooks_and_what_they_print(tmp_path):
    code = """
    import asyncio, atexit, threading
    t = threading.Thread(target=lambda: 1 / 0, name="T"); t.start(); t.join()
    class Bad:
        def __del__(self): raise KeyError("finalizer")
    Bad()
    def last(): raise OSError("at exit")
    atexit.register(last)
    """
    done = run(tmp_path, code)
    plain = run(tmp_path, code, booted=False)
    assert done.out == plain.out
    assert without_addresses(done.err) == without_addresses(plain.err)
    hooks = {exc["type"]: exc["hook"] for exc in done.events("exc")}
    expected = {"ZeroDivisionError": "default", "KeyError": "default"}
    if sys.version_info >= (3, 10):  # before, what fails at exit passes by every hook
        expected["OSError"] = "default"
    assert hooks == expected


def without_addresses(text):
    import re

    return re.sub(r"0x[0-9a-f]+", "0x", text)


def test_causes_contexts_and_cycles(tmp_path):
    done = run(
        tmp_path,
        """
        import logging
        def fail():
            try:
                try: raise KeyError("first")
                except KeyError: raise ValueError("second")
            except ValueError as e: raise RuntimeError("third") from e
        try: fail()
        except RuntimeError: logging.exception("chain")
        try:
            try: raise KeyError("hidden")
            except KeyError: raise ValueError("alone") from None
        except ValueError: logging.exception("suppressed")
        a, b = ValueError("a"), ValueError("b"); a.__cause__, b.__cause__ = b, a
        try: raise a
        except ValueError: logging.exception("cycle")
        class Odd(Exception):
            def __str__(self): raise RuntimeError
        try: raise Odd
        except Odd: logging.exception("odd")
        def deep(n):
            if n: deep(n - 1)
            else: raise ValueError("deep")
        try: deep(500)
        except ValueError: logging.exception("deep")
        logging.error("not one", exc_info=("a", "b", "c"))
        """,
        rc=None,
    )
    chain = done.log("chain")["exc"]
    assert (chain["type"], chain["cause"]["type"], chain["cause"]["cause"]["type"]) == (
        "RuntimeError",
        "ValueError",
        "KeyError",
    )
    assert (chain.get("implicit"), chain["cause"]["implicit"]) == (None, True)
    assert "cause" not in done.log("suppressed")["exc"]
    assert "cause" not in done.log("cycle")["exc"]["cause"]
    assert done.log("odd")["exc"]["msg"] == "<unprintable Odd: RuntimeError>"
    assert len(done.log("deep")["exc"]["stack"]) == 60


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups came with 3.11")
def test_groups_in_tasks_and_at_the_end(tmp_path):
    done = run(
        tmp_path,
        """
        import asyncio
        async def fail(n): raise ValueError(n)
        async def main():
            async with asyncio.TaskGroup() as group:
                group.create_task(fail(1)); group.create_task(fail(2))
        asyncio.run(main())
        """,
        rc=1,
    )
    exc = done.event("exc", where="sys")
    assert exc["type"] == "ExceptionGroup"
    assert [(member["type"], member["msg"], member["stack"][-1]["func"]) for member in exc["group"]] == [
        ("ValueError", "1", "fail"),
        ("ValueError", "2", "fail"),
    ]
