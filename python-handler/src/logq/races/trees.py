"""Small questions about trees, and small trees: what `rewrite.py` needs and nobody else."""

from __future__ import annotations

import ast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "copy_of",
    "has_slice",
    "is_docstring",
    "is_quick",
    "is_super",
    "names_in",
    "placed",
    "reader_of",
    "start_of",
]


def placed(node: Any, at: Any) -> Any:
    """The node and what is in it, where `at` is, as far as they have no place yet."""
    for inner in ast.walk(node):
        if isinstance(inner, (ast.expr, ast.stmt, ast.arg)) and not hasattr(inner, "lineno"):
            ast.copy_location(inner, at)
    return node


def reader_of(name: str) -> ast.Lambda:
    """`lambda: name`, which holds the variable's cell."""
    nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
    return ast.Lambda(nothing, ast.Name(name, ast.Load()))


def copy_of(key: Any) -> Any:
    """The same expression again, where to evaluate it twice is the same as once."""
    if isinstance(key, ast.Constant):
        return ast.Constant(key.value)
    if isinstance(key, ast.Name):
        return ast.Name(key.id, ast.Load())
    if isinstance(key, ast.UnaryOp) and isinstance(key.op, ast.USub) and isinstance(key.operand, ast.Constant):
        return ast.UnaryOp(ast.USub(), ast.Constant(key.operand.value))
    if isinstance(key, ast.Tuple) and isinstance(key.ctx, ast.Load):
        parts = [copy_of(part) for part in key.elts]
        return ast.Tuple(parts, ast.Load()) if all(part is not None for part in parts) else None
    return None


def has_slice(key: Any) -> bool:
    return isinstance(key, ast.Tuple) and any(isinstance(part, (ast.Slice, ast.Starred)) for part in key.elts)


def names_in(targets: list[Any]) -> list[ast.Name]:
    found: list[ast.Name] = []
    for target in targets:
        if isinstance(target, ast.Name):
            found.append(target)
        elif isinstance(target, (ast.Tuple, ast.List)):
            found += names_in(target.elts)
        elif isinstance(target, ast.Starred):
            found += names_in([target.value])
    return found


def is_quick(value: Any) -> bool:
    """Nothing of the program runs, and nobody waits, while it is evaluated."""
    slow = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)
    return not any(isinstance(inner, slow) for inner in ast.walk(value))


def is_super(node: Any) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"


def is_docstring(statement: Any) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def start_of(statement: Any) -> Any:
    """A place in the first line of a statement, which is that of a decorator where it has one."""
    decorators = getattr(statement, "decorator_list", None)
    return decorators[0] if decorators else statement
