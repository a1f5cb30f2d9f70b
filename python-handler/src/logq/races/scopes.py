"""Whose name it is: of which function, or of the module, as the compiler will decide.

Only as much of it as is needed to tell the names that functions share: globals and `nonlocal` variables
that are bound again while the program runs. Nothing is rewritten here.
"""

from __future__ import annotations

import ast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

__all__ = ["FUNCTIONS", "Scope", "build"]

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


class Scope:
    """A module, class, function or comprehension, and the names that it binds."""

    def __init__(self, node: Any, kind: str, outer: Scope | None) -> None:
        self.node = node
        self.kind = kind  # module, class, function
        self.outer = outer
        self.bound: dict[str, int] = {}  # how often
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()
        self.loaded: set[str] = set()
        self.rebound: set[str] = set()  # of its own names, those that inner functions bind again
        self.captured: set[str] = set()  # of its own names, those that inner functions use

    def owner_of(self, name: str) -> Scope | None:
        """The scope whose variable `name` is here; None for a name that nobody binds, such as a builtin."""
        if name in self.globals:
            return self._module()
        if name in self.bound and name not in self.nonlocals:
            return self
        scope = self.outer
        while scope is not None:
            if scope.kind != "class" or scope.outer is None:
                if name in scope.globals:
                    return scope._module()
                if name in scope.bound and name not in scope.nonlocals:
                    return scope
            scope = scope.outer
        return None

    def _module(self) -> Scope:
        scope = self
        while scope.outer is not None:
            scope = scope.outer
        return scope


def build(tree: ast.Module) -> tuple[Scope, dict[Any, Scope]]:
    """The module's scope, and that of each node which opens one."""
    module = Scope(tree, "module", None)
    scopes: dict[Any, Scope] = {tree: module}
    for statement in tree.body:
        _collect(statement, module, scopes, False)
    for scope in scopes.values():
        _share(scope)
    return module, scopes


def _share(scope: Scope) -> None:
    """Tells the owners of names from outside what is done to them here."""
    if scope.outer is None:
        return
    for name in scope.globals | scope.nonlocals:
        if name in scope.bound:
            owner = scope.owner_of(name)
            if owner is not None:
                owner.rebound.add(name)
                owner.captured.add(name)
    for name in scope.loaded:
        owner = scope.owner_of(name)
        if owner is not None and owner is not scope:
            owner.captured.add(name)


def _collect(node: Any, scope: Scope, scopes: dict[Any, Scope], in_loop: bool) -> None:
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load):
            scope.loaded.add(node.id)
        else:
            _bind(scope, node.id, in_loop)
    elif isinstance(node, ast.Global):
        scope.globals.update(node.names)
    elif isinstance(node, ast.Nonlocal):
        scope.nonlocals.update(node.names)
    elif _collect_inner(node, scope, scopes, in_loop):
        return
    else:
        for name in _names_bound_by(node):
            _bind(scope, name, in_loop)
    for child in ast.iter_child_nodes(node):
        _collect(child, scope, scopes, in_loop or isinstance(node, _LOOPS))


def _collect_inner(node: Any, scope: Scope, scopes: dict[Any, Scope], in_loop: bool) -> bool:
    """What has names of its own, or binds one elsewhere than where it stands."""
    if isinstance(node, FUNCTIONS):
        _collect_function(node, scope, scopes, in_loop)
    elif isinstance(node, ast.ClassDef):
        _bind(scope, node.name, in_loop)
        inner = scopes[node] = Scope(node, "class", scope)
        for part in [*node.decorator_list, *node.bases, *node.keywords]:
            _collect(part, scope, scopes, in_loop)
        for statement in node.body:
            _collect(statement, inner, scopes, False)
    elif isinstance(node, _COMPREHENSIONS):
        inner = scopes[node] = Scope(node, "function", scope)
        for child in ast.iter_child_nodes(node):
            _collect(child, inner, scopes, False)
    elif isinstance(node, ast.NamedExpr):
        target = scope
        while isinstance(target.node, _COMPREHENSIONS) and target.outer is not None:
            target = target.outer
        _bind(target, node.target.id, in_loop)
        _collect(node.value, scope, scopes, in_loop)
    else:
        return False
    return True


def _collect_function(node: Any, scope: Scope, scopes: dict[Any, Scope], in_loop: bool) -> None:
    inner = scopes[node] = Scope(node, "function", scope)
    arguments = node.args
    for argument in _arguments(arguments):
        _bind(inner, argument.arg, False)
    for default in [*arguments.defaults, *arguments.kw_defaults]:
        if default is not None:
            _collect(default, scope, scopes, in_loop)
    if isinstance(node, ast.Lambda):
        _collect(node.body, inner, scopes, False)
        return
    _bind(scope, node.name, in_loop)
    for decorator in node.decorator_list:
        _collect(decorator, scope, scopes, in_loop)
    for statement in node.body:
        _collect(statement, inner, scopes, False)


def _arguments(arguments: ast.arguments) -> Iterator[ast.arg]:
    yield from [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    for star in (arguments.vararg, arguments.kwarg):
        if star is not None:
            yield star


def _names_bound_by(node: Any) -> list[str]:
    """By statements and patterns that hold the names that they bind as text."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    name = getattr(node, "name", None) if type(node).__name__ in ("ExceptHandler", "MatchAs", "MatchStar") else None
    rest = getattr(node, "rest", None) if type(node).__name__ == "MatchMapping" else None
    return [bound for bound in (name, rest) if isinstance(bound, str)]


def _bind(scope: Scope, name: str, in_loop: bool) -> None:
    scope.bound[name] = scope.bound.get(name, 0) + (2 if in_loop else 1)
