"""Twisted: order across callFromThread, failures nobody took, what other threads touch, what never fires."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import run, stamps, started, wait_for

pytest.importorskip("twisted")


def test_what_a_thread_hands_to_the_reactor_comes_before_what_it_does(tmp_path: Path) -> None:
    code = """
    import logging
    logging.basicConfig(level=logging.INFO)
    from twisted.internet import reactor, threads
    def work():
        logging.info("worked")
        return 7
    def show(value):
        logging.info("shown")
        reactor.stop()
    reactor.callWhenRunning(lambda: threads.deferToThread(work).addCallback(show))
    reactor.run()
    """
    finished = run(tmp_path, code)
    worked, shown = finished.log("worked"), finished.log("shown")
    assert worked["lane"] != shown["lane"]
    assert f"{worked['lane']}@{worked['seq']}" in stamps(shown)


def test_failures_that_no_errback_took_are_told_dropped_or_kept(tmp_path: Path) -> None:
    code = """
    from twisted.internet import defer
    kept = []
    def fail(message):
        raise ValueError(message)
    defer.succeed(1).addCallback(lambda _: fail("dropped"))
    kept.append(defer.succeed(1).addCallback(lambda _: fail("kept")))
    kept.append(defer.succeed(1).addCallback(lambda _: fail("handled")).addErrback(lambda _: None))
    """
    told = {event["msg"]: event for event in run(tmp_path, code).events("exc", where="deferred")}
    assert sorted(told) == ["dropped", "kept"]
    assert "before the process ended" in told["kept"]["note"]
    assert any(frame["func"] == "fail" for frame in told["dropped"]["stack"])


def test_what_another_thread_touches_is_noted_and_call_from_thread_is_not(tmp_path: Path) -> None:
    code = """
    import threading
    from twisted.internet import reactor, defer
    made = []
    def touch():
        made[0].callback(1)
        reactor.callLater(0, lambda: None)
        reactor.callFromThread(reactor.stop)
    def start():
        made.append(defer.Deferred().addCallback(lambda _: None))
        threading.Thread(target=touch).start()
    reactor.callWhenRunning(start)
    reactor.run()
    """
    notes = run(tmp_path, code).events("note", what="foreign", via="reactor")
    assert [note["fn"] for note in notes] == ["Deferred.callback", "reactor.callLater"]
    assert {note["site"][2] for note in notes} == {"touch"}


def test_who_waits_for_what_is_never_fired_stands_in_a_snapshot(tmp_path: Path) -> None:
    code = """
    from twisted.internet import reactor, defer
    lock, kept = defer.DeferredLock(), []  # what nobody keeps goes with the next collection
    @defer.inlineCallbacks
    def holder():
        yield lock.acquire()
        yield defer.Deferred()
    @defer.inlineCallbacks
    def outer():
        yield inner()
    @defer.inlineCallbacks
    def inner():
        yield lock.acquire()
    reactor.callWhenRunning(lambda: kept.extend((holder(), outer())))
    reactor.run()
    """
    with started(tmp_path, code, LOGQ_STANDSTILL="0.3"):
        records = wait_for(tmp_path, lambda found: any(len(r.get("tasks", ())) == 3 for r in found))
    snap = next(r for r in records if len(r.get("tasks", ())) == 3)
    names = {r["lane"]: r["name"] for r in records if r.get("ev") == "lane"}
    awaits = {names[task["lane"]]: task["awaits"] for task in snap["tasks"]}
    assert awaits["holder"]["on"] == "deferred"
    assert (awaits["inner"]["on"], names[awaits["inner"]["owner"]]) == ("lock", "holder")
    assert (awaits["outer"]["on"], names[awaits["outer"]["owner"]]) == ("task", "inner")
    assert snap["loops"] == [{"lane": "t1", "ready": 0, "timers": 0, "fds": 0}]
    assert snap.get("signals") is None


def test_a_callback_that_holds_the_reactor_is_told_with_what_it_made_late(tmp_path: Path) -> None:
    code = """
    import time
    from twisted.internet import reactor
    def hold():
        time.sleep(0.6)
    def due():
        reactor.stop()
    reactor.callLater(0.05, hold)
    reactor.callLater(0.1, due)
    reactor.run()
    """
    blocked = run(tmp_path, code).events("blocked")
    assert {told["stack"][0]["func"] for told in blocked} == {"hold"}
    assert "due" in [call["fn"] for call in blocked[-1]["calls"]]
