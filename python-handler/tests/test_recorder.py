"""The flight recorder: what the program's levels drop is written, and the program cannot tell."""

from __future__ import annotations

from harness import run

PROGRAM = """
import logging, sys, threading
seen = []
class Keep(logging.Handler):
    def emit(self, record): seen.append(record.getMessage())
root = logging.getLogger(); root.addHandler(Keep()); root.setLevel(logging.WARNING)
made = []
class Counting(logging.LogRecord):
    def __init__(self, *args, **kwargs): super().__init__(*args, **kwargs); made.append(self.msg)
logging.setLogRecordFactory(Counting)
log = logging.getLogger("shop.orders"); log.addFilter(lambda record: seen.append("filter " + record.msg) or True)
def place(n):
    log.debug("order %d", n, extra={"order_id": n, "name": "clash"})
    if log.isEnabledFor(logging.DEBUG): print("expensive")
place(8812)
logging.info("through the module")
log.log(5, "too low"); log.log(15, "between %(a)s", {"a": 1})
try: 1 / 0
except ZeroDivisionError: log.info("failed", exc_info=True, stack_info=True)
def helper(): log.debug("for the caller", stacklevel=2)
def caller(): helper()
caller()
adapter = logging.LoggerAdapter(log, {"conn": 7}); adapter.debug("adapted"); adapter.error("shown")
class Own(logging.LoggerAdapter):
    def process(self, msg, kwargs): return "[x] " + msg, kwargs
Own(log, {}).info("prefixed")
class Loud(logging.Logger):
    def isEnabledFor(self, level): return super().isEnabledFor(level)
    def debug(self, msg, *args, **kwargs): super().debug("loud " + msg, *args, **kwargs)
Loud("loud", logging.ERROR).debug("one")
logging.disable(logging.ERROR); log.error("disabled"); logging.disable(logging.NOTSET)
log.disabled = True; log.critical("of a disabled logger"); log.disabled = False
log.debug("does not fit %d", "x"); log.debug("unprintable %s", type("U", (), {"__str__": lambda s: 1 / 0})())
log.warning("kept")
t = threading.Thread(target=place, args=(2,), name="worker"); t.start(); t.join()
print(seen, made, log._cache, log.isEnabledFor(10), adapter.isEnabledFor(10), logging.getLogger("new").isEnabledFor(40))
"""


def test_dropped_records_are_written_and_nothing_else_changes(tmp_path):
    done = run(tmp_path, PROGRAM, LOGQ_RECORD_LEVEL="debug")
    plain = run(tmp_path, PROGRAM, booted=False)
    assert (done.out, done.err) == (plain.out, plain.err)
    assert "expensive" not in done.out
    order = done.log("order 8812")
    assert (order["level"], order["logger"], order["tpl"]) == ("DEBUG", "shop.orders", "order %d")
    assert (order["file"], order["line"], order["func"]) == (str(tmp_path / "program.py"), 13, "place")
    assert order["extra"] == {"order_id": 8812}
    assert (done.log("order 2")["thread"], done.log("order 2")["lane"]) == ("worker", "t2")
    assert done.log("through the module")["func"] == "<module>"
    assert done.log("between 1")["level"] == "Level 15"
    failed = done.log("failed")
    assert (failed["exc"]["type"], failed["stack"][:5]) == ("ZeroDivisionError", "Stack")
    assert done.log("for the caller")["func"] == "caller"
    assert done.log("adapted")["extra"] == {"conn": 7}
    for msg in ("[x] prefixed", "loud one", "disabled", "of a disabled logger", "kept", "shown"):
        assert done.log(msg)
    assert done.logs(msg="does not fit %d [arguments ('x',): TypeError]")
    assert not done.logs(msg="too low")
    assert not done.events("lost")


def test_only_from_the_level_on_and_restored(tmp_path):
    done = run(
        tmp_path,
        """
        import logging, logq
        before = logging.Logger.isEnabledFor
        logq.install(record_level="info")
        log = logging.getLogger("r")
        log.debug("debug"); log.info("info")
        logq.uninstall()
        assert logging.Logger.isEnabledFor is before
        log.info("after")
        try: logq.install(record_level="loud")
        except ValueError as problem: print(problem)
        """,
        booted=False,
    )
    assert [record["msg"] for record in done.logs()] == ["info"]
    assert "'loud'" in done.out
