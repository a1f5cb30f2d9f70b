"""queue.SimpleQueue, whose insides nobody can look at: each item travels with its stamp in an envelope.

Those that the standard library makes for itself stay as they are, but for a thread pool's, which is
`pools.py`'s affair.
"""

from __future__ import annotations

import sys
import time

from logq import identity
from logq.lane import here
from logq.native import is_green
from logq.objects import Thing
from logq.patching import replace
from logq.sites import caller_site, is_machinery
from logq.stamp import leave, merge_into
from logq.unseen import hide
from logq.waits import MOMENT, begin

from .pickled_types import stands_for
from .tally import Tally

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from logq.waits import Wait

__all__ = ["get_noting", "makers", "patch"]

# Functions of the standard library whose SimpleQueue is one of ours, by their code: who makes it, called
# with their frame and the plain class.
makers: dict[Any, Callable[..., Any]] = {}


def patch(queue: Any) -> None:
    if is_green("queue"):
        return
    replace(queue, "SimpleQueue", _make)


class _Envelope(tuple):  # type: ignore[type-arg]
    """`(stamp, item)`."""

    __slots__ = ()


def _refuse(queue: Any, protocol: Any) -> Any:
    """In the words in which the plain queue refuses to be pickled."""
    if type(queue).__module__ == "_queue":
        raise TypeError("cannot pickle '_queue.SimpleQueue' object")
    return object.__reduce_ex__(queue, protocol)


def _make(plain: Any) -> Any:
    """A subclass that carries stamps; the C type itself cannot be patched."""
    plain_put, plain_get = plain.put, plain.get

    class _Meta(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, plain) if cls is SimpleQueue else type.__instancecheck__(cls, instance)

    class SimpleQueue(plain, metaclass=_Meta):  # type: ignore[misc]
        __slots__ = ("_logq_tally",)
        __doc__ = plain.__doc__
        _logq_tally: Tally

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            if cls is SimpleQueue:
                frame = sys._getframe(1)
                if identity.me is None or is_machinery(frame.f_code.co_filename):
                    make: Any = makers.get(frame.f_code, _make_plain)
                    return make(frame, plain, *args, **kwargs)
            self = plain.__new__(cls, *args, **kwargs)
            self._logq_tally = Tally(Thing("queue", f"queue.{cls.__name__}", caller_site(2), None, self))
            return self

        def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:  # noqa: ARG002
            plain_put(self, _seal(item, self._logq_tally) if identity.me is not None else item)

        __reduce_ex__ = _refuse

        def put_nowait(self, item: Any) -> None:
            SimpleQueue.put(self, item)

        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            try:
                if not block or plain.qsize(self):
                    return _open(plain_get(self, block, timeout), self._logq_tally)
                return _open(get_noting(plain, self, timeout, self._begin), self._logq_tally)
            except BaseException as problem:
                hide(problem)
                raise

        def get_nowait(self) -> Any:
            return SimpleQueue.get(self, False)

        def _begin(self, since: int, timeout: float | None) -> Wait | None:
            tally = self._logq_tally
            return begin("queue-get", since, tally.thing, tally.facts("queue-get"), timeout)

    SimpleQueue.__module__ = plain.__module__
    SimpleQueue.__qualname__ = plain.__qualname__
    stands_for(SimpleQueue, "queue.SimpleQueue")
    return SimpleQueue


def _make_plain(_: Any, plain: Any, *args: Any, **kwargs: Any) -> Any:
    return plain(*args, **kwargs)


def _seal(item: Any, tally: Tally) -> _Envelope:
    lane = here()
    tally.count_put(lane)
    if tally.traffic is not None:
        tally.traffic.send(lane)
    return _Envelope((leave(), item))


def _open(content: Any, tally: Tally) -> Any:
    opened = type(content) is _Envelope
    if identity.me is not None:
        lane = here()
        tally.count_got(lane)
        if opened and content[0] is not None:
            stamp = content[0]
            merge_into(lane, stamp, tally.thing)
            if tally.traffic is not None:
                tally.traffic.receive(lane, stamp[0], stamp[1])
    return content[1] if opened else content


def get_noting(plain: Any, queue: Any, timeout: float | None, start: Any) -> Any:
    """`SimpleQueue.get` that may block; `start(since, timeout)` writes the `wait` if it takes longer than a moment."""
    patient = timeout is None or (type(timeout) in (int, float) and timeout > MOMENT)
    if not patient or identity.me is None:
        return plain.get(queue, True, timeout)
    since = time.monotonic_ns()
    empty = sys.modules["_queue"].Empty
    try:
        return plain.get(queue, True, MOMENT)
    except empty:
        pass
    wait: Wait | None = start(since, timeout)
    res = "exc"
    try:
        item = plain.get(queue, True, timeout if timeout is None else _left(timeout, since))
        res = "ok"
        return item
    except empty:
        res = "timeout"
        raise
    finally:
        if wait is not None:
            wait.end(res)


def _left(timeout: float, since: int) -> float:
    return max(0.0, timeout - (time.monotonic_ns() - since) / 1e9)
