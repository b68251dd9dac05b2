"""A list that is searched in a loop is looked up in a set.

Where the loop does not change the list, the set is made once before it. Where the loop appends to it, and nothing else
changes it, a set is kept beside it. What cannot be hashed is found by the judge.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._stays import stays
from perfwright.fix.source import Source, changed


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    test = source.at(finding.place, ast.Compare)
    if test is None or len(test.ops) != 1 or not isinstance(test.ops[0], ast.In | ast.NotIn):
        return
    held = test.comparators[0]
    if not isinstance(held, ast.Name | ast.Attribute):
        return
    yield from once(source, held)
    if isinstance(held, ast.Name):
        yield from beside(source, held)


def once(source: Source, held: ast.Name | ast.Attribute) -> Iterator[Proposal]:
    """Give the proposal that makes a set before the outermost loop that does not change the list."""
    loops = [each for each in source.loops(held) if stays(source, held, each)]
    if not loops or is_asked_for(source, held, loops[-1]):
        return
    statement = source.statement(loops[-1])
    if not source.begins(statement):
        return
    last = held.id if isinstance(held, ast.Name) else held.attr
    name = source.fresh(f"{last}_set", f"known_{last}")
    written = source.text_of(held)
    inside = [
        each.comparators[0]
        for each in ast.walk(statement)
        if isinstance(each, ast.Compare)
        and len(each.ops) == 1
        and isinstance(each.ops[0], ast.In | ast.NotIn)
        and source.text_of(each.comparators[0]) == written
    ]
    edits = [source.before(statement, f"{name} = set({written})"), *[source.replace(each, name) for each in inside]]
    yield Proposal(tuple(edits), f"a set of `{written}`, made once before the loop, is looked up in")


def is_asked_for(source: Source, held: ast.expr, loop: ast.AST) -> bool:
    """Tell whether a loop asks if there is a list at all: `if wanted and item in wanted`."""
    text = source.text_of(held)
    for each in ast.walk(loop):
        tests: list[ast.expr] = []
        if isinstance(each, ast.BoolOp):
            tests = each.values
        elif isinstance(each, ast.If | ast.IfExp | ast.While):
            tests = [each.test]
        elif isinstance(each, ast.UnaryOp):
            tests = [each.operand]
        elif isinstance(each, ast.Compare) and any(isinstance(op, ast.Is | ast.IsNot) for op in each.ops):
            tests = [each.left, *each.comparators]
        if any(ast.unparse(test) == text for test in tests):
            return True
    return False


def beside(source: Source, held: ast.Name) -> Iterator[Proposal]:
    """Give the proposal that keeps a set beside a list to which the loop appends."""
    function = source.function(held)
    if function is None:
        return
    makes = [
        each
        for each in ast.walk(function)
        if isinstance(each, ast.Assign | ast.AnnAssign)
        and any(
            isinstance(t, ast.Name) and t.id == held.id
            for t in (each.targets if isinstance(each, ast.Assign) else [each.target])
        )
    ]
    empty = [each for each in makes if isinstance(each.value, ast.List) and not each.value.elts]
    appends = [
        each
        for each in ast.walk(function)
        if isinstance(each, ast.Call)
        and isinstance(each.func, ast.Attribute)
        and each.func.attr == "append"
        and isinstance(each.func.value, ast.Name)
        and each.func.value.id == held.id
        and len(each.args) == 1
    ]
    statements = [source.statement(each) for each in appends]
    others = [each for each in ast.walk(function) if isinstance(each, ast.Call) and each not in appends]
    if len(makes) != 1 or len(empty) != 1 or not appends or any(held.id in changed(each) for each in others):
        return
    if not all(isinstance(each, ast.Expr) and source.is_alone(each) for each in statements) or not source.is_alone(
        empty[0]
    ):
        return
    name = source.fresh(f"{held.id}_set", f"known_{held.id}")
    tests = [
        each.comparators[0]
        for each in ast.walk(function)
        if isinstance(each, ast.Compare)
        and len(each.ops) == 1
        and isinstance(each.ops[0], ast.In | ast.NotIn)
        and isinstance(each.comparators[0], ast.Name)
        and each.comparators[0].id == held.id
    ]
    edits = [source.after(empty[0], f"{name} = set()"), *[source.replace(each, name) for each in tests]]
    for call, statement in zip(appends, statements, strict=True):
        edits.append(source.after(statement, f"{name}.add({source.text_of(call.args[0])})"))
    yield Proposal(tuple(edits), f"a set is kept beside `{held.id}`, and looked up in")


RECIPE = Recipe(rule="membership-in-list", improves=("time",), propose=propose)
