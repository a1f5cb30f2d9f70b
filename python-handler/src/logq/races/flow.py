"""What a line of a function is made from: the lines whose values or decisions it may depend on.

`seen = hits` … `hits = seen + 1` is one update, and so is `if key not in cache:` … `cache[key] = value`; a read
that has nothing to do with the write after it is none. Names are followed within a function, without regard
to the order of its lines; decisions are the tests around a line and those that may leave before it. Whether
something is the running thread's own (`if owner == get_ident()`) is no decision that another could make wrong.
"""

from __future__ import annotations

import ast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

__all__ = ["Flow", "flows_of"]

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_LEAVES = (ast.Return, ast.Raise, ast.Break, ast.Continue)

# What they give no other thread, task or process is given, and whoever writes it writes its own.
_IDENTITIES = {"get_ident", "get_native_id", "current_thread", "current_task", "getpid", "getcurrent"}


class _Piece:
    """A simple statement, or the head of one that has others inside."""

    __slots__ = ("asks_none", "compares", "deciders", "is_identity", "loads", "stores")

    def __init__(self, deciders: tuple[int, ...]) -> None:
        self.asks_none = False
        self.compares: set[str] = set()  # what it asks to be the same as something else, and that alone
        self.is_identity = False  # what it stores says who is running
        self.loads: set[str] = set()
        self.stores: set[str] = set()
        self.deciders = deciders


class Flow:
    """Of one function."""

    def __init__(self, body: list[Any]) -> None:
        self._pieces: list[_Piece] = []
        self._piece_of: dict[int, list[int]] = {}  # line -> its pieces
        self._lines: list[range] = []
        self._known: dict[int, frozenset[int]] = {}
        self._block(body, ())
        self._makers: dict[str, list[int]] = {}
        for number, piece in enumerate(self._pieces):
            for name in piece.stores:
                self._makers.setdefault(name, []).append(number)

    def sources(self, line: int) -> frozenset[int]:
        """The lines that line depends on, itself among them."""
        known = self._known.get(line)
        if known is None:
            known = self._known[line] = self._trace(line)
        return known

    def way(self, read: int, write: int) -> str | None:
        """How what line `read` reads goes into what line `write` writes: as a value, or as a decision."""
        if read in self._trace(write, False):
            return None
        asked = any(self._pieces[number].asks_none for number in self._piece_of.get(read, ()))
        return "init" if asked else "check"

    def carries(self, line: int) -> bool:
        """Whether what that line makes goes into what it is made from when it runs again: `total = add(total)`."""
        own = set(self._piece_of.get(line, ()))
        makers = {
            maker for number in own for name in self._pieces[number].loads for maker in self._makers.get(name, ())
        }
        return not own.isdisjoint(self._reach(makers, True))

    def _trace(self, line: int, decisions: bool = True) -> frozenset[int]:
        lines = {line}
        for number in self._reach(self._piece_of.get(line, ()), decisions):
            lines.update(self._lines[number])
        return frozenset(lines)

    def _reach(self, pieces: Iterable[int], decisions: bool) -> set[int]:
        """Those pieces, and all that they depend on."""
        reached = set(pieces)
        open_ends = list(reached)
        while open_ends:
            piece = self._pieces[open_ends.pop()]
            further = {number for number in piece.deciders if decisions and not self._asks_who_runs(number)}
            for name in piece.loads:
                further.update(self._makers.get(name, ()))
            further -= reached
            reached |= further
            open_ends.extend(further)
        return reached

    def _asks_who_runs(self, number: int) -> bool:
        return any(name == "" or self._is_identity(name) for name in self._pieces[number].compares)

    def _is_identity(self, name: str) -> bool:
        makers = self._makers.get(name, ())
        return bool(makers) and all(self._pieces[maker].is_identity for maker in makers)

    def _add(self, nodes: list[Any], deciders: tuple[int, ...]) -> int:
        """One piece made of expressions or a simple statement."""
        number = len(self._pieces)
        piece = _Piece(deciders)
        first, last = 1 << 30, 0
        for node in nodes:
            first = min(first, node.lineno)
            last = max(last, node.end_lineno or node.lineno)
            _names(node, piece)
        self._pieces.append(piece)
        self._lines.append(range(first, last + 1))
        for line in self._lines[number]:
            self._piece_of.setdefault(line, []).append(number)
        return number

    def _block(self, body: list[Any], deciders: tuple[int, ...]) -> None:
        for statement in body:
            added = self._statement(statement, deciders)
            deciders += added

    def _statement(self, node: Any, deciders: tuple[int, ...]) -> tuple[int, ...]:
        """What decides over the statements after it, too."""
        if isinstance(node, _SCOPES):
            return ()
        if isinstance(node, (ast.If, ast.While)):
            head = self._add([node.test], deciders)
            self._pieces[head].asks_none = _asks_none(node.test)
            self._pieces[head].compares = _compared(node.test)
            self._block(node.body, (*deciders, head))
            self._block(node.orelse, (*deciders, head))
            return (head,) if _may_leave(node) else ()
        if isinstance(node, (ast.For, ast.AsyncFor)):
            head = self._add([node.target, node.iter], deciders)
            self._block(node.body, (*deciders, head))
            self._block(node.orelse, deciders)
            return (head,) if _may_leave(node) else ()
        if isinstance(node, (ast.With, ast.AsyncWith)):
            parts = [part for item in node.items for part in (item.context_expr, item.optional_vars) if part]
            self._add(parts, deciders)
            before = len(self._pieces)
            self._block(node.body, deciders)
            return tuple(range(before, len(self._pieces))) if _may_leave(node) else ()
        if hasattr(node, "handlers"):
            return self._try(node, deciders)
        if type(node).__name__ == "Match":
            head = self._add([node.subject], deciders)
            for case in node.cases:
                self._block(case.body, (*deciders, head))
            return (head,) if _may_leave(node) else ()
        number = self._add([node], deciders)
        self._pieces[number].is_identity = isinstance(node, ast.Assign) and _is_identity(node.value)
        return ()

    def _try(self, node: Any, deciders: tuple[int, ...]) -> tuple[int, ...]:
        """Whether a handler runs, and what comes after, is decided by what was tried."""
        before = len(self._pieces)
        self._block(node.body, deciders)
        tried = tuple(range(before, len(self._pieces)))
        for handler in node.handlers:
            self._block(handler.body, deciders + tried)
        self._block(node.orelse, deciders)
        self._block(node.finalbody, deciders)
        return tried if _may_leave(node) else ()


