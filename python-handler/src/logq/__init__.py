"""logq, the flight recorder and causal debugger for concurrent Python: the recording side.

`logq run -- python program.py` needs none of this. In a program of your own: `logq.install()`, or
`"class": "logq.Handler"` in a `dictConfig`. `logq.stamp()` and `logq.merge()` carry causality
through channels that logq does not know; `logq.context()` adds fields to log records; `logq.shared()`,
`logq.read()` and `logq.write()` mark variables that threads share.
"""

from __future__ import annotations

from . import bundle

bundle.begin(__name__, __path__[0])

from .identity import __version__  # noqa: E402 - all of these come from the bundle
from .stamp import merge_text as merge  # noqa: E402
from .stamp import stamp_text as stamp  # noqa: E402
from .switch import install, uninstall  # noqa: E402

bundle.end(__name__, __path__[0])

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .fields import context
    from .handler import Handler
    from .marks import read, shared, write

__all__ = [
    "Handler",
    "__version__",
    "context",
    "install",
    "merge",
    "read",
    "shared",
    "stamp",
    "uninstall",
    "write",
]

_MARKS = ("read", "shared", "write")


def __getattr__(name: str) -> Any:
    # Its base class is logging's, which is not imported before the program does.
    if name == "Handler":
        from .handler import Handler

        return Handler
    if name == "context":
        from .fields import context

        globals()[name] = context
        return context
    if name in _MARKS:  # most programs mark nothing
        from . import marks

        return getattr(marks, name)
    raise AttributeError(f"module 'logq' has no attribute {name!r}")
