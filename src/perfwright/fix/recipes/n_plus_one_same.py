"""Rows that each pass of a loop asks for by the same query are asked for once, before the loop.

The query is gone through by a loop or comprehension within, its list goes nowhere else, and nothing that it is made of
is bound or changed in the loop. Nothing in the loop, or in what it calls, adds, deletes or changes such rows, writes
around the session, or ends the transaction, and nothing that is not known is called with a row, the item or the
session.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._asked import called_at, whole_of
from perfwright.fix.recipes._bindings import assigned
from perfwright.fix.recipes._calls import method_of, name_of
from perfwright.fix.recipes._lookups import ENDS
from perfwright.fix.recipes._origins import NARROWS, RUNS, Frame, Origins
from perfwright.fix.recipes._reached import calls_one_of, made, stored, yields
from perfwright.fix.recipes._unseen import aliases, is_unseen, parts_of
from perfwright.fix.source import Source, bound, changed, names

PUTS = ("add", "add_all", "merge", "flush", "save", "create", "bulk_create", "get_or_create", "update_or_create")
OF_QUERIES = (
    *(*NARROWS, *RUNS, "select", "query", "all", "fetchall", "desc", "asc", "or_", "and_", "not_"),
    *("like", "ilike", "in_", "not_in", "is_", "is_not", "between", "startswith", "endswith", "contains"),
)


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    found = called_at(source, finding)
    if found is None or len(finding.chain) != 2:
        return
    around, own, call = found
    whole = whole_of(own, call)
    loops = own.loops(whole)
    loop = loops[0] if len(loops) == 1 else None
    if not isinstance(loop, ast.For) or yields(loop) or not own.begins(loop) or not is_gone_through(own, whole):
        return
    if method_of(whole) not in ("all", "fetchall") or names(whole) & bound(loop):
        return
    parts = {ast.unparse(each) for each in ast.walk(whole) if isinstance(each, ast.Name | ast.Attribute)}
    if parts & changed(loop) or any(
        isinstance(each, ast.Call) and name_of(each) not in OF_QUERIES for each in ast.walk(whole)
    ):
        return
    models = {each.first for each in Origins(around).of(Frame(own), whole)}
    own_calls = {id(each) for each in ast.walk(whole)}
    others = [each for each in ast.walk(loop) if isinstance(each, ast.Call) and id(each) not in own_calls]
    if len(models) != 1 or any(calls_one_of(around, own, each, (*ENDS, *PUTS)) for each in others):
        return
    model = models.pop()
    read = {*model.columns, *model.relations, *parts_of(around, model), *attributes(own, whole)}
    if model in made(around, own, loop) or stored(around, own, loop) & read:
        return
    inside = own.parents[whole]
    rows = {*names(loop.target), *names(whole), *names(inside.target)}  # type: ignore[attr-defined]
    if is_unseen(around, own, loop, aliases(around, own, loop, rows)):
        return
    plural = f"{model.name.lower()}s"
    name = own.fresh(plural, f"all_{plural}")
    yield Proposal(
        (own.before(loop, f"{name} = {own.expression(whole)}"), own.replace(whole, name)),
        f"the `{model.name}` rows of all passes are asked for once",
        source=own,
    )


def attributes(source: Source, whole: ast.expr) -> set[str]:
    """Return the attributes that are named in a query, and in what its names stand for."""
    function = source.function(whole)
    values = [one for each in names(whole) for one in assigned(function, each) or ()] if function is not None else []
    return {each.attr for one in (whole, *values) for each in ast.walk(one) if isinstance(each, ast.Attribute)}


def is_gone_through(source: Source, node: ast.expr) -> bool:
    """Tell whether all that is done with what an expression gives is to go through it."""
    above = source.parents[node]
    return isinstance(above, ast.For | ast.comprehension) and above.iter is node


RECIPE = Recipe(rule="n-plus-one-query", improves=("queries",), propose=propose)
