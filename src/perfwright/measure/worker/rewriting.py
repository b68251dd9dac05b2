"""Code of a project rewritten as it is imported, so that it says what it goes through; what it does stays the same."""

from __future__ import annotations

import ast
import importlib.machinery
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import CodeType
from typing import Any

from .passes import PASSES  # type: ignore[import-not-found,unused-ignore]

NAMES = {name: f"_perfwright_{name}" for name in ("step", "made", "within", "called")}
COPIES = (ast.Add, ast.Sub, ast.Mult, ast.BitOr, ast.BitAnd, ast.BitXor)  # of collections: a new one
ELSEWHERE = ("site-packages", "dist-packages", ".venv")


def install(roots: Sequence[str]) -> None:
    """Rewrite the modules below some folders that are imported from now on."""
    folders = tuple(str(Path(root)) + os.sep for root in roots)
    loader = importlib.machinery.SourceFileLoader
    plain = loader.get_code

    def get_code(self: importlib.machinery.SourceFileLoader, name: str) -> CodeType | None:
        path = self.get_filename(name)
        if not path.startswith(folders) or any(part in ELSEWHERE for part in Path(path).parts):
            return plain(self, name)
        root = next(each for each in folders if path.startswith(each))
        try:
            code = rewritten(self.get_data(path), path, path[len(root) :])
        except RecursionError:  # its tree is too deep
            PASSES.whole = False
            return plain(self, name)
        PASSES.files.add(path)
        PASSES.modules.add(name)
        return code

    loader.get_code = get_code  # type: ignore[method-assign,assignment]
    PASSES.offer(NAMES)


def rewritten(data: bytes, path: str, told: str) -> CodeType:
    """Return the code of a file; its lines are told as those of another name."""
    tree = Rewriter(told).visit(ast.parse(data, path))
    return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)


class Rewriter(ast.NodeTransformer):
    """Puts calls that count into a tree: of a pass, a call, a comparison with all items, a copy of a collection."""

    def __init__(self, file: str) -> None:
        self.file = file

    def call(self, what: str, node: Any, *args: ast.expr) -> ast.Call:
        """Return the call that counts something at the line of a node."""
        site = ast.Constant(PASSES.site(self.file, node.lineno))
        made = ast.Call(ast.Name(NAMES[what], ast.Load()), [site, *args], [])
        return ast.copy_location(made, node)

    def visit(self, node: ast.AST) -> Any:
        """Return a node with what counts put into it."""
        way = next((way for kinds, way in WAYS if isinstance(node, kinds)), Rewriter.generic_visit)
        return way(self, node)

    def begun(self, node: Any) -> Any:
        """Return a loop whose passes are counted."""
        self.generic_visit(node)
        node.body.insert(0, ast.copy_location(ast.Expr(self.call("step", node)), node))
        return node

    def gone_through(self, node: ast.comprehension) -> ast.comprehension:
        """Count the passes of a comprehension."""
        self.generic_visit(node)
        node.ifs.insert(0, self.call("step", node.target))
        return node

    def defined(self, node: Any) -> Any:
        """Return a function whose calls are counted; annotations stay what they are, for others read them."""
        told = node.returns, getattr(node, "type_params", [])
        node.returns = None
        if told[1]:
            node.type_params = []
        self.generic_visit(node)
        node.returns = told[0]
        if told[1]:
            node.type_params = told[1]
        place = 1 if ast.get_docstring(node, clean=False) is not None else 0
        node.body.insert(place, ast.copy_location(ast.Expr(self.call("step", node)), node))
        return node

    def short(self, node: ast.Lambda) -> ast.Lambda:
        """Count the calls of a lambda."""
        self.generic_visit(node)
        node.body = ast.copy_location(ast.BoolOp(ast.And(), [self.call("step", node), node.body]), node.body)
        return node

    def annotated(self, node: ast.AnnAssign) -> ast.AnnAssign:
        """Return an assignment whose value is counted, its annotation as it is."""
        node.value = self.visit(node.value) if node.value is not None else None
        return node

    def left(self, node: ast.AST) -> ast.AST:
        """Return types and patterns as they are."""
        return node

    def compared(self, node: ast.Compare) -> ast.expr:
        """Count what `in` compares."""
        self.generic_visit(node)
        if len(node.ops) != 1 or not isinstance(node.ops[0], (ast.In, ast.NotIn)):
            return node
        asked = self.call("within", node, node.left, node.comparators[0])
        if isinstance(node.ops[0], ast.In):
            return asked
        return ast.copy_location(ast.UnaryOp(ast.Not(), asked), node)

    def handed(self, node: ast.Call) -> ast.Call:
        """Count the items that are handed over."""
        self.generic_visit(node)
        node.func = self.call("called", node, node.func)
        return node

    def joined(self, node: ast.BinOp) -> ast.expr:
        """Count the items of a collection that is made of two."""
        self.generic_visit(node)
        return self.call("made", node, node) if isinstance(node.op, COPIES) else node

    def extended(self, node: ast.AugAssign) -> ast.AugAssign:
        """Count the items that are added to a collection."""
        self.generic_visit(node)
        if isinstance(node.op, COPIES):
            node.value = self.call("made", node, node.value)
        return node

    def sliced(self, node: ast.Subscript) -> ast.expr:
        """Count the items of a slice."""
        self.generic_visit(node)
        is_copy = isinstance(node.slice, ast.Slice) and isinstance(node.ctx, ast.Load)
        return self.call("made", node, node) if is_copy else node

    def starred(self, node: Any) -> ast.expr:
        """Count the items of what is made of others' items: `[*one, *other]`."""
        self.generic_visit(node)
        items = node.keys if isinstance(node, ast.Dict) else node.elts
        is_copy = any(each is None or isinstance(each, ast.Starred) for each in items)
        is_copy = is_copy and isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
        return self.call("made", node, node) if is_copy else node


WAYS: tuple[tuple[Any, Callable[[Rewriter, Any], Any]], ...] = (
    ((ast.For, ast.AsyncFor, ast.While), Rewriter.begun),
    (ast.comprehension, Rewriter.gone_through),
    ((ast.FunctionDef, ast.AsyncFunctionDef), Rewriter.defined),
    (ast.Lambda, Rewriter.short),
    (ast.AnnAssign, Rewriter.annotated),
    ((ast.arg, ast.pattern, getattr(ast, "TypeAlias", ast.arg)), Rewriter.left),
    (ast.Compare, Rewriter.compared),
    (ast.Call, Rewriter.handed),
    (ast.BinOp, Rewriter.joined),
    (ast.AugAssign, Rewriter.extended),
    (ast.Subscript, Rewriter.sliced),
    ((ast.List, ast.Tuple, ast.Set, ast.Dict), Rewriter.starred),
)
