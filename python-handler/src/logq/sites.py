"""Where in the program something happened: the nearest frame that is the user's own code.

Also reads a line of source for display, and guesses a variable's name from the line that made it.
Pure look-ups: nothing here writes records, and nothing here raises.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

    from .lane import Site

__all__ = [
    "caller_site",
    "code_line",
    "enters_with",
    "function_name",
    "is_logq",
    "is_machinery",
    "learn_machinery",
    "name_at",
    "pair_at",
    "position",
    "site_from",
    "user_frame",
    "user_place",
]

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_STDLIB = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_PACKAGES = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)

# File name -> is it logq's own or the standard library's? A few hundred entries at most.
_foreign: dict[str, bool] = {}
_absolute: dict[str, str] = {}
_frameworks: list[str] = []


def is_machinery(filename: str) -> bool:
    known = _foreign.get(filename)
    if known is None:
        known = filename.startswith(("<frozen ", _HERE)) or (
            filename.startswith(_STDLIB) and not any(place in filename for place in _PACKAGES)
        )
        known = known or filename.startswith(tuple(_frameworks))
        _foreign[filename] = known
    return known


def is_logq(filename: str) -> bool:
    """Whether it is a file of this package."""
    return filename.startswith(_HERE)


def learn_machinery(module: Any) -> None:
    """The folder of a framework that is instrumented: its frames are not the program's."""
    file = getattr(module, "__file__", None)
    if file is None:
        return
    folder = os.path.dirname(os.path.abspath(file)) + os.sep
    if folder not in _frameworks:
        _frameworks.append(folder)
        for known in list(_foreign):
            if known.startswith(folder):
                _foreign[known] = True


def caller_site(depth: int = 1) -> Site | None:
    """`(file, line, function)` of the nearest frame outside logq and the standard library."""
    return site_from(sys._getframe(depth))


def site_from(frame: FrameType | None) -> Site | None:
    """The same of a frame: its own place, or the nearest one above it."""
    while frame is not None:
        filename = frame.f_code.co_filename
        if not is_machinery(filename):
            return (absolute(filename), frame.f_lineno or 0, frame.f_code.co_name)
        frame = frame.f_back
    return None


def user_place(frame: Any) -> tuple[Any, int]:
    """The same as the arguments of `position`: what is looked up often, and seldom told, need not have its line."""
    while frame is not None:
        code = frame.f_code
        file = code.co_filename
        if not (_foreign[file] if file in _foreign else is_machinery(file)):
            return (code, frame.f_lasti)
        frame = frame.f_back
    return (None, 0)


def position(code: Any, instruction: int) -> Site | None:
    """The line of an instruction. To ask the frame for its line costs more than a lock may."""
    if code is None:
        return None
    if hasattr(code, "co_lines"):
        line = code.co_firstlineno
        for begin, end, number in code.co_lines():
            if begin <= instruction < end:
                line = number or line
                break
    else:
        line = _line_by_steps(code.co_firstlineno, code.co_lnotab, instruction)
    return (absolute(code.co_filename), line, code.co_name)


class _Block:
    """Knows by which instruction it was entered."""

    opcode = -1

    def __enter__(self) -> None:
        frame = sys._getframe(1)
        self.opcode = frame.f_code.co_code[frame.f_lasti]

    def __exit__(self, *failure: object) -> None:
        pass


def _opcode_of_with() -> int:
    """Of the instruction that enters a `with` block, in this interpreter; -1 where plain calls have the same."""
    entered, called = _Block(), _Block()
    with entered:
        pass
    called.__enter__()
    return entered.opcode if entered.opcode != called.opcode else -1


_WITH = _opcode_of_with()


def enters_with(code: Any, instruction: int) -> bool:
    """Whether the instruction enters a `with` block: what it takes will be given back by the same frame."""
    return code is not None and bool(code.co_code[instruction] == _WITH)


def _line_by_steps(line: int, steps: bytes, instruction: int) -> int:
    """Up to 3.9: pairs of (bytes of code, lines), the latter signed; Objects/lnotab_notes.txt in CPython.

    `dis` knows this too. But any thread may come here, and a fork in another one while it imports
    leaves the child with a lock on that module which nobody will ever release.
    """
    begin = 0
    for length, lines in zip(steps[::2], steps[1::2]):
        begin += length
        if begin > instruction:
            break
        line += lines - 256 if lines >= 128 else lines
    return line


def user_frame(frame: Any) -> Any:
    """The nearest frame that is the program's own, or the first of all."""
    nearest = frame
    while frame is not None:
        if not is_machinery(frame.f_code.co_filename):
            return frame
        frame = frame.f_back
    return nearest


