"""structlog and loguru: their records become ours where they do not come by `logging`; and the spans of OpenTelemetry.

structlog hands many events on to a logger of `logging`, where they are caught; those for one of its own are written
here, with what was bound to it. loguru never asks `logging`: a record is written once, when the first of its handlers
gets it. Levels and filters stay the program's.
"""

from __future__ import annotations

import sys
from types import FunctionType

from logq import encode, identity, records, sites
from logq.emit import send
from logq.encode import safe_str
from logq.failure import describe
from logq.lane import here
from logq.patching import dress, replace
from logq.render import noted
from logq.sites import caller_site
from logq.trouble import swallowed
from logq.unseen import hide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["forget", "patch_loguru", "patch_spans", "patch_structlog", "patch_structlog_base"]

_LEVELS = {
    "warn": "WARNING",
    "exception": "ERROR",
    "fatal": "CRITICAL",
    "msg": "INFO",
    "err": "ERROR",
    "failure": "ERROR",
}
_DEEPEST = 12  # frames between logging's handler and loguru

_last: Any = None  # the record of loguru's that was written last


def patch_structlog(structlog: Any) -> None:
    sites.learn_machinery(structlog)


def patch_structlog_base(base: Any) -> None:
    replace(base.BoundLoggerBase, "_process_event", _wrap_process)


def patch_loguru(handler: Any) -> None:
    sites.learn_machinery(handler)
    replace(handler.Handler, "emit", _wrap_emit)


def patch_spans(trace: Any) -> None:
    from logq.carry import watch_spans

    watch_spans(trace)


def forget() -> None:
    global _last
    _last = None


# structlog. -------------------------------------------------------------------------------------


def _wrap_process(original: Callable[..., Any]) -> Any:
    note = _note_structlog

    def _process_event(self: Any, method_name: Any, event: Any, event_kw: Any) -> Any:
        try:
            processed = original(self, method_name, event, event_kw)
        except BaseException as problem:  # dropped by the program, or a processor has failed
            hide(problem)
            raise
        note(self, method_name, event, event_kw)
        return processed

    # Its processors look for their caller, the first frame that is not structlog's: this one must be.
    world = {"__name__": "structlog._base", "__builtins__": __builtins__, "hide": hide}
    return dress(FunctionType(_process_event.__code__, world, None, None, _process_event.__closure__), original)


def _note_structlog(bound: Any, method: Any, event: Any, event_kw: dict[str, Any]) -> None:
    if identity.me is None or not records.wrapped:
        return
    try:
        logging = sys.modules.get("logging")
        if logging is not None and isinstance(bound._logger, logging.Logger):
            return  # it is caught there
        fields = {**_bound_variables(), **bound._context, **event_kw}
        problem = _exception_of(fields.pop("exc_info", method == "exception"))
        fields.pop("stack_info", None)
        name = fields.pop("logger", None) or fields.pop("logger_name", None)
        level = _LEVELS.get(str(method), str(method).upper())
        text = safe_str(event if event is not None else fields.pop("event", ""))
        _write(str(name or "structlog"), level, None, caller_site(2), text, fields, problem)
    except Exception:
        swallowed()


def _bound_variables() -> dict[str, Any]:
    contextvars = sys.modules.get("structlog.contextvars")
    return dict(contextvars.get_contextvars()) if contextvars is not None else {}


def _exception_of(told: Any) -> BaseException | None:
    if isinstance(told, BaseException):
        return told
    if isinstance(told, tuple) and len(told) == 3 and isinstance(told[1], BaseException):
        return told[1]
    return sys.exc_info()[1] if told else None


# loguru. ----------------------------------------------------------------------------------------


def _wrap_emit(original: Callable[..., Any]) -> Any:
    def emit(self: Any, record: Any, *args: Any, **kwargs: Any) -> Any:
        global _last
        try:
            is_meant = records.wrapped and record is not _last and record["level"].no >= self._levelno
            if is_meant and (self._filter is None or self._filter(record)):
                _last = record
                if not _comes_from_logging(sys._getframe(1)):
                    _note_loguru(record)
        except Exception:
            swallowed()
        return original(self, record, *args, **kwargs)

    return dress(emit, original)


def _comes_from_logging(frame: Any) -> bool:
    """Whether a handler of logging's has handed it on to loguru: then it has been written."""
    for _ in range(_DEEPEST):
        if frame is None:
            return False
        if frame.f_code.co_name == "callHandlers" and frame.f_globals.get("__name__") == "logging":
            return True
        frame = frame.f_back
    return False


def _note_loguru(record: dict[str, Any]) -> None:
    level, told = record["level"], record["exception"]
    problem = told.value if told is not None else None
    site = (record["file"].path, record["line"], record["function"])
    number = level.no if level.name not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL") else None
    _write(str(record["name"]), level.name, number, site, record["message"], dict(record["extra"]), problem)


def _write(
    logger: str, level: str, number: int | None, site: Any, text: str, fields: dict[str, Any], problem: Any
) -> None:
    lane = here()
    failure = describe(problem) if isinstance(problem, BaseException) else None
    body = noted(logger, level, site or ("", 0, None), text, fields, lane, failure)
    if number is not None:
        body += encode.members({"levelno": number})
    send(lane, body)
