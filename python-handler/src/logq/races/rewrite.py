"""A module's tree, with a call beside each access to a variable that several lanes may share.

`self.total += 1` becomes `POINT.attribute(self).total += 1`: the call gives back what it was given, and
POINT is a constant of the code, so that no name is added anywhere. Lines and columns stay. Names count
where functions bind them again, attributes always, items of whatever is indexed. Annotations, patterns,
slices and the heads of loops are left as they are. What a call notes is the affair of `points.py`.
"""

from __future__ import annotations

import ast
import sys

from . import scopes
from .points import READ, UPDATE, WRITE, Point, Unit
from .scopes import FUNCTIONS, Scope
from .trees import copy_of, has_slice, is_docstring, is_quick, is_super, names_in, placed, reader_of, start_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

__all__ = ["compiled"]

_SETTINGS = sys.version_info  # the trees of other versions differ where it matters below
_ASKING = {"get": READ, "pop": WRITE, "__getitem__": READ}


def compiled(source: bytes | str, filename: str, unit: Unit) -> CodeType:
    """Raises what `compile` raises, and RecursionError."""
    tree: Any = compile(source, filename, "exec", ast.PyCF_ONLY_AST, True)
    unit.set_flows(tree)
    module, by_node = scopes.build(tree)
    rewriter = _Rewriter(unit, module, by_node)
    tree = rewriter.visit(tree)
    code = compile(tree, filename, "exec", 0, True)
    return rewriter.filled(code)


