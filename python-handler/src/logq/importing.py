"""Runs a function when a module has been imported, without importing it.

A program that never uses asyncio must not pay for it. For a module still to come, a finder in
front of `sys.meta_path` lets the other finders find it and takes the moment after its body ran;
it removes itself when nothing is awaited any more, and leaves no trace on the module.
"""

from __future__ import annotations

import sys

from . import exits
from .native import get_ident
from .trouble import swallowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Callback = Callable[[Any], None]

__all__ = ["forget_all", "free_locks", "when_imported"]


_awaited: dict[str, list[Callback]] = {}


def when_imported(name: str, callback: Callback) -> None:
    """Calls `callback(module)`: at once if it is imported already, else right after its body ran."""
    if callback in _awaited.get(name, ()):
        return
    module = sys.modules.get(name)
    if module is not None and not _is_initializing(module):
        _run(callback, module)
        return
    _awaited.setdefault(name, []).append(callback)
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def forget_all() -> None:
    """Awaits nothing any more."""
    _awaited.clear()
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)


# What `hooks.py` imports late and the program may not, beside our own.
_LATE = ("opcode", "_opcode")


def free_locks() -> None:
    """In a forked child: what another thread was importing for us when the process split is imported anew.

    That thread stayed behind, so nobody would ever release the import's lock.
    """
    bootstrap = sys.modules.get("_frozen_importlib")
    locks: dict[str, Any] = getattr(bootstrap, "_module_locks", {})
    for name in list(locks):
        if name.partition(".")[0] != "logq" and name not in _LATE:
            continue
        lock = locks[name]()
        if getattr(lock, "owner", None) in (None, get_ident()):
            continue
        locks.pop(name, None)
        if _is_initializing(sys.modules.get(name)):
            del sys.modules[name]


def _is_initializing(module: Any) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def _run(callback: Callback, module: Any) -> None:
    try:
        callback(module)
    except Exception:  # an unforeseen version of the module goes uninstrumented
        swallowed()


class _Finder:
    """Finds nothing itself; notes when an awaited module has been executed."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if exits.top_unsought:
            exits.note_top()  # the first import of the program shows its main module
        if name not in _awaited:
            return None
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec = find(name, path, target)
            if spec is not None:
                _note_execution(spec, name)
                return spec
        return None


def _note_execution(spec: Any, name: str) -> None:
    loader = spec.loader
    execute = getattr(loader, "exec_module", None)
    if execute is None or isinstance(loader, type):  # for a built-in or frozen module: others use it too
        return

    def exec_module(module: Any) -> None:
        try:
            del loader.exec_module
        except AttributeError:
            pass
        execute(module)
        for callback in _awaited.pop(name, ()):
            _run(callback, module)
        if not _awaited:
            forget_all()

    try:
        loader.exec_module = exec_module  # on the instance: its class stays as it is
    except AttributeError:  # it has no room for it
        pass


_finder: Any = _Finder()
