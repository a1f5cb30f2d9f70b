"""Capture levels: each records what the ones below it do and more, and `uninstall` leaves nothing behind."""

from __future__ import annotations

import pytest
from harness import run

PROGRAM = """
import asyncio, logging, queue, threading
log = logging.getLogger("l")
lock = threading.Lock()
q = queue.Queue()
def work():
    with lock: log.warning("in thread %d", q.get())
t = threading.Thread(target=work); t.start()
q.put(1); t.join()
async def main(): await asyncio.create_task(asyncio.sleep(0)); log.warning("in task")
asyncio.run(main())
failing = threading.Thread(target=lambda: 1 / 0); failing.start(); failing.join()
log.warning("end")
"""


def test_each_level_has_what_the_lower_ones_have(tmp_path):
    kinds, logs = {}, {}
    for capture in ("records", "causal", "events", "full"):
        directory = tmp_path / capture
        directory.mkdir()
        done = run(directory, PROGRAM, LOGQ_CAPTURE=capture)
        kinds[capture] = {record["ev"] for record in done.records if "ev" in record} - {"wait", "got", "snap"}
        logs[capture] = [(record["msg"], record["level"]) for record in done.logs()]
        assert done.event("exit")["rc"] == 0
    assert len(logs["records"]) == 3
    assert logs["records"] == logs["causal"] == logs["events"] == logs["full"]
    assert kinds["records"] <= {"proc", "lane", "exit", "exc"}
    assert kinds["records"] < kinds["causal"] <= kinds["events"] <= kinds["full"]


def test_records_alone_patches_no_primitive(tmp_path):
    """But exits and exception hooks."""
    done = run(
        tmp_path,
        """
        import asyncio, concurrent.futures, multiprocessing, queue, subprocess, threading, sys
        def kinds():
            return {"threads": vars(threading.Thread).copy(), "lock": threading.Lock, "queue": vars(queue.Queue).copy(),
                "futures": vars(concurrent.futures.Future).copy(), "loop": vars(asyncio.BaseEventLoop).copy(),
                "condition": vars(threading.Condition).copy(), "process": vars(multiprocessing.Process.__base__).copy(),
                "popen": vars(subprocess.Popen).copy(), "event": vars(threading.Event).copy()}
        before = kinds()
        import logq; logq.install("records")
        assert kinds() == before
        """,
        booted=False,
    )
    assert done.event("proc")


# Every attribute of every module and of its classes, by identity: whatever instruments are added must be put back.
RESTORED = """
import asyncio, builtins, concurrent.futures, concurrent.futures.process, logging, logging.handlers, multiprocessing, os
import multiprocessing.managers, multiprocessing.pool, multiprocessing.popen_fork, multiprocessing.popen_forkserver
import multiprocessing.connection, multiprocessing.queues, multiprocessing.resource_tracker
import multiprocessing.sharedctypes, multiprocessing.synchronize, queue, selectors, signal, socket, sqlite3, subprocess
import sys, threading, time, traceback
import warnings, asyncio.base_subprocess, asyncio.subprocess
from threading import Lock, RLock, Condition, Event
def everything():
    found = {}
    for name, module in sorted(sys.modules.items()):
        if name.startswith("logq") or module is None: continue
        for key, value in sorted(vars(module).items(), key=lambda item: str(item[0])):
            found[name, key] = value
            if isinstance(value, type):
                for attribute, member in list(vars(value).items()):
                    if attribute not in IGNORED: found[name, key, attribute] = member
    for number in signal.valid_signals(): found["signal", int(number)] = signal.getsignal(number)
    found["path"], found["meta_path"] = list(sys.path), list(sys.meta_path)
    return found
IGNORED = ("__abstractmethods__", "_abc_impl", "__static_attributes__", "__annotations__", "__annotate__", "__doc__")
import logq
logq.Handler
class Mine(threading.Thread):
    pass
asyncio.run(asyncio.sleep(0))  # what it sets up for good is not logq's
before = everything()
logq.install(sys.argv[1], record_level="debug", prints=True, ring="1MB")
q = queue.Queue(); t = Mine(target=q.get); t.start(); q.put(1); t.join()
logging.getLogger("x").debug("recorded")
asyncio.run(asyncio.sleep(0))
changed = [key for key, value in everything().items() if key in before and before[key] is not value]
logq.uninstall()
after = everything()
wrong = [key for key in before if key not in after or (before[key] is not after[key] and before[key] != after[key])]
wrong = [key for key in wrong if key[0] != "__main__"]
print(len(changed) > 3, wrong)
logging.getLogger("x").warning("not recorded")
print("not recorded")
"""


@pytest.mark.parametrize("capture", ["records", "causal", "events", "full"])
def test_uninstall_restores_every_name(tmp_path, capture):
    done = run(tmp_path, RESTORED, capture, booted=False)
    assert done.out.splitlines()[0] == "True []"
    assert [record["msg"] for record in done.logs(logger="x")] == ["recorded"]
