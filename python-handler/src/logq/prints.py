"""`print()` as log records, where asked for: logger `print`, level INFO, the text and where it was printed.

What is printed, where to, when it is flushed and what goes wrong with it is `print`'s own affair: it
is given a stream that passes everything on and keeps the text that was taken. Only direct writes to a
stream, and prints of the standard library itself, become no record.
"""

from __future__ import annotations

import builtins
import sys

from . import identity, patching
from .emit import send
from .lane import here
from .render import noted
from .sites import absolute, is_machinery
from .trouble import swallowed
from .unseen import hide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["patch"]


def patch() -> None:
    """Puts ours in the place of `builtins.print`."""
    if type(builtins.print) is not Print:
        patching.replace(builtins, "print", Print)


class _Passing:
    """The stream for one call of `print`. Objects turn themselves into text once, in `print` as ever."""

    __slots__ = ("stream", "taken")

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.taken: list[str] = []

    def write(self, text: str) -> Any:
        count = self.stream.write(text)
        self.taken.append(text)
        return count

    def flush(self) -> Any:
        return self.stream.flush()


class Print:
    """Looks and pickles as the built-in function, and like it is no method of classes that name it."""

    __module__ = "builtins"

    def __init__(self, original: Any) -> None:
        self.__wrapped__ = original
        self.__doc__ = original.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        original = self.__wrapped__
        stream = kwargs.get("file")
        if stream is None:
            stream = getattr(sys, "stdout", None)
        if stream is None or identity.me is None:
            original(*args, **kwargs)
            return
        passing = _Passing(stream)
        kwargs["file"] = passing
        try:
            original(*args, **kwargs)
        except BaseException as problem:
            hide(problem)
            raise
        finally:
            if passing.taken:
                try:
                    _note(passing, sys._getframe(1))
                except Exception:
                    swallowed()

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self.__wrapped__)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__wrapped__, name)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __reduce_ex__(self, _protocol: Any) -> str:
        return "print"


def _note(passing: _Passing, caller: Any) -> None:
    code = caller.f_code
    if is_machinery(code.co_filename):
        return
    text = "".join(passing.taken)
    if text.endswith("\n"):
        text = text[:-1]
    stream = passing.stream
    extra = {} if stream is sys.stdout else {"stream": _name_of(stream)}
    lane = here()
    place = (absolute(code.co_filename), caller.f_lineno, code.co_name)
    send(lane, noted("print", "INFO", place, text, extra, lane), low=True)


def _name_of(stream: Any) -> str:
    """`stderr`, the path of a file, else what kind of thing it is."""
    if stream is sys.stderr:
        return "stderr"
    name = getattr(stream, "name", None)
    return name if isinstance(name, str) else type(stream).__name__
