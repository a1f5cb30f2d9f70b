"""One log record as the members of a line: level, logger, message, place, exception, extra.

Looks at the record and leaves it as it is. What the program's own objects do while they are turned
into text (raise, recurse, log) is answered here; what becomes of the text is `emit.py`'s affair.
"""

from __future__ import annotations

import sys
from _operator import itemgetter

from . import encode
from .encode import _quote, quote, safe_repr, safe_str
from .failure import describe
from .fields import current
from .lane import Lane, thread_lane
from .options import contexts, redactors
from .sites import absolute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["cut", "measure_plain_record", "members", "noted"]

_STANDARD = frozenset(
    [
        "args", "asctime", "created", "exc_info", "exc_text", "filename", "funcName", "levelname", "levelno",
        "lineno", "message", "module", "msecs", "msg", "name", "pathname", "process", "processName",
        "relativeCreated", "stack_info", "taskName", "thread", "threadName",
    ]
)  # fmt: skip
_USUAL_LEVELS = frozenset(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "NOTSET"])
# How many attributes a record has that nobody added to; set when logging is patched.
_plain_size = 0

# Several at once cost less than one after another before 3.11.
_content_of = itemgetter("exc_info", "stack_info", "msg", "args", "threadName")
_place_of = itemgetter("name", "levelname", "pathname", "lineno", "funcName")

# (logger, level, file, line, function) -> their members, ready to be put into a line.
_places: dict[tuple[str, str, str, int, str], str] = {}
_MAX_PLACES = 8192
# Templates as members, likewise: nearly all are constants of the program, and whoever passes arguments has one.
_templates: dict[str, str] = {}
_MAX_TEMPLATES = 4096
# How much of a text is kept that did not come by logging: with six bytes a character it fits a line.
_MAX_NOTED = 100_000

_Record: Any = None  # logging's class of records, and how it puts a message together
_get_message: Any = None


def measure_plain_record(logging: Any) -> None:
    global _plain_size, _Record, _get_message
    _Record, _get_message = logging.LogRecord, logging.LogRecord.getMessage
    _plain_size = len(logging.LogRecord("", 0, "", 0, "", (), None).__dict__)


def members(record: Any, lane: Lane) -> str:
    """Everything of a log record that follows the members common to all records."""
    attributes = record.__dict__
    if len(attributes) != _plain_size or contexts or redactors or type(record) is not _Record:
        return _detailed(record, lane)
    # The rest is run for nearly every record of a program, so it is written for speed.
    try:
        exc_info, stack_info, template, args, named = _content_of(attributes)
        place = _places[_place_of(attributes)]
    except (KeyError, TypeError):
        return _detailed(record, lane)
    if exc_info or stack_info or type(template) is not str:
        return _detailed(record, lane)
    known = lane.name_text  # as `_thread` has left it
    thread = known[1] if known is not None and known[0] is named else _thread(record, lane)
    tpl = ""
    if not args:
        text = _quote(template)
    else:
        try:
            text = _quote(template % args if _Record.getMessage is _get_message else record.getMessage())
            tpl = _templates[template] if template in _templates else _template(template)
        except Exception:
            return _detailed(record, lane)
    added = current()
    if "\\ud" in text:  # half of a surrogate pair, perhaps: strict parsers refuse it
        return _detailed(record, lane)
    if added is None:
        return f'{place}{thread},"msg":{text}{tpl}'
    return f'{place}{thread},"msg":{text}{tpl}{added.text()}'


def _template(template: str) -> str:
    if len(_templates) >= _MAX_TEMPLATES:
        _templates.clear()
    _templates[template] = quoted = f',"tpl":{quote(template)}'
    return quoted


def _detailed(record: Any, lane: Lane) -> str:
    """The same for a record with an exception or extra fields, or of which parts must be hidden."""
    template = safe_str(record.msg)
    content: dict[str, Any] = {
        "msg": _message(record, template) if record.args else template,
        "tpl": template if record.args else None,
        "exc": _exception(record),
        "stack": safe_str(record.stack_info) if record.stack_info else None,
        "extra": _extra_fields(record.__dict__) or None,
    }
    if redactors:
        content = _redact(content)
    return _place(record) + _thread(record, lane) + encode.members(content)


def _message(record: Any, template: str) -> str:
    """The message with its arguments, or both side by side where they do not fit each other."""
    try:
        text = record.getMessage()
        return text if type(text) is str else safe_str(text)
    except Exception as problem:
        return f"{template} [arguments {safe_repr(record.args)}: {type(problem).__name__}]"