def _names(node: Any, piece: _Piece) -> None:
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load):
            piece.loads.add(node.id)
        else:
            piece.stores.add(node.id)
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        piece.loads.add(node.target.id)
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return
    for child in ast.iter_child_nodes(node):
        _names(child, piece)


def _asks_none(test: Any) -> bool:
    """`x is None`, `not x`"""
    if isinstance(test, ast.Compare):
        return any(isinstance(side, ast.Constant) and side.value is None for side in test.comparators)
    return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)


def _compared(test: Any) -> set[str]:
    """The names on both sides of `==` or `is`, an empty one for a call that says who is running."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return set()
    if not isinstance(test.ops[0], (ast.Eq, ast.NotEq, ast.Is, ast.IsNot)):
        return set()
    sides = [test.left, *test.comparators]
    names = {side.id for side in sides if isinstance(side, ast.Name)}
    return names | {"" for side in sides if _is_identity(side)}


def _is_identity(node: Any) -> bool:
    """`get_ident()`, `threading.current_thread()`, `current_thread().ident`"""
    if isinstance(node, ast.Attribute) and node.attr in ("ident", "native_id"):
        node = node.value
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
    return name in _IDENTITIES


def _may_leave(node: Any) -> bool:
    return any(isinstance(inner, _LEAVES) for inner in ast.walk(node))


def flows_of(tree: ast.Module) -> dict[tuple[int, str], Flow]:
    """By first line and name of the function, as its code object has them."""
    flows = {(1, "<module>"): Flow(tree.body)}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min([node.lineno, *[decorator.lineno for decorator in node.decorator_list]])
            flows[(first, node.name)] = Flow(node.body)
    return flows
