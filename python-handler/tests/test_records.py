"""Log records: every key of the wire format, whatever the program logs, and logging as it was."""

from __future__ import annotations

import sys

import pytest
from harness import run


def test_keys_of_a_record(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, threading
        log = logging.getLogger("shop.orders")
        logging.basicConfig(level=logging.INFO)
        def work():
            log.info("order %d", 8812, extra={"order_id": 8812})
        t = threading.Thread(target=work, name="worker-1")
        t.start(); t.join()
        log.debug("not enabled")
        """,
    )
    record = done.log("order 8812")
    assert record["level"] == "INFO"
    assert record["logger"] == "shop.orders"
    assert record["tpl"] == "order %d"
    assert record["thread"] == "worker-1"
    assert record["tid"] > 0
    assert record["file"] == str(tmp_path / "program.py")
    assert (record["line"], record["func"]) == (6, "work")
    assert record["extra"] == {"order_id": 8812}
    assert record["lane"] == "t2"
    assert len(done.logs()) == 1


def test_without_arguments_there_is_no_template(tmp_path):
    done = run(tmp_path, "import logging; logging.warning('100 % sure'); logging.warning({'a': 1})")
    assert "tpl" not in done.log("100 % sure")
    assert done.log("{'a': 1}")


def test_exceptions_with_causes_and_code(tmp_path):
    done = run(
        tmp_path,
        """
        import logging
        def inner(): raise KeyError("k")
        def outer():
            try: inner()
            except KeyError as e: raise ValueError("bad order") from e
        try: outer()
        except ValueError: logging.exception("failed")
        """,
    )
    exc = done.log("failed")["exc"]
    assert (exc["type"], exc["msg"]) == ("ValueError", "bad order")
    assert [frame["func"] for frame in exc["stack"]] == ["<module>", "outer"]
    assert exc["stack"][1]["code"] == 'except KeyError as e: raise ValueError("bad order") from e'
    assert exc["cause"]["type"] == "KeyError"
    assert exc["cause"]["stack"][-1]["func"] == "inner"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups came with 3.11")
def test_members_of_an_exception_group(tmp_path):
    done = run(
        tmp_path,
        """
        import logging
        try: raise ExceptionGroup("two", [ValueError(1), KeyError(2)])
        except ExceptionGroup: logging.exception("group")
        """,
    )
    assert [member["type"] for member in done.log("group")["exc"]["group"]] == ["ValueError", "KeyError"]


WEIRD = r"""
import logging, sys
log = logging.getLogger("weird")
class Raises:
    def __str__(self): raise RuntimeError("no")
    __repr__ = __str__
class Logs:
    def __str__(self):
        log.warning("nested")
        return "outer"
class Endless:
    def __repr__(self): return repr(self)
class Text(str):
    def __str__(self): raise ValueError
class Bag(dict):
    def items(self): raise ValueError
cycle = []; cycle.append(cycle)
logging.raiseExceptions = False
log.warning(Raises())
log.warning("does not fit %d %d", 1)
log.warning("number %d", "x")
log.warning("raises %s", Raises())
log.warning("logs %s", Logs())
log.warning("surrogate \udc80 and emoji \U0001f600")
log.warning("tab\tnull\0bell\x07line\nend")
deep = {}
for _ in range(200): deep = {"d": deep}
log.warning("extra", extra={
    "raises": Raises(), "endless": Endless(), "cycle": cycle, "bytes": b"\xff", "nan": float("nan"),
    "inf": float("-inf"), "big": 10 ** 30, "huge": 10 ** 6000, "text": Text("t"), "bag": Bag(a=1), "deep": deep,
    "key": {1: "one", None: "none", "\udc80": 1}, "set": {1}, "true": True, "none": None, "tuple": (1, "x"),
    "level": "clash", "ev": "clash", "proc": "clash", "function": print, "class": Raises,
})
log.warning("percent %(name)s", {"name": "mapping"})
log.warning("x" * 3_000_000)
log.warning("%s", "y" * 3_000_000)
log.warning("much", extra={"much": ["z" * 60_000] * 100})
print("alive")
"""


def test_weird_objects_are_written_somehow(tmp_path):
    done = run(tmp_path, WEIRD)
    assert done.out == "alive\n"
    messages = [record["msg"] for record in done.logs()]
    assert messages[0] == "<unprintable Raises: RuntimeError>"
    assert messages[1].startswith("does not fit %d %d [arguments (1,): TypeError]")
    assert messages[2].startswith("number %d [arguments ('x',)")
    assert messages[3].startswith("raises %s [arguments <unprintable tuple: RuntimeError>")
    assert "nested" in messages
    assert "logs outer" in messages
    assert "surrogate \\udc80 and emoji \U0001f600" in messages
    assert "tab\tnull\0bell\x07line\nend" in messages
    assert "percent mapping" in messages
    extra = done.log("extra")["extra"]
    assert extra["bytes"] == "b'\\xff'"
    assert (extra["nan"], extra["inf"]) == ("nan", "-inf")
    assert extra["big"] == "1" + "0" * 30
    assert extra["text"] == "t"
    assert extra["key"] == {"1": "one", "None": "none", "\\udc80": 1}
    assert (extra["set"], extra["true"], extra["none"], extra["tuple"]) == ("{1}", True, None, [1, "x"])
    assert (extra["level"], extra["ev"], extra["proc"]) == ("clash", "clash", "clash")
    assert extra["raises"] == "<unprintable Raises: RuntimeError>"
    cut = [record for record in done.logs() if "cut" in record]
    assert len(cut) == 3
    assert all(record["cut"] > 2_000_000 for record in cut)
    assert not done.events("lost")


LOGGING_UNCHANGED = """
import json, logging, logging.config, logging.handlers, pickle, queue, sys
root = logging.getLogger()
assert root.handlers == [] and not root.hasHandlers()
logging.getLogger("last").warning("through lastResort")
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
assert len(root.handlers) == 1 and type(root.handlers[0]) is logging.StreamHandler
seen = []
class Keep(logging.Handler):
    def emit(self, record): seen.append(record)
logging.config.dictConfig({"version": 1, "handlers": {"keep": {"()": Keep}},
    "root": {"handlers": ["keep"], "level": "DEBUG"}})
assert [type(h) for h in root.handlers] == [Keep]
logging.getLogger("a.b").debug("one %s", 1, extra={"mine": 2})
plain = logging.LogRecord("", 0, "", 0, "", (), None)
assert set(vars(seen[0])) == set(vars(plain)) | {"mine"}, vars(seen[0])
assert type(seen[0]) is logging.LogRecord
pickle.loads(pickle.dumps(seen[0]))
q = queue.Queue()
target = Keep()
listener = logging.handlers.QueueListener(q, target)
root.handlers = [logging.handlers.QueueHandler(q)]
listener.start()
logging.info("queued %d", 1)
listener.stop()
assert seen[-1].getMessage() == "queued 1" and target
class Bad(logging.Handler):
    def emit(self, record):
        try: 1 / 0
        except Exception: self.handleError(record)
root.handlers = [Bad()]
def user_function(): logging.info("bad")
user_function()
"""


def test_logging_behaves_as_without(tmp_path):
    done = run(tmp_path, LOGGING_UNCHANGED)
    plain = run(tmp_path / ".", LOGGING_UNCHANGED, booted=False)
    assert done.out == plain.out
    assert done.err == plain.err
    assert "through lastResort" in done.err
    assert [record["msg"] for record in done.logs()] == ["through lastResort", "one 1", "queued 1", "bad"]


def test_records_passed_on_are_written_once(tmp_path):
    """The cookbook's ways: a listener thread that hands records to loggers, copies, forwarding."""
    done = run(
        tmp_path,
        """
        import logging, logging.handlers, queue, threading
        q = queue.Queue()
        app = logging.getLogger("app"); app.propagate = False; app.setLevel(10)
        app.addHandler(logging.handlers.QueueHandler(q))
        out = logging.getLogger("out"); out.addHandler(logging.NullHandler())
        def listen():
            while True:
                record = q.get()
                if record is None: break
                out.handle(record)
        t = threading.Thread(target=listen); t.start()
        app.info("by queue %d", 1)
        q.put(None); t.join()
        class Forward(logging.Handler):
            def emit(self, record):
                logging.getLogger("own").warning("from the handler")
                out.handle(record)
        fwd = logging.getLogger("fwd"); fwd.addHandler(Forward()); fwd.propagate = False
        fwd.warning("forwarded")
        """,
    )
    assert done.log("by queue 1")["lane"] == "t1"
    assert done.log("forwarded")


def test_records_of_recorded_children_are_not_written_again(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, logging.handlers, multiprocessing as mp
        def child(q):
            root = logging.getLogger(); root.handlers = [logging.handlers.QueueHandler(q)]
            logging.warning("from child")
        if __name__ == "__main__":
            ctx = mp.get_context("spawn"); q = ctx.Queue()
            p = ctx.Process(target=child, args=(q,)); p.start()
            record = q.get(); p.join()
            logging.getLogger("x").handle(record)
        """,
    )
    assert done.log("from child")["pid"] != done.processes()[0]["ppid"]


def test_levels_and_filters_stay_the_programs(tmp_path):
    done = run(
        tmp_path,
        """
        import logging
        log = logging.getLogger("f"); log.setLevel(logging.INFO)
        log.addFilter(lambda record: "secret" not in record.msg)
        log.debug("too low"); log.info("fine"); log.info("secret"); logging.disable(logging.INFO); log.info("disabled")
        assert not log.isEnabledFor(logging.INFO)
        """,
    )
    assert [record["msg"] for record in done.logs()] == ["fine"]


def test_a_line_says_its_time_to_the_nanosecond(tmp_path):
    """Zeros in front included, whichever way the clock steps, and at its very beginning."""
    done = run(
        tmp_path,
        """
        import logging
        import logq.emit
        log = logging.getLogger("t")
        log.warning("now")
        second = 1_700_000_000 * 10**9
        walls = [10**9 + 10**8, second, second + 7, second + 99_999_999, second + 100_000_000, second + 999_999_999,
                 second + 10**9, second + 7]
        for wall in walls:
            logq.emit._now = lambda: wall
            log.warning("then %d", wall)
        """,
    )
    times = [record["ts"] for record in done.logs() if record["msg"].startswith("then")]
    assert times == [
        "1970-01-01T00:00:01.100000000Z",
        "2023-11-14T22:13:20.000000000Z",
        "2023-11-14T22:13:20.000000007Z",
        "2023-11-14T22:13:20.099999999Z",
        "2023-11-14T22:13:20.100000000Z",
        "2023-11-14T22:13:20.999999999Z",
        "2023-11-14T22:13:21.000000000Z",
        "2023-11-14T22:13:20.000000007Z",
    ]
