"""Servers that fork before they serve, and that start themselves anew: gunicorn, uvicorn with workers and --reload."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from harness import Finished, check, environment, finish, read_spool, write_program

SERVERS = {
    "gunicorn": ["gunicorn", "--workers", "2", "--bind", "127.0.0.1:{port}", "app:wsgi"],
    "gunicorn with threads": ["gunicorn", "--workers", "2", "--threads", "3", "--bind", "127.0.0.1:{port}", "app:wsgi"],
    "uvicorn": ["uvicorn", "--workers", "2", "--port", "{port}", "app:asgi"],
    "uvicorn on uvloop": ["uvicorn", "--loop", "uvloop", "--port", "{port}", "app:asgi"],
    "uvicorn --reload": ["uvicorn", "--reload", "--port", "{port}", "app:asgi"],
}

APP = """
import logging, os
log = logging.getLogger("app"); log.addHandler(logging.NullHandler()); log.setLevel(10); log.propagate = False
log.info("loaded VERSION")
def wsgi(environ, start_response):
    log.info("request %s", environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d VERSION" % os.getpid()]
async def asgi(scope, receive, send):
    assert scope["type"] == "http"
    log.info("request %s", scope["path"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d VERSION" % os.getpid()})
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(port: int, path: str, until: str = "one", limit: float = 60) -> int:
    """Asks until an answer of that version comes; the pid of who answered."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                pid, version = answer.read().split()
                if version.decode() == until:
                    return int(pid)
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"no answer {until!r} within {limit} s")


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_is_recorded_and_serves(tmp_path, name):
    module = SERVERS[name][0]
    pytest.importorskip(module)
    if "uvloop" in name:
        pytest.importorskip("uvloop")
    port = free_port()
    app = write_program(tmp_path, APP.replace("VERSION", "one"), "app.py")
    command = [sys.executable, "-m", *[part.format(port=port) for part in SERVERS[name]]]
    server = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment(tmp_path / ".logq"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        served = {ask(port, f"/{n}") for n in range(20)}
        if "--reload" in name:
            write_program(tmp_path, APP.replace("VERSION", "two"), "app.py")
            os.utime(app, (time.time() + 5, time.time() + 5))  # a clock of whole seconds sees it, too
            served.add(ask(port, "/again", "two"))
        server.send_signal(signal.SIGTERM)
        out, _ = finish(server, 60)
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
    done = Finished(server.returncode, out.decode(), "", tmp_path / ".logq", records=read_spool(tmp_path / ".logq"))
    check(done.records)
    assert "Traceback" not in done.out, done.out
    assert "logq" not in done.out, done.out
    assert {r["pid"] for r in done.logs() if r["msg"].startswith("request")} == served
    for n in range(20):
        assert done.log(f"request /{n}")
    if "--reload" in name:
        assert done.logs(msg="request /again")[-1]["pid"] != done.log("request /0")["pid"]
    root = next(event for event in done.processes() if event["how"] == "root")
    assert root["pid"] == server.pid
    if served != {server.pid}:
        children = {event["child_pid"] for event in done.events("child") if event["pid"] == server.pid}
        assert served <= children
        reaped = {event["child_pid"] for event in done.events("reap") if event["pid"] == server.pid}
        assert served <= reaped
    ended_by_signal = server.returncode < 0  # uvicorn sends itself the one that it has put off
    assert len(done.events("exit", pid=server.pid)) == (not ended_by_signal)
    assert not done.events("lost")
