"""The system's own threads, locks and clocks, also where gevent has put its own in their place.

`gevent.monkey.patch_all()` may run before logq is imported, or after: who needs the real thing takes it from here when
it is imported. Who wants to know what the program sees asks the module that the program asks.
"""

from __future__ import annotations

import _thread
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["allocate_lock", "get_ident", "is_green", "local", "sleep", "start_new_thread"]


def _original(module: Any, name: str) -> Any:
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None:
        try:
            return monkey.get_original(module.__name__, name)
        except Exception:  # it knows nothing of that name
            pass
    return getattr(module, name)


allocate_lock: Any = _original(_thread, "allocate_lock")
get_ident: Callable[[], int] = _original(_thread, "get_ident")
local: Any = _original(_thread, "_local")
sleep: Any = _original(time, "sleep")
start_new_thread: Any = _original(_thread, "start_new_thread")


def is_green(name: str = "threading") -> bool:
    """Whether gevent has patched that module."""
    monkey = sys.modules.get("gevent.monkey")
    asked = getattr(monkey, "is_module_patched", None)
    return asked is not None and bool(asked(name))
