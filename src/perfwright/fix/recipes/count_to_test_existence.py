"""Where only the truth of a count, or of all rows, is asked, the database is asked whether there is one.

The call stands in the test itself, or is compared with 0 or 1. Django's queries get `exists()`; of SQLAlchemy's, a
count that is selected becomes `exists()`, and what is counted or loaded is limited to one row.
"""

import ast
from collections.abc import Iterator

from perfwright.effects.schema import DJANGO
from perfwright.finding import Finding
from perfwright.fix import surroundings
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._calls import called_on, method_of, name_of, placed
from perfwright.fix.recipes._origins import Frame, Origins
from perfwright.fix.source import Source
from perfwright.fix.surroundings import also_from

COUNTS = {"count": "exists", "acount": "aexists"}
THERE = ((ast.Gt, 0), (ast.NotEq, 0), (ast.GtE, 1))
NOT_THERE = ((ast.Eq, 0), (ast.Lt, 1), (ast.LtE, 0))
SAYS = "the database stops at the first row"


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    around = surroundings.around(source.root) if source.root is not None else None
    own = around.source(source.path) if around is not None else None
    if around is None or own is None:
        return
    for node in placed(own, finding.place):
        if isinstance(node, ast.Call) and name_of(node) in ("scalar", "scalar_one", "execute") and node.args:
            yield from selected(own, node)
            return
        held = node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else node
        counted = method_of(node) in COUNTS and isinstance(node, ast.Call) and not node.args
        found = Origins(around).of(Frame(own), held if counted else node)
        asked = tested(own, node)
        if not found or asked is None:
            continue
        whole, negated = asked
        if all(each.first.framework == DJANGO and not each.one for each in found):
            queries = all(each.kind == "queryset" for each in found)
            if counted or (queries and not is_made(node)):
                name = COUNTS.get(method_of(node), "exists") if counted else "exists"
                text = (
                    f"{'not ' if negated else ''}{awaited(own, node)}{own.text_of(held if counted else node)}.{name}()"
                )
                yield Proposal((own.replace(whole, text),), SAYS, source=own)
            return
        if (
            len(found) == 1
            and found[0].kind in ("select", "query")
            and not {"limit", "with_for_update"} & set(found[0].asked)
        ):
            query = found[0].query
            if found[0].source is own and own.statement(query) is own.statement(node):
                last = narrowed(own, query)
                yield Proposal((called_on(own, last, "limit", ["1"]),), SAYS, source=own)
        return


def is_made(node: ast.expr) -> bool:
    """Tell whether an expression is a list that is made of rows: it has no `exists()`."""
    return not isinstance(node, ast.Name | ast.Attribute) and method_of(node) in ("", "iterator")


def narrowed(source: Source, query: ast.expr) -> ast.expr:
    """Return the whole of a statement whose first call is given: up to what runs it."""
    while True:
        above = source.parents.get(query)
        call = source.parents.get(above) if above is not None else None
        if not (isinstance(above, ast.Attribute) and isinstance(call, ast.Call) and call.func is above):
            return query
        if above.attr in ("all", "count", "scalars", "first"):
            return query
        query = call


def awaited(source: Source, node: ast.expr) -> str:
    return "await " if isinstance(source.parents.get(node), ast.Await) else ""


def tested(source: Source, node: ast.expr) -> tuple[ast.expr, bool] | None:
    """Return the expression that asks only whether something is true or above zero, and if it asks the opposite."""
    at: ast.AST = node
    above = source.parents[at]
    if isinstance(above, ast.Await):
        at, above = above, source.parents[above]
    if isinstance(above, ast.Call) and isinstance(above.func, ast.Name) and above.func.id == "len":
        at, above = above, source.parents[above]
    if isinstance(above, ast.Compare):
        other = above.comparators[0]
        if above.left is not at or len(above.ops) != 1 or not isinstance(other, ast.Constant):
            return None
        asked = (type(above.ops[0]), other.value)
        if asked in THERE or asked in NOT_THERE:
            return above, asked in NOT_THERE
        return None
    if isinstance(above, ast.UnaryOp) and isinstance(above.op, ast.Not):
        return above, True
    if isinstance(above, ast.If | ast.While | ast.IfExp) and above.test is at:
        return (at, False) if isinstance(at, ast.expr) else None
    if isinstance(above, ast.BoolOp) and isinstance(at, ast.expr):
        outer = source.parents[above]
        if isinstance(outer, ast.If | ast.While) and outer.test is above:
            return at, False
    if isinstance(above, ast.Call) and isinstance(above.func, ast.Name) and above.func.id == "bool":
        return above, False
    return None


def selected(source: Source, call: ast.Call) -> Iterator[Proposal]:
    """Give the proposal that asks whether a row exists where a count of them is selected."""
    asked = tested(source, call)
    methods: list[str] = []
    node = call.args[0]
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr != "select":
        methods.append(node.func.attr)
        node = node.func.value
    if asked is None or not isinstance(node, ast.Call) or name_of(node) != "select" or len(node.args) != 1:
        return
    counted = node.args[0]
    is_count = isinstance(counted, ast.Call) and name_of(counted) == "count" and not counted.args
    if not is_count or not methods or not set(methods) <= {"where", "select_from"}:
        return
    start, end = source.span(call.args[0])
    rest = source.text[source.span(node)[1] : end]
    first = source.text_of(node.func)
    statement = f"{first}(exists(){rest})"
    whole, negated = asked
    outer_start, outer_end = source.span(call)
    text = source.text[outer_start:start] + statement + source.text[end:outer_end]
    edits = [source.replace(whole, f"{'not ' if negated else ''}{awaited(source, call)}{text}")]
    yield Proposal((*edits, *also_from(source, "sqlalchemy", ["exists"])), SAYS, source=source)


RECIPE = Recipe(rule="count-to-test-existence", improves=("queries", "steps"), propose=propose)
