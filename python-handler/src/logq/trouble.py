"""What goes wrong inside logq itself: never the host's affair, but counted, and told as `lost`.

With LOGQ_DEBUG set the traceback is printed as well; logq's own tests run so.
"""

from __future__ import annotations

import os

from . import identity

__all__ = ["swallowed"]

_debug = bool(os.environ.get("LOGQ_DEBUG"))


def swallowed() -> None:
    """Called where an exception of ours ends: in the `except` clause of every hook."""
    process = identity.me
    if process is not None:
        process.sink.count_lost("internal")
    if _debug:
        import traceback

        traceback.print_exc()
