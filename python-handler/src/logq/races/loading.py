"""Gets the program's own modules compiled by `rewrite.py`, the script that Python was started with among them.

Other modules, and whatever cannot be read or rewritten, are compiled as ever, and it is said. No bytecode of
a rewritten module is kept. The interpreter runs a script itself, unless an entry of `sys.path` claims it: then
it asks `runpy`, in whose place it finds something that calls the script's code from C. So no frame stands
below that of the script, as ever.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from functools import partial
from types import FunctionType, ModuleType

from logq import identity
from logq.emit import event
from logq.patching import replace
from logq.sites import is_machinery
from logq.trouble import swallowed
from logq.unseen import hide

from . import rewrite
from .points import Unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any, Callable

__all__ = ["claim_script", "forget", "patch", "patch_spawn"]

_LIBRARIES = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)
_MOST_SOURCE = 4 << 20


def patch(bootstrap: Any) -> None:
    """`bootstrap` is `importlib._bootstrap_external`, as it calls itself."""
    loader = bootstrap.SourceFileLoader
    replace(loader, "get_code", lambda original: _wrap_get_code(original, loader))


def patch_spawn(spawn: Any) -> None:
    """A spawned child has its parent's main module compiled by `runpy`."""
    replace(spawn.runpy, "_get_code_from_file", _wrap_get_from_file)


def _is_own(path: str) -> bool:
    return not is_machinery(path) and not any(place in path for place in _LIBRARIES)


def _wrap_get_code(original: Callable[..., Any], loader: Any) -> Any:
    plain = (loader.get_data, loader.source_to_code, loader.get_filename)

    def get_code(self: Any, fullname: str) -> Any:
        kind = type(self)
        if (kind.get_data, kind.source_to_code, kind.get_filename) == plain and _is_own(self.path):
            code = _code_of(self, fullname)
            if code is not None:
                return code
        try:
            return original(self, fullname)
        except BaseException as problem:
            hide(problem)
            raise

    return get_code


def _code_of(loader: Any, fullname: str) -> CodeType | None:
    if identity.me is None or loader.path.endswith((".pyc", ".pyo")):
        return None
    asker = sys._getframe(2).f_globals.get("__name__")
    return _rewritten(loader.path, "__main__" if asker == "runpy" else fullname)


def _wrap_get_from_file(original: Callable[..., Any]) -> Any:
    def get_code_from_file(*arguments: Any) -> Any:
        try:
            found = original(*arguments)
        except BaseException as problem:
            hide(problem)
            raise
        path = arguments[-1]
        if identity.me is None or not isinstance(path, str) or path.endswith(".pyc") or not _is_own(path):
            return found
        code = _rewritten(os.path.abspath(path), "__main__")
        if code is None:
            return found
        return (code, *found[1:]) if isinstance(found, tuple) else code

    return get_code_from_file


def _rewritten(path: str, name: str) -> CodeType | None:
    """None where Python had better compile it itself, and say what is wrong with it."""
    try:
        with open(path, "rb") as file:
            source = file.read(_MOST_SOURCE + 1)
        if len(source) > _MOST_SOURCE:
            raise ValueError("it is very long")
        return rewrite.compiled(source, path, Unit(name, path))
    except SyntaxError:
        return None
    except (OSError, ValueError, RecursionError, MemoryError) as problem:
        _tell_unwatched(path, str(problem) or type(problem).__name__)
    except Exception as problem:
        swallowed()
        _tell_unwatched(path, type(problem).__name__)
    return None


def _tell_unwatched(path: str, why: str) -> None:
    event("note", {"what": "unwatched", "name": path, "why": why})


# The script. --------------------------------------------------------------------------------------


def claim_script() -> None:
    """Before the interpreter looks at its script: that it is ours to load."""
    if _claim not in sys.path_hooks:
        sys.path_hooks.append(_claim)


def forget() -> None:
    if _claim in sys.path_hooks:
        sys.path_hooks.remove(_claim)


def _claim(path: str) -> Any:
    """An entry of `sys.path_hooks`. Only the interpreter itself calls it without a caller."""
    try:
        sys._getframe(1)
    except ValueError:
        forget()
        if os.path.isfile(path) and not path.endswith(".pyc"):
            code = _rewritten(path, "__main__")
            if code is not None:
                _Runner.take_place(path, code)
                return _claim
    raise ImportError


class _Runner(ModuleType):
    """Stands in for `runpy` until it is asked how to run the main module."""

    def __init__(self, path: str, code: CodeType) -> None:
        super().__init__("runpy")
        self._path = path
        self._code = code
        self._before = sys.modules.get("runpy")

    @classmethod
    def take_place(cls, path: str, code: CodeType) -> None:
        sys.modules["runpy"] = cls(path, code)

    @property
    def _run_module_as_main(self) -> Callable[..., object]:
        """Takes two arguments, of which the program must not know: `format` leaves them alone, and asks the mapping
        for what is not in it, which that makes by calling the program."""
        if self._before is None:
            del sys.modules["runpy"]
        else:
            sys.modules["runpy"] = self._before
        sys.path_importer_cache.pop(self._path, None)
        _repair_path(self._path)
        space = sys.modules["__main__"].__dict__
        space.update(_main_facts(self._path))
        program: dict[str, object] = defaultdict(FunctionType(self._code, space))
        return partial("{program[run]}".format, program=program)


def _repair_path(script: str) -> None:
    """As it is when the interpreter runs a script itself."""
    if sys.path and sys.path[0] == script:
        del sys.path[0]
        if not getattr(sys.flags, "safe_path", False) and not sys.flags.isolated:
            sys.path.insert(0, os.path.dirname(os.path.realpath(script)))


def _main_facts(path: str) -> dict[str, Any]:
    bootstrap = sys.modules["_frozen_importlib_external"]
    loader = bootstrap.SourceFileLoader("__main__", path)
    return {"__file__": path, "__cached__": None, "__loader__": loader}
