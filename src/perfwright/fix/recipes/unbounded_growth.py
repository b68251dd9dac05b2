"""A list of the module to which each request adds becomes a deque that keeps the last entries.

Nothing in the file asks of it what a deque cannot do: it is appended to, measured, walked, emptied, and read at one of
its ends. What a decorator adds to is left: it grows with the program's text.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._imports import name_of
from perfwright.fix.source import Source

KEPT = 1000
METHODS = ("append", "extend", "clear", "pop", "count", "appendleft")
WALKS = ("len", "list", "tuple", "set", "sorted", "sum", "reversed", "enumerate", "any", "all", "min", "max")


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    name = finding.symbol
    made = source.made_once(name)
    if made is None or not isinstance(made.value, ast.List) or made.value.elts:
        return
    uses = [each for each in ast.walk(source.tree) if isinstance(each, ast.Name) and each.id == name]
    if not all(is_possible(source, each) for each in uses if isinstance(each.ctx, ast.Load)):
        return
    if any(isinstance(each, ast.Global) and name in each.names for each in ast.walk(source.tree)):
        return
    if is_decorator(source, finding.place.line):
        return
    deque, imports = name_of(source, "collections", "deque")
    edits = [source.replace(made.value, f"{deque}(maxlen={KEPT})"), *imports]
    if isinstance(made, ast.AnnAssign):
        said = made.annotation
        kind = said.value if isinstance(said, ast.Subscript) else said
        edits.append(source.replace(kind, deque))
    yield Proposal(tuple(edits), f"the last {KEPT} entries are kept")


def is_decorator(source: Source, line: int) -> bool:
    """Tell whether what a line is in decorates something in the file."""
    name = source.function_at(line)
    found = [each for node in ast.walk(source.tree) for each in getattr(node, "decorator_list", ())]
    return any(source.text_of(getattr(each, "func", each)) == name for each in found)


def is_possible(source: Source, use: ast.Name) -> bool:
    """Tell whether a deque can do what is asked of a list."""
    parent = source.parents.get(use)
    if isinstance(parent, ast.Attribute):
        call = source.parents.get(parent)
        return parent.attr in METHODS and isinstance(call, ast.Call) and not (parent.attr == "pop" and call.args)
    if isinstance(parent, ast.Subscript):
        return parent.value is use and not isinstance(parent.slice, ast.Slice)
    if isinstance(parent, ast.Call):
        return isinstance(parent.func, ast.Name) and parent.func.id in WALKS
    return isinstance(parent, ast.For | ast.comprehension | ast.If | ast.UnaryOp | ast.BoolOp)


RECIPE = Recipe(
    rule="unbounded-growth",
    improves=("memory",),
    propose=propose,
    suggested=f"what is older than the last {KEPT} entries is forgotten",
)
