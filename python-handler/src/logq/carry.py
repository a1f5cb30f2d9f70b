"""Causality across HTTP and task queues: a stamp among the headers, on the way out and on the way in.

    requests.get(url, headers=logq.carry.headers())        # who asks
    app = logq.carry.wsgi(app)                             # who answers: Django, Flask…
    app = logq.carry.asgi(app)                             # FastAPI, Starlette…
    logq.carry.celery()                                    # both sides of Celery

What arrives in a W3C `traceparent` is put into the fields of every log record of the request, as `trace_id` and
`parent_id`, and so is what OpenTelemetry says of the span that is current. A stamp that came from nobody of this run's
is kept as it is and orders nothing. Nothing is sent that was not asked for.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager

from . import identity
from .fields import context
from .options import contexts
from .stamp import merge_text, stamp_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Callable

__all__ = ["HEADER", "asgi", "celery", "headers", "received", "watch_spans", "wsgi"]

HEADER = "logq-stamp"
_HEX = frozenset("0123456789abcdef")


def headers(others: dict[str, str] | None = None) -> dict[str, str]:
    """The headers for a request or message: `others`, and this lane's stamp. Without recording just `others`."""
    carried = dict(others or {})
    stamp = stamp_text()
    if stamp:
        carried[HEADER] = stamp
    return carried


@contextmanager
def received(given: Any) -> Iterator[None]:
    """What is done here comes after what the headers' sender did; log records get the trace that they name.

    `given` is a mapping, or pairs; names in any case, text or bytes.
    """
    found = _wanted(given)
    if found.get(HEADER) and identity.me is not None:
        merge_text(found[HEADER])
    fields = trace_of(found.get("traceparent"))
    if fields and identity.me is not None:
        with context(**fields):
            yield
    else:
        yield


def _wanted(given: Any) -> dict[str, str]:
    pairs: Iterable[Any] = given.items() if hasattr(given, "items") else given or ()
    found = {}
    for key, value in pairs:
        name = _text(key).lower().replace("_", "-")
        if name in (HEADER, "traceparent"):
            found[name] = _text(value)
    return found


def _text(part: object) -> str:
    return part.decode("latin-1") if isinstance(part, bytes) else str(part)


def trace_of(text: str | None) -> dict[str, str]:
    """`00-<32 hex>-<16 hex>-01` as `trace_id` and `parent_id`; nothing if it is anything else."""
    parts = (text or "").strip().split("-")
    if len(parts) < 4 or [len(part) for part in parts[:4]] != [2, 32, 16, 2] or parts[0] == "ff":
        return {}
    trace, parent = parts[1], parts[2]
    if not _HEX.issuperset(trace + parent) or not trace.strip("0") or not parent.strip("0"):
        return {}
    return {"trace_id": trace, "parent_id": parent}


# Servers. ---------------------------------------------------------------------------------------


def wsgi(app: Callable[..., Any]) -> Callable[..., Any]:
    """A WSGI application whose requests come after what was done before they were sent."""

    def carried(environ: dict[str, Any], start_response: Any) -> Any:
        given = {name[5:]: value for name, value in environ.items() if name.startswith("HTTP_")}
        with received(given):
            return app(environ, start_response)

    return carried


def asgi(app: Callable[..., Any]) -> Callable[..., Any]:
    """The same of an ASGI application."""

    async def carried(scope: dict[str, Any], receive: Any, send: Any) -> None:
        with received(scope.get("headers")):
            await app(scope, receive, send)

    return carried


# Celery. ----------------------------------------------------------------------------------------


def celery() -> None:
    """Tasks come after those who sent them. To be called where tasks are sent and where they are done."""
    signals = __import__("celery.signals", fromlist=["signals"])
    signals.before_task_publish.connect(_publishes, weak=False, dispatch_uid="logq")
    signals.task_prerun.connect(_begins, weak=False, dispatch_uid="logq")


def _publishes(headers: Any = None, **_more: Any) -> None:
    stamp = stamp_text()
    if stamp and isinstance(headers, dict):
        headers.setdefault(HEADER, stamp)


def _begins(task: Any = None, **_more: Any) -> None:
    request = getattr(task, "request", None)
    given = getattr(request, "headers", None) or {}
    stamp = given.get(HEADER) or getattr(request, HEADER, None)
    if stamp and identity.me is not None:
        merge_text(stamp)


# OpenTelemetry. ---------------------------------------------------------------------------------


class _Current:
    """Looks like a context variable, and says what the current span is called."""

    def __init__(self, name: str, part: str, digits: int) -> None:
        self.name = name
        self.part = part
        self.digits = digits

    def get(self) -> str:
        trace = sys.modules["opentelemetry.trace"]
        number = getattr(trace.get_current_span().get_span_context(), self.part)
        if not number:
            raise LookupError(self.name)
        return format(number, f"0{self.digits}x")


def watch_spans(_trace: Any = None) -> None:
    """From now on log records say in which span they were written."""
    if not any(isinstance(known, _Current) for known in contexts):
        contexts.extend([_Current("trace_id", "trace_id", 32), _Current("span_id", "span_id", 16)])
