"""The examples of docs/propagation.md: the one that needs only the standard library is run, all of them can be."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from harness import run, stamps

PAGE = Path(__file__).resolve().parents[2] / "docs" / "propagation.md"


def examples():
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_http_carries_causality_both_ways(tmp_path):
    (code,) = [example for example in examples() if "ThreadingHTTPServer" in example]
    done = run(tmp_path, code)
    asking, serving, answered = (done.log(msg) for msg in ("asking", "serving /orders/8812", "answered"))
    assert serving["lane"] not in ("t1", asking["lane"])
    sent = {(record["lane"], record["seq"]): record for record in done.events("send")}
    received = done.events("recv")
    assert [record["lane"] for record in received] == [serving["lane"], "t1"]
    for record, before in zip(received, (asking, serving)):
        (stamp,) = [stamp for stamp in stamps(record) if "/" in stamp]
        lane, _, number = stamp.partition("/")[2].partition("@")
        assert (lane, int(number)) in sent
        assert (before["lane"], before["seq"] < int(number)) == (lane, True)
        assert record["from"] == stamp
    assert received[0]["seq"] < serving["seq"]
    assert received[1]["seq"] < answered["seq"]


def test_every_example_parses_and_context_does_what_is_said(tmp_path):
    for example in examples():
        ast.parse(example)
    (code,) = [example for example in examples() if "order_id=8812" in example]
    done = run(tmp_path, code + "\nbill()\n")
    assert done.log("out of stock")["extra"] == {"order_id": 8812}
    assert done.log("billed")["extra"] == {"component": "billing"}


def test_what_is_no_stamp_is_ignored(tmp_path):
    done = run(
        tmp_path,
        """
        import logq
        long = "4242-k3f9xz/t1@" + "9" * 5000
        for odd in (None, "", "x", b"4242-k3f9xz/t1@12", "4242-k3f9xz/t1@-1", "a/b@c", "\\udc80/t1@1", long, 3):
            logq.merge(odd)
        import threading
        threading.Thread(target=logq.merge, args=("4242-k3f9xz/t1@12",)).start()
        """,
    )
    assert [record["from"] for record in done.events("recv")] == ["4242-k3f9xz/t1@12"]
    run(tmp_path, "import logq; assert logq.stamp() == ''; logq.merge('1-abcdef/t1@1')", booted=False)
