"""What a wait inside the standard library is for, read from the functions that have called it.

Queues, futures, semaphores and others all block in `Condition.wait`, in a condition of their own that
nobody has ever heard of. Each family registers its functions here, and how to tell of the object that
is really waited for. Frames are looked at only when a wait is written, not when it begins.
"""

from __future__ import annotations

from logq import waits
from logq.sites import is_machinery
from logq.trouble import swallowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

    from logq.objects import Thing

    # The object, and what it knows of why this takes so long: keys of the `wait`.
    Told = tuple[Optional[Thing], dict[str, object]]
    Describe = Callable[[Any], Told]

__all__ = ["Purpose", "begin_wait", "note", "note_silent", "purpose_of"]


class Purpose:
    """`on` of the wait, and who tells of it, asked with the frame of the function that waits.

    A `through` purpose may itself serve another one: an event that is the start of a thread.
    """

    __slots__ = ("describe", "is_through", "on")

    def __init__(self, on: str | None, describe: Describe | None, is_through: bool) -> None:
        self.on = on
        self.describe = describe
        self.is_through = is_through


_purposes: dict[Any, Purpose] = {}  # by code object


def note(function: Any, on: str, describe: Describe, is_through: bool = False) -> None:
    """A wait inside `function` (wrapped or not) is one on `on`. `describe` gets the function's frame."""
    _purposes[_code_of(function)] = Purpose(on, describe, is_through)


def note_silent(function: Any) -> None:
    """A wait inside `function` is not worth a word."""
    _purposes[_code_of(function)] = Purpose(None, None, False)


def _code_of(function: Any) -> Any:
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return getattr(function, "__code__", None)


def purpose_of(frame: Any) -> tuple[Purpose | None, Any]:
    """The outermost registered function among the frames that are the standard library's, and its frame."""
    found: Purpose | None = None
    of: Any = None
    while frame is not None and is_machinery(frame.f_code.co_filename):
        purpose = _purposes.get(frame.f_code)
        if purpose is not None:
            found, of = purpose, frame
            if not purpose.is_through:
                break
        frame = frame.f_back
    return found, of


_LASTING = ("runner", "job")  # what is as true of a wait that is over


def begin_wait(frame: Any, since: int, timeout: float | None, over: bool = False) -> waits.Wait | None:
    """Writes the `wait` of the running lane, which blocks in the function of `frame`, or did when it is `over`."""
    try:
        purpose, of = purpose_of(frame)
        if purpose is None or purpose.on is None or purpose.describe is None:
            return None
        thing, facts = purpose.describe(of)
        if over:
            facts = {key: facts.get(key) for key in _LASTING}
        return waits.begin(purpose.on, since, thing, facts, timeout)
    except Exception:
        swallowed()
        return None
