"""What goes wrong inside logq itself: never the host's affair, but counted, and told as `lost`.

With LOGQ_DEBUG set the traceback is printed as well; logq's own tests run so.
"""

from __future__ import annotations

import os
import sys

from . import identity

__all__ = ["swallowed"]

_debug = bool(os.environ.get("LOGQ_DEBUG"))


def swallowed() -> None:
    """Called where an exception of ours ends: in the `except` clause of every hook."""
    process = identity.me
    if process is not None:
        process.sink.count_lost("internal")
    problem = sys.exc_info()[1]
    if _debug and not isinstance(problem, RecursionError):  # the program is at its limit, and we in the midst of it
        _print(problem)


def _print(problem: BaseException | None) -> None:
    """`traceback` leaves our frames out, and here there are few others."""
    tb = problem.__traceback__ if problem is not None else None
    while tb is not None:
        code = tb.tb_frame.f_code
        os.write(2, f'  File "{code.co_filename}", line {tb.tb_lineno}, in {code.co_name}\n'.encode())
        tb = tb.tb_next
    os.write(2, f"{problem!r}\n".encode("utf-8", "backslashreplace"))