def absolute(filename: str) -> str:
    """The path as it was meant when the file was first seen; `<string>` and its like stay."""
    known = _absolute.get(filename)
    if known is None:
        known = filename if filename.startswith("<") else os.path.abspath(filename)
        if len(_absolute) > 10_000:
            _absolute.clear()
        _absolute[filename] = known
    return known


def function_name(target: Any) -> str | None:
    """`module.qualname` of a thread's target or a coroutine; wrappers are looked through."""
    for _ in range(4):
        inner = getattr(target, "func", None)  # functools.partial
        if inner is None or not callable(inner):
            break
        target = inner
    name = getattr(target, "__qualname__", None) or getattr(target, "__name__", None)
    if not isinstance(name, str):
        return type(target).__qualname__ if target is not None else None
    module = getattr(target, "__module__", None)
    if isinstance(module, str) and module not in ("__main__", "__mp_main__", "builtins"):
        return module + "." + name
    return name


_MAX_SOURCE = 2 << 20
_sources: dict[str, list[str]] = {}


def code_line(filename: str, number: int) -> str | None:
    """One line of source, stripped, or None."""
    lines = _sources.get(filename)
    if lines is None:
        lines = _read_source(filename)
        if len(_sources) > 200:
            _sources.clear()
        _sources[filename] = lines
    if not 1 <= number <= len(lines):
        return None
    return lines[number - 1].strip() or None


def _read_source(filename: str) -> list[str]:
    cache = getattr(sys.modules.get("linecache"), "cache", {})
    entry = cache.get(filename)  # cells of notebooks and doctests exist only here
    if entry is not None and len(entry) == 4 and filename.startswith("<"):
        return list(entry[2])
    try:
        with open(filename, "rb") as source:
            data = source.read(_MAX_SOURCE)
    except (OSError, ValueError, NameError):  # an interpreter at its very end has no `open` any more
        return []
    return data.decode("utf-8", "replace").splitlines()


def name_at(site: Site | None, called: str) -> str | None:
    """The variable or attribute that gets what `called(…)` makes at `site`: `self.jobs = Queue()` → `jobs`."""
    target = _target_at(site, called)
    return _bound_name(target) if target is not None else None


def pair_at(site: Site | None, called: str) -> str | None:
    """The two names of what is unpacked at once: `ours, self.theirs = Pipe()` → `ours/theirs`."""
    target = _target_at(site, called) or ""
    names = [_bound_name(end) for end in target.strip(" ()").split(",")]
    return "/".join(name for name in names if name) if len(names) == 2 and all(names) else None


def _target_at(site: Site | None, called: str) -> str | None:
    """What stands before the `=` of the call."""
    line = code_line(site[0], site[1]) if site is not None else None
    if line is None:
        return None
    calls = _calls(line, called + "(")
    call = calls[0] if calls else -1
    if len(calls) > 1 and ";" in line[call:]:
        return None  # `left = Lock(); right = Lock()`: either
    before = line[:call] if call >= 0 else line
    target, equals, after = before.rpartition("=") if call >= 0 else before.partition("=")
    if not equals or (call >= 0 and "(" in after):  # made for another call, not for the variable
        return None
    return target


def _calls(line: str, call: str) -> list[int]:
    """Where it stands as a whole name: there is no `Lock(` in `RLock()`."""
    places = range(len(line))
    return [place for place in places if line.startswith(call, place) and not line[:place][-1:].isalnum()]


def _innermost(text: str) -> int:
    """Where what stands after the last comma or bracket begins; closed brackets (`list[int]`) are stepped over."""
    closed = 0
    for place in range(len(text) - 1, -1, -1):
        letter = text[place]
        if letter in ")]}":
            closed += 1
        elif letter in "([{" and closed:
            closed -= 1
        elif letter in "([{,;" and not closed:
            return place + 1
    return 0


def _is_unpacked(text: str) -> bool:
    """Whether a comma at the end of it divides names, and not the arguments of a call that is still open."""
    return all(text.count(left) <= text.count(right) for left, right in (("(", ")"), ("[", "]"), ("{", "}")))


def _bound_name(target: str) -> str | None:
    """The last name that is bound: of `if x: self.jobs: Queue[int]` it is `jobs`."""
    begin = _innermost(target)
    if target[begin - 1 : begin] == "," and _is_unpacked(target[:begin]) and ":" not in target[begin:]:
        return None  # `left, right = Lock(), Lock()`: either
    target = target[begin:]  # `Worker(jobs=Queue())`: the keyword is the name
    for piece in target.split(":"):  # with an annotation the name comes before it
        dotted = piece.strip().removeprefix("lambda").strip()
        if dotted and all(part.isidentifier() for part in dotted.split(".")):
            return dotted.rpartition(".")[2]
    return None
