"""`print()` and `warnings` as records, their output and everything else about them as it was."""

from __future__ import annotations

from harness import run

PRINTS = """
import copy, inspect, io, pickle, sys
def show():
    print("order", 8812, sep="=")
show()
print("to stderr", file=sys.stderr); print(); print("no newline", end="", flush=True)
text = io.StringIO(); print("into", "text", file=text); print(repr(text.getvalue()))
class Once:
    count = 0
    def __str__(self): Once.count += 1; return "once"
print(Once(), Once.count)
class Odd:
    def __init__(self): self.log = []
    def write(self, piece): self.log.append(piece); return "ignored"
    def flush(self): self.log.append("flush")
odd = Odd(); print("a", 1, file=odd, flush=True); print(odd.log)
class Full:
    def write(self, piece): raise OSError(28, "No space left on device")
class Bad:
    def __str__(self): raise ValueError("no text")
for wrong in ({"file": Full()}, {"sep": 1}, {"end": 2}, {"nope": 3}, {"file": 4}):
    try: print("x", **wrong)
    except Exception as problem: print(type(problem).__name__, problem)
try: print("before", Bad())
except ValueError as problem: print(problem)
for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
    assert pickle.loads(pickle.dumps(print, protocol)) is print
assert copy.copy(print) is copy.deepcopy(print) is print
class Holder: method = print
Holder().method("no self")
print(print, print.__name__, print.__qualname__, print.__module__, inspect.isbuiltin(print), print.__doc__)
try: print(inspect.signature(print))
except ValueError as problem: print(problem)
stdout, sys.stdout = sys.stdout, None
print("nowhere"); sys.stdout = stdout
import traceback
try: 1 / 0
except ZeroDivisionError: traceback.print_exc()
"""


def test_prints_are_records_and_unchanged(tmp_path):
    done = run(tmp_path, PRINTS, LOGQ_PRINTS="1")
    plain = run(tmp_path, PRINTS, booted=False)
    assert (done.out, done.err) == (plain.out, plain.err)
    record = done.log("order=8812")
    assert (record["logger"], record["level"], record["lane"]) == ("print", "INFO", "t1")
    assert (record["file"], record["line"], record["func"]) == (str(tmp_path / "program.py"), 4, "show")
    assert "extra" not in record
    assert done.log("to stderr")["extra"] == {"stream": "stderr"}
    assert done.log("into text")["extra"] == {"stream": "StringIO"}
    assert done.log("once 0")
    assert done.log("a 1")["extra"] == {"stream": "Odd"}
    assert done.log("before ")
    assert done.log("no newline")
    assert not done.logs(msg="nowhere")
    assert not [record for record in done.logs() if "Traceback" in record["msg"]]
    assert not run(tmp_path, "print('not asked for')").logs(msg="not asked for")


def test_prints_of_children_and_by_install(tmp_path):
    done = run(
        tmp_path,
        """
        import multiprocessing, subprocess, sys
        def child(): print("child")
        if __name__ == "__main__":
            import logq, builtins
            before = print
            logq.install(prints=True)
            for method in ("fork", "spawn"):
                p = multiprocessing.get_context(method).Process(target=child); p.start(); p.join()
            logq.uninstall()
            assert print is before
            print("after")
        """,
        booted=False,
    )
    assert len(done.logs(msg="child", logger="print")) == 2
    assert not done.logs(msg="after")


WARNINGS = """
import logging, logq, sys, warnings
def careful(): warnings.warn("old way", DeprecationWarning, stacklevel=2)
careful()
careful()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always"); warnings.warn("caught")
assert [str(w.message) for w in caught] == ["caught"]
warnings.showwarning = lambda *a, **k: sys.stderr.write("mine %s\\n" % (a[0],))
warnings.warn("by own hook")
logging.captureWarnings(True)
warnings.warn("to logging")
logging.captureWarnings(False)
warnings.simplefilter("ignore"); warnings.warn("ignored")
warnings.simplefilter("error")
try: warnings.warn("raised")
except UserWarning as problem: print(problem)
"""


def test_warnings_are_records_and_unchanged(tmp_path):
    done = run(tmp_path, WARNINGS)
    plain = run(tmp_path, WARNINGS, booted=False)
    assert (done.out, done.err) == (plain.out, plain.err)
    shown = [record for record in done.logs() if record["logger"] == "py.warnings"]
    assert [record["msg"].split(": ")[-1].split("\n")[0] for record in shown] == [
        "old way",
        "old way",
        "by own hook",
        "to logging",
    ]
    assert shown[0]["extra"] == {"category": "DeprecationWarning"}
    assert (shown[0]["level"], shown[0]["line"], shown[0]["file"]) == ("WARNING", 4, str(tmp_path / "program.py"))
