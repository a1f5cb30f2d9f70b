"""The flight recorder: log records that the program's own levels drop, written all the same.

A logging call asks `Logger.isEnabledFor` and returns when that says no. Here, and only then, the record
is made from the arguments of that call. The answer stays what it was, for the call as for a program
that guards expensive work with the same question; the program's factories, filters and handlers never
hear of the record, so nothing that they count or print changes. What a program says to an
adapter (`LoggerAdapter.process`) or to `str()` is asked of it as if the level were on.
"""

from __future__ import annotations

import os
import sys

from . import fork, identity, records
from .lane import Lane, here, thread_lane
from .patching import dress, replace
from .trouble import swallowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType
    from typing import Any, Callable

__all__ = ["patch"]

_level = 0
_logging: Any = None
_calls: set[CodeType] = set()  # the logging calls that ask before they make a record
_plain: dict[str, Any] = {}  # what every record has


def patch(logging: Any) -> None:
    """Wraps the question whether a record is wanted."""
    global _level, _logging, _plain
    process = identity.me
    if process is None or process.options.record_level is None:
        return
    _level, _logging = process.options.record_level, logging
    _plain = dict(vars(logging.LogRecord("", 0, "", 0, "", (), None)))
    names = ("debug", "info", "warning", "error", "critical", "log")
    _calls.update(getattr(logging.Logger, name).__code__ for name in names)
    _calls.add(logging.LoggerAdapter.log.__code__)
    replace(logging.Logger, "isEnabledFor", _wrap_is_enabled)


def _wrap_is_enabled(original: Callable[[Any, Any], Any]) -> Any:
    def isEnabledFor(self: Any, level: Any) -> Any:  # noqa: N802 - logging's name
        enabled = original(self, level)
        if not enabled and identity.me is not None:
            try:
                if level >= _level:
                    _write_dropped(self, level, sys._getframe(1))
            except Exception:
                swallowed()
        return enabled

    return dress(isEnabledFor, original)


def _write_dropped(logger: Any, level: int, frame: FrameType | None) -> None:
    while frame is not None and frame.f_code.co_name == "isEnabledFor":
        frame = frame.f_back  # an adapter's, or a subclass's own
    if frame is None or frame.f_code not in _calls:
        return  # the program asks for itself
    call = frame.f_locals
    msg, args, options = call["msg"], call["args"], call["kwargs"]
    if call["self"] is not logger and hasattr(call["self"], "process"):
        msg, options = _processed(call["self"], msg, options)
    process = identity.me
    if process is not None and os.getpid() != process.pid:  # a fork that Python's hooks did not see
        fork.become_child(here())
    lane = here()
    records.write(_make(logger.name, level, msg, args, options, frame, lane), lane)


def _processed(adapter: Any, msg: Any, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    try:
        message, changed = adapter.process(msg, dict(options))
        return message, dict(changed)
    except Exception:
        return msg, options


def _make(name: str, level: int, msg: Any, args: Any, options: dict[str, Any], frame: FrameType, lane: Lane) -> Any:
    """A record as logging would have made it, by no factory."""
    caller = _caller(frame, options.get("stacklevel", 1))
    code = caller.f_code
    if args and len(args) == 1 and isinstance(args[0], dict) and args[0]:
        args = args[0]
    thread = lane if lane.kind == "thread" else thread_lane()
    record = _logging.LogRecord.__new__(_logging.LogRecord)
    attributes = record.__dict__
    attributes.update(_plain)
    attributes["name"] = name
    attributes["levelno"] = level
    attributes["levelname"] = _logging.getLevelName(level)
    attributes["msg"] = msg
    attributes["args"] = args
    attributes["pathname"] = code.co_filename
    attributes["lineno"] = caller.f_lineno
    attributes["funcName"] = code.co_name
    attributes["threadName"] = thread.name_text[0] if thread.name_text is not None else thread.name
    attributes["exc_info"] = _exception_info(options.get("exc_info"))
    attributes["stack_info"] = _stack(caller) if options.get("stack_info") else None
    extra = options.get("extra")
    if isinstance(extra, dict):
        for key in extra:
            attributes.setdefault(key, extra[key])
    return record


def _caller(frame: FrameType, stacklevel: Any) -> FrameType:
    """The frame that logging's `findCaller` would name."""
    source = _logging.Logger.log.__code__.co_filename
    above = stacklevel if isinstance(stacklevel, int) else 1
    found = frame
    while True:
        outer = found.f_back
        if outer is None:
            return found
        found = outer
        if found.f_code.co_filename != source:
            above -= 1
            if above <= 0:
                return found


def _exception_info(wanted: Any) -> Any:
    if isinstance(wanted, BaseException):
        return (type(wanted), wanted, wanted.__traceback__)
    if wanted and not isinstance(wanted, tuple):
        return sys.exc_info()
    return wanted or None


def _stack(frame: FrameType) -> str:
    import traceback

    return "Stack (most recent call last):\n" + "".join(traceback.format_stack(frame)).rstrip("\n")
