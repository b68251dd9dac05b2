"""A list that is gone through once becomes a generator: its items are used as they come."""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.source import Source


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    items = source.at(finding.place, ast.ListComp)
    call = source.parents.get(items) if items is not None else None
    if items is None or not isinstance(call, ast.Call) or items not in call.args:
        return
    inner = source.text_of(items)[1:-1].strip()
    text = inner if len(call.args) == 1 and not call.keywords else f"({inner})"
    says = f"`{ast.unparse(call.func)}` gets the items as they come, without a list"
    yield Proposal((source.replace(items, text),), says)


RECIPE = Recipe(rule="list-where-iterator", improves=("memory",), propose=propose)
