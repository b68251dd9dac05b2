"""Properties and small methods of a model, with what they return put in their place."""

import ast
import builtins
import copy
from collections.abc import Sequence

from perfwright.effects.schema import Model
from perfwright.fix.recipes._conditions import Part, parts
from perfwright.fix.source import FUNCTIONS, Source, bound, is_docstring, names
from perfwright.fix.surroundings import Surroundings

DEEPEST = 4  # properties that are made of others
GIVES = ("property", "cached_property")


def inlined(around: Surroundings, source: Source, model: Model, node: ast.expr, row: str) -> ast.expr:
    """Return an expression with what properties of a row return in their place; itself where there are none."""
    for _ in range(DEEPEST):
        inner = _Inliner(around, source, model, row)
        changed = inner.visit(copy.deepcopy(node))
        if not inner.found or row in bound(node):
            return node
        node = changed
    return node


def inlined_parts(
    around: Surroundings, source: Source, model: Model, some: Sequence[Part], row: str
) -> tuple[Part, ...]:
    """Return conditions on a row with what its properties return in their place."""
    tests = [(each, inlined(around, source, model, each.test, row)) for each in some]
    return tuple(
        one for each, test in tests for one in ([each] if test is each.test else parts(test, holds=each.holds))
    )


class _Inliner(ast.NodeTransformer):
    """Puts what properties return in their place; `found` tells whether there was one."""

    def __init__(self, around: Surroundings, source: Source, model: Model, row: str) -> None:
        self.around, self.source, self.model, self.row = around, source, model, row
        self.found = False

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return self._put(node, node, is_property=True) or self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        given = bool(node.args or node.keywords)
        return (None if given else self._put(node, node.func, is_property=False)) or self.generic_visit(node)

    def _put(self, node: ast.expr, read: ast.expr, *, is_property: bool) -> ast.expr | None:
        if not isinstance(read, ast.Attribute) or not isinstance(read.value, ast.Name) or read.value.id != self.row:
            return None
        body = self._body(read.attr, is_property=is_property)
        self.found = self.found or body is not None
        return ast.copy_location(body, node) if body is not None else None

    def _body(self, name: str, *, is_property: bool) -> ast.expr | None:
        """Return what a property returns, said of the row; None where it does more, or means something else here."""
        if name in self.model.columns or name in self.model.relations:
            return None
        method = self.around.method(self.model, name)
        defined = self.around.definition(method) if method is not None else None
        own_file = self.around.source(self.model.cls.module.path)
        if defined is None or any(each is None or "polymorphic" in each.text for each in (defined[0], own_file)):
            return None
        if is_overridden(self.around, self.model, name):
            return None
        source, function = defined
        marks = [ast.unparse(each).rpartition(".")[2] for each in function.decorator_list]
        lines = [each for each in function.body if not is_docstring(each)]
        last = lines[0] if len(lines) == 1 else None
        fits = (len(marks) == 1 and marks[0] in GIVES) if is_property else not marks
        if (
            not fits
            or not isinstance(last, ast.Return)
            or last.value is None
            or not isinstance(function, ast.FunctionDef)
        ):
            return None
        first = function.args.args[0].arg if len(function.args.args) == 1 else ""
        own = bound(last.value)
        others = names(last.value) - own - {first}
        if not first or self.row in own | others or not all(self._is_same(source, each) for each in others):
            return None
        body = copy.deepcopy(last.value)
        for each in ast.walk(body):
            if isinstance(each, ast.Name) and each.id == first:
                each.id = self.row
        return body

    def _is_same(self, source: Source, name: str) -> bool:
        """Tell whether a name means in the file that is changed what it means in the model's."""
        if any(name in bound(each) for each in inside(self.source)):
            return False
        here, there = (self.around.entity(each, ast.Name(name, ast.Load())) for each in (self.source, source))
        return here == there if there is not None else here is None and name in dir(builtins)


def is_overridden(around: Surroundings, model: Model, name: str) -> bool:
    """Tell whether rows of a model may be of another class, that has something else of a name."""
    project = around.project
    found = project.class_member(model.cls, name)
    return any(model.cls in project.mro(each) and project.class_member(each, name) != found for each in project.classes)


def inside(source: Source) -> list[ast.AST]:
    """Return what functions of a file are given, and their statements."""
    functions = [each for each in ast.walk(source.tree) if isinstance(each, FUNCTIONS)]
    return [part for each in functions for part in (each.args, *each.body)]
