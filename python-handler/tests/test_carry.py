"""Causality in headers: WSGI and ASGI, W3C traceparent, Celery, OpenTelemetry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness import run, stamps

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_request_comes_after_who_asked_and_has_the_trace(tmp_path: Path) -> None:
    code = f"""
    import asyncio, logging, threading, urllib.request
    from wsgiref.simple_server import WSGIRequestHandler, make_server
    import logq.carry
    logging.basicConfig(level=logging.INFO)
    class Quiet(WSGIRequestHandler):
        def log_message(self, *args): pass
    def app(environ, start_response):
        logging.info("answers")
        start_response("200 OK", [])
        return [b""]
    server = make_server("127.0.0.1", 0, logq.carry.wsgi(app), handler_class=Quiet)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    logging.info("asks")
    headers = logq.carry.headers({{"traceparent": "{TRACE}"}})
    urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{{server.server_port}}", headers=headers)).read()
    thread.join()
    server.server_close()
    async def app3(scope, receive, send): logging.info("answers again")
    given = [(name.encode(), value.encode()) for name, value in logq.carry.headers().items()]
    threading.Thread(target=lambda: asyncio.run(logq.carry.asgi(app3)({{"headers": given}}, None, None))).start()
    """
    finished = run(tmp_path, code)
    asks, answers, again = finished.log("asks"), finished.log("answers"), finished.log("answers again")
    sent = finished.events("send", via="stamp")
    assert sent[0]["seq"] == asks["seq"] + 1
    assert finished.events("recv", via="stamp")[0]["from"].endswith(f"/t1@{sent[0]['seq']}")
    assert finished.events("recv", via="stamp")[0]["lane"] == answers["lane"]
    assert answers["extra"] == {"trace_id": TRACE[3:35], "parent_id": TRACE[36:52]}
    assert finished.events("recv", via="stamp")[1]["lane"] == again["lane"]
    assert "extra" not in again


@pytest.mark.parametrize(
    "text", ["", "00-0-0-01", TRACE.replace("4", "G", 1), TRACE.replace("00-", "ff-", 1), "x" * 55]
)
def test_what_is_no_trace_is_none(text: str) -> None:
    from logq.carry import trace_of

    assert trace_of(text) == {}


def test_the_current_span_of_opentelemetry_is_in_the_record(tmp_path: Path) -> None:
    pytest.importorskip("opentelemetry.sdk")
    code = """
    import logging
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    trace.set_tracer_provider(TracerProvider())
    logging.basicConfig(level=logging.INFO)
    logging.info("outside")
    with trace.get_tracer("shop").start_as_current_span("order") as span:
        logging.info("inside")
        print(format(span.get_span_context().span_id, "016x"))
    """
    finished = run(tmp_path, code)
    assert "extra" not in finished.log("outside")
    assert finished.log("inside")["extra"]["span_id"] == finished.out.strip()


def test_a_celery_task_comes_after_who_sent_it(tmp_path: Path) -> None:
    pytest.importorskip("celery")
    code = """
    import logging
    import celery, logq.carry
    from celery.contrib.testing.worker import start_worker
    app = celery.Celery("shop", broker="memory://", backend="cache+memory://")
    @app.task
    def pack(order):
        logging.getLogger("shop").error("packs %s", order)
        return order
    logq.carry.celery()
    with start_worker(app, perform_ping_check=False, shutdown_timeout=20):
        logging.getLogger("shop").error("sends")
        assert pack.delay(8812).get(timeout=20) == 8812
    """
    finished = run(tmp_path, code, checked=False)
    packs = finished.log("packs 8812")
    received = [event for event in finished.events("recv", via="stamp") if event["lane"] == packs["lane"]]
    sends = finished.log("sends")
    assert received, json.dumps(stamps(packs))
    assert int(received[0]["from"].rpartition("@")[2]) > sends["seq"]


def test_an_order_is_followed_from_django_to_fastapi(tmp_path: Path) -> None:
    sample = Path(__file__).resolve().parents[2] / "samples" / "web_requests"
    for file in sample.glob("*.py"):
        (tmp_path / file.name).write_text(file.read_text())
    finished = run(tmp_path, (tmp_path / "program.py").read_text(), LOGQ_DEBUG=None)
    orders, asks, counts = (
        finished.log(text) for text in ("orders a wheel", "order 8812 asks for its part", "counts wheel")
    )
    assert len({record["proc"] for record in (orders, asks, counts)}) == 3
    for before, after in ((orders, asks), (asks, counts)):
        received = [event for event in finished.events("recv", via="stamp") if event["lane"] == after["lane"]]
        received = [event for event in received if event["proc"] == after["proc"] and event["seq"] < after["seq"]]
        assert f"{before['proc']}/{before['lane']}@" in received[-1]["from"]
