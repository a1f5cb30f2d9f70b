"""Log records into lines, caught where every record passes: `Logger.callHandlers`.

No handler is added and no level changed, so `basicConfig`, `dictConfig` and QueueHandlers do what
they do without logq. A record is written once, by the thread that logs it. That it was written is
known here by its identity while it is being handled, and by where it was made afterwards; nothing
is left on the record, whose attributes programs dump and pickle.
"""

from __future__ import annotations

import os
from _thread import _local, get_ident
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple

from . import encode, exits, identity
from .emit import send
from .encode import quote, safe_repr, safe_str
from .failure import describe
from .lane import Lane, here, thread_lane
from .patching import dress, replace
from .sink import MAX_LINE
from .sites import absolute

if TYPE_CHECKING:
    from logging import LogRecord

__all__ = ["patch", "write", "written_elsewhere"]

_STANDARD = frozenset(
    """
    args asctime created exc_info exc_text filename funcName levelname levelno lineno message module
    msecs msg name pathname process processName relativeCreated stack_info taskName thread threadName
    """.split()
)
# How many attributes a record has that nobody added to; set when logging is patched.
_plain_size = 0

# (logger, level, file, line, function) -> their members, ready to be put into a line.
_places: Dict[Tuple[str, str, str, int, str], str] = {}
_MAX_PLACES = 8192

# What `redact=` and `context=` of `install` and of every `logq.Handler` ask for.
redactors: List[Callable[[Dict[str, Any]], None]] = []
contexts: List[Any] = []

wrapped = False


class _Dispatch(_local):
    """The record whose handlers this thread is running."""

    record: Optional["LogRecord"] = None


_dispatch = _Dispatch()


def patch(logging: Any) -> None:
    """Wraps `Logger.callHandlers`."""
    global wrapped
    _measure_plain_record(logging)
    replace(logging.Logger, "callHandlers", lambda original: _wrap_call_handlers(original, logging))
    wrapped = True


def _measure_plain_record(logging: Any) -> None:
    global _plain_size
    _plain_size = len(logging.LogRecord("", 0, "", 0, "", (), None).__dict__)


def _wrap_call_handlers(original: Callable[[Any, Any], Any], logging: Any) -> Any:
    dispatch = _dispatch

    def callHandlers(self: Any, record: Any) -> Any:
        outer = dispatch.record
        if outer is record:
            return original(self, record)
        dispatch.record = record
        try:
            if identity.me is not None:
                write_once(record, outer)
            return original(self, record)
        finally:
            dispatch.record = outer

    function = dress(callHandlers, original)
    # `Handler.handleError` prints the stack from the first frame outside of logging's own file:
    # this one must not be it.
    function.__code__ = function.__code__.replace(co_filename=original.__code__.co_filename)
    return function


def write_once(record: Any, outer: Any = None) -> None:
    """Writes a record that a logger hands to its handlers, unless it is a second hand's."""
    try:
        if record.thread != get_ident() and record.thread is not None and written_elsewhere(record):
            return
        if outer is not None and _is_copy(record, outer):
            return
        write(record)
    except Exception:
        process = identity.me
        if process is not None:
            process.sink.count_lost("error")


def _is_copy(record: Any, outer: Any) -> bool:
    """A handler passed a copy of the record that it was given on to another logger."""
    return bool(
        record.created == outer.created
        and record.lineno == outer.lineno
        and record.thread == outer.thread
        and record.process == outer.process
    )


def written_elsewhere(record: Any) -> bool:
    """Whether a record that comes from another thread or process was written there.

    A queue brings records from where they were logged. In this process they passed
    `callHandlers` there; another process has written them if it is recorded in the same run.
    """
    process = identity.me
    if process is None or record.process is None:
        return False
    if record.process == process.pid:
        return wrapped
    return is_recorded(record.process)


_recorded_pids: Dict[int, bool] = {}


def is_recorded(pid: int) -> bool:
    """Whether process `pid` has a part in this run's spool."""
    known = _recorded_pids.get(pid)
    process = identity.me
    if known is None and process is not None:
        start = "%d-" % pid
        try:
            known = any(name.startswith(start) for name in os.listdir(process.place.spool))
        except OSError:
            known = False
        if known:  # "no" may change: its part may be on the way
            _recorded_pids[pid] = True
    return bool(known)


