"""What goes wrong around coroutines and is told to nobody who could act on it.

Coroutines that were never awaited, tasks that were destroyed while pending, exceptions that asyncio
reports because nobody fetched them, and those it drops. The warnings and reports themselves stay as they are.
"""

from __future__ import annotations

import sys
from types import FunctionType

from logq import hooks, identity
from logq.emit import event, retire
from logq.lane import Lane
from logq.patching import dress, replace
from logq.sites import absolute, caller_site, function_name
from logq.trouble import swallowed
from logq.unseen import hide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["patch_base_events", "patch_loop", "patch_warnings"]


def patch_base_events(base_events: Any) -> None:
    patch_loop(base_events.BaseEventLoop)


def patch_loop(loop: Any) -> None:
    """A class of loops: asyncio's own, or uvloop's."""
    replace(loop, "call_exception_handler", _wrap_call_exception_handler)
    replace(loop, "_asyncgen_finalizer_hook", _wrap_finalizer)


# Never awaited. ---------------------------------------------------------------------------------


def patch_warnings(warnings: Any) -> None:
    replace(warnings, "_warn_unawaited_coroutine", lambda original: _with_note(original, warnings))


def _with_note(original: Any, warnings: Any) -> Any:
    """The same code, which finds our `warn` where it looks for its own: so the warning tells the same place."""
    code = getattr(original, "__code__", None)
    if code is None or "warn" not in code.co_names or original.__closure__:
        return original

    def warn(message: Any, category: Any = None, stacklevel: int = 1, source: Any = None) -> None:
        if identity.me is not None:
            try:
                _note_unawaited(source)
            except Exception:
                swallowed()
        warnings.warn(message, category, stacklevel + 1, source)  # one for this frame

    world = _World(vars(warnings))
    world["warn"] = warn
    return dress(FunctionType(code, world, original.__name__, original.__defaults__), original)


class _World(dict):  # type: ignore[type-arg]
    """The names that the code of a module sees, with one of them changed."""


def _note_unawaited(coroutine: Any) -> None:
    process = identity.me
    assert process is not None
    code = coroutine.cr_code
    origin = getattr(coroutine, "cr_origin", None)
    event(
        "note",
        {
            "what": "never-awaited",
            "fn": function_name(coroutine),
            "name": coroutine.__name__,
            "def": (absolute(code.co_filename), code.co_firstlineno, code.co_name),
            # Where it was made, if the program has asked for that; else where it was dropped: most are dropped
            # by the very line that made them.
            "site": tuple(origin[0]) if origin else caller_site(4),
            "closing": sys.is_finalizing() or not process.ended or None,
        },
    )


# What asyncio itself reports. -------------------------------------------------------------------


def _wrap_call_exception_handler(original: Callable[..., Any]) -> Any:
    def call_exception_handler(self: Any, context: Any) -> Any:
        if identity.me is not None:
            try:
                _note_trouble(self, context)
            except Exception:
                swallowed()
        try:
            return original(self, context)
        except BaseException as problem:  # where tasks are dropped at the very end, what it imports is gone
            hide(problem)
            raise

    return dress(call_exception_handler, original)


def _note_trouble(loop: Any, context: Any) -> None:
    subject = context.get("task") or context.get("future")
    lane: Lane | None = getattr(subject, "_logq_lane", None)
    problem = context.get("exception")
    if problem is None:
        if lane is not None and "destroyed" in str(context.get("message")) and not lane.over:
            if lane.birth:  # it is not said yet what it is called; until 3.11 that is told to the task later
                lane.name = subject.get_name()
            event("end", {"how": "destroyed", "left": _was_left(loop, subject) or None}, lane)
            retire(lane)
        return
    if getattr(subject, "_logq_told", False):
        return  # said already
    where = "task" if lane is not None else "future" if subject is not None else "callback"
    hook = "default" if loop.get_exception_handler() is None else "user"
    target = lane.reference(lane.process) if lane is not None else None
    hooks.report(where, problem, hook, target=target, note=context.get("message"))


def _was_left(loop: Any, task: Any) -> bool:
    """Whether the program closed the loop while the task was pending, and had not asked it to end."""
    asked = getattr(task, "_logq_cancels", 0)
    by_program = getattr(task, "_logq_left", False) or (not sys.is_finalizing() and loop.is_closed())
    return by_program and not asked


# Async generators. ------------------------------------------------------------------------------


def _wrap_finalizer(original: Callable[..., Any]) -> Any:
    """Called when a generator is dropped that was begun and not ended."""

    def _asyncgen_finalizer_hook(self: Any, agen: Any) -> Any:
        if identity.me is not None:
            try:
                _note_generator(agen)
            except Exception:
                swallowed()
        return original(self, agen)

    return dress(_asyncgen_finalizer_hook, original)


def _note_generator(agen: Any) -> None:
    """Only of one with something left to do: its `finally` runs in a task of its own, some time later."""
    frame = agen.ag_frame
    if frame is None or not _is_within_try(frame):
        return
    code = frame.f_code
    event(
        "note",
        {
            "what": "asyncgen",
            "fn": function_name(agen),
            "name": agen.__name__,
            "site": caller_site(3),
            "stack": [{"file": absolute(code.co_filename), "line": frame.f_lineno or 0, "func": code.co_name}],
        },
    )


def _is_within_try(frame: Any) -> bool:
    """Whether a suspended frame stands inside a `try` or `with`."""
    import dis

    code, position = frame.f_code, frame.f_lasti
    parse = getattr(dis, "_parse_exception_table", None)
    if parse is not None:
        steps = {step.offset: step for step in dis.get_instructions(code)}
        return any(
            entry.start <= position < entry.end and not _is_implicit(steps.get(entry.target)) for entry in parse(code)
        )
    depth = 0
    for step in dis.get_instructions(code):
        if step.offset > position:
            break
        depth += step.opname in ("SETUP_FINALLY", "SETUP_WITH", "SETUP_ASYNC_WITH")
        depth -= step.opname == "POP_BLOCK"
    return depth > 0


def _is_implicit(handler: Any) -> bool:
    """The handler that every generator has since 3.12, against a StopIteration that escapes."""
    return handler is not None and handler.opname == "CALL_INTRINSIC_1"
