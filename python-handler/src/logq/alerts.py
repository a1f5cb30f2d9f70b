"""`warnings` as log records: logger `py.warnings`, as `logging.captureWarnings` names it.

What the program's filters let through and is shown becomes a record; what it catches to look at
itself (`catch_warnings(record=True)`), or has sent to logging already, does not.
"""

from __future__ import annotations

import sys

from . import identity
from .emit import send
from .encode import safe_str
from .lane import here
from .patching import dress, replace
from .render import noted
from .trouble import swallowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["patch"]


def patch(warnings: Any) -> None:
    """Wraps the one function that both the C and the Python side of `warnings` show a warning with."""
    shown_by = getattr(warnings, "_showwarnmsg_impl", None)
    replace(warnings, "_showwarnmsg", lambda original: _wrap_show(original, warnings, shown_by))


def _wrap_show(original: Callable[[Any], Any], warnings: Any, shown_by: Any) -> Any:
    def _showwarnmsg(msg: Any) -> Any:
        if identity.me is not None:
            try:
                if warnings._showwarnmsg_impl is shown_by and not _goes_to_logging(warnings):
                    _note(msg)
            except Exception:
                swallowed()
        return original(msg)

    return dress(_showwarnmsg, original)


def _goes_to_logging(warnings: Any) -> bool:
    logging = sys.modules.get("logging")
    return logging is not None and warnings.showwarning is getattr(logging, "_showwarning", None)


def _note(msg: Any) -> None:
    lane = here()
    category = getattr(msg.category, "__name__", None)
    place = (safe_str(msg.filename), msg.lineno if isinstance(msg.lineno, int) else 0, None)
    send(lane, noted("py.warnings", "WARNING", place, safe_str(msg.message), {"category": category}, lane))
