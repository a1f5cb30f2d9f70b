"""PyCSP 0.9.2, which needs `collections.Callable` put back since Python 3.10: order, ends of channels, poison."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import run, stamps, started, wait_for

pytest.importorskip("pycsp")

PREFACE = """
    import collections, collections.abc, logging
    collections.Callable = collections.abc.Callable
    logging.basicConfig(level=logging.INFO)
    from pycsp.parallel import *
"""
HOME = {"PYCSP_HOST": "127.0.0.1"}


def test_a_message_comes_after_its_sender_also_through_a_choice(tmp_path: Path) -> None:
    code = """
    @process
    def sender(out):
        logging.info("sent")
        out(1)
    @process
    def chooser(one, two):
        AltSelect(InputGuard(one), InputGuard(two))
        logging.info("chosen")
        poison(two)
    one, two = Channel(), Channel()
    Parallel(sender(one.writer()), chooser(one.reader(), two.reader()))
    shutdown()
    """
    finished = run(tmp_path, PREFACE + code, **HOME)
    sent, chosen = finished.log("sent"), finished.log("chosen")
    assert f"{sent['lane']}@{sent['seq']}" in stamps(chosen)
    assert finished.event("note", what="poison")["site"][2] == "chooser"
    assert {lane["name"] for lane in finished.events("lane", kind="thread")} >= {"sender", "chooser"}


def test_a_wait_for_a_channel_names_who_has_the_other_end(tmp_path: Path) -> None:
    code = """
    @process
    def left(source, out):
        source()
    @process
    def right(source, out):
        source()
    a, b = Channel(), Channel()
    Parallel(left(a.reader(), b.writer()), right(b.reader(), a.writer()))
    """
    with started(tmp_path, PREFACE + code, **HOME):
        records = wait_for(tmp_path, lambda found: sum(r.get("on") == "channel" for r in found) == 2)
    lanes = {r["name"]: r["lane"] for r in records if r.get("ev") == "lane"}
    waits = {r["lane"]: r for r in records if r.get("on") == "channel"}
    assert waits[lanes["left"]]["owners"] == [lanes["right"]]
    assert waits[lanes["right"]]["owners"] == [lanes["left"]]
    assert waits[lanes["left"]]["state"] == "read"
