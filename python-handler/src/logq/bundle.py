"""The modules that every start needs, read from one file instead of some thirty.

An interpreter that starts under logq spends most of the time that this costs it on finding, checking and reading
modules one by one. The first that imports logq therefore keeps their compiled code together in the cache folder, beside
Python's own; those that follow take it from there. A module whose source has changed since is loaded as always, and so
is everything where no cache can be read or written. Modules look the same either way, down to `__file__` and
`__cached__`. What is imported later, and only by some programs, has compiled files of its own.

Many a program is run with PYTHONDONTWRITEBYTECODE, in containers above all, and then every interpreter would compile us
anew, which takes ten times as long as all the rest. That is asked for the program's own folders: the package that
`logq run` has unpacked into its store is kept compiled all the same.
"""

from __future__ import annotations

import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

    # Of each module: its file within the package, when that was changed last, its length, the code marshalled.
    Contents = dict[str, tuple[str, int, int, bytes]]

__all__ = ["begin", "begin_late", "end", "end_late"]

# importlib's own parts, which every interpreter has: importing `importlib.util` would cost more than is won.
_external: Any = sys.modules["_frozen_importlib_external"]

_contents: Contents = {}
_stale = False  # something was not in the bundle as it is now


class _Loader(_external.SourceFileLoader):  # type: ignore[misc]
    """Loads one module of ours from the bundle, if its code is there."""

    def get_code(self, fullname: str) -> CodeType | None:
        kept = _contents.pop(fullname, None)
        code: CodeType | None
        if kept is None:
            code = super().get_code(fullname)
            if code is not None and _is_carried:
                _keep_compiled(self, fullname, code)
            return code
        code = marshal.loads(kept[3])
        return code


def _keep_compiled(loader: Any, fullname: str, code: CodeType) -> None:
    """Writes what the interpreter does not because it was told to write nothing."""
    file = loader.get_filename(fullname)
    compiled = _external.cache_from_source(file)
    if not sys.dont_write_bytecode or os.path.exists(compiled):
        return
    state = os.stat(file)
    data = _external._code_to_timestamp_pyc(code, int(state.st_mtime), state.st_size)
    loader.set_data(compiled, data, _mode=_external._calc_mode(file))  # which fails in silence


class _Finder:
    """Finds our own modules while logq is being imported."""

    def __init__(self, package: str, folder: str) -> None:
        self.start = package + "."
        self.folder = folder

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> Any:
        global _stale
        if not name.startswith(self.start):
            return None
        try:
            relative, changed, length, _ = _contents[name]
            file = f"{self.folder}/{relative}"
            state = os.stat(file)
        except (KeyError, OSError):
            _stale = True
            return self.find_source(name) if _is_carried else None
        if state.st_mtime_ns != changed or state.st_size != length:
            _stale = True
            del _contents[name]
            return None
        within = [os.path.dirname(file)] if relative.endswith("__init__.py") else None
        loader = _Loader(name, file)
        return _external.spec_from_file_location(name, file, loader=loader, submodule_search_locations=within)

    def find_source(self, name: str) -> Any:
        """The module's file, to be kept compiled; of a package the usual finder does."""
        file = f"{self.folder}/{name[len(self.start) :].replace('.', '/')}.py"
        if not os.path.isfile(file):
            return None
        return _external.spec_from_file_location(name, file, loader=_Loader(name, file))


_finder: _Finder | None = None
_is_carried = False  # the package is in a store of ours, and compiled code is not written by itself


def begin(package: str, folder: str) -> None:
    """From here on modules of the package are taken from the bundle, if there is one."""
    global _finder, _stale, _is_carried
    path = _path()
    store = os.environ.get("LOGQ_DIR")
    kept = os.path.join(store, "python") + os.sep if store else ""
    # Under a prefix compiled code would lie in a folder of the program's.
    _is_carried = bool(sys.dont_write_bytecode and not sys.pycache_prefix and kept and folder.startswith(kept))
    if path is None:
        return
    try:
        with open(path, "rb") as file:
            magic, where, contents = marshal.loads(file.read())
        if magic == _external.MAGIC_NUMBER and where == folder:
            _contents.update(contents)
    except Exception:  # there is none, or not one of ours
        _contents.clear()
    _stale = not _contents
    _finder = _Finder(package, folder)
    sys.meta_path.insert(0, _finder)


def end(package: str, folder: str) -> None:
    """Everything is imported: the rest comes as always. Writes the bundle if it was not complete."""
    global _finder
    if _finder is None:
        return
    end_late(_finder)
    _finder = None
    _contents.clear()
    path = _path()
    if not _stale or path is None or (sys.dont_write_bytecode and not _is_carried):
        return
    try:
        if _is_carried:
            for name in (package, __name__):  # which came before us
                spec: Any = sys.modules[name].__spec__
                code = spec.loader.get_code(name)
                _keep_compiled(spec.loader, name, code)
        if not os.access(os.path.dirname(path), os.W_OK):
            return
        bundle = marshal.dumps((_external.MAGIC_NUMBER, folder, _collect(package, folder)))
        # All of it or nothing: others may be reading it, or writing one, too.
        _external._write_atomic(path, bundle, _external._calc_mode(__file__))
    except Exception:  # a full disk, a module that has no source
        pass


def begin_late(package: str, folder: str) -> Any:
    """Before a module of ours is imported after the start."""
    finder = _Finder(package, folder) if _is_carried else None
    if finder is not None:
        sys.meta_path.insert(0, finder)
    return finder


def end_late(finder: Any) -> None:
    if finder is not None and finder in sys.meta_path:  # the program may have made another list of it
        sys.meta_path.remove(finder)


def _path() -> str | None:
    """Beside this module's own compiled file, or nowhere if it has none."""
    cached = getattr(__spec__, "cached", None)
    return os.path.splitext(cached)[0] + ".bundle" if cached else None


def _collect(package: str, folder: str) -> Contents:
    contents = {}
    for name, module in list(sys.modules.items()):
        if name.startswith(package + ".") and name != __name__:
            spec = module.__spec__
            assert spec is not None
            assert spec.origin is not None
            assert spec.loader is not None
            state = os.stat(spec.origin)  # before the code is: what is changed in between is found to be stale
            code = spec.loader.get_code(name)  # type: ignore[attr-defined]
            relative = os.path.relpath(spec.origin, folder)
            contents[name] = (relative, state.st_mtime_ns, state.st_size, marshal.dumps(code))
    return contents
