"""A list that is searched in a loop is looked up in a set.

Where the loop, and what it calls, does not change the list, the set is made once before it: where it is sure that there
is a list, or each pass looks in it. Where the loop appends to it, and nothing else changes it, nor gets it, a set is
kept beside it. No annotation, nothing that is put into it and nothing that is asked of its items says that these
cannot be hashed; what else cannot is found by the judge.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._bindings import is_once
from perfwright.fix.recipes._calls import name_of
from perfwright.fix.recipes._hashed import is_keyed, is_unhashed
from perfwright.fix.recipes._stays import ASKS, READS, stays
from perfwright.fix.recipes._there import can_be_before, is_before
from perfwright.fix.recipes._touched import touches
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
    if is_once(source.function(held), held, source):
        return
    loops = [
        each
        for each in source.loops(held)
        if stays(source, held, each)
        and can_be_before(source, held, each)
        and not touches(source, each, held, [], set())
    ]
    if not loops or is_asked_for(source, held, loops[-1]) or cannot_be_hashed(source, held):
        return
    statement = source.statement(loops[-1])
    if not source.begins(statement):
        return
    last = held.id if isinstance(held, ast.Name) else held.attr
    name = fresh(source, last)
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


MADE = ("set", "list", "dict", "bytearray", "deque", "Counter", "defaultdict")


def fresh(source: Source, last: str) -> str:
    """Return a name for a set of what has a name."""
    known = f"known_{last.strip('_')}"
    return source.fresh(known) if last.lower().endswith("set") else source.fresh(f"{last.strip('_')}_set", known)


def cannot_be_hashed(source: Source, held: ast.expr) -> bool:
    """Tell whether what is searched, or looked for, is seen to be of a kind that no set takes."""
    function, test = source.function(held), source.parents[held]
    wanted = [test.left] if isinstance(test, ast.Compare) else []
    if any(is_unhashed(source, held, each) or is_keyed(source, held, each) for each in wanted):
        return True
    for each in ast.walk(function) if function is not None else ():
        if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == ast.unparse(held):
            wanted += [each.value.elt] if isinstance(each.value, ast.ListComp) else getattr(each.value, "elts", [])
        if isinstance(each, ast.Call) and ast.unparse(each.func) == f"{ast.unparse(held)}.append":
            wanted += each.args
    return any(map(_is_made, wanted))


def _is_made(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple):
        return any(map(_is_made, node.elts))
    if isinstance(node, ast.Call):
        return getattr(node.func, "id", "") in MADE
    return isinstance(node, ast.List | ast.Set | ast.Dict | ast.ListComp | ast.SetComp | ast.DictComp)


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
    if function is None or any(each.arg == held.id for each in ast.walk(function) if isinstance(each, ast.arg)):
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
    name = fresh(source, held.id)
    tests = [
        each.comparators[0]
        for each in ast.walk(function)
        if isinstance(each, ast.Compare)
        and len(each.ops) == 1
        and isinstance(each.ops[0], ast.In | ast.NotIn)
        and isinstance(each.comparators[0], ast.Name)
        and each.comparators[0].id == held.id
    ]
    if cannot_be_hashed(source, held) or not all(is_before(source, empty[0], each) for each in (*tests, *appends)):
        return
    edits = [source.after(empty[0], f"{name} = set()"), *[source.replace(each, name) for each in tests]]
    last_test = max(each.lineno for each in tests)
    uses = [each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == held.id]
    if any(may_change(source, each) and (each.lineno <= last_test or source.loops(each)) for each in uses):
        return
    for call, statement in zip(appends, statements, strict=True):
        if any(isinstance(each, ast.Call | ast.Await | ast.NamedExpr) for each in ast.walk(call.args[0])):
            return  # it would be worked out twice
        if statement.lineno > last_test and not source.loops(statement):
            continue
        edits.append(source.after(statement, f"{name}.add({source.text_of(call.args[0])})"))
    yield Proposal(tuple(edits), f"a set is kept beside `{held.id}`, and looked up in")


def may_change(source: Source, use: ast.Name) -> bool:
    """Tell whether a list may be changed where its name stands, other than by `append`: it gets another name, or is
    handed on."""
    parent = source.parents[use]
    if isinstance(parent, ast.Assign | ast.AnnAssign):
        return parent.value is use
    if isinstance(parent, ast.Attribute):
        return parent.attr not in ASKS | {"append"} or not isinstance(source.parents[parent], ast.Call)
    if isinstance(parent, ast.Call):
        return name_of(parent) not in READS
    if isinstance(parent, ast.Subscript):
        return not isinstance(parent.ctx, ast.Load)
    if isinstance(parent, ast.For | ast.comprehension):
        return parent.iter is not use
    kinds = (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.If, ast.IfExp, ast.While, ast.FormattedValue)
    return not isinstance(parent, (*kinds, ast.Return)) and not isinstance(source.statement(use), ast.Return)


RECIPE = Recipe(rule="membership-in-list", improves=("time",), propose=propose)
