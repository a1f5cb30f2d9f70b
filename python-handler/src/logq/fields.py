"""`logq.context(order_id=8812)`: fields that every log record of the current context gets.

They stand in a context variable, so tasks and `asyncio.to_thread` have them without our doing;
threads and jobs of executors take over those of who started or submitted them. Nothing is written
here, and no record of the program is touched: `render.py` adds the fields to the line alone.
"""

from __future__ import annotations

from _contextvars import ContextVar

from .encode import members

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, TypeVar

    Function = TypeVar("Function", bound=Callable[..., Any])

__all__ = ["Context", "Fields", "current", "take_up"]

_PLAIN = frozenset([str, int, float, bool, type(None)])
_COROUTINE, _GENERATORS = 0x80, 0x20 | 0x200  # of inspect, which costs more than all of this to import


class Fields:
    """What one `with` added to what was there before it. Never changed once made."""

    __slots__ = ("_text", "all", "before", "owner")

    def __init__(self, owner: Context, before: Fields | None) -> None:
        self.owner = owner
        self.before = before
        self.all: dict[str, Any] = {**before.all, **owner._added} if before is not None else owner._added
        self._text: str | None = None

    def text(self) -> str:
        """As the member `extra` of a line."""
        text = self._text
        if text is None:
            text = members({"extra": self.all})
            if all(type(value) in _PLAIN for value in self.all.values()):
                self._text = text  # others may look different at the next record
        return text


_current: ContextVar[Fields | None] = ContextVar("logq.context", default=None)

# Of the running context; what the emit path asks for every record.
current: Callable[[], Fields | None] = _current.get


def take_up(fields: Fields | None) -> Fields | None:
    """Makes these the fields of the running context; gives those that it had, to be put back."""
    before = _current.get()
    _current.set(fields)
    return before


class Context:
    """Adds fields to every log record of the current context while the `with` or the function runs.

    Works around blocks and as a decorator of functions and coroutine functions, nested too: inner
    fields win, and what is passed with `extra=` wins over both.
    """

    __slots__ = ("_added",)

    def __init__(self, added: dict[str, Any]) -> None:
        self._added = added

    def __enter__(self) -> None:
        _current.set(Fields(self, _current.get()))

    def __exit__(self, *_: object) -> None:
        # No token: blocks of generators may end in another order, or in another context, than they began.
        kept: list[Fields] = []
        fields = _current.get()
        while fields is not None and fields.owner is not self:
            kept.append(fields)
            fields = fields.before
        if fields is None:
            return
        below = fields.before
        for inner in reversed(kept):
            below = Fields(inner.owner, below)
        _current.set(below)

    def __call__(self, function: Function) -> Function:
        from functools import wraps

        flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
        if flags & _GENERATORS:
            raise TypeError("logq.context cannot decorate a generator: use `with logq.context(…):` inside it")
        inner: Any = function
        if flags & _COROUTINE:

            @wraps(function)
            async def in_context(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await inner(*args, **kwargs)
        else:

            @wraps(function)
            def in_context(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return inner(*args, **kwargs)

        return in_context  # type: ignore[return-value]


def context(**fields: Any) -> Context:
    """Adds the fields to every log record of the current context: `with logq.context(order_id=8812):`.

    They follow the program into tasks, and at capture "causal" and above into the threads that are
    started and the jobs that are submitted to thread pools inside it.
    """
    return Context(fields)
