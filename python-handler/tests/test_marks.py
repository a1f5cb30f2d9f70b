"""Variables marked by hand: `logq.shared`, `logq.read`, `logq.write`."""

from __future__ import annotations

import pytest
from harness import run

MARKED = """
    import threading, logq
    {install}
    ready, done = threading.Event(), threading.Event()
    class Box: n = 0
    box = logq.shared(Box(), "box"); table = logq.shared({{}}, "table")
    def add(go=int):
        logq.read("outside"); seen = box.n; kept = table["a"] if "a" in table else 0
        go()
        logq.write("outside"); box.n = seen + 1; table["a"] = kept + 1
    t = threading.Thread(target=add, args=[lambda: (ready.set(), done.wait())], name="slow"); t.start()
    ready.wait(); add(); done.set(); t.join()
    print(box.n, table["a"], isinstance(box, Box), len(table), type(box.n), table == {{"a": 1}}, list(table))
    """


@pytest.mark.parametrize("races", [None, "1"])
def test_what_is_marked_by_hand_is_noted(tmp_path, races):
    done = run(tmp_path, MARKED.format(install=""), LOGQ_RACES=races)
    names = {event["obj"]: event["name"] for event in done.events("obj")}
    lost = {(names[use["var"]], use.get("item")) for use in done.events("access") if "over" in use}
    assert {("outside", None), ("box", "n"), ("table", "a")} <= lost
    assert done.out == "1 1 True 1 <class 'int'> True ['a']\n"


def test_marks_do_nothing_where_nothing_is_recorded(tmp_path):
    done = run(tmp_path, MARKED.format(install=""), booted=False, checked=False)
    assert done.out == "1 1 True 1 <class 'int'> True ['a']\n"
