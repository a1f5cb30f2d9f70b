"""Exceptions as records hold them: type, message, stack, cause, members of a group.

Looks at exceptions and never changes them, nor keeps any alive. Never raises.
"""

from __future__ import annotations

from .encode import safe_str
from .sites import absolute, code_line, is_logq

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["brief", "describe", "type_name"]

_MAX_FRAMES = 60
_MAX_CHAIN = 10
_MAX_MEMBERS = 15
_MAX_MESSAGE = 16 * 1024


def describe(problem: BaseException, traceback: TracebackType | None = None) -> dict[str, object]:
    """`{type, msg, stack, cause, group}`, stacks with the most recent call last."""
    return _describe(problem, traceback or problem.__traceback__, set())


def brief(problem: BaseException) -> dict[str, object]:
    """`{type, msg}`."""
    return {"type": type_name(problem), "msg": _message(problem)}


def type_name(problem: BaseException) -> str:
    """As a traceback prints it: without the module for built-ins and `__main__`."""
    kind = type(problem)
    module = kind.__module__
    if module in ("builtins", "__main__", "__mp_main__") or not isinstance(module, str):
        return kind.__qualname__
    return module + "." + kind.__qualname__


def _message(problem: BaseException) -> str:
    text = safe_str(problem)
    return text if len(text) <= _MAX_MESSAGE else text[:_MAX_MESSAGE] + "…"


def _describe(problem: BaseException, traceback: TracebackType | None, seen: set[int]) -> dict[str, object]:
    seen.add(id(problem))
    found = brief(problem)
    found["stack"] = stack_of(traceback)
    cause = problem.__cause__
    implicit = cause is None and not problem.__suppress_context__
    if implicit:
        cause = problem.__context__
    if cause is not None and id(cause) not in seen and len(seen) < _MAX_CHAIN:
        found["cause"] = _describe(cause, cause.__traceback__, seen)
        if implicit:
            found["implicit"] = True  # raised while the cause was being handled
    members = getattr(problem, "exceptions", None)
    if isinstance(members, tuple) and members:
        found["group"] = [
            _describe(member, member.__traceback__, seen)
            for member in members[:_MAX_MEMBERS]
            if isinstance(member, BaseException) and id(member) not in seen
        ]
    return found


def stack_of(traceback: TracebackType | None) -> list[dict[str, object]]:
    """The program's frames of a traceback, and its libraries'; of a very deep one the outermost and the innermost."""
    levels: list[TracebackType] = []
    while traceback is not None:
        levels.append(traceback)
        traceback = traceback.tb_next
    # Before 3.11 ours cannot be taken out of a traceback: an exception that passes a wrapper names it.
    levels = [level for level in levels if not is_logq(level.tb_frame.f_code.co_filename)] or levels
    if len(levels) > _MAX_FRAMES:
        levels = levels[:10] + levels[10 - _MAX_FRAMES :]
    return [_frame(level) for level in levels]


def _frame(level: TracebackType) -> dict[str, object]:
    code = level.tb_frame.f_code
    filename = absolute(code.co_filename)
    line = level.tb_lineno or 0
    frame: dict[str, object] = {"file": filename, "line": line, "func": code.co_name}
    text = code_line(filename, line)
    if text:
        frame["code"] = text
    return frame
