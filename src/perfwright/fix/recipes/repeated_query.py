"""A query that is run again with the same arguments is run once, and its answer kept.

Both are written alike in one function, the first before the second wherever that is reached, and nothing between gives
a value to a name that they are made of. The answer can be gone through twice, and nobody changes it.
"""

import ast
import re
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._bindings import is_used_up
from perfwright.fix.recipes._calls import name_of, placed
from perfwright.fix.source import CHANGES, Source, bound, changed, names

AGAIN = re.compile(r"the query of line (\d+) is run again")


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    said = AGAIN.match(finding.message)
    second = next((each for each in placed(source, finding.place) if isinstance(each, ast.Call)), None)
    function = source.function(second) if second is not None else None
    if said is None or second is None or function is None:
        return
    alike = [
        each
        for each in ast.walk(function)
        if isinstance(each, ast.Call) and ast.dump(each) == ast.dump(second) and source.function(each) is function
    ]
    first = next((each for each in alike if each.lineno == int(said[1]) and each is not second), None)
    if first is None or source.loops(first) or source.loops(second) or is_used_up(first, source):
        return
    begins, ends = source.statement(first), source.statement(second)
    if not comes_first(source, begins, ends) or not source.is_alone(begins):
        return
    between = [
        each for each in ast.walk(function) if isinstance(each, ast.stmt) and begins.lineno <= each.lineno < ends.lineno
    ]
    own = {name for each in between for name in bound(each) | changed(each)} if begins is not ends else set()
    held = begins.targets[0] if isinstance(begins, ast.Assign) and begins.value is first else None
    kept = held.id if isinstance(held, ast.Name) and isinstance(begins, ast.Assign) and len(begins.targets) == 1 else ""
    if names(second) & (own - {kept}) or any(is_changed(source, each, function) for each in (first, second)):
        return
    if kept:
        given = [each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == kept]
        if sum(not isinstance(each.ctx, ast.Load) for each in given) == 1:
            yield Proposal((source.replace(second, kept),), f"`{kept}` is used again")
        return
    name = source.fresh(f"{name_of(first).removeprefix('get_').strip('_') or 'answer'}_found", "answer")
    made = source.before(begins, f"{name} = {source.text_of(first)}")
    edits = (made, source.replace(first, name), source.replace(second, name))
    yield Proposal(edits, f"`{name_of(first)}` is asked once, and its answer kept")


def is_changed(source: Source, call: ast.Call, function: ast.AST) -> bool:
    """Tell whether what a call gives may be changed: at once, or by a name that its statement binds."""
    above = source.parents[call]
    statement = source.statement(call)
    named = bound(statement) if isinstance(statement, ast.Assign | ast.AnnAssign) else set()
    return bool(named & changed(function)) or (isinstance(above, ast.Attribute) and above.attr in CHANGES)


def comes_first(source: Source, first: ast.stmt, second: ast.stmt) -> bool:
    """Tell whether a statement is run whenever another, below it, is reached."""
    around = source.parents[first]
    return first is second or (
        first.lineno < second.lineno and around in [*source.above(second)] and first in getattr(around, "body", [])
    )


RECIPE = Recipe(rule="repeated-query", improves=("queries",), propose=propose)