class _Rewriter(ast.NodeTransformer):
    def __init__(self, unit: Unit, module: Scope, by_node: dict[Any, Scope]) -> None:
        self.unit = unit
        self.by_node = by_node
        self.scope = module
        self.module = module
        self.klass: str | None = None
        self.function = "<module>"
        self.points: dict[str, Point] = {}
        self.shared_names = {
            name
            for name in module.bound
            if name in module.rebound or (module.bound[name] > 1 and name in module.captured)
        }

    def filled(self, code: CodeType) -> CodeType:
        """The code with the points where their names stand."""
        points = self.points
        constants = tuple(
            [
                points.get(constant, constant)
                if type(constant) is str
                else self.filled(constant)
                if type(constant) is type(code)
                else constant
                for constant in code.co_consts
            ]
        )
        return code.replace(co_consts=constants)

    # Making the calls. ------------------------------------------------------------------------

    def point(self, mode: str, node: Any, name: str = "", constant: bool = False) -> Point:
        return Point(self.unit, mode, node.lineno, self.function, self._mangled(name), constant)

    def call(self, point: Point, method: str, arguments: list[Any], at: Any) -> Any:
        mark = f"\0logq point {len(self.points)} of {self.unit.number}"
        self.points[mark] = point
        function = ast.Attribute(ast.Constant(mark), method, ast.Load())
        return placed(ast.Call(function, arguments, []), at)

    def _mangled(self, name: str) -> str:
        if self.klass is None or not name.startswith("__") or name.endswith("__"):
            return name
        return f"_{self.klass.lstrip('_')}{name}" if self.klass.strip("_") else name

    # Scopes. ----------------------------------------------------------------------------------

    def visit_FunctionDef(self, node: Any) -> Any:
        node.decorator_list = [self.visit(decorator) for decorator in node.decorator_list]
        self._visit_defaults(node.args)
        before = (self.scope, self.function)
        self.scope, self.function = self.by_node[node], node.name
        before_body = len(self.points)
        node.body = [self.visit(statement) for statement in node.body]
        if len(self.points) > before_body:
            self._begin_call(node, self._cells_of(node))
        self.scope, self.function = before
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - as `ast` calls them

    def visit_Lambda(self, node: Any) -> Any:
        self._visit_defaults(node.args)
        before = (self.scope, self.function)
        self.scope, self.function = self.by_node[node], "<lambda>"
        node.body = self.visit(node.body)
        self.scope, self.function = before
        return node

    def visit_ClassDef(self, node: Any) -> Any:
        node.decorator_list = [self.visit(decorator) for decorator in node.decorator_list]
        node.bases = [self.visit(base) for base in node.bases]
        node.keywords = [self.visit(keyword) for keyword in node.keywords]
        before = (self.scope, self.function, self.klass)
        self.scope, self.function, self.klass = self.by_node[node], node.name, node.name
        node.body = [self.visit(statement) for statement in node.body]
        self.scope, self.function, self.klass = before
        return node

    def _visit_comprehension(self, node: Any) -> Any:
        before, self.scope = self.scope, self.by_node[node]
        node = self.generic_visit(node)
        self.scope = before
        return node

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _visit_comprehension  # noqa: N815 - as `ast` calls them

    def _visit_defaults(self, arguments: ast.arguments) -> None:
        arguments.defaults = [self.visit(default) for default in arguments.defaults]
        arguments.kw_defaults = [self.visit(default) if default else None for default in arguments.kw_defaults]

    def _cells_of(self, node: Any) -> list[str]:
        """The function's variables that inner functions bind again, or index."""
        scope = self.by_node[node]
        return sorted(scope.captured & set(scope.bound))

    def _begin_call(self, node: Any, names: list[str]) -> None:
        """Each call of the function has a frame and cells of its own."""
        place = 1 if len(node.body) > 1 and is_docstring(node.body[0]) else 0
        first = node.body[place]
        if is_docstring(first):
            return  # nothing happens in it
        at = start_of(first)
        readers = [placed(reader_of(name), at) for name in names]
        call = self.call(self.point(READ, at), "begin", readers, at)
        node.body.insert(place, ast.copy_location(ast.Expr(call), at))

    # Names. -----------------------------------------------------------------------------------

    def _sort_of(self, name: str) -> str | None:
        """`global` or `cell` for a name that functions bind again."""
        owner = self.scope.owner_of(name)
        if owner is None:
            return None
        if owner is self.module:
            return "global" if name in self.shared_names else None
        return "cell" if owner.kind == "function" and name in owner.rebound and _is_function(owner) else None

    def visit_Name(self, node: Any) -> Any:
        if not isinstance(node.ctx, ast.Load):
            return node
        sort = self._sort_of(node.id)
        if sort is None:
            return node
        point = self.point(READ, node, node.id)
        if sort == "global":
            call = self.call(point, "name_read", [], node)
        else:
            call = self.call(point, "cell_read", [placed(reader_of(node.id), node)], node)
        return placed(ast.BoolOp(ast.Or(), [call, node]), node)

    def _writing(self, targets: list[Any], value: Any, mode: str = WRITE) -> Any:
        """The value, which is noted right before it is bound to the names among the targets."""
        constant = isinstance(value, ast.Constant)
        for name in names_in(targets):
            sort = self._sort_of(name.id)
            if sort == "global":
                value = self.call(self.point(mode, name, name.id, constant), "name_write", [value], value)
            elif sort == "cell":
                reader = placed(reader_of(name.id), value)
                value = self.call(self.point(mode, name, name.id, constant), "cell_write", [value, reader], value)
        return value

    def visit_Assign(self, node: Any) -> Any:
        constant = isinstance(node.value, ast.Constant)
        value = self.visit(node.value)
        node.value = self._writing(node.targets, value) if not constant else self._writing(node.targets, node.value)
        node.targets = [self._target(target, WRITE, constant) for target in node.targets]
        return node

    def visit_AnnAssign(self, node: Any) -> Any:
        if node.value is None:
            return node
        constant = isinstance(node.value, ast.Constant)
        node.value = self._writing([node.target], self.visit(node.value))
        node.target = self._target(node.target, WRITE, constant)
        return node

    def visit_NamedExpr(self, node: Any) -> Any:
        node.value = self._writing([node.target], self.visit(node.value))
        return node

    def visit_AugAssign(self, node: Any) -> Any:
        quick = is_quick(node.value)
        node.value = self.visit(node.value)
        target = node.target
        if isinstance(target, ast.Name):
            node.value = self._update_name(target, node.value, quick)
        elif quick:
            node.target = self._target(target, UPDATE, False)
        else:
            node.target, node.value = self._slow_update(target, node.value)
        return node

    def _update_name(self, target: Any, value: Any, quick: bool) -> Any:
        if quick:
            return self._writing([target], value, UPDATE)
        sort = self._sort_of(target.id)  # it is read now, and written when the value is there
        if sort is None:
            return value
        point = self.point(READ, target, target.id)
        if sort == "global":
            read = self.call(point, "name_read", [], value)
        else:
            read = self.call(point, "cell_read", [placed(reader_of(target.id), value)], value)
        return self._writing([target], placed(ast.BoolOp(ast.Or(), [read, value]), value))

    def _slow_update(self, target: Any, value: Any) -> tuple[Any, Any]:
        """What stands on the right may take its time: the read and the write are two."""
        point = self.point(UPDATE, target, getattr(target, "attr", ""))
        point.slow = True
        target = self._target(target, UPDATE, False, point)
        return target, self.call(point, "late", [value], value)

    # Attributes and items. --------------------------------------------------------------------

    def visit_Attribute(self, node: Any) -> Any:
        return self._target(node, READ if isinstance(node.ctx, ast.Load) else WRITE, False)

    def visit_Subscript(self, node: Any) -> Any:
        return self._target(node, READ if isinstance(node.ctx, ast.Load) else WRITE, False)

    def _target(self, node: Any, mode: str, constant: bool, point: Point | None = None) -> Any:
        if isinstance(node, ast.Attribute):
            if is_super(node.value):
                return node
            point = point or self.point(mode, node, node.attr, constant)
            node.value = self.call(point, "attribute", [self.visit(node.value)], node.value)
            return node
        if isinstance(node, ast.Subscript):
            return self._item(node, point or self.point(mode, node, "", constant))
        if isinstance(node, (ast.Tuple, ast.List)):
            node.elts = [self._target(element, mode, False) for element in node.elts]
            return node
        if isinstance(node, ast.Starred):
            node.value = self._target(node.value, mode, False)
            return node
        return node if isinstance(node, ast.Name) else self.visit(node)

    def _item(self, node: Any, point: Point) -> Any:
        key = node.slice
        if _SETTINGS < (3, 9) or isinstance(key, ast.Slice) or has_slice(key):
            return self.generic_visit(node)
        node.value, keys = self._container(node.value, point, key)
        node.slice = keys
        return node

    def _container(self, base: Any, point: Point, key: Any) -> tuple[Any, Any]:
        """The expression of a container, and that of the key, so that the access is noted between the two."""
        copy = copy_of(key)
        known = [placed(copy, base)] if copy is not None else []
        if isinstance(base, ast.Attribute) and not is_super(base.value):
            point.name = self._mangled(base.attr)
            method = "owner_item" if known else "owner"
            base.value = self.call(point, method, [self.visit(base.value), *known], base.value)
        else:
            method = "item" if known else "container"
            arguments = [self.visit(base)]
            if isinstance(base, ast.Name):
                arguments += self._anchor(base, point, known)
            elif known:
                arguments += known
            base = self.call(point, method, arguments, base)
        key = self.visit(key)
        return base, key if known else self.call(point, "key", [key], key)

    def _anchor(self, base: Any, point: Point, known: list[Any]) -> list[Any]:
        """The arguments that say where a container is kept: in a global, in a cell, or nobody knows where."""
        point.name = base.id
        owner = self.scope.owner_of(base.id)
        if owner is self.module:
            point.is_global = True
        elif owner is not None and owner.kind == "function" and _is_function(owner) and base.id in owner.captured:
            return [*(known or [placed(ast.Constant(None), base)]), placed(reader_of(base.id), base)]
        return known

    def visit_Call(self, node: Any) -> Any:
        function = node.func
        if isinstance(function, ast.Attribute) and not is_super(function.value):
            mode = _ASKING.get(function.attr)
            if mode is not None and node.args and not isinstance(node.args[0], ast.Starred):
                point = self.point(mode, node, "")
                point.is_call = True
                function.value, node.args[0] = self._container(function.value, point, node.args[0])
            else:
                function.value = self.visit(function.value)
        elif isinstance(function, ast.Attribute):
            pass
        else:
            node.func = self.visit(function)
            return self._rest_of_call(node, 0)
        return self._rest_of_call(node, 1 if isinstance(function, ast.Attribute) and _was_asked(function, node) else 0)

    def _rest_of_call(self, node: Any, done: int) -> Any:
        node.args = node.args[:done] + [self.visit(argument) for argument in node.args[done:]]
        node.keywords = [self.visit(keyword) for keyword in node.keywords]
        return node

    def visit_Compare(self, node: Any) -> Any:
        if len(node.ops) == 1 and isinstance(node.ops[0], (ast.In, ast.NotIn)):
            copy = copy_of(node.left)
            if copy is not None and isinstance(node.comparators[0], (ast.Name, ast.Attribute)):
                point = self.point(READ, node, "")
                base, _ = self._container(node.comparators[0], point, copy)
                node.left = self.visit(node.left)
                node.comparators = [base]
                return node
        return self.generic_visit(node)

    # What is left as it is. -------------------------------------------------------------------

    def visit_match_case(self, node: Any) -> Any:
        if node.guard is not None:
            node.guard = self.visit(node.guard)
        node.body = [self.visit(statement) for statement in node.body]
        return node

    def visit_TypeAlias(self, node: Any) -> Any:
        return node


def _was_asked(function: ast.Attribute, node: Any) -> bool:
    return function.attr in _ASKING and bool(node.args) and not isinstance(node.args[0], ast.Starred)


def _is_function(scope: Scope) -> bool:
    return isinstance(scope.node, FUNCTIONS) and not isinstance(scope.node, ast.Lambda)
