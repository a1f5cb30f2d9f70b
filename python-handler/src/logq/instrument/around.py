"""A method with something before and after it that is not seen in a traceback.

A wrapper in Python is a frame between caller and method, and a program that prints a traceback shows
it. Here the caller calls the original: what comes before happens when the method is looked up, what
comes after when the call object goes. So it is for methods that are called where they are looked up,
the private ones inside the standard library.
"""

from __future__ import annotations

import functools
import sys

from logq import identity
from logq.trouble import swallowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Callable, Optional

    # Gets the object and the frame that calls; gives what is to be done afterwards, if anything.
    Before = Callable[[Any, FrameType], Optional[Callable[[], None]]]

__all__ = ["Around", "OnRead"]


class Around:
    """The descriptor that stands for the method in its class."""

    def __init__(self, original: Any, before: Before) -> None:
        self.original = original
        self.before = before

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        bound = self.original.__get__(instance, owner)
        if instance is None or identity.me is None:
            return bound
        try:
            after = self.before(instance, sys._getframe(1))
        except Exception:
            swallowed()
            return bound
        if after is None:
            return bound
        call = _Call(bound)
        call.after = after
        return call


class _Call(functools.partial):  # type: ignore[type-arg]
    """The bound method; it goes when the call is over, however it ended."""

    after: Callable[[], None]

    def __del__(self) -> None:
        try:
            self.after()
        except Exception:
            swallowed()


class OnRead:
    """A method that does something when it is looked up, and then is the original.

    So a caller's traceback shows no frame of ours.
    """

    def __init__(self, original: Any, act: Callable[[Any], None]) -> None:
        self.original = original
        self.act = act

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is not None and identity.me is not None:
            try:
                self.act(instance)
            except Exception:
                swallowed()
        return self.original.__get__(instance, owner)
