"""logq.Handler, install and uninstall: the library's own ways in and out."""

from __future__ import annotations

from harness import RUN, run

DICT_CONFIG = """
import logging, logging.config
logging.config.dictConfig({
    "version": 1,
    "filters": {"no_secret": {"()": "logging.Filter", "name": "shop"}},
    "handlers": {"logq": {"class": "logq.Handler", "filters": ["no_secret"], "level": "INFO", "redact": ["password"]}},
    "root": {"handlers": ["logq"], "level": "DEBUG"},
})
"""


def test_by_dict_config_only_what_reaches_it(tmp_path):
    done = run(
        tmp_path,
        DICT_CONFIG
        + """
import threading
logging.getLogger("shop").debug("too low")
logging.getLogger("shop").info("kept", extra={"password": "x", "deep": {"Password": 1}})
logging.getLogger("other").info("filtered")
t = threading.Thread(target=lambda: logging.getLogger("shop.a").warning("in thread")); t.start(); t.join()
""",
        booted=False,
    )
    assert [record["msg"] for record in done.logs()] == ["kept", "in thread"]
    assert done.log("kept")["extra"] == {"password": "[redacted]", "deep": {"Password": "[redacted]"}}
    assert done.log("in thread")["lane"] == "t2"
    assert done.event("proc")["how"] == "root"
    assert done.event("exit")["rc"] == 0


def test_attached_twice_writes_once(tmp_path):
    code = """
    import logging, logq
    h = logq.Handler()
    logging.getLogger().addHandler(h); logging.getLogger("a").addHandler(h)
    logging.getLogger("a.b").addHandler(logq.Handler())
    logging.getLogger("a.b").warning("once")
    """
    for booted in (False, True):
        directory = tmp_path / str(booted)
        directory.mkdir()
        assert run(directory, code, booted=booted).log("once")


def test_behind_a_queue_the_lane_is_of_who_logged(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, logging.handlers, logq, queue, threading
        q = queue.Queue()
        listener = logging.handlers.QueueListener(q, logq.Handler())
        root = logging.getLogger(); root.addHandler(logging.handlers.QueueHandler(q)); root.setLevel(10)
        listener.start()
        def work(): logging.info("order %d", 1)
        t = threading.Thread(target=work, name="worker"); t.start(); t.join()
        listener.stop()
        """,
        booted=False,
    )
    record = done.log("order 1")
    lane = next(event for event in done.events("lane") if event["lane"] == record["lane"])
    assert lane["name"] == "worker"
    assert record["tpl"] == "order %d"


def test_context_variables(tmp_path):
    done = run(
        tmp_path,
        """
        import contextvars, logging, logq
        request = contextvars.ContextVar("request")
        logq.install(context=[request])
        logging.warning("none"); request.set("r1"); logging.warning("one", extra={"a": 1})
        """,
        booted=False,
    )
    assert "extra" not in done.log("none")
    assert done.log("one")["extra"] == {"a": 1, "request": "r1"}


def test_redact_patterns_and_functions(tmp_path):
    done = run(
        tmp_path,
        r"""
        import logging, logq, re
        def drop(content): content["msg"] = content["msg"].replace("Alice", "A.")
        logq.install(redact=[re.compile(r"\d{4}-\d{4}")])
        logging.root.addHandler(logq.Handler(redact=drop))
        logging.warning("card %s of Alice", "1234-5678", extra={"card": ["1234-5678"]})
        try: raise ValueError("card 1234-5678")
        except ValueError: logging.exception("x")
        """,
        booted=False,
    )
    record = done.log("card [redacted] of A.")
    assert record["extra"] == {"card": ["[redacted]"]}
    assert done.log("x")["exc"]["msg"] == "card [redacted]"


def test_install_names_its_own_run_and_leaves_the_environment(tmp_path):
    done = run(
        tmp_path,
        """
        import os
        before = dict(os.environ)
        import logq, logging
        logq.install(); logq.install()
        assert dict(os.environ) == before
        logging.warning("hello")
        """,
        booted=False,
    )
    run_name = done.event("proc")["run"]
    assert run_name != RUN
    assert [len(piece) for piece in run_name.split("-")] == [8, 6, 4]
    assert done.log("hello")
    spool = done.directory / "runs" / run_name / "spool"
    assert (spool / "1.claim").read_text() == done.event("proc")["proc"] + "\n"
    assert spool.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in spool.iterdir()} == {0o600}


UNINSTALL = """
import asyncio, concurrent.futures, logging, multiprocessing, multiprocessing.popen_fork, os, queue, subprocess
import sys, threading, traceback
import asyncio.base_subprocess, concurrent.futures.thread
def names():
    found = {}
    owners = [m for m in list(sys.modules.values()) if m and not m.__name__.startswith("logq")]
    for module in owners:
        for name, value in list(vars(module).items()):
            found[module.__name__, name] = id(value)
            if isinstance(value, type):
                for inner, content in list(vars(value).items()):
                    if inner not in ("__abstractmethods__", "_abc_impl", "__dict__", "__weakref__", "__annotations__"):
                        found[module.__name__, name, inner] = id(content)
    return found
import logq
from logq.instrument import threads, queues, futures, tasks, processes, subprocesses
names()
before = names()
hooks = (sys.excepthook, threading.excepthook, list(sys.meta_path))
logq.install()
during = names()
changed = {key for key in before if during.get(key) != before[key]}
assert len(changed) > 20, changed
assert (sys.excepthook, threading.excepthook, sys.meta_path) != hooks
logq.uninstall()
after = names()
left = {key for key in before if after.get(key) != before[key]} - {("__main__", "before"), ("__main__", "after")}
left = {key for key in left if key[0] != "__main__"}
print(sorted(left))
logging.warning("not recorded")
logq.install()
logging.warning("recorded again")
"""


def test_uninstall_restores_every_name(tmp_path):
    done = run(tmp_path, UNINSTALL, booted=False)
    assert done.out == "[]\n"
    assert [record["msg"] for record in done.logs()] == ["recorded again"]
    assert len(done.processes()) == 1


def test_capture_records_patches_no_primitive(tmp_path):
    done = run(
        tmp_path,
        """
        import threading, queue, logging
        start, put = threading.Thread.start, queue.Queue._put
        assert "logq" not in start.__code__.co_filename and "logq" not in put.__code__.co_filename
        t = threading.Thread(target=lambda: logging.warning("x"), name="w"); t.start(); t.join()
        """,
        LOGQ_CAPTURE="records",
    )
    record = done.log("x")
    assert record["thread"] == "w"
    assert record["lane"] == "t2"


def test_a_bad_capture_is_said(tmp_path):
    done = run(tmp_path, "import logq; logq.install(capture='everything')", booted=False, rc=1)
    assert "capture must be one of records, causal, events, full, not 'everything'" in done.err


def test_stamp_and_merge_carry_order_through_anything(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, logq, os, threading
        a, b = os.pipe()
        def sender():
            logging.warning("before"); os.write(b, logq.stamp().encode())
        def receiver():
            logq.merge(os.read(a, 100).decode()); logging.warning("after")
        r = threading.Thread(target=receiver); r.start()
        s = threading.Thread(target=sender); s.start()
        r.join()
        for nonsense in (None, "", "x", "a/b@c", 7, "/@1", "4242-abc/t1@x"): logq.merge(nonsense)
        """,
    )
    send, recv = done.event("send"), done.event("recv")
    assert recv["from"].endswith(f"/{send['lane']}@{send['seq']}")
    assert recv["hb"] == [recv["from"]]