def _place(record: Any) -> str:
    return _known_place((record.name, record.levelname, record.pathname, record.lineno, record.funcName))


def _known_place(key: tuple[Any, Any, Any, Any, Any]) -> str:
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


def _render_place(key: tuple[Any, Any, Any, Any, Any]) -> str:
    name, level, file, line, function = key
    members = f',"level":{quote(safe_str(level))}'
    if level not in _USUAL_LEVELS:
        number = _own_level(level)
        if number is not None:
            members += f',"levelno":{number}'
    members += f',"logger":{quote(safe_str(name))}'
    if file:
        members += f',"file":{quote(absolute(safe_str(file)))}'
    if isinstance(line, int):
        members += f',"line":{line}'
    if function:
        members += f',"func":{quote(safe_str(function))}'
    return members


def _own_level(name: Any) -> int | None:
    """The number of a level that the program has named itself; readers know the usual names."""
    numbers = getattr(sys.modules.get("logging"), "_nameToLevel", {})
    number = numbers.get(name)
    return number if isinstance(number, int) and 0 <= number < 1 << 16 else None


def _thread(record: Any, lane: Lane) -> str:
    """`thread`, `tid` and `task`: the OS thread's, also inside a task."""
    return _thread_named(record.threadName, lane)


def _thread_named(name: Any, lane: Lane) -> str:
    thread = lane if lane.kind == "thread" else thread_lane()
    known = thread.name_text
    if known is None or (known[0] != name and name is not None):
        text = f',"thread":{quote(safe_str(name or thread.name))}'
        if thread.tid:
            text += f',"tid":{thread.tid}'
        thread.name_text = known = (name, text)
    if lane is thread:
        return known[1]
    return f'{known[1]},"task":{quote(safe_str(lane.task_name()))}'


def noted(
    logger: str,
    level: str,
    place: tuple[str, int, str | None],
    text: str,
    extra: dict[str, Any],
    lane: Lane,
    failure: dict[str, object] | None = None,
) -> str:
    """The members of a record that logq makes itself, of something that is said in another way than by logging."""
    file, line, function = place
    content: dict[str, Any] = {"msg": text[:_MAX_NOTED], "exc": failure, "extra": _with_contexts(extra) or None}
    if redactors:
        content = _redact(content)
    known = _known_place((logger, level, file, line, function))
    body = known + _thread_named(None, lane) + encode.members(content)
    return body if len(text) <= _MAX_NOTED else f'{body},"cut":{len(text) - _MAX_NOTED}'


def _exception(record: Any) -> dict[str, Any] | None:
    info = record.exc_info
    if not isinstance(info, tuple) or len(info) != 3 or not isinstance(info[1], BaseException):
        return None
    return describe(info[1], info[2])


def _extra_fields(attributes: dict[str, Any]) -> dict[str, Any]:
    return _with_contexts({key: attributes[key] for key in attributes if key not in _STANDARD})


def _with_contexts(fields: dict[str, Any]) -> dict[str, Any]:
    """Adds what the context has; what was said with the record itself wins."""
    for variable in contexts:
        try:
            fields.setdefault(variable.name, variable.get())
        except (LookupError, AttributeError):
            pass
    added = current()
    if added is not None:
        for key, field in added.all.items():
            fields.setdefault(key, field)
    return fields


def _redact(content: dict[str, Any]) -> dict[str, Any]:
    """Lets each redactor change the content. What one of them cannot handle is left out entirely."""
    try:
        for redactor in redactors:
            redactor(content)
    except Exception:
        return {"msg": "[redaction failed]"}
    return content


def cut(record: Any, lane: Lane, length: int) -> str:
    """A record over the limit with its longest texts shortened; `cut` says by how many bytes."""
    content: dict[str, Any] = {"msg": "", "exc": _exception(record), "extra": _extra_fields(record.__dict__) or None}
    content["msg"] = _message(record, safe_str(record.msg)) if record.args else safe_str(record.msg)
    if redactors:
        content = _redact(content)
    body = _place(record) + _thread(record, lane) + ',"msg":' + quote(safe_str(content["msg"])[:60_000])
    for key in ("exc", "extra"):
        part = encode.members({key: content.get(key)})
        body += part if len(part) < 200_000 else ""
    return f'{body},"cut":{length - len(body)}'
