"""What goes through the same rows in a function: loops, comprehensions, and the keys that they are sorted by."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from perfwright.effects.schema import DJANGO, Model
from perfwright.fix.recipes._bindings import SAME, assigned
from perfwright.fix.recipes._calls import method_of
from perfwright.fix.recipes._chains import Chains
from perfwright.fix.recipes._columns import beside
from perfwright.fix.recipes._quiet import is_quiet
from perfwright.fix.recipes._related import flushes, is_made, is_untouched
from perfwright.fix.source import COMPREHENSIONS, FUNCTIONS, Source, bound
from perfwright.fix.surroundings import Surroundings

SORTS = ("sorted", "min", "max")


@dataclass(frozen=True, slots=True)
class Loop:
    """What goes through rows of a model, `over`, by one name, `row`: a loop, a comprehension, or what sorts them."""

    source: Source
    node: ast.AST
    function: ast.FunctionDef
    over: ast.expr
    row: str
    model: Model

    def is_around(self, node: ast.AST) -> bool:
        return any(each is self.node for each in self.source.above(node))


def looped(around: Surroundings, source: Source, read: ast.Attribute) -> Loop | None:
    """Return what goes through the rows that something is read of: once in its function, and nothing is awaited."""
    function = source.function(read)
    if not isinstance(function, ast.FunctionDef):
        return None
    for node in source.above(read):
        found = through(node, source)
        if found is None or not isinstance(read.value, ast.Name) or found[1] != read.value.id:
            continue
        model = Chains(around, source).model(found[0])
        if model is None or model.framework == DJANGO:
            return None
        return first_of(Loop(source, node, function, *found, model))
    return None


def first_of(loop: Loop) -> Loop:
    """Return what goes through the same rows first, which the others are some of."""
    source = loop.source
    every = [(node, found) for node in ast.walk(loop.function) if (found := through(node, source)) is not None]
    some = [Loop(source, node, loop.function, *found, loop.model) for node, found in every]
    around = [each for each in some if any(one.node is loop.node for one in also_through(each))]
    return min(around, key=lambda each: source.span(source.statement(each.over)))


def through(node: ast.AST, source: Source) -> tuple[ast.expr, str] | None:
    """Return what a node goes through, and the name that each item has there: of a loop, or of a key that sorts them;
    None for all else."""
    each = node.generators[0] if isinstance(node, COMPREHENSIONS) else node
    if isinstance(each, ast.For | ast.comprehension) and isinstance(each.target, ast.Name) and each is not node:
        return each.iter, each.target.id
    if isinstance(node, ast.For) and isinstance(node.target, ast.Name):
        return node.iter, node.target.id
    above = source.parents.get(node)
    call = source.parents.get(above) if isinstance(above, ast.keyword) and above.arg == "key" else None
    if not isinstance(node, ast.Lambda) or not isinstance(call, ast.Call) or len(node.args.args) != 1:
        return None
    if method_of(call) == "sort" and isinstance(call.func, ast.Attribute):
        return call.func.value, node.args.args[0].arg
    if isinstance(call.func, ast.Name) and call.func.id in SORTS and len(call.args) == 1:
        return call.args[0], node.args.args[0].arg
    return None


def also_through(loop: Loop) -> list[Loop]:
    """Return a loop with all others of its function that go through the same rows, or some of them."""
    source, found = loop.source, {loop.node: loop}
    known = {loop.over.id} if isinstance(loop.over, ast.Name) else set[str]()
    while True:
        known |= {
            each.targets[0].id
            for each in ast.walk(loop.function)
            if isinstance(each, ast.Assign)
            and isinstance(each.targets[0], ast.Name)
            and assigned(loop.function, each.targets[0].id) == [each.value]
            and is_of(each.value, loop.over, known)
        }
        more = {
            node: Loop(source, node, loop.function, *one, loop.model)
            for node in ast.walk(loop.function)
            if node not in found and (one := through(node, source)) is not None and is_of(one[0], loop.over, known)
        }
        if not more:
            return [*found.values()]
        found |= more


def is_of(node: ast.expr, over: ast.expr, known: set[str]) -> bool:
    """Tell whether an expression gives some of the rows that another gives, or that some names stand for."""
    if node is over or (isinstance(node, ast.Name) and node.id in known):
        return True
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        return is_of(node.value, over, known)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAME and node.args:
        return is_of(node.args[0], over, known)
    if isinstance(node, ast.ListComp) and isinstance(node.elt, ast.Name):
        first = node.generators[0]
        return ast.unparse(first.target) == node.elt.id and is_of(first.iter, over, known)
    return False


def is_still(around: Surroundings, loops: Sequence[Loop], place: ast.stmt) -> bool:
    """Tell whether rows and what they lead to stay as they are until the loops end, which come after a place."""
    loop = loops[0]
    source, function = loop.source, loop.function
    if not flushes(beside(around, source, loop.model)) and not is_untouched(around, function):
        return False
    last = max(source.span(source.statement(each.node))[1] for each in loops)
    before = [
        each
        for statement in function.body
        for each in ast.walk(statement)
        if hasattr(each, "lineno") and source.span(source.in_text(each) or each)[0] < last
    ]
    block = next(
        (found for name in ("body", "orelse") if place in (found := getattr(source.parents[place], name, []))), []
    )
    after = block[block.index(place) :] if place in block else []
    rows = {each.row for each in loops}
    if source.loops(loop.over) or source.loops(place) or not source.begins(place):
        return False
    if is_made(around, source, function, loop.over):
        return False  # the rows may not be saved yet
    kept = all(
        any(one in after for one in (each.node, *source.above(each.node)))
        and not (
            isinstance(each.node, ast.For) and rows & set().union(*map(bound, (*each.node.body, *each.node.orelse)))
        )
        and not any(isinstance(one, (*FUNCTIONS, ast.Lambda)) for one in ast.walk(each.node) if one is not each.node)
        for each in loops
    )
    return kept and is_quiet(around, source, before)