def write(record: Any, lane: Optional[Lane] = None) -> None:
    """Writes the record in the running lane."""
    exits.note_top()
    lane = lane or here()
    body = _body(record, lane)
    if len(body) > MAX_LINE - 4096:
        body = _cut(record, lane, len(body))
    send(lane, body)


def _body(record: Any, lane: Lane) -> str:
    template = record.msg
    text = template if type(template) is str else safe_str(template)
    arguments = record.args
    members = ""
    if arguments:
        members = ',"tpl":' + quote(text)
        text = _message(record, text)
    attributes = record.__dict__
    extra = ""
    if len(attributes) != _plain_size or contexts:
        fields = _extra_fields(attributes)
        if redactors:
            text, fields, members = _redact(text, fields, members)
        if fields:
            extra = ',"extra":' + encode.value(fields)
    elif redactors:
        text, fields, members = _redact(text, {}, members)
    if record.exc_info:
        members += _exception(record)
    if record.stack_info:
        members += ',"stack":' + quote(safe_str(record.stack_info))
    return f"{_place(record)}{_thread(record, lane)},\"msg\":{quote(text)}{members}{extra}"


def _message(record: Any, template: str) -> str:
    """The message with its arguments, or both side by side where they do not fit each other."""
    try:
        text = record.getMessage()
        return text if type(text) is str else safe_str(text)
    except Exception as problem:
        return "%s [arguments %s: %s]" % (template, safe_repr(record.args), type(problem).__name__)


def _place(record: Any) -> str:
    key = (record.name, record.levelname, record.pathname, record.lineno, record.funcName)
    try:
        known = _places.get(key)
    except TypeError:  # an attribute that cannot be hashed
        return _render_place(key)
    if known is None:
        known = _render_place(key)
        if len(_places) >= _MAX_PLACES:
            _places.clear()
        _places[key] = known
    return known


def _render_place(key: Tuple[Any, Any, Any, Any, Any]) -> str:
    name, level, file, line, function = key
    members = ',"level":%s,"logger":%s' % (quote(safe_str(level)), quote(safe_str(name)))
    if file:
        members += ',"file":%s' % quote(absolute(safe_str(file)))
    if isinstance(line, int):
        members += ',"line":%d' % line
    if function:
        members += ',"func":%s' % quote(safe_str(function))
    return members


def _thread(record: Any, lane: Lane) -> str:
    """`thread`, `tid` and `task`: the OS thread's, also inside a task."""
    thread = lane if lane.kind == "thread" else thread_lane()
    name = record.threadName
    known = thread.name_text
    if known is None or known[0] != name:
        text = ',"thread":%s' % quote(safe_str(name or thread.name))
        if thread.tid:
            text += ',"tid":%d' % thread.tid
        thread.name_text = known = (name, text)
    if lane is thread:
        return known[1]
    return '%s,"task":%s' % (known[1], quote(safe_str(lane.task_name())))


def _exception(record: Any) -> str:
    info = record.exc_info
    if not isinstance(info, tuple) or len(info) != 3 or not isinstance(info[1], BaseException):
        return ""
    return ',"exc":' + encode.value(describe(info[1], info[2]))


def _extra_fields(attributes: Dict[str, Any]) -> Dict[str, Any]:
    fields = {key: attributes[key] for key in list(attributes) if key not in _STANDARD}
    for variable in contexts:
        try:
            fields.setdefault(variable.name, variable.get())
        except (LookupError, AttributeError):
            pass
    return fields


def _redact(text: str, fields: Dict[str, Any], members: str) -> Tuple[str, Dict[str, Any], str]:
    """Lets each redactor change `msg` and the extra fields. What it broke is left out entirely."""
    content: Dict[str, Any] = {"msg": text, "extra": fields}
    try:
        for redactor in list(redactors):
            redactor(content)
        return safe_str(content.get("msg", "")), dict(content.get("extra") or {}), members
    except Exception:
        return "[redaction failed]", {}, ""


def _cut(record: Any, lane: Lane, length: int) -> str:
    """The record with its longest texts shortened; `cut` says by how many bytes."""
    text = _message(record, safe_str(record.msg)) if record.args else safe_str(record.msg)
    limit = 100_000
    body = f"{_place(record)}{_thread(record, lane)},\"msg\":{quote(text[:limit])}"
    if record.args:
        body += ',"tpl":' + quote(safe_str(record.msg)[:10_000])
    if record.exc_info:
        exception = _exception(record)
        body += exception if len(exception) < 200_000 else ""
    return body + ',"cut":%d' % (length - len(body))
